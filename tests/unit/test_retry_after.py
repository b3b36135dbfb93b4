"""The Retry-After header in both of its forms, and in none."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from pullsecret.infrastructure.retry_after import MAX_SECONDS, retry_after

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@given(st.integers(min_value=0, max_value=10**6))
def test_seconds(seconds: int) -> None:
    assert retry_after(str(seconds), NOW) == min(seconds, MAX_SECONDS)


@given(st.integers(min_value=-(10**6), max_value=10**6))
def test_a_date(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(header, NOW) == min(max(seconds, 0), MAX_SECONDS)


@given(st.none() | st.text())
def test_nonsense_is_never_an_error_and_never_out_of_range(header: str | None) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_SECONDS


def test_a_date_without_a_zone_is_no_date() -> None:
    assert retry_after("Fri, 01 May 2026 12:00:05 -0000", NOW) is None
