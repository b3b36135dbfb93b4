"""Times read from text after a layout."""

import re
from collections.abc import Callable
from typing import Final

import attrs

from pullsecret.expressions.builtins import civil_calendar as calendar
from pullsecret.expressions.builtins import times, zones
from pullsecret.expressions.builtins.civil_calendar import MONTHS, WEEKDAYS
from pullsecret.expressions.builtins.layouts import Element, Part, parts_of
from pullsecret.expressions.values import Location, RuntimeFault, Time

_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LOOSE_FRACTION: Final = re.compile(r"[.,][0-9]+", re.ASCII)
_NUMERIC_ZONES: Final = {
    "0700": re.compile(r"([+-])([0-9]{2})([0-9]{2})()", re.ASCII),
    "07:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2})()", re.ASCII),
    "07": re.compile(r"([+-])([0-9]{2})()()", re.ASCII),
    "070000": re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})", re.ASCII),
    "07:00:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2}):([0-9]{2})", re.ASCII),
}
_SIGNED_HOUR: Final = re.compile(r"[+-]([0-9]+)", re.ASCII)
_CAPITALS: Final = re.compile(r"[A-Z]{0,6}", re.ASCII)
_MOST_FRACTION_DIGITS: Final = 9
_LONGEST: Final = 4096


class _Mismatch(Exception):  # noqa: N818 it becomes a RuntimeFault
    """The text is not like the layout; the message says where it departs."""


@attrs.define
class _Reading:
    """What was read so far, and what is left of the text."""

    rest: str
    year: int = 0
    month: int | None = None
    day: int | None = None
    year_day: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    afternoon: bool | None = None
    utc: bool = False
    offset: int | None = None
    zone_name: str = ""

    def digit_at(self, index: int) -> bool:
        return index < len(self.rest) and "0" <= self.rest[index] <= "9"

    def cut(self, length: int) -> str:
        if len(self.rest) < length:
            raise _Mismatch("text is too short")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self, length: int) -> int:
        """A number of exactly that many characters; a sign may be one of them."""
        text = self.cut(length)
        if not _NUMBER.fullmatch(text):
            raise _Mismatch("no number")
        return int(text)

    def one_or_two_digits(self, exactly_two: bool, least: int, greatest: int, what: str) -> int:
        length = 2 if self.digit_at(1) else 1
        if not self.digit_at(0) or (exactly_two and length == 1):
            raise _Mismatch(f"no {what}")
        number = int(self.cut(length))
        if not least <= number <= greatest:
            raise _Mismatch(f"{what} out of range")
        return number

    def skip(self, literal: str) -> None:
        """The literal text of a layout; a run of spaces fits any number of spaces, also none at the end."""
        while literal:
            if literal[0] == " ":
                if self.rest and self.rest[0] != " ":
                    raise _Mismatch("no space")
                literal, self.rest = literal.lstrip(" "), self.rest.lstrip(" ")
            elif self.rest and self.rest[0] == literal[0]:
                literal, self.rest = literal[1:], self.rest[1:]
            else:
                raise _Mismatch("other text between its elements")

    def name(self, names: tuple[str, ...]) -> int:
        """The index of the name that the text starts with, in any case of ASCII letters."""
        for index, each in enumerate(names):
            start = self.rest[: len(each)]
            if start.isascii() and start.lower() == each.lower():
                self.rest = self.rest[len(each) :]
                return index
        raise _Mismatch("no such name")


def parse_time(layout: str, text: str, location: Location, known: Location) -> Time:
    """The time of a text.

    Without a zone in the text it is in ``location``. ``known`` is the location whose abbreviations count, and
    which the time is in if an offset in the text is that location's at that time. Raises RuntimeFault.
    """
    if len(text) > _LONGEST or len(layout) > _LONGEST:
        raise RuntimeFault(f"a date or a layout of more than {_LONGEST} characters")
    reading = _Reading(text)
    parts = parts_of(layout)
    try:
        for index, part in enumerate(parts):
            reading.skip(part.before)
            if part.element is not None:
                _read(reading, part, parts[index + 1].element)
        if reading.rest:
            raise _Mismatch("extra text")
        return _time_of(reading, location, known)
    except _Mismatch as mismatch:
        raise RuntimeFault(f"not a time of this layout: {mismatch}") from None


