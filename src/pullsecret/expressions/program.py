"""A compiled expression."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from pullsecret.expressions.errors import EvaluationError


@attrs.frozen
class Clause:
    """One of the parts that a top-level ``&&`` joins, evaluated alone."""

    source: str
    value: Any
    """None if there is an error."""
    error: EvaluationError | None
    operands: Mapping[str, Any]
    """What it reads of the environment, by its text in the expression (``spec.provider``); what is not there
    is None."""


class Program:
    """An expression that was compiled once and is evaluated many times. Safe to share between threads."""

    def __init__(self, source: str) -> None:
        self.source = source

    def evaluate(self, environment: Mapping[str, Any]) -> Any:
        """The value. Raises EvaluationError."""
        raise NotImplementedError

    def clauses(self, environment: Mapping[str, Any]) -> Sequence[Clause]:
        """The parts that ``&&`` joins at the top, in order; all are evaluated, whatever the others are."""
        raise NotImplementedError


def compile(source: str) -> Program:
    """Compiles an expression. Raises CompileError."""
    return Program(source)
