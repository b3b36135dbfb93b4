"""What literals stand for. The lexer has seen to it that every escape is well formed."""

import re
from typing import Final

_NEWLINE: Final = re.compile("\r\n?")
_TEXT_ESCAPE: Final = re.compile(
    r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\}|U([0-9a-fA-F]{8})|(.))",
    re.DOTALL,
)
_BYTES_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SIMPLE: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MAX_RUNE: Final = 0x10FFFF
_MAX_INT32: Final = 0x7FFFFFFF
_REPLACEMENT: Final = "\ufffd"


class _MalformedError(Exception):
    pass


def unescaped_text(quoted: str) -> str | None:
    """The string that stands between quotes; None if an escape is no character."""
    text = _NEWLINE.sub("\n", quoted) if "\r" in quoted else quoted
    if "\\" not in text:
        return text
    try:
        return _TEXT_ESCAPE.sub(_character, text)
    except _MalformedError:
        return None


def _character(match: re.Match[str]) -> str:
    octal, *hexadecimals, simple = match.groups()
    if simple:
        return _SIMPLE.get(simple, simple)
    if octal:
        if octal[0] > "3":
            raise _MalformedError
        return chr(int(octal, 8))
    code = int(next(each for each in hexadecimals if each), 16)
    if code > _MAX_INT32 or 0xD800 <= code <= 0xDFFF:
        # A negative rune to Go, or half of a surrogate pair: neither has an encoding.
        return _REPLACEMENT
    if code > _MAX_RUNE:
        raise _MalformedError
    return chr(code)


def unescaped_bytes(quoted: str) -> bytes | None:
    """The bytes that stand between the quotes of ``b"..."``; None if an escape is no byte."""
    data = _NEWLINE.sub("\n", quoted).encode()
    try:
        return _BYTES_ESCAPE.sub(_byte, data)
    except _MalformedError:
        return None


def _byte(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, simple = match.groups()
    if octal and octal[0] <= ord("3"):
        return bytes((int(octal, 8),))
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    if octal or simple in (b"u", b"U"):
        raise _MalformedError
    return _SIMPLE.get(simple.decode("latin-1"), simple.decode("latin-1")).encode("latin-1")


def number(text: str) -> int | float | None:
    """An ``int`` of 64 bits or a ``float64``; None if the text is neither."""
    digits = text.replace("_", "").lower()
    try:
        if digits.startswith("0x"):
            value = int(digits, 16)
        elif "." in digits or "e" in digits:
            real = float(digits)
            return None if real in (float("inf"), float("-inf")) else real
        elif digits.startswith(("0b", "0o")):
            value = int(digits, 0)
        else:
            value = int(digits, 10)
    except ValueError:
        return None
    return value if value <= 0x7FFFFFFFFFFFFFFF else None
