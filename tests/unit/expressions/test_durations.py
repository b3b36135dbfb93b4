"""Durations as text, and their arithmetic."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.expressions import EvaluationError, compile
from pullsecret.expressions.builtins import durations
from pullsecret.expressions.values import RuntimeFault

NANOSECONDS = st.integers(durations.LEAST + 1, durations.GREATEST)


@given(NANOSECONDS)
def test_what_is_written_is_read_as_the_same(nanoseconds: int) -> None:
    assert durations.parse_duration(durations.format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds", "written"),
    [
        ("1h15m30.918273645s", 4_530_918_273_645, "1h15m30.918273645s"),
        ("-1.5h", -5_400_000_000_000, "-1h30m0s"),
        ("1m1ns", 60_000_000_001, "1m0.000000001s"),
        ("1500us", 1_500_000, "1.5ms"),
        ("1µs", 1_000, "1µs"),
        (".5s", 500_000_000, "500ms"),
        ("0", 0, "0s"),
        ("-9223372036854775808ns", durations.LEAST, "-2562047h47m16.854775808s"),
    ],
)
def test_forms(text: str, nanoseconds: int, written: str) -> None:
    assert durations.parse_duration(text) == nanoseconds
    assert durations.format_duration(nanoseconds) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "1",
        "1d",
        "h",
        ".s",
        "1h ",
        " 1h",
        "--1h",
        "1h-1m",
        "1e3s",
        "9223372036854775808ns",
        "2562048h",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(RuntimeFault):
        durations.parse_duration(text)


@given(st.text(alphabet="0123456789.hmsnuµ+- ", max_size=12))
def test_no_text_makes_another_error(text: str) -> None:
    with contextlib.suppress(RuntimeFault):
        assert durations.LEAST <= durations.parse_duration(text) <= durations.GREATEST


@given(NANOSECONDS, st.integers(-5, 10**13))
def test_rounding_gives_multiples_that_are_near(nanoseconds: int, to: int) -> None:
    rounded = durations.rounded(nanoseconds, to)
    truncated = durations.truncated_to(nanoseconds, to)
    if to <= 0:
        assert rounded == truncated == nanoseconds
        return
    assert truncated % to == 0
    assert 0 <= abs(nanoseconds) - abs(truncated) < to
    if durations.LEAST < rounded < durations.GREATEST:
        assert rounded % to == 0
        assert abs(rounded - nanoseconds) * 2 <= to


def test_a_duration_that_is_none_is_an_evaluation_error() -> None:
    with pytest.raises(EvaluationError, match="unknown unit"):
        compile("duration(x)").evaluate({"x": "1d"})
