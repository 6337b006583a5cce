"""The implementation of Trommel: four gRPC services, the embedded stack and the command."""
