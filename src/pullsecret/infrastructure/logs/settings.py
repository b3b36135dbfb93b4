"""What is logged, and how."""

from typing import Literal

import attrs
from attrs.validators import ge, le


@attrs.frozen
class LogSettings:
    """Log lines go to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """``json`` or ``console``; ``auto`` is ``console`` on a terminal, else ``json``."""
    sample: float = attrs.field(default=1.0, validator=[ge(0), le(1)], converter=float)
    """The share of clusters, 0 to 1, whose ``debug`` and ``info`` lines are written, by a stable hash of the
    cluster id. Warnings, errors and lines about no cluster are always written."""
