"""Times: their parts in their location, arithmetic, and text after a layout."""

from collections.abc import Callable
from typing import Final

import attrs

from pullsecret.expressions import types
from pullsecret.expressions.builtins import civil_calendar as calendar
from pullsecret.expressions.builtins import durations, zones
from pullsecret.expressions.builtins.civil_calendar import MONTHS, SECONDS_OF_DAY, WEEKDAYS, CivilDay
from pullsecret.expressions.builtins.layouts import Element, Part, parts_of
from pullsecret.expressions.values import Location, RuntimeFault, Time, TypedInt, wrapped

STRING_LAYOUT: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
RFC3339_NANO: Final = "2006-01-02T15:04:05.999999999Z07:00"

ZERO_SECONDS: Final = -62_135_596_800
"""The year 1, Go's zero time, in seconds since 1970."""


@attrs.frozen
class Shown:
    """What clock and calendar show at a time, in its location."""

    day: CivilDay
    hour: int
    minute: int
    second: int
    nanosecond: int
    zone: zones.ZoneTime


def shown(time: Time) -> Shown:
    zone = zones.at(time.location, time.seconds)
    days, second = divmod(time.seconds + zone.offset, SECONDS_OF_DAY)
    return Shown(
        day=calendar.civil(days),
        hour=second // 3600,
        minute=second // 60 % 60,
        second=second % 60,
        nanosecond=time.nanoseconds,
        zone=zone,
    )


def from_parts(day: int, second: int, nanoseconds: int, location: Location) -> Time:
    """The time at which clocks in the location show a day (counted from 1970-01-01) and a second of it."""
    return Time(wrapped(zones.unix_of(location, day * SECONDS_OF_DAY + second)), nanoseconds, location)


def since_1970(time: Time) -> int:
    """Nanoseconds: two times are the same instant if and only if these are equal, and they order times."""
    return time.seconds * durations.SECOND + time.nanoseconds


def truncated(time: Time, to: int) -> Time:
    """The multiple of ``to`` nanoseconds since the zero time that is not after the time."""
    return time if to <= 0 else _minus_rest(time, _since_zero(time) % to)


def rounded(time: Time, to: int) -> Time:
    """The nearest multiple of ``to`` nanoseconds since the zero time; from the middle, the later."""
    if to <= 0:
        return time
    rest = _since_zero(time) % to
    return _minus_rest(time, rest if 2 * rest < to else rest - to)


def _since_zero(time: Time) -> int:
    return since_1970(time) - ZERO_SECONDS * durations.SECOND


def _minus_rest(time: Time, rest: int) -> Time:
    seconds, nanoseconds = divmod(since_1970(time) - rest, durations.SECOND)
    return Time(seconds, nanoseconds, time.location)


def name_of(number: TypedInt) -> str | None:
    """The name of a month or a weekday; None for every other type."""
    if number.type is types.MONTH:
        return MONTHS[number.value - 1]
    return WEEKDAYS[number.value] if number.type is types.WEEKDAY else None


def format_rfc3339(time: Time) -> str:
    """Raises RuntimeFault for a year or an offset that RFC 3339 cannot write."""
    now = shown(time)
    if not 0 <= now.day.year <= 9999:
        raise RuntimeFault("Time.MarshalJSON: year outside of range [0,9999]")
    if abs(now.zone.offset) >= SECONDS_OF_DAY:
        raise RuntimeFault("Time.MarshalJSON: timezone hour outside of range [0,23]")
    return format_time(time, RFC3339_NANO)


def format_time(time: Time, layout: str) -> str:
    """The time written like the layout."""
    now = shown(time)
    return "".join(part.before + (_written(part, now) if part.element else "") for part in parts_of(layout))


def _written(part: Part, now: Shown) -> str:
    element = part.element
    if element is None:
        return ""
    if element.is_numeric_zone:
        return _numeric_zone(element.value, now.zone.offset)
    if element is Element.ZONE_NAME:
        return now.zone.abbreviation or _numeric_zone("-0700", now.zone.offset)
    if element.is_fraction:
        return _fraction(part, now.nanosecond)
    return _PLAIN[element](now)


def _numeric_zone(form: str, offset: int) -> str:
    if form.startswith("Z") and offset == 0:
        return "Z"
    hours, rest = divmod(abs(offset), 3600)
    separator = ":" if ":" in form else ""
    digits = form[1:].replace(":", "")
    fields = [f"{hours:02d}", f"{rest // 60:02d}", f"{rest % 60:02d}"][: len(digits) // 2]
    # The sign is that of the whole minutes: less than one west of UTC is written with a plus.
    sign = "-" if offset <= -60 else "+"
    return sign + separator.join(fields)


def _fraction(part: Part, nanosecond: int) -> str:
    digits = f"{nanosecond:09d}"[: len(part.text) - 1].ljust(len(part.text) - 1, "0")
    if part.element is Element.FREE_FRACTION:
        digits = digits.rstrip("0")
        if not digits:
            return ""
    return part.text[0] + digits


def _long_year(now: Shown) -> str:
    year = now.day.year
    return f"{'-' if year < 0 else ''}{abs(year):04d}"


_PLAIN: Final[dict[Element, Callable[[Shown], str]]] = {
    Element.LONG_MONTH: lambda now: MONTHS[now.day.month - 1],
    Element.MONTH_NAME: lambda now: MONTHS[now.day.month - 1][:3],
    Element.MONTH: lambda now: str(now.day.month),
    Element.ZERO_MONTH: lambda now: f"{now.day.month:02d}",
    Element.LONG_WEEKDAY: lambda now: WEEKDAYS[now.day.weekday],
    Element.WEEKDAY: lambda now: WEEKDAYS[now.day.weekday][:3],
    Element.DAY: lambda now: str(now.day.day),
    Element.UNDER_DAY: lambda now: f"{now.day.day:2d}",
    Element.ZERO_DAY: lambda now: f"{now.day.day:02d}",
    Element.UNDER_YEAR_DAY: lambda now: f"{now.day.year_day:3d}",
    Element.ZERO_YEAR_DAY: lambda now: f"{now.day.year_day:03d}",
    Element.HOUR: lambda now: f"{now.hour:02d}",
    Element.HOUR_12: lambda now: str(now.hour % 12 or 12),
    Element.ZERO_HOUR_12: lambda now: f"{now.hour % 12 or 12:02d}",
    Element.MINUTE: lambda now: str(now.minute),
    Element.ZERO_MINUTE: lambda now: f"{now.minute:02d}",
    Element.SECOND: lambda now: str(now.second),
    Element.ZERO_SECOND: lambda now: f"{now.second:02d}",
    Element.LONG_YEAR: _long_year,
    Element.YEAR: lambda now: f"{abs(now.day.year) % 100:02d}",
    Element.UPPER_PM: lambda now: "PM" if now.hour >= 12 else "AM",
    Element.LOWER_PM: lambda now: "pm" if now.hour >= 12 else "am",
}
