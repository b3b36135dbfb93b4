"""What Kubernetes and Prometheus ask of a replica."""
