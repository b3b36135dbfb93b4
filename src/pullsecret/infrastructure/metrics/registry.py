"""The registry of a replica."""

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector


def new_registry() -> CollectorRegistry:
    """A registry with the Prometheus client's metrics of the process and its garbage collector."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
