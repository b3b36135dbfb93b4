"""The state of one evaluation."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pullsecret.expressions.access import admitted
from pullsecret.expressions.budget import Budget
from pullsecret.expressions.values import (
    AnyMap,
    RuntimeFault,
    Value,
    bytes_of,
    elements,
    type_name,
)


class Scope:
    """The innermost array that a predicate goes through."""

    __slots__ = ("acc", "index", "items", "outer")

    def __init__(self, items: Sequence[Value], outer: "Scope | None") -> None:
        self.items = items
        self.outer = outer
        self.index = 0
        self.acc: Value = None


class Frame(Budget):
    """Environment, variables, scopes, and what is left to spend."""

    scope: Scope | None = None
    variables: list[Value]

    def __init__(self, environment: Mapping[str, Any], variables: int) -> None:
        self.environment = environment
        if variables:
            self.variables = [None] * variables

    @cached_property
    def patterns(self) -> set[str]:
        """Regular expressions that have been paid for."""
        return set()

    @cached_property
    def _admitted(self) -> dict[int, Value]:
        return {}

    def admit(self, value: Any) -> Value:
        """A value of the environment as the language sees it; arrays and maps are converted once."""
        known = self._admitted.get(id(value))
        if known is None:
            known = admitted(value)
            if type(known) in (list, dict):
                self._admitted[id(value)] = known
        return known

    def enter(self, array: Value) -> Scope:
        """Begins a loop and pays for its turns."""
        if type(array) is str:
            self.steps(len(array) >> 8)
        items = _items(array)
        self.steps(len(items))
        self.scope = scope = Scope(items, self.scope)
        return scope

    def leave(self, scope: Scope, turns: int) -> None:
        """Ends a loop; turns that were not needed are given back."""
        self.steps(turns - len(scope.items))
        self.scope = scope.outer


def _items(array: Value) -> Sequence[Value]:
    found = elements(bytes_of(array) if type(array) is str else array)
    if found is not None:
        return found
    if type(array) in (dict, AnyMap):
        return _Unindexable(len(array))
    raise RuntimeFault(f"cannot go through {type_name(array)}")


class _Unindexable(Sequence[Value]):
    """A map, as the engine goes through it: it has a length, but no element can be looked at."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Value:
        raise RuntimeFault("a map has no elements by index")
