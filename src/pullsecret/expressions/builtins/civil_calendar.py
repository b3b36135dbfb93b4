"""The proleptic Gregorian calendar for any year, also those that Python's ``datetime`` does not reach."""

from datetime import date
from typing import Final

import attrs

_DAYS_OF_400_YEARS: Final = 146_097
_ORDINAL_OF_1970: Final = date(1970, 1, 1).toordinal()
_MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SECONDS_OF_DAY: Final = 86_400


@attrs.frozen
class CivilDay:
    """A day of the calendar. Month, day and day of the year count from 1, the weekday from Sunday as 0."""

    year: int
    month: int
    day: int
    year_day: int
    weekday: int
    iso_year: int
    iso_week: int


def civil(days: int) -> CivilDay:
    """The day that is so many days after 1970-01-01."""
    cycles, within = divmod(days + _ORDINAL_OF_1970 - 1 - _DAYS_OF_400_YEARS, _DAYS_OF_400_YEARS)
    day = date.fromordinal(within + 1 + _DAYS_OF_400_YEARS)
    shift = 400 * cycles
    iso_year, iso_week, _ = day.isocalendar()
    return CivilDay(
        year=day.year + shift,
        month=day.month,
        day=day.day,
        year_day=day.timetuple().tm_yday,
        weekday=day.isoweekday() % 7,
        iso_year=iso_year + shift,
        iso_week=iso_week,
    )


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01. What is out of range carries over: January 35 is February 4."""
    carry, month_index = divmod(month - 1, 12)
    cycles, within = divmod(year + carry - 1, 400)
    first = date(within + 1, month_index + 1, 1).toordinal()
    return first - _ORDINAL_OF_1970 + cycles * _DAYS_OF_400_YEARS + day - 1


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(month: int, year: int) -> int:
    """Length of a month."""
    return 29 if month == 2 and is_leap(year) else _MONTH_LENGTHS[month - 1]
