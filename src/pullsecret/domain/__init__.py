"""Pure values and decisions of the pull secret service: no I/O, no clock, no framework."""
