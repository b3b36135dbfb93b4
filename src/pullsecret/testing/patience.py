"""How long tests wait for what must happen."""

from typing import Final

PATIENCE: Final = 300.0
"""Seconds. It costs only where something is wrong, so it suits a machine that is ten times slower and busy."""
