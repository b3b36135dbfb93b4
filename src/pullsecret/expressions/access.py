"""Reaching into values: members, indices, slices; and what of the outside may become a value."""

from collections.abc import Mapping
from typing import Any, Final

from pullsecret.expressions import types
from pullsecret.expressions.builtins.methods import method_of
from pullsecret.expressions.numbers import to_int
from pullsecret.expressions.operators import map_key
from pullsecret.expressions.values import (
    NIL_ANYS,
    AnyMap,
    Ints,
    NilSlice,
    Pair,
    Pairs,
    RuntimeFault,
    Strings,
    TypedInt,
    Value,
    bytes_of,
    elements,
    text_of,
    type_name,
)

MAX_DEPTH: Final = 100
"""How deep arrays and maps of an environment may lie in each other."""
SCALARS: Final = frozenset({str, float, bool, type(None)})
"""Types of an environment whose values are values of the language as they are."""


def fetched(base: Value, key: Value) -> Value:
    """``base[key]`` and ``base.key``. Raises RuntimeFault."""
    if type(base) is dict:
        return base.get(map_key(key))
    if base is None:
        raise RuntimeFault(f"cannot fetch {_shown(key)} from nil")
    if type(key) is str:
        method = method_of(base, key)
        if method is not None:
            return method
    if type(base) is AnyMap:
        found = base.get(key)
        return found[1] if found else (NIL_ANYS if base.type is types.GROUPS else None)
    return element(base, key)


def element(base: Value, key: Value) -> Value:
    """An element of an array, or a byte of a string. Raises RuntimeFault."""
    array = bytes_of(base) if type(base) is str else base if type(base) is bytes else elements(base)
    if array is None:
        raise RuntimeFault(f"cannot fetch {_shown(key)} from {type_name(base)}")
    index = to_int(key)
    length = len(array)
    position = index + length if index < 0 else index
    if not 0 <= position < length:
        raise RuntimeFault(f"index out of range: {index} (array length is {length})")
    found = array[position]
    return TypedInt(types.UINT8, found) if type(array) is bytes else found


def _shown(key: Value) -> str:
    return key if type(key) is str else str(key) if type(key) in (int, float) else type_name(key)


def length(value: Value) -> int:
    """What a slice without an end ends at: bytes of a string. Raises RuntimeFault."""
    if type(value) is str:
        return len(value) if value.isascii() else len(bytes_of(value))
    if type(value) in (dict, AnyMap):
        return len(value)
    array = elements(value)
    if array is None:
        raise RuntimeFault(f"invalid argument for len (type {type_name(value)})")
    return len(array)


def sliced(value: Value, first: Value, last: Value) -> Value:
    """``value[first:last]``: bounds beyond the ends are the ends. Raises RuntimeFault."""
    kind = type(value)
    if kind is not str and elements(value) is None:
        raise RuntimeFault(f"cannot slice {type_name(value)}")
    start, end = to_int(first), to_int(last)
    size = length(value)
    start = max(start + size if start < 0 else start, 0)
    end = min(max(end + size if end < 0 else end, 0), size)
    start = min(start, end)
    if kind is str:
        return value[start:end] if value.isascii() else text_of(bytes_of(value)[start:end])
    if kind is Ints or kind is Strings or kind is Pairs:
        return kind(value[start:end])
    if kind is NilSlice:
        return value
    return list(value[start:end]) if kind is Pair else value[start:end]


def admitted(value: Any, depth: int = 0) -> Value:
    """A value of the environment as the language sees it. Raises RuntimeFault on what no JSON document holds.

    Numbers are ``float64`` as in every decoded JSON document, so integers become floats.
    """
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is int:
        return _admitted_int(value)
    if depth >= MAX_DEPTH:
        raise RuntimeFault(f"nested more than {MAX_DEPTH} levels deep")
    if kind is list or kind is tuple:
        return [admitted(each, depth + 1) for each in value]
    if isinstance(value, Mapping):
        return _admitted_map(value, depth)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return _admitted_int(int(value))
    if isinstance(value, list | tuple):
        return [admitted(each, depth + 1) for each in value]
    raise RuntimeFault(f"not a value that an expression may read: {kind.__name__}")


def _admitted_int(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise RuntimeFault("integer of the environment is out of range") from None


def _admitted_map(value: Mapping[Any, Any], depth: int) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for key, each in value.items():
        if not isinstance(key, str):
            raise RuntimeFault(f"a key of a map must be a string, not {type(key).__name__}")
        made[str(key)] = admitted(each, depth + 1)
    return made
