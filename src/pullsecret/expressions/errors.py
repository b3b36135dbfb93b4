"""The two errors of the language."""

from typing import Final


class ExpressionError(Exception):
    """Something in an expression is wrong: what, and where."""

    def __init__(self, message: str, source: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message: Final = message
        """What is wrong, in one line."""
        self.source: Final = source
        self.start: Final = min(max(start, 0), len(source))
        """Offset of the first character of the place, from 0."""
        self.end: Final = max(self.start, min(end, len(source)))

    @property
    def line(self) -> int:
        """From 1."""
        return self.source.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """In characters, from 1."""
        return self.start - (self.source.rfind("\n", 0, self.start) + 1) + 1

    def snippet(self) -> str:
        """The line of the place, and under it a caret."""
        line = self.source.split("\n")[self.line - 1]
        before = "".join("\t" if each == "\t" else " " for each in line[: self.column - 1])
        return f"{line}\n{before}^"

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column})"


class CompileError(ExpressionError):
    """The expression means nothing: it is refused when it is loaded."""


class EvaluationError(ExpressionError):
    """The expression has no value in this environment. ``message`` names the sub-expression."""
