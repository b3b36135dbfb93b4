"""HyperFleet pull secret service."""
