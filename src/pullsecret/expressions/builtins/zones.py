"""Time zones, of the ``tzdata`` package: an expression means the same on every machine."""

import io
import re
import struct
from datetime import UTC as UTC_ZONE
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from pullsecret.expressions.values import Location, RuntimeFault

UTC: Final = Location("UTC", UTC_ZONE)
LOCAL: Final = Location("Local", UTC_ZONE)

_NAME: Final = re.compile(r"[A-Za-z0-9_+\-]+(/+[A-Za-z0-9_+\-]+)*")
_SECONDS_OF_400_YEARS: Final = 146_097 * 86_400
_YEAR_1: Final = -62_135_596_800
_YEAR_9999: Final = 253_370_764_800
_YEAR_2100: Final = 4_102_444_800
_MONTH: Final = 30 * 86_400
_HEADER: Final = struct.Struct(">4sc15x6L")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC_ZONE)


@attrs.frozen
class FixedZone(tzinfo):
    """A zone with one offset from UTC in seconds, which may be a day and more, and one abbreviation."""

    abbreviation: str
    offset: int

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        return timedelta(seconds=self.offset)

    def tzname(self, moment: datetime | None, /) -> str:
        return self.abbreviation

    def dst(self, moment: datetime | None, /) -> timedelta:
        return timedelta()


@attrs.frozen
class ZoneTime:
    """What a zone's clocks show at an instant."""

    abbreviation: str
    offset: int
    """Seconds east of UTC."""
    daylight: bool


_UTC_TIME: Final = ZoneTime("UTC", 0, False)


def fixed(name: str, offset: int) -> Location:
    """A location named like its only abbreviation."""
    return Location(name, FixedZone(name, offset))


@lru_cache(maxsize=1024)
def load(name: str) -> Location:
    """The location of a name of the tz database. Raises RuntimeFault for one that it does not have."""
    if name in ("", "UTC"):
        return UTC
    if name == "Local":
        return LOCAL
    if not _NAME.fullmatch(name):
        raise RuntimeFault("unknown time zone")
    try:
        return Location(name, ZoneInfo.from_file(io.BytesIO(_data(name)), key=name))
    except (OSError, ValueError):
        raise RuntimeFault("unknown time zone") from None


def _data(name: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *filter(None, name.split("/"))).read_bytes()


@lru_cache(maxsize=1024)
def _types(location: Location) -> tuple[tuple[str, int], ...]:
    """Abbreviation and offset of every local time type a zone ever had or will have."""
    now = [at(location, _YEAR_2100 + month * _MONTH) for month in range(12)]
    return tuple(
        dict.fromkeys([*_recorded_types(location.name), *((it.abbreviation, it.offset) for it in now)])
    )


def _recorded_types(name: str) -> tuple[tuple[str, int], ...]:
    """Those in its TZif file (RFC 8536), which need not list what its rule for the future gives."""
    data = _data(name)
    offset, counts = 0, _counts(data, 0)
    if counts.version >= b"2":
        offset = _HEADER.size + counts.size(4)
        counts = _counts(data, offset)
    width = 8 if counts.version >= b"2" else 4
    start = offset + _HEADER.size + counts.transitions * (width + 1)
    names = data[start + counts.types * 6 :]
    found = []
    for index in range(counts.types):
        seconds, _, place = struct.unpack_from(">lBB", data, start + index * 6)
        found.append((names[place : names.index(0, place)].decode("ascii"), seconds))
    return tuple(found)


@attrs.frozen
class _Counts:
    version: bytes
    ut_marks: int
    standard_marks: int
    leap_seconds: int
    transitions: int
    types: int
    characters: int

    def size(self, width: int) -> int:
        return (
            self.transitions * (width + 1)
            + self.types * 6
            + self.characters
            + self.leap_seconds * (width + 4)
            + self.standard_marks
            + self.ut_marks
        )


def _counts(data: bytes, offset: int) -> _Counts:
    magic, version, *counts = _HEADER.unpack_from(data, offset)
    if magic != b"TZif":
        raise ValueError("no TZif file")
    return _Counts(version, *counts)


def at(location: Location, seconds: int) -> ZoneTime:
    """What clocks show at an instant, in seconds since 1970 UTC."""
    zone = location.zone
    if isinstance(zone, FixedZone):
        return ZoneTime(zone.abbreviation, zone.offset, False)
    if not isinstance(zone, ZoneInfo):
        return _UTC_TIME
    # The calendar, and with it every rule for the future, repeats after 400 years.
    if seconds >= _YEAR_9999:
        seconds -= ((seconds - _YEAR_9999) // _SECONDS_OF_400_YEARS + 1) * _SECONDS_OF_400_YEARS
    shown = (_EPOCH + timedelta(seconds=max(seconds, _YEAR_1 + 86_400))).astimezone(zone)
    offset = shown.utcoffset() or timedelta()
    return ZoneTime(shown.tzname() or "", round(offset.total_seconds()), bool(shown.dst()))


def offset_of(location: Location, abbreviation: str, seconds: int) -> int | None:
    """The offset an abbreviation means: the one in use at that local time, else any the zone ever had."""
    zone = location.zone
    if isinstance(zone, FixedZone):
        types: tuple[tuple[str, int], ...] = ((zone.abbreviation, zone.offset),)
    elif isinstance(zone, ZoneInfo):
        types = _types(location)
    else:
        types = (("UTC", 0),)
    for name, offset in types:
        if name == abbreviation:
            there = at(location, seconds - offset)
            if there.abbreviation == name:
                return there.offset
    return next((offset for name, offset in types if name == abbreviation), None)


def unix_of(location: Location, local_seconds: int) -> int:
    """The instant of a local time given as if it were UTC; in a gap or an overlap one of the two."""
    guess = at(location, local_seconds).offset
    return local_seconds - at(location, local_seconds - guess).offset
