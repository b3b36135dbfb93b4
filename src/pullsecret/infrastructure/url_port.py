"""Whether a URL's port is one."""

from urllib.parse import SplitResult


def has_valid_port(parts: SplitResult) -> bool:
    """True also where none is named."""
    try:
        _ = parts.port
    except ValueError:
        return False
    return True
