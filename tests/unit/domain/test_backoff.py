"""Pauses grow within their bounds for every setting and every attempt."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pullsecret.domain.backoff import Backoff

seconds = st.floats(min_value=1e-3, max_value=1e9)
factors = st.floats(min_value=1.0, max_value=1e300)
chances = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
attempts = st.integers(1, 10**6)


def test_the_pauses_double_from_half_a_second_to_half_a_minute() -> None:
    backoff = Backoff()
    upper = [backoff.pause(attempt, chance=1.0) for attempt in range(1, 10)]
    assert upper == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [backoff.pause(attempt, chance=0.0) for attempt in range(1, 10)] == [pause / 2 for pause in upper]
    assert backoff.pause(3, chance=0.5) == 1.5


@given(seconds, factors, seconds, attempts, chances)
@example(1.0, 1e300, 60.0, 10**6, 0.0)
@example(1.0, 2.0, 60.0, 10**400, 0.0)
def test_a_pause_lies_between_half_and_all_of_the_bound(
    initial: float, factor: float, maximum: float, attempt: int, chance: float
) -> None:
    backoff = Backoff(initial, factor, maximum)
    pause = backoff.pause(attempt, chance)
    assert min(initial, maximum) / 2 <= pause <= maximum
    assert backoff.pause(attempt, 0.0) <= pause <= backoff.pause(attempt, 1.0)
    assert backoff.pause(attempt, 1.0) == 2 * backoff.pause(attempt, 0.0)


@given(seconds, factors, seconds, attempts)
def test_pauses_never_shrink(initial: float, factor: float, maximum: float, attempt: int) -> None:
    backoff = Backoff(initial, factor, maximum)
    assert backoff.pause(attempt, 1.0) <= backoff.pause(attempt + 1, 1.0)


def test_a_slow_growth_reaches_its_maximum_too() -> None:
    assert Backoff(1.0, 1.01, 100.0).pause(500, 1.0) == 100.0


def test_a_whole_factor_is_no_way_to_make_it_count_forever() -> None:
    backoff = Backoff(initial=1, factor=2, maximum=60)
    assert isinstance(backoff.factor, float)
    assert backoff.pause(10**18, 1.0) == 60


@given(attempts, chances, st.floats(min_value=0, max_value=1e6))
def test_what_the_other_side_asked_for_is_waited(attempt: int, chance: float, asked: float) -> None:
    assert Backoff().pause(attempt, chance, at_least=asked) == max(asked, Backoff().pause(attempt, chance))


@pytest.mark.parametrize(
    "wrong", [{"initial": 0.0}, {"factor": 0.99}, {"maximum": 0.0}, {"initial": float("nan")}]
)
def test_a_backoff_that_could_not_grow_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Backoff(**wrong)


def test_the_bounds_themselves_are_allowed() -> None:
    assert Backoff(initial=5.0, factor=1.0, maximum=1.0).pause(7, 1.0) == 1.0
