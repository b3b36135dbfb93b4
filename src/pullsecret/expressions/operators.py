"""What the operators between two values do. All raise RuntimeFault where the engine's would panic."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from pullsecret.expressions import numbers, types
from pullsecret.expressions.budget import Budget
from pullsecret.expressions.numbers import number, to_float, to_int
from pullsecret.expressions.values import (
    AnyMap,
    Duration,
    Ints,
    LocationCopy,
    Pair,
    Pairs,
    RuntimeFault,
    Time,
    Value,
    bytes_of,
    concatenated,
    dereferenced,
    elements,
    is_nil,
    type_name,
    type_of,
    wrapped,
)

_NANOSECONDS: Final = 1_000_000_000
_COST: Final = 4
"""Steps that one comparison of elements costs."""


def equal(left: Value, right: Value, budget: Budget) -> bool:
    """``==``: numbers by value whatever their types, arrays by element, maps only if all types agree."""
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int or kind is float or kind is bool):
        return bool(left == right)
    plain = number(left)
    if plain is not None:
        other = number(right)
        return other is not None and _numbers_equal(plain, other)
    if _comparable_lists(left, right):
        return _all_equal(elements(left) or (), elements(right) or (), equal, budget)
    if kind is Time and type(right) is Time:
        return _instant(left) == _instant(right)
    if is_nil(left) and is_nil(right):
        return True
    return deeply_equal(left, right, budget)


def _numbers_equal(left: float, right: float) -> bool:
    return left == right if type(left) is type(right) else float(left) == float(right)


def _comparable_lists(left: Value, right: Value) -> bool:
    left_type, right_type = type_of(left), type_of(right)
    if left_type is right_type:
        return left_type in _LISTS
    return (left_type is types.ANYS and right_type in _LISTS) or (
        right_type is types.ANYS and left_type in _LISTS
    )


_LISTS: Final = frozenset({types.ANYS, types.INTS, types.STRINGS, types.BYTES})


def _all_equal(
    left: Sequence[Value],
    right: Sequence[Value],
    same: Callable[[Value, Value, Budget], bool],
    budget: Budget,
) -> bool:
    if len(left) != len(right):
        return False
    budget.steps(_COST * len(left))
    return all(same(a, b, budget) for a, b in zip(left, right, strict=True))


def deeply_equal(left: Value, right: Value, budget: Budget) -> bool:
    """``reflect.DeepEqual``: types must be the same all the way down."""
    kind = type(left)
    if kind is not type(right):
        return False
    if left is right and kind is not float:
        return True
    if kind is list or kind is Pair or kind is Pairs:
        return _all_equal(left, right, deeply_equal, budget)
    if kind is dict:
        budget.steps(_COST * len(left))
        return len(left) == len(right) and all(
            key in right and deeply_equal(value, right[key], budget) for key, value in left.items()
        )
    if kind is AnyMap:
        return left.type is right.type and _maps_equal(left, right, budget)
    return bool(left == right)


def _maps_equal(left: AnyMap, right: AnyMap, budget: Budget) -> bool:
    if len(left) != len(right):
        return False
    budget.steps(_COST * len(left))
    for key, value in left.items():
        found = right.get(key)
        if found is None or not deeply_equal(value, found[1], budget):
            return False
    return True


def _instant(time: Time) -> int:
    return time.seconds * _NANOSECONDS + time.nanoseconds


def _ordered(left: Value, right: Value, symbol: str) -> int:
    """Negative, zero, positive; a NaN makes it 2, which is none of them."""
    kind = type(left)
    if kind is str and type(right) is str:
        return _text_order(left, right)
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return _number_order(a, b)
    if kind is type(right) and kind is Time:
        return _number_order(_instant(left), _instant(right))
    if kind is type(right) and kind is Duration:
        return _number_order(left.nanoseconds, right.nanoseconds)
    raise RuntimeFault(f"invalid operation: {type_name(left)} {symbol} {type_name(right)}")


_UNORDERED: Final = 2


def _number_order(left: float, right: float) -> int:
    if type(left) is not type(right):
        left, right = float(left), float(right)
    if left < right:
        return -1
    if left > right:
        return 1
    return 0 if left == right else _UNORDERED


def _text_order(left: str, right: str) -> int:
    if left.isascii() and right.isascii():
        return (left > right) - (left < right)
    a, b = bytes_of(left), bytes_of(right)
    return (a > b) - (a < b)


def less(left: Value, right: Value) -> bool:
    """``<``"""
    return _ordered(left, right, "<") == -1


def more(left: Value, right: Value) -> bool:
    """``>``"""
    return _ordered(left, right, ">") == 1


def less_or_equal(left: Value, right: Value) -> bool:
    """``<=``"""
    return -1 <= _ordered(left, right, "<=") <= 0


def more_or_equal(left: Value, right: Value) -> bool:
    """``>=``"""
    return 0 <= _ordered(left, right, ">=") <= 1


def add(left: Value, right: Value) -> Value:
    """``+``"""
    kind = type(left)
    if kind is str and type(right) is str:
        return concatenated(left, right)
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return wrapped(a + b) if type(a) is int and type(b) is int else float(a) + float(b)
    if kind is Time and type(right) is Duration:
        return _moved(left, right.nanoseconds)
    if kind is Duration and type(right) is Time:
        return _moved(right, left.nanoseconds)
    if kind is Duration and type(right) is Duration:
        return Duration(wrapped(left.nanoseconds + right.nanoseconds))
    raise RuntimeFault(f"invalid operation: {type_name(left)} + {type_name(right)}")


def subtract(left: Value, right: Value) -> Value:
    """``-``"""
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return wrapped(a - b) if type(a) is int and type(b) is int else float(a) - float(b)
    kind = type(left)
    if kind is Time and type(right) is Time:
        return Duration(min(max(_instant(left) - _instant(right), _INT64_MIN), _INT64_MAX))
    if kind is Time and type(right) is Duration:
        return _moved(left, wrapped(-right.nanoseconds))
    if kind is Duration and type(right) is Duration:
        return Duration(wrapped(left.nanoseconds - right.nanoseconds))
    raise RuntimeFault(f"invalid operation: {type_name(left)} - {type_name(right)}")


_INT64_MIN: Final = -0x8000000000000000
_INT64_MAX: Final = 0x7FFFFFFFFFFFFFFF


def _moved(time: Time, nanoseconds: int) -> Time:
    seconds, rest = divmod(time.nanoseconds + nanoseconds, _NANOSECONDS)
    return Time(time.seconds + seconds, rest, time.location)


def multiply(left: Value, right: Value) -> Value:
    """``*``"""
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return wrapped(a * b) if type(a) is int and type(b) is int else float(a) * float(b)
    a = left.nanoseconds if type(left) is Duration else a
    b = right.nanoseconds if type(right) is Duration else b
    if a is None or b is None:
        raise RuntimeFault(f"invalid operation: {type_name(left)} * {type_name(right)}")
    if type(a) is int and type(b) is int:
        return Duration(wrapped(a * b))
    return float(a) * float(b)


def divide(left: Value, right: Value) -> float:
    """``/``, always a float."""
    a, b = number(left), number(right)
    if a is None or b is None:
        raise RuntimeFault(f"invalid operation: {type_name(left)} / {type_name(right)}")
    return numbers.divided(float(a), float(b))


def modulo(left: Value, right: Value) -> int:
    """``%``, of integers only."""
    a, b = number(left), number(right)
    if type(a) is not int or type(b) is not int:
        raise RuntimeFault(f"invalid operation: {type_name(left)} % {type_name(right)}")
    return numbers.remainder(a, b)


def exponent(left: Value, right: Value) -> float:
    """``**``"""
    return numbers.power(to_float(left), to_float(right))


def contains(left: Value, right: Value) -> bool:
    """``contains``; false if a side is nil."""
    return not _a_nil(left, right) and _bytes(right) in _bytes(left)


def starts_with(left: Value, right: Value) -> bool:
    """``startsWith``; false if a side is nil."""
    return not _a_nil(left, right) and _bytes(left).startswith(_bytes(right))


def ends_with(left: Value, right: Value) -> bool:
    """``endsWith``; false if a side is nil."""
    return not _a_nil(left, right) and _bytes(left).endswith(_bytes(right))


def _a_nil(left: Value, right: Value) -> bool:
    return is_nil(left) or is_nil(right)


def _bytes(value: Value) -> bytes:
    """Strings are searched by bytes: half of a character is found in it."""
    if type(value) is str:
        return bytes_of(value)
    raise RuntimeFault(f"not a string but {type_name(value)}")


def int_range(first: Value, last: Value) -> range:
    """``..``, both ends included; not yet paid for, nor kept within 64 bits: see ``kept``."""
    start, end = to_int(first), to_int(last)
    size = max(wrapped(wrapped(end - start) + 1), 0)
    return range(start, start + size)


def kept(made: range) -> range | Ints:
    """A range as ``[]int``: past the largest number it goes on from the smallest."""
    return made if made.stop <= _INT64_MAX + 1 else Ints(map(wrapped, made))


def is_in(needle: Value, haystack: Value, budget: Budget) -> bool:
    """``in``: an element of an array, a key of a map. False for nil."""
    if haystack is None:
        return False
    kind = type(haystack)
    if kind is dict:
        return map_key(needle) in haystack
    needle = dereferenced(needle)
    if kind is AnyMap:
        return haystack.get(needle) is not None
    if kind is range and type(needle) in (int, float):
        return math.isfinite(needle) and int(needle) == needle and int(needle) in haystack
    found = elements(haystack)
    if found is not None:
        budget.steps(_COST * len(found))
        return any(equal(each, needle, budget) for each in found)
    if type(dereferenced(haystack)) in (Time, LocationCopy) and type(needle) is str:
        return False
    raise RuntimeFault(f'operator "in" not defined on {type_name(haystack)}')


def map_key(key: Value) -> str:
    """The key as one of a ``map[string]any``: nil is the empty string. Raises RuntimeFault."""
    if key is None:
        return ""
    if type(key) is str:
        return key
    raise RuntimeFault(f"value of type {type_name(key)} is not assignable to type string")


Operation = Callable[[Value, Value], Value]

BINARY: Final[dict[str, Operation]] = {
    "<": less,
    ">": more,
    "<=": less_or_equal,
    ">=": more_or_equal,
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "**": exponent,
    "^": exponent,
    "contains": contains,
    "startsWith": starts_with,
    "endsWith": ends_with,
}
"""Those that need nothing but the two values."""
