"""What is logged, and how."""

from typing import Literal

import attrs


@attrs.frozen
class LogSettings:
    """Log lines go to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """``json`` or ``console``; ``auto`` is ``console`` on a terminal, else ``json``."""
