"""Evaluates the event filter and the preconditions (DDR phase 2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from pullsecret.application.outcomes import Skipped
from pullsecret.domain.facts import SkipReason
from pullsecret.expressions import EvaluationError, Program


def filtered_out(event_filter: Program, environment: Mapping[str, Any]) -> Skipped | None:
    """None if the filter holds. Data that is not there is no failure (AC4)."""
    return _unless_true(event_filter, environment, SkipReason.FILTERED)


def first_unmet(preconditions: Sequence[Program], environment: Mapping[str, Any]) -> Skipped | None:
    """None if all hold; else the first that does not, naming its first false clause."""
    for precondition in preconditions:
        if skipped := _unless_true(precondition, environment, SkipReason.PRECONDITION):
            return skipped
    return None


def _unless_true(program: Program, environment: Mapping[str, Any], reason: SkipReason) -> Skipped | None:
    try:
        value = program.evaluate(environment)
    except EvaluationError as error:
        return Skipped(SkipReason.MISSING_DATA, error.message)
    if value is True:
        return None
    if reason is SkipReason.FILTERED:
        return Skipped(reason)
    false = next((c.source for c in program.clauses(environment) if c.value is not True), program.source)
    return Skipped(reason, f"{false} is not true")
