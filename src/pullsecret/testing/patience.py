"""How long tests wait for what must happen."""

from typing import Final

PATIENCE: Final = 600.0
"""Seconds. It costs only where something is wrong, so it suits a busy machine that is ten times slower."""
