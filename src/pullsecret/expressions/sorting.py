"""Sorting by the language's ``<``."""

from collections.abc import Sequence
from functools import cmp_to_key

from pullsecret.expressions.budget import Budget
from pullsecret.expressions.operators import less
from pullsecret.expressions.values import Value


def sorted_by(items: Sequence[Value], keys: Sequence[Value], descending: bool, budget: Budget) -> list[Value]:
    """The items in the order of their keys. Raises RuntimeFault if two keys cannot be compared."""
    budget.steps(len(items) * max(len(items), 2).bit_length())

    def compare(a: int, b: int) -> int:
        if less(keys[a], keys[b]):
            return 1 if descending else -1
        if less(keys[b], keys[a]):
            return -1 if descending else 1
        return 0

    return [items[each] for each in sorted(range(len(items)), key=cmp_to_key(compare))]
