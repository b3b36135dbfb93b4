"""Builtins on dates, durations and time zones, and the methods of their values."""

import struct
import time as python_time
from collections.abc import Sequence
from typing import Final

from pullsecret.expressions import operators
from pullsecret.expressions.builtins import civil_calendar as calendar
from pullsecret.expressions.builtins import durations, times, zones
from pullsecret.expressions.builtins.signature import Body, Budget, Builtin, Method, Refused
from pullsecret.expressions.builtins.strings import as_string
from pullsecret.expressions.builtins.time_parsing import parse_time
from pullsecret.expressions.types import (
    BOOL,
    BYTES,
    DURATION,
    FLOAT64,
    INT,
    INT64,
    LOCATION,
    MONTH,
    STRING,
    TIME,
    WEEKDAY,
    GoType,
    Signature,
)
from pullsecret.expressions.values import (
    Duration,
    Location,
    RuntimeFault,
    Time,
    TypedInt,
    Value,
    bytes_of,
    wrapped,
)

_LAYOUTS: Final = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
)
_READING: Final = 10
"""Steps that it costs to read a time after one layout."""


def _now(budget: Budget, location: Value = zones.LOCAL) -> Time:
    if type(location) is not Location:
        raise RuntimeFault("invalid number of arguments (expected 0, got 1)")
    seconds, nanoseconds = divmod(python_time.time_ns(), durations.SECOND)
    return Time(seconds, nanoseconds, location)


def _check_now(arguments: Sequence[GoType | None]) -> GoType:
    if not arguments or (len(arguments) == 1 and arguments[0] is LOCATION):
        return TIME
    raise Refused(f"invalid number of arguments (expected 0, got {len(arguments)})")


def _date(budget: Budget, *arguments: Value) -> Time:
    location: Location | None = None
    rest = list(arguments)
    if rest and type(rest[0]) is Location:
        location = rest.pop(0)
    if not rest:
        raise RuntimeFault("runtime error: index out of range [0] with length 0")
    text = as_string(rest[0])
    if len(rest) == 2:
        budget.steps(_READING)
        return _parsed(as_string(rest[1]), text, location)
    if len(rest) == 3:
        budget.steps(_READING)
        return _parsed(as_string(rest[1]), text, zones.load(as_string(rest[2])))
    for layout in _LAYOUTS:
        budget.steps(_READING)
        try:
            return _parsed(layout, text, location)
        except RuntimeFault:
            continue
    raise RuntimeFault("invalid date")


def _parsed(layout: str, text: str, location: Location | None) -> Time:
    if location is None:
        return parse_time(layout, text, zones.UTC, zones.LOCAL)
    return parse_time(layout, text, location, location)


def _check_date(arguments: Sequence[GoType | None]) -> GoType:
    if not arguments:
        raise Refused("invalid number of arguments (expected at least 1, got 0)")
    texts = arguments[1:] if arguments[0] is LOCATION else arguments
    if len(texts) > 3:
        raise Refused(f"invalid number of arguments (expected at most 3, got {len(texts)})")
    return TIME


def _duration(budget: Budget, text: Value) -> Duration:
    given = as_string(text)
    budget.steps(len(given))
    return Duration(durations.parse_duration(given))


def _timezone(budget: Budget, name: Value) -> Location:
    return zones.load(as_string(name))


BUILTINS: Final = (
    Builtin("now", _now, validate=_check_now),
    Builtin("date", _date, validate=_check_date),
    Builtin("duration", _duration, overloads=(Signature((STRING,), (DURATION,), fails=True),)),
    Builtin("timezone", _timezone, overloads=(Signature((STRING,), (LOCATION,), fails=True),)),
)


def _method(name: str, body: Body, *parameters: GoType, to: GoType, fails: bool = False) -> Method:
    return Method(name, Signature(parameters, (to,), fails), body)


def _in(budget: Budget, time: Time, location: Location | None) -> Time:
    if location is None:
        raise RuntimeFault("time: missing Location in call to Time.In")
    return Time(time.seconds, time.nanoseconds, location)


def _add_date(budget: Budget, time: Time, years: int, months: int, days: int) -> Time:
    now = times.shown(time)
    day = calendar.days_of(now.day.year + years, now.day.month + months, now.day.day + days)
    second = now.hour * 3600 + now.minute * 60 + now.second
    return times.from_parts(day, second, time.nanoseconds, time.location)