def _read(reading: _Reading, part: Part, following: Element | None) -> None:
    element = part.element
    if element is None:
        return
    if element.is_numeric_zone:
        _read_offset(reading, element.value)
    elif element.is_fraction:
        _read_fraction(reading, part)
    elif element in (Element.SECOND, Element.ZERO_SECOND):
        reading.second = reading.one_or_two_digits(element is Element.ZERO_SECOND, 0, 59, "second")
        loose = _LOOSE_FRACTION.match(reading.rest)
        if loose and (following is None or not following.is_fraction):
            _take_fraction(reading, loose.end() - 1)
    else:
        _READERS[element](reading)


def _read_year(reading: _Reading) -> None:
    if not reading.digit_at(0):
        raise _Mismatch("no year")
    reading.year = reading.number(4)


def _read_short_year(reading: _Reading) -> None:
    year = reading.number(2)
    reading.year = year + (1900 if year >= 69 else 2000)


def _read_month(reading: _Reading, *, two: bool) -> None:
    reading.month = reading.one_or_two_digits(two, 1, 12, "month")


def _read_month_name(reading: _Reading, names: tuple[str, ...]) -> None:
    reading.month = reading.name(names) + 1


def _read_day(reading: _Reading, *, two: bool = False, padded: bool = False) -> None:
    if padded and reading.rest.startswith(" "):
        reading.cut(1)
    reading.day = reading.one_or_two_digits(two, 0, 99, "day")


def _read_year_day(reading: _Reading, *, padded: bool) -> None:
    for _ in range(2):
        if padded and reading.rest.startswith(" "):
            reading.cut(1)
    length = next((count for count in range(3) if not reading.digit_at(count)), 3)
    if length == 0 or (not padded and length < 3):
        raise _Mismatch("no day of the year")
    reading.year_day = int(reading.cut(length))


def _read_hour(reading: _Reading) -> None:
    reading.hour = reading.one_or_two_digits(False, 0, 23, "hour")


def _read_hour_12(reading: _Reading, *, two: bool) -> None:
    reading.hour = reading.one_or_two_digits(two, 0, 12, "hour")


def _read_minute(reading: _Reading, *, two: bool) -> None:
    reading.minute = reading.one_or_two_digits(two, 0, 59, "minute")


def _read_half(reading: _Reading, *, halves: tuple[str, str]) -> None:
    half = reading.cut(2)
    if half not in halves:
        raise _Mismatch(f"neither {halves[0]} nor {halves[1]}")
    reading.afternoon = half == halves[1]


def _read_zone_name(reading: _Reading) -> None:
    if reading.rest.startswith("UTC"):
        reading.cut(3)
        reading.utc = True
        return
    reading.zone_name = reading.cut(_length_of_zone_name(reading.rest))


def _length_of_zone_name(text: str) -> int:
    if text.startswith(("ChST", "MeST")):
        return 4
    if text.startswith("GMT"):
        return 3 + _length_of_signed_hour(text[3:])
    if text.startswith(("+", "-")):
        length = _length_of_signed_hour(text)
    else:
        found = _CAPITALS.match(text)
        length = found.end() if found else 0
        if (length == 5 or (length == 4 and text[:4] != "WITA")) and text[length - 1] != "T":
            length = 0
        length = length if length in (3, 4, 5) else 0
    if not length:
        raise _Mismatch("no zone")
    return length


def _length_of_signed_hour(text: str) -> int:
    found = _SIGNED_HOUR.match(text)
    return found.end() if found and len(found[1]) < 19 and int(found[1]) < 24 else 0


def _read_offset(reading: _Reading, form: str) -> None:
    if form.startswith("Z") and reading.rest.startswith("Z"):
        reading.cut(1)
        reading.utc = True
        return
    found = _NUMERIC_ZONES[form[1:]].match(reading.rest)
    if not found:
        raise _Mismatch("no offset")
    reading.cut(found.end())
    hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    if hours > 24 or minutes > 60 or seconds > 60:
        raise _Mismatch("offset out of range")
    offset = hours * 3600 + minutes * 60 + seconds
    reading.offset = -offset if found[1] == "-" else offset


def _read_fraction(reading: _Reading, part: Part) -> None:
    if part.element is Element.FIXED_FRACTION:
        _take_fraction(reading, len(part.text) - 1)
    elif reading.rest[:1] in (".", ",") and reading.digit_at(1):
        digits = 0
        while digits < _MOST_FRACTION_DIGITS and reading.digit_at(digits + 1):
            digits += 1
        _take_fraction(reading, digits)


