"""Durations as text, and their rounding. A duration is a number of nanoseconds within 64 bits."""

import re
from typing import Final

from pullsecret.expressions.values import RuntimeFault

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

LEAST: Final = -(1 << 63)
GREATEST: Final = (1 << 63) - 1

_UNITS: Final = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "μs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_AMOUNT: Final = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)", re.ASCII)
_MOST_DIGITS: Final = 19
_TOO_LONG: Final = "invalid duration: longer than 64 bits of nanoseconds"
_GREATEST_MAGNITUDE: Final = 1 << 63


def parse_duration(text: str) -> int:
    """Nanoseconds of a text like ``1h15m30.5s``. Raises RuntimeFault."""
    if text in ("0", "+0", "-0"):
        return 0
    start = 1 if text.startswith(("-", "+")) else 0
    if len(text) == start:
        raise RuntimeFault("invalid duration: empty")
    total = 0
    for found in _AMOUNT.finditer(text, start):
        total += _nanoseconds(*found.groups()) if found.group() else 0
        if total > _GREATEST_MAGNITUDE:
            raise RuntimeFault(_TOO_LONG)
    if text.startswith("-"):
        return -total
    if total > GREATEST:
        raise RuntimeFault(_TOO_LONG)
    return total


def _nanoseconds(whole: str, fraction: str | None, unit: str) -> int:
    """Of one number with its unit."""
    if not whole and fraction in (None, "."):
        raise RuntimeFault("invalid duration: a unit without a number")
    if unit not in _UNITS:
        raise RuntimeFault(f"invalid duration: {'unknown' if unit else 'missing'} unit")
    if len(whole.lstrip("0")) > _MOST_DIGITS:
        raise RuntimeFault(_TOO_LONG)
    return int(whole[-_MOST_DIGITS:] or "0") * _UNITS[unit] + _fraction((fraction or "")[1:], _UNITS[unit])


def _fraction(digits: str, unit: int) -> int:
    """A decimal fraction of a unit, in floating point as Go computes it; digits past 63 bits do not count."""
    kept = 0
    scale = 1.0
    for digit in digits:
        if kept > GREATEST // 10 or kept * 10 + int(digit) > _GREATEST_MAGNITUDE:
            break
        kept = kept * 10 + int(digit)
        scale *= 10
    return int(float(kept) * (float(unit) / scale))


def format_duration(nanoseconds: int) -> str:
    """``1h15m30.5s``; under a second the largest unit that makes a whole part: ``1.5ms``."""
    magnitude = abs(nanoseconds)
    sign = "-" if nanoseconds < 0 else ""
    if magnitude == 0:
        return "0s"
    if magnitude < MICROSECOND:
        return f"{sign}{magnitude}ns"
    if magnitude < MILLISECOND:
        return f"{sign}{_decimal(magnitude, 3)}µs"
    if magnitude < SECOND:
        return f"{sign}{_decimal(magnitude, 6)}ms"
    hours, rest = divmod(magnitude, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds = f"{_decimal(rest, 9)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def _decimal(number: int, places: int) -> str:
    """A number of 10^-places, without zeros at the end."""
    whole, fraction = divmod(number, 10**places)
    digits = f"{fraction:0{places}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def saturated(nanoseconds: int) -> int:
    """The nearest duration there is."""
    return max(LEAST, min(GREATEST, nanoseconds))


def in_units(nanoseconds: int, unit: int) -> float:
    """The duration as a floating-point number of units."""
    whole, rest = divided(nanoseconds, unit)
    return float(whole) + float(rest) / float(unit)


def divided(number: int, by: int) -> tuple[int, int]:
    """Quotient towards zero, and the remainder with the sign of the number: Go's ``/`` and ``%``."""
    quotient = abs(number) // by
    return (-quotient, -(abs(number) - quotient * by)) if number < 0 else (quotient, number - quotient * by)


def rounded(nanoseconds: int, to: int) -> int:
    """The nearest multiple of ``to``, a half away from zero, in 64 bits; itself if ``to`` is not positive."""
    if to <= 0:
        return nanoseconds
    quotient, rest = divided(nanoseconds, to)
    if 2 * abs(rest) >= to:
        quotient += -1 if nanoseconds < 0 else 1
    return saturated(quotient * to)


def truncated_to(nanoseconds: int, to: int) -> int:
    """The multiple of ``to`` that lies towards zero. ``to`` of 0 or less: unchanged."""
    return nanoseconds if to <= 0 else nanoseconds - divided(nanoseconds, to)[1]
