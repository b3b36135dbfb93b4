"""Kubernetes: the job runner and the cluster secrets, over the official client's own transport."""
