"""Times: calendar, zones, layouts."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.expressions import CompileError, EvaluationError, compile
from pullsecret.expressions.builtins import civil_calendar, times, zones
from pullsecret.expressions.builtins.time_parsing import parse_time
from pullsecret.expressions.outcome import outcome
from pullsecret.expressions.values import RuntimeFault, Time

EPOCH = date(1970, 1, 1).toordinal()
ZONES = ("Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin")
SECONDS = st.integers(-(10**10), 10**10)


@given(st.dates())
def test_the_calendar_is_pythons_where_python_has_one(day: date) -> None:
    days = civil_calendar.days_of(day.year, day.month, day.day)
    assert days == day.toordinal() - EPOCH
    civil = civil_calendar.civil(days)
    assert (civil.year, civil.month, civil.day) == (day.year, day.month, day.day)
    assert civil.year_day == day.timetuple().tm_yday
    assert civil.weekday == day.isoweekday() % 7
    assert (civil.iso_year, civil.iso_week) == day.isocalendar()[:2]


@given(st.integers(-(10**12), 10**12))
def test_the_calendar_goes_on_for_ever(days: int) -> None:
    civil = civil_calendar.civil(days)
    assert civil_calendar.days_of(civil.year, civil.month, civil.day) == days
    assert 1 <= civil.day <= civil_calendar.days_in(civil.month, civil.year)


@given(st.integers(-3000, 3000), st.integers(-40, 40), st.integers(-400, 400))
def test_months_and_days_carry_over(year: int, month: int, day: int) -> None:
    first = civil_calendar.days_of(year, month, 1)
    assert civil_calendar.days_of(year, month, day) == first + day - 1
    assert civil_calendar.days_of(year, month + 12, 1) == civil_calendar.days_of(year + 1, month, 1)


@given(SECONDS, st.sampled_from(ZONES))
def test_zones_are_those_of_the_tz_database(seconds: int, name: str) -> None:
    shown = zones.at(zones.load(name), seconds)
    expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(ZoneInfo(name))
    assert timedelta(seconds=shown.offset) == expected.utcoffset()
    assert shown.abbreviation == expected.tzname()


@given(SECONDS, st.sampled_from(ZONES))
def test_a_clock_time_means_an_instant_at_which_clocks_show_it(seconds: int, name: str) -> None:
    location = zones.load(name)
    local = seconds + zones.at(location, seconds).offset
    found = zones.unix_of(location, local)
    assert found + zones.at(location, found).offset == local


def test_the_rule_for_the_future_holds_beyond_python_years() -> None:
    zurich = zones.load("Europe/Zurich")
    summer = civil_calendar.days_of(123_456, 7, 1) * 86_400
    winter = civil_calendar.days_of(123_456, 1, 1) * 86_400
    assert zones.at(zurich, summer) == zones.ZoneTime("CEST", 7200, True)
    assert zones.at(zurich, winter) == zones.ZoneTime("CET", 3600, False)


@pytest.mark.parametrize("name", ["", "UTC", "Local", "Europe/Zurich", "Etc/GMT+5", "EST5EDT"])
def test_known_zones(name: str) -> None:
    assert zones.load(name).name == (name or "UTC")


@pytest.mark.parametrize(
    "name",
    [
        "Nope",
        "../UTC",
        "/etc/passwd",
        "Europe",
        "Europe/",
        "\x00",
        "__init__.py",
        "Europe/__init__.py",
        "a\\b",
        "é",
    ],
)
def test_unknown_zones(name: str) -> None:
    with pytest.raises(RuntimeFault, match="unknown time zone"):
        zones.load(name)


LOSSLESS = (
    "2006-01-02T15:04:05.999999999Z07:00",
    "2006-01-02 15:04:05.999999999 -0700",
    "Mon Jan _2 15:04:05.000000000 -07:00:00 2006",
    "2006-002 3:04:05.000000000 PM -070000",
    "January 2 2006 03:4:5.000000000pm Z07:00",
)


@given(
    st.datetimes(min_value=datetime(1972, 1, 8), max_value=datetime(9999, 12, 30)),
    st.integers(0, 999_999_999),
    st.sampled_from([*ZONES, "UTC"]),
    st.sampled_from(LOSSLESS),
)
def test_what_is_written_is_read_as_the_same_instant(
    moment: datetime, nanoseconds: int, zone: str, layout: str
) -> None:
    location = zones.load(zone)
    seconds = civil_calendar.days_of(moment.year, moment.month, moment.day) * 86_400 + moment.hour * 3600
    time = Time(seconds, nanoseconds, location)
    read = parse_time(layout, times.format_time(time, layout), zones.UTC, zones.UTC)
    assert times.since_1970(read) == times.since_1970(time)


@given(st.text(max_size=20), st.text(alphabet="2006-01T15:4. MSTZ7Jan_PM,9", max_size=20))
def test_no_text_makes_another_error(text: str, layout: str) -> None:
    with contextlib.suppress(RuntimeFault):
        parse_time(layout, text, zones.UTC, zones.LOCAL)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('date("2023-08-14").Year()', 2023),
        ('date("2024-02-29").YearDay()', 60),
        ('string(date("2024-02-29").Month())', "February"),
        ('string(date("2024-02-29").Weekday())', "Thursday"),
        ('(date("2024-03-01") - date("2024-02-28")).Hours()', 48.0),
        (
            'string(date("2023-08-14 00:00:00", "2006-01-02 15:04:05", "Europe/Zurich"))',
            "2023-08-14 00:00:00 +0200 CEST",
        ),
        (
            'string(date("2023-08-14 00:00:00").In(timezone("Europe/Zurich")))',
            "2023-08-14 02:00:00 +0200 CEST",
        ),
        ('string(date("Mon, 14 Aug 2023 15:04:05 MST"))', "2023-08-14 15:04:05 +0000 MST"),
        ('date("2023-08-14").Format("Mon, 2 Jan 06")', "Mon, 14 Aug 23"),
        ('string(date("2024-01-31").AddDate(0, 1, 0))', "2024-03-02 00:00:00 +0000 UTC"),
        ('date("2023-08-14") + duration("1h") > date("2023-08-14")', True),
        ('date("2023-08-14T02:00:00+02:00") == date("2023-08-14")', True),
        ('now() - now() < duration("1h") && now().Year() > 2000', True),
    ],
)
def test_in_the_language(expression: str, value: object) -> None:
    assert compile(expression).evaluate({}) == value


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13-01", "yesterday", "", "2023-08-14T25:00:00Z"])
def test_what_is_no_date_is_an_evaluation_error(text: str) -> None:
    with pytest.raises(EvaluationError, match="invalid date"):
        compile("date(text)").evaluate({"text": text})


@pytest.mark.parametrize(
    "expression", ["date()", 'date("a", "b", "c", "d")', "now(1)", "duration(1)", 'date("x").tzinfo']
)
def test_wrong_use_is_refused_when_compiled(expression: str) -> None:
    with pytest.raises(CompileError):
        compile(expression)


@pytest.mark.parametrize(
    "use",
    [
        'date("2024-01-01").In(zone ?? timezone("UTC"))',
        '(zone ?? timezone("UTC")).String()',
        'get(fromPairs([[timezone("UTC"), 1]]), timezone("UTC"))',
        '[fromPairs([[timezone("UTC"), 1]]), zone][0][timezone("UTC")]',
    ],
)
def test_an_operator_makes_a_copy_of_a_zone_that_is_none_any_more(use: str) -> None:
    program = compile(use)
    with pytest.raises(EvaluationError):
        program.evaluate({"zone": None})


def test_a_copy_of_a_zone_equals_what_it_was_made_of() -> None:
    assert compile('(zone ?? timezone("UTC")) == timezone("UTC")').evaluate({}) is True
    assert compile('(zone ?? timezone("UTC")) in [timezone("UTC")]').evaluate({}) is False
    assert compile('toJSON(zone ?? timezone("UTC"))').evaluate({}) == "{}"
    assert outcome('zone ?? timezone("UTC")', {})["type"] == "time.Location"
    assert outcome('yes && [timezone("UTC"), zone][0]', {"yes": True})["type"] == "time.Location"
    assert outcome('no || [timezone("UTC"), zone][0]', {"no": False})["type"] == "time.Location"
    assert compile('fromPairs([[timezone("UTC"), 1]])[timezone("UTC")]').evaluate({}) == 1
