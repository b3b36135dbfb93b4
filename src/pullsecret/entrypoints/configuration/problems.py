"""What is wrong with a configuration, all of it at once."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Position:
    """Where in the file, counted from 1."""

    line: int
    column: int


@attrs.frozen
class Problem:
    """One thing that is wrong."""

    path: str
    """The key, e.g. ``limits.perProject``; empty for the file as a whole."""
    message: str
    position: Position | None = None
    """None for what does not come from a file, such as an environment variable."""
    hint: str = ""

    def __str__(self) -> str:
        place = f"line {self.position.line}, column {self.position.column}: " if self.position else ""
        key = f"{self.path}: " if self.path else ""
        hint = f"\n{self.hint}" if "\n" in self.hint else f". {self.hint}" if self.hint else ""
        return f"{place}{key}{self.message}{hint}"


class ConfigurationError(Exception):
    """The configuration cannot be used; ``problems`` is never empty."""

    def __init__(self, problems: Sequence[Problem], source: str = "configuration") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))
