"""Sorting by the language's ``<``, with equal elements in the order in which the engine leaves them."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from pullsecret.expressions.budget import Budget
from pullsecret.expressions.operators import less
from pullsecret.expressions.pattern_defeating_quicksort import SHORT, Quicksort
from pullsecret.expressions.values import Value, bytes_of

_COST: Final = 4
"""Steps that one comparison of two values of any types costs."""


def sorted_by(items: Sequence[Value], keys: Sequence[Value], descending: bool, budget: Budget) -> list[Value]:
    """The items in the order of their keys. Raises RuntimeFault if two keys cannot be compared."""
    size = len(items)
    budget.steps(size)
    comparable = _comparable(keys)
    if comparable is not None:
        order = sorted(range(size), key=comparable.__getitem__, reverse=descending)
        if size <= SHORT or not _has_equals(comparable, order):
            return [items[each] for each in order]
        if items is keys and type(keys[0]) is not float:
            # Equal elements cannot be told apart. (Zeros of both signs could.)
            return [items[each] for each in order]
    budget.steps(_COST * size * size.bit_length())
    return _as_the_engine(items, keys, descending)


def _comparable(keys: Sequence[Value]) -> Sequence[Any] | None:
    """Keys that Python compares as the language does; None if there are none such."""
    kinds = set(map(type, keys))
    if kinds <= {int}:
        return keys
    if kinds == {float}:
        return None if any(map(math.isnan, keys)) else keys
    if kinds == {str}:
        return [bytes_of(each) for each in keys]
    return None


def _has_equals(keys: Sequence[Any], order: Sequence[int]) -> bool:
    return any(keys[a] == keys[b] for a, b in pairwise(order))


def _as_the_engine(items: Sequence[Value], keys: Sequence[Value], descending: bool) -> list[Value]:
    order = list(range(len(items)))

    def before(a: int, b: int) -> bool:
        return less(keys[b], keys[a]) if descending else less(keys[a], keys[b])

    Quicksort(order, before).sort()
    return [items[each] for each in order]
