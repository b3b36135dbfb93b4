"""A real Kubernetes control plane and a small node for tests: on loopback, leaving nothing behind."""
