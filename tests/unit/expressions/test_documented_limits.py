"""The page on expressions names the limits that the code has, and every builtin."""

from pathlib import Path

import pytest

from pullsecret.expressions import access, budget, regular_expressions, tree_builder
from pullsecret.expressions.builtins import BUILTINS
from pullsecret.expressions.tokens import PREDICATE_BUILTINS

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "row",
    [
        f"| nodes of an expression | {tree_builder.MAX_NODES:,}",
        f"| nesting of an expression | {tree_builder.MAX_DEPTH} levels",
        f"| nesting of the environment | {access.MAX_DEPTH} levels",
        f"bytes made by `repeat` | {budget.MEMORY:,}",
        f"| other text made | {budget.TEXT // MIB} MiB",
        f"| {budget.STEPS:,} steps",
        f"{regular_expressions.MAX_MEMORY // MIB} MiB for a compiled pattern",
    ],
)
def test_limits(row: str) -> None:
    assert row in PAGE


def test_builtins() -> None:
    missing = [name for name in sorted({*BUILTINS, *PREDICATE_BUILTINS}) if f"`{name}`" not in PAGE]
    assert not missing
