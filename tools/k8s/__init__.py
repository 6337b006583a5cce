"""`make k8s-check`: everything about the manifests and images that can be proved without a cluster."""
