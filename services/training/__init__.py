"""Training: from recorded events to a bundle that serves. A gRPC server without torch, and a Celery worker with it."""
