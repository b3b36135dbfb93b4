"""The form of compiled code."""

from collections.abc import Callable
from typing import Final

import attrs

from pullsecret.expressions.errors import EvaluationError
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.values import RuntimeFault, Value

Code = Callable[[Frame], Value]
"""Evaluates a node. Raises EvaluationError."""
Step = Callable[[Frame, Value], Value]
"""Goes on from the value of an operator's left side."""

_SHOWN: Final = 80


@attrs.frozen
class Place:
    """Where in the source a fault is reported."""

    source: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """The sub-expression, shortened."""
        text = " ".join(self.source[self.start : self.end].split())
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

    def error(self, fault: RuntimeFault) -> EvaluationError:
        """The error to raise; its message names the sub-expression."""
        return EvaluationError(f"{self.text}: {fault.message}", self.source, self.start, self.end)

    def pay(self, frame: Frame, size: int) -> None:
        """Pays for elements made here. Raises EvaluationError."""
        try:
            frame.memory(size)
        except RuntimeFault as fault:
            raise self.error(fault) from None