def _take_fraction(reading: _Reading, digits: int) -> None:
    """A separator and digits; those past nanoseconds do not count."""
    text = reading.cut(1 + digits)
    kept = text[1 : 1 + _MOST_FRACTION_DIGITS]
    if text[0] not in ".," or not kept.isascii() or not kept.isdigit():
        raise _Mismatch("no fraction of a second")
    reading.nanosecond = int(kept.ljust(_MOST_FRACTION_DIGITS, "0"))


_SHORT_MONTHS: Final = tuple(each[:3] for each in MONTHS)
_SHORT_WEEKDAYS: Final = tuple(each[:3] for each in WEEKDAYS)
_READERS: Final[dict[Element, Callable[[_Reading], object]]] = {
    Element.LONG_MONTH: lambda reading: _read_month_name(reading, MONTHS),
    Element.MONTH_NAME: lambda reading: _read_month_name(reading, _SHORT_MONTHS),
    Element.MONTH: lambda reading: _read_month(reading, two=False),
    Element.ZERO_MONTH: lambda reading: _read_month(reading, two=True),
    Element.LONG_WEEKDAY: lambda reading: reading.name(WEEKDAYS),
    Element.WEEKDAY: lambda reading: reading.name(_SHORT_WEEKDAYS),
    Element.DAY: _read_day,
    Element.UNDER_DAY: lambda reading: _read_day(reading, padded=True),
    Element.ZERO_DAY: lambda reading: _read_day(reading, two=True),
    Element.UNDER_YEAR_DAY: lambda reading: _read_year_day(reading, padded=True),
    Element.ZERO_YEAR_DAY: lambda reading: _read_year_day(reading, padded=False),
    Element.HOUR: _read_hour,
    Element.HOUR_12: lambda reading: _read_hour_12(reading, two=False),
    Element.ZERO_HOUR_12: lambda reading: _read_hour_12(reading, two=True),
    Element.MINUTE: lambda reading: _read_minute(reading, two=False),
    Element.ZERO_MINUTE: lambda reading: _read_minute(reading, two=True),
    Element.LONG_YEAR: _read_year,
    Element.YEAR: _read_short_year,
    Element.UPPER_PM: lambda reading: _read_half(reading, halves=("AM", "PM")),
    Element.LOWER_PM: lambda reading: _read_half(reading, halves=("am", "pm")),
    Element.ZONE_NAME: _read_zone_name,
}


def _time_of(reading: _Reading, location: Location, known: Location) -> Time:
    month, day = _month_and_day(reading)
    hour = reading.hour
    if reading.afternoon and hour < 12:
        hour += 12
    elif reading.afternoon is False and hour == 12:
        hour = 0
    days = calendar.days_of(reading.year, month, day)
    second = hour * 3600 + reading.minute * 60 + reading.second
    if reading.utc:
        return times.from_parts(days, second, reading.nanosecond, zones.UTC)
    if reading.offset is None and not reading.zone_name:
        return times.from_parts(days, second, reading.nanosecond, location)
    return _in_zone(reading, known, days * calendar.SECONDS_OF_DAY + second)


def _in_zone(reading: _Reading, known: Location, local_seconds: int) -> Time:
    name = reading.zone_name
    if reading.offset is not None:
        seconds = local_seconds - reading.offset
        there = zones.at(known, seconds)
        is_known = there.offset == reading.offset and name in ("", there.abbreviation)
        return Time(seconds, reading.nanosecond, known if is_known else zones.fixed(name, reading.offset))
    offset = zones.offset_of(known, name, local_seconds)
    if offset is not None:
        return Time(local_seconds - offset, reading.nanosecond, known)
    # An abbreviation that means nothing here is kept as a name. The clock is taken as UTC's, also with GMT+3,
    # which only shows that offset: so does Go.
    offset = int(name[3:]) * 3600 if len(name) > 3 and name.startswith("GMT") else 0
    return Time(local_seconds, reading.nanosecond, zones.fixed(name, offset))


def _month_and_day(reading: _Reading) -> tuple[int, int]:
    month, day = reading.month, reading.day
    if reading.year_day is not None:
        length = 366 if calendar.is_leap(reading.year) else 365
        if not 1 <= reading.year_day <= length:
            raise _Mismatch("day-of-year out of range")
        found = calendar.civil(calendar.days_of(reading.year, 1, reading.year_day))
        if month not in (None, found.month) or day not in (None, found.day):
            raise _Mismatch("day-of-year does not match month or day")
        month, day = found.month, found.day
    month = 1 if month is None else month
    day = 1 if day is None else day
    if not 1 <= day <= calendar.days_in(month, reading.year):
        raise _Mismatch("day out of range")
    return month, day