def _format(budget: Budget, time: Time, layout: str) -> str:
    budget.text(10 * len(layout))
    budget.steps(4 * len(layout))
    return times.format_time(time, layout)


def _append_format(budget: Budget, time: Time, start: bytes, layout: str) -> bytes:
    return start + bytes_of(_format(budget, time, layout))


def _compared(time: Time, other: Time) -> int:
    first, second = times.since_1970(time), times.since_1970(other)
    return (first > second) - (first < second)


def _unix(time: Time, unit: int) -> int:
    return wrapped(times.since_1970(time) // unit)


def _as_rfc3339(time: Time) -> bytes:
    return times.format_rfc3339(time).encode()


def _as_json(time: Time) -> bytes:
    return b'"' + _as_rfc3339(time) + b'"'


def _as_binary(time: Time) -> bytes:
    """Version, seconds since year 1, nanoseconds, minutes of the offset (-1: UTC); version 2 adds seconds."""
    offset = zones.at(time.location, time.seconds).offset
    minutes, seconds = durations.divided(offset, 60)
    if time.location is zones.UTC:
        minutes = -1
    elif not -32768 <= minutes <= 32767 or minutes == -1:
        raise RuntimeFault("Time.MarshalBinary: unexpected zone offset")
    packed = struct.pack(">Qlh", (time.seconds - times.ZERO_SECONDS) & (2**64 - 1), time.nanoseconds, minutes)
    return bytes([2]) + packed + struct.pack(">b", seconds) if seconds else bytes([1]) + packed


def _go_string(time: Time) -> str:
    now = times.shown(time)
    location = {"UTC": "time.UTC", "Local": "time.Local"}.get(
        time.location.name, f'time.Location("{time.location.name}")'
    )
    return (
        f"time.Date({now.day.year}, time.{calendar.MONTHS[now.day.month - 1]}, {now.day.day}, "
        f"{now.hour}, {now.minute}, {now.second}, {now.nanosecond}, {location})"
    )


def _zone(budget: Budget, time: Time) -> str:
    return zones.at(time.location, time.seconds).abbreviation


_TIME_METHODS: Final = (
    _method("Add", lambda _, time, duration: operators.add(time, duration), DURATION, to=TIME),
    _method("AddDate", _add_date, INT, INT, INT, to=TIME),
    _method("After", lambda _, time, other: _compared(time, other) > 0, TIME, to=BOOL),
    _method("AppendBinary", lambda _, time, start: start + _as_binary(time), BYTES, to=BYTES, fails=True),
    _method("AppendFormat", _append_format, BYTES, STRING, to=BYTES),
    _method("AppendText", lambda _, time, start: start + _as_rfc3339(time), BYTES, to=BYTES, fails=True),
    _method("Before", lambda _, time, other: _compared(time, other) < 0, TIME, to=BOOL),
    Method("Clock", Signature((), (INT, INT, INT)), lambda _, time: times.shown(time).hour),
    _method("Compare", lambda _, time, other: _compared(time, other), TIME, to=INT),
    Method("Date", Signature((), (INT, MONTH, INT)), lambda _, time: times.shown(time).day.year),
    _method("Day", lambda _, time: times.shown(time).day.day, to=INT),
    _method("Equal", lambda _, time, other: _compared(time, other) == 0, TIME, to=BOOL),
    _method("Format", _format, STRING, to=STRING),
    _method("GoString", lambda _, time: _go_string(time), to=STRING),
    _method("GobEncode", lambda _, time: _as_binary(time), to=BYTES, fails=True),
    _method("Hour", lambda _, time: times.shown(time).hour, to=INT),
    Method("ISOWeek", Signature((), (INT, INT)), lambda _, time: times.shown(time).day.iso_year),
    _method("In", _in, LOCATION, to=TIME),
    _method("IsDST", lambda _, time: zones.at(time.location, time.seconds).daylight, to=BOOL),
    _method("IsZero", lambda _, time: (time.seconds, time.nanoseconds) == (times.ZERO_SECONDS, 0), to=BOOL),
    _method("Local", lambda _, time: _in(_, time, zones.LOCAL), to=TIME),
    _method("Location", lambda _, time: time.location, to=LOCATION),
    _method("MarshalBinary", lambda _, time: _as_binary(time), to=BYTES, fails=True),
    _method("MarshalJSON", lambda _, time: _as_json(time), to=BYTES, fails=True),
    _method("MarshalText", lambda _, time: _as_rfc3339(time), to=BYTES, fails=True),
    _method("Minute", lambda _, time: times.shown(time).minute, to=INT),
    _method("Month", lambda _, time: TypedInt(MONTH, times.shown(time).day.month), to=MONTH),
    _method("Nanosecond", lambda _, time: time.nanoseconds, to=INT),
    _method("Round", lambda _, time, to: times.rounded(time, to.nanoseconds), DURATION, to=TIME),
    _method("Second", lambda _, time: times.shown(time).second, to=INT),
    _method("String", lambda _, time: times.format_time(time, times.STRING_LAYOUT), to=STRING),
    _method("Sub", lambda _, time, other: operators.subtract(time, other), TIME, to=DURATION),
    _method("Truncate", lambda _, time, to: times.truncated(time, to.nanoseconds), DURATION, to=TIME),
    _method("UTC", lambda _, time: _in(_, time, zones.UTC), to=TIME),
    _method("Unix", lambda _, time: TypedInt(INT64, wrapped(time.seconds)), to=INT64),
    _method("UnixMicro", lambda _, time: TypedInt(INT64, _unix(time, durations.MICROSECOND)), to=INT64),
    _method("UnixMilli", lambda _, time: TypedInt(INT64, _unix(time, durations.MILLISECOND)), to=INT64),
    _method("UnixNano", lambda _, time: TypedInt(INT64, _unix(time, durations.NANOSECOND)), to=INT64),
    _method("Weekday", lambda _, time: TypedInt(WEEKDAY, times.shown(time).day.weekday), to=WEEKDAY),
    _method("Year", lambda _, time: times.shown(time).day.year, to=INT),
    _method("YearDay", lambda _, time: times.shown(time).day.year_day, to=INT),
    Method("Zone", Signature((), (STRING, INT)), _zone),
)


def _rounded(budget: Budget, duration: Duration, to: Duration) -> Duration:
    return Duration(durations.rounded(duration.nanoseconds, to.nanoseconds))


def _truncated(budget: Budget, duration: Duration, to: Duration) -> Duration:
    return Duration(durations.truncated_to(duration.nanoseconds, to.nanoseconds))


def _whole(duration: Duration, unit: int) -> TypedInt:
    return TypedInt(INT64, durations.divided(duration.nanoseconds, unit)[0])


_DURATION_METHODS: Final = (
    _method("Abs", lambda _, it: Duration(durations.saturated(abs(it.nanoseconds))), to=DURATION),
    _method("Hours", lambda _, it: durations.in_units(it.nanoseconds, durations.HOUR), to=FLOAT64),
    _method("Microseconds", lambda _, it: _whole(it, durations.MICROSECOND), to=INT64),
    _method("Milliseconds", lambda _, it: _whole(it, durations.MILLISECOND), to=INT64),
    _method("Minutes", lambda _, it: durations.in_units(it.nanoseconds, durations.MINUTE), to=FLOAT64),
    _method("Nanoseconds", lambda _, it: _whole(it, durations.NANOSECOND), to=INT64),
    _method("Round", _rounded, DURATION, to=DURATION),
    _method("Seconds", lambda _, it: durations.in_units(it.nanoseconds, durations.SECOND), to=FLOAT64),
    _method("String", lambda _, it: durations.format_duration(it.nanoseconds), to=STRING),
    _method("Truncate", _truncated, DURATION, to=DURATION),
)
_NAMED_METHODS: Final = (_method("String", lambda _, number: times.name_of(number) or "", to=STRING),)
_LOCATION_METHODS: Final = (_method("String", lambda _, location: location.name, to=STRING),)

METHODS: Final[dict[GoType, dict[str, Method]]] = {
    each: {method.name: method for method in methods}
    for each, methods in (
        (TIME, _TIME_METHODS),
        (DURATION, _DURATION_METHODS),
        (MONTH, _NAMED_METHODS),
        (WEEKDAY, _NAMED_METHODS),
        (LOCATION, _LOCATION_METHODS),
    )
}
"""The methods of each type that has any."""
