"""Text of values as Go's ``fmt`` prints them with ``%v``, and of floats as ``strconv`` does."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from pullsecret.expressions import types
from pullsecret.expressions.builtins import durations, times
from pullsecret.expressions.builtins.signature import Budget
from pullsecret.expressions.types import GoType
from pullsecret.expressions.values import (
    AnyMap,
    Duration,
    Function,
    Location,
    LocationCopy,
    Pair,
    Time,
    TypedInt,
    Value,
    bytes_of,
    dereferenced,
    elements,
    type_of,
)

_KEY_TYPES: Final = (
    None,
    types.STRING,
    types.UINT8,
    types.INT32,
    types.INT64,
    types.INT,
    types.FLOAT64,
    types.BOOL,
    types.PAIR,
    types.MONTH,
    types.WEEKDAY,
    types.LOCATION,
    types.DURATION,
    types.TIME,
)
"""Go sorts map keys of different types by where its linker put the types: in the engine's build, so."""


WRITTEN: Final = 12
"""Steps that the text of one value costs: it takes as long as some turns of a predicate."""


@attrs.frozen
class _Text:
    """Text between values, as it is to be printed."""

    text: str


def format_float(number: float, *, exponent_from: int = 6, exponent_below: int = -4) -> str:
    """The shortest digits that give the number back; with an exponent outside of the given decimal ones."""
    if not math.isfinite(number):
        return "NaN" if number != number else ("+Inf" if number > 0 else "-Inf")
    digits, exponent, sign = _shortest(number)
    if exponent < exponent_below or exponent >= exponent_from:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if len(digits) <= exponent + 1:
        return sign + digits.ljust(exponent + 1, "0")
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _shortest(number: float) -> tuple[str, int, str]:
    """Digits without zeros at the end, the exponent of the first, and the sign."""
    mantissa, _, exponent = repr(number).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    if leading == len(digits):
        return "0", 0, sign
    return digits.strip("0"), len(whole) - 1 - leading + int(exponent or 0), sign


def format_value(value: Value, budget: Budget) -> str:
    """``%v`` of a value. Raises RuntimeFault when the text becomes too long for the budget."""
    printed: list[str] = []
    pending: list[Value] = [dereferenced(value)]
    while pending:
        each = pending.pop()
        if type(each) is _Text:
            text = each.text
        else:
            budget.steps(WRITTEN)
            inside = _inside(each)
            if inside is not None:
                pending.extend(reversed(list(inside)))
                continue
            text = _simple(each)
        budget.text(len(text))
        printed.append(text)
    return "".join(printed)


def _inside(value: Value) -> Iterator[Value] | None:
    """What a container is printed as, None for other values."""
    kind = type(value)
    array = elements(value)
    if array is not None:
        return _array(array)
    if kind is dict:
        return _map(sorted(value.items(), key=lambda item: bytes_of(item[0])))
    if kind is AnyMap:
        return _map(sorted(value.items(), key=lambda item: _key_order(item[0])))
    return None


def _array(items: Sequence[Value]) -> Iterator[Value]:
    yield _Text("[")
    for index, item in enumerate(items):
        if index:
            yield _Text(" ")
        yield item
    yield _Text("]")


def _map(items: list[tuple[Value, Value]]) -> Iterator[Value]:
    yield _Text("map[")
    for index, (key, value) in enumerate(items):
        if index:
            yield _Text(" ")
        yield key
        yield _Text(":")
        yield value
    yield _Text("]")


def _key_order(key: Value) -> tuple[object, ...]:
    known: GoType | None = type_of(key)
    return (_KEY_TYPES.index(known), *_rank(key))


def _rank(key: Value) -> tuple[object, ...]:
    """Comparable among keys of the same type."""
    kind = type(key)
    if kind is str:
        return (bytes_of(key),)
    if kind is float:
        return (key == key, key if key == key else 0)
    if kind is TypedInt:
        return (key.value,)
    if kind is Duration:
        return (key.nanoseconds,)
    if kind is Time:
        return (key.nanoseconds, key.seconds)
    if kind is Location:
        return (key.name,)
    if kind is Pair:
        return tuple(part for each in key for part in _key_order(each))
    return () if key is None else (key,)


def _simple(value: Value) -> str:
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None:
        return "<nil>"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return format_float(value)
    if kind is TypedInt:
        return times.name_of(value) or str(value.value)
    if kind is Duration:
        return durations.format_duration(value.nanoseconds)
    if kind is Time:
        return times.format_time(value, times.STRING_LAYOUT)
    if kind is Location:
        return str(value.name)
    if kind is LocationCopy:
        return f"{{{value.pointer.name} [] []  0 0 <nil>}}"
    if kind is Function:
        return "0x0"  # Go prints the address of the code.
    raise TypeError(f"{kind.__name__} is no value of the language")
