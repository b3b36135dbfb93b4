"""The embedded world: every port in memory, behaving as the real systems do, with faults by script."""
