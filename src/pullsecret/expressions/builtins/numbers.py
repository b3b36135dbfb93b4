"""Builtins on numbers: rounding, and the least, greatest, average and middle of many."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from pullsecret.expressions.builtins.conversions import one_number
from pullsecret.expressions.builtins.signature import Body, Budget, Builtin, Refused, Validate
from pullsecret.expressions.numbers import number, to_float
from pullsecret.expressions.operators import less, more
from pullsecret.expressions.types import ANY, FLOAT64, GoType, Kind
from pullsecret.expressions.values import (
    Duration,
    RuntimeFault,
    TypedInt,
    Value,
    elements,
    type_name,
    wrapped,
)

_COMPARED: Final = 8
"""Steps that looking at one element costs when it is compared with the best."""
_DEPTH: Final = 10_000


def _abs(budget: Budget, value: Value) -> Value:
    kind = type(value)
    if kind is int:
        return wrapped(abs(value))
    if kind is float:
        # Minus zero is not less than zero: it stays what it is.
        return -value if value < 0 else value
    if kind is TypedInt and value.type.is_number:
        return value if value.value >= 0 else TypedInt(value.type, -value.value)
    raise RuntimeFault(f"invalid argument for abs (type {type_name(value)})")


def _rounding(name: str, rule: Callable[[float], float]) -> Builtin:
    def body(budget: Budget, value: Value) -> float:
        if number(value) is None:
            raise RuntimeFault(f"invalid argument for {name} (type {type_name(value)})")
        exact = to_float(value)
        return math.copysign(rule(exact), exact) if math.isfinite(exact) else exact

    return Builtin(name, body, validate=one_number(name, FLOAT64))


def _away_from_zero(exact: float) -> float:
    """The nearest whole number; a half goes away from zero."""
    magnitude = abs(exact)
    whole = math.floor(magnitude)
    return whole + (magnitude - whole >= 0.5)


def _of_number_kind(value: Value) -> bool:
    """Also durations, months and weekdays, which are numbers underneath."""
    return type(value) in (int, float, TypedInt, Duration)


def _as_float(value: Value) -> float:
    if type(value) is Duration:
        return float(value.nanoseconds)
    return float(value.value) if type(value) is TypedInt else float(value)


class _Extreme:
    """``min`` or ``max``: keeps the first of equals."""

    def __init__(self, name: str, worse: Callable[[Value, Value], bool]) -> None:
        self._name = name
        self._worse = worse

    def __call__(self, budget: Budget, *arguments: Value) -> Value:
        return self._best(budget, arguments, 0)

    def _best(self, budget: Budget, arguments: Sequence[Value], depth: int) -> Value:
        if depth > _DEPTH:
            raise RuntimeFault("recursion depth exceeded")
        best: Value = None
        for argument in arguments:
            array = elements(argument)
            if array is not None:
                found = self._best_of_array(budget, array, type(argument) is list, depth)
                if found is not None:
                    best = self._chosen(best, found)
            elif _of_number_kind(argument):
                best = self._chosen(best, argument)
            elif len(arguments) == 1:
                return argument
            else:
                raise RuntimeFault(f"invalid argument for {self._name} (type {type_name(argument)})")
        return best

    def _best_of_array(self, budget: Budget, array: Sequence[Value], of_any: bool, depth: int) -> Value:
        budget.steps(_COMPARED * len(array))
        best: Value = None
        for element in array:
            if elements(element) is not None:
                found = self._best(budget, (element,), depth + 1)
                if found is None and of_any:
                    continue
            else:
                found = element
            if number(found) is None:
                raise RuntimeFault(f"invalid argument for {self._name} (type {type_name(found)})")
            best = self._chosen(best, found)
        return best

    def _chosen(self, best: Value, candidate: Value) -> Value:
        return candidate if best is None or self._worse(best, candidate) else best


def _collected(name: str, budget: Budget, arguments: Sequence[Value]) -> list[float]:
    """Every number in the arguments and in the arrays among them."""
    numbers: list[float] = []
    pending = [(iter(arguments), 0)]
    while pending:
        items, depth = pending[-1]
        for item in items:
            array = elements(item)
            if array is not None:
                if depth > _DEPTH:
                    raise RuntimeFault("recursion depth exceeded")
                budget.steps(len(array))
                pending.append((iter(array), depth + 1))
                break
            if not _of_number_kind(item):
                raise RuntimeFault(f"invalid argument for {name} (type {type_name(item)})")
            numbers.append(_as_float(item))
        else:
            pending.pop()
    return numbers


def _mean(budget: Budget, *arguments: Value) -> float:
    numbers = _collected("mean", budget, arguments)
    return sum_in_order(numbers) / len(numbers) if numbers else 0.0


def sum_in_order(numbers: Sequence[float]) -> float:
    """One addition after the other, as Go does it; ``sum`` of newer Pythons is more exact than that."""
    total = 0.0
    for each in numbers:
        total += each
    return total


def _median(budget: Budget, *arguments: Value) -> float:
    numbers = sorted(_collected("median", budget, arguments), key=lambda each: (each == each, each))
    if not numbers:
        return 0.0
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _aggregate(name: str) -> Validate:
    def validate(arguments: Sequence[GoType | None]) -> GoType:
        if not arguments:
            raise Refused(f"not enough arguments to call {name}")
        for argument in arguments:
            if argument is not None and (argument is ANY or argument.is_array):
                return ANY
            if argument is None or argument.kind not in _NUMBER_KINDS:
                raise Refused(f"invalid argument for {name} (type {argument.name if argument else 'nil'})")
        return arguments[0] or ANY

    return validate


_NUMBER_KINDS: Final = (Kind.INT, Kind.INT32, Kind.INT64, Kind.UINT8, Kind.FLOAT64)


def _many(name: str, body: Body) -> Builtin:
    return Builtin(name, body, validate=_aggregate(name))


BUILTINS: Final = (
    Builtin("abs", _abs, validate=one_number("abs", None)),
    _rounding("ceil", math.ceil),
    _rounding("floor", math.floor),
    _rounding("round", _away_from_zero),
    _many("max", _Extreme("max", less)),
    _many("min", _Extreme("min", more)),
    _many("mean", _mean),
    _many("median", _median),
)
