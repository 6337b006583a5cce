"""gRPC server interceptors: what every RPC of every service goes through."""
