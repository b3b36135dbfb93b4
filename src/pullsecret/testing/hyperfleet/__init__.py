"""A HyperFleet API and a small Sentinel, served over real HTTP, for tests, demos and benchmarks."""
