"""The use cases. Each file reads top to bottom like its part of the DDR's sequence."""
