"""``matches``: RE2, whose time is linear in the text whatever the pattern."""

import re
from functools import lru_cache
from typing import Any, Final

from pullsecret.expressions.values import RuntimeFault, Value, is_nil, type_name

MAX_MEMORY: Final = 8 * 1024 * 1024
"""Bytes that one pattern and its automaton may take."""
_PARTS: Final = re.compile(
    r"\\Q.*?(?:\\E|\Z)"
    r"|\\(?P<escape>.)"
    r"|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*+\]"
    r"|(?P<open>\()(?:\?P?<(?P<name>[^>]*)>)?"
    r"|(?P<close>\))",
    re.DOTALL,
)
"""Quoted text, escapes, classes, and groups with their names, as they stand in a pattern."""
_DEEPEST: Final = 1000
"""Groups in each other from which on Go refuses a pattern."""
_BYTE_ESCAPES: Final = {code: "\ufffd" for code in range(0xDC80, 0xDD00)}


@lru_cache(maxsize=32)
def compiled(pattern: str) -> Any:
    """Raises RuntimeFault if that is no regular expression."""
    # Heavy, and most expressions have no pattern.
    import re2

    _refuse_what_go_does_not_know(pattern)

    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RuntimeFault(f"error parsing regexp: {shown}") from None


def _refuse_what_go_does_not_know(pattern: str) -> None:
    """The C++ library's dialect is a little larger than Go's."""
    depth = 0
    for part in _PARTS.finditer(pattern):
        depth += (part["open"] is not None) - (part["close"] is not None)
        if depth >= _DEEPEST:
            raise RuntimeFault("error parsing regexp: expression nests too deeply")
        if part["escape"] == "C":
            raise RuntimeFault("error parsing regexp: invalid escape sequence: \\C")
        if part["name"] is not None and not part["name"].isascii():
            raise RuntimeFault(f"error parsing regexp: invalid named capture: {part['name']}")


def matches(text: Value, pattern: Value) -> bool:
    """``text matches pattern``; false if a side is nil. Raises RuntimeFault."""
    if is_nil(text) or is_nil(pattern):
        return False
    if type(pattern) is not str:
        raise RuntimeFault(f"a pattern must be a string, not {type_name(pattern)}")
    return found(compiled(pattern), text)


def found(pattern: Any, text: Value) -> bool:
    """True if the compiled pattern is in a string or byte string. False for nil. Raises RuntimeFault."""
    if is_nil(text):
        return False
    if type(text) is bytes:
        text = text.decode("utf-8", "surrogateescape")
    elif type(text) is not str:
        raise RuntimeFault(f"only a string can match, not {type_name(text)}")
    if not text.isascii():
        text = text.translate(_BYTE_ESCAPES)
    return pattern.search(text) is not None
