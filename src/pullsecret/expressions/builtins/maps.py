"""Builtins on maps, and ``get``."""

from collections.abc import Iterable, Sequence
from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.access import element
from pullsecret.expressions.builtins.arrays import kind_of, one_argument
from pullsecret.expressions.builtins.methods import method_of
from pullsecret.expressions.builtins.signature import Budget, Builtin, Refused, Validate
from pullsecret.expressions.numbers import to_int
from pullsecret.expressions.operators import map_key
from pullsecret.expressions.types import GoType, Kind
from pullsecret.expressions.values import (
    AnyMap,
    LocationCopy,
    Pair,
    Pairs,
    RuntimeFault,
    Time,
    Value,
    dereferenced,
    elements,
    type_name,
)


def _one(complaint: str, kinds: frozenset[Kind], result: GoType) -> Validate:
    def validate(arguments: Sequence[GoType | None]) -> GoType:
        argument = one_argument(arguments)
        if kind_of(argument) not in kinds:
            raise Refused(f"{complaint} {argument.name if argument else 'nil'}")
        return result

    return validate


_MAP: Final = frozenset({Kind.INTERFACE, Kind.MAP})
_ARRAY: Final = frozenset({Kind.INTERFACE, Kind.SLICE, Kind.ARRAY})


def _entries(value: Value, complaint: str) -> Iterable[tuple[Value, Value]]:
    if type(value) is dict or type(value) is AnyMap:
        return value.items()
    raise RuntimeFault(f"{complaint} {type_name(value)}")


def _keys(budget: Budget, value: Value) -> list[Value]:
    return [key for key, _ in _entries(value, "cannot get keys from")]


def _values(budget: Budget, value: Value) -> list[Value]:
    return [each for _, each in _entries(value, "cannot get values from")]


def _to_pairs(budget: Budget, value: Value) -> Pairs:
    return Pairs(Pair(entry) for entry in _entries(value, "cannot transform to pairs"))


def _from_pairs(budget: Budget, value: Value) -> AnyMap:
    found = elements(value)
    if found is None:
        raise RuntimeFault(f"cannot transform {type_name(value)} from pairs")
    budget.memory(len(found))
    made = AnyMap(types.ANY_MAP)
    for each in found:
        pair = elements(each)
        if pair is None or len(pair) != 2:
            raise RuntimeFault("every pair must be an array of two")
        made.set(pair[0], pair[1])
    return made


def _get(budget: Budget, base: Value, key: Value) -> Value:
    """Like an index, but nil for what is not there, also for what can have no members."""
    base, key = dereferenced(base), dereferenced(key)
    if type(base) is dict:
        return base.get(map_key(key))
    if type(base) is AnyMap:
        found = base.get(key)
        return found[1] if found else None
    if type(key) is str and (method := method_of(base, key)) is not None:
        return method
    if type(base) in _FIELDS:
        return _field(base, key)
    if type(base) is not str and elements(base) is None:
        return None
    to_int(key)
    try:
        return element(base, key)
    except RuntimeFault:
        return None


_FIELDS: Final = {
    Time: frozenset({"wall", "ext", "loc"}),
    LocationCopy: frozenset({"name", "zone", "tx", "extend", "cacheStart", "cacheEnd", "cacheZone"}),
}
"""Of a Go struct: those of ``time`` all keep their fields to themselves."""


def _field(base: Value, key: Value) -> None:
    if type(key) is not str:
        raise RuntimeFault(f"a field is named by a string, not by {type_name(key)}")
    if key in _FIELDS[type(base)]:
        raise RuntimeFault(f"{type_name(base)} keeps its field {key} to itself")


BUILTINS: Final = (
    Builtin("keys", _keys, validate=_one("cannot get keys from", _MAP, types.ANYS)),
    Builtin("values", _values, validate=_one("cannot get values from", _MAP, types.ANYS)),
    Builtin("toPairs", _to_pairs, validate=_one("cannot transform to pairs", _MAP, types.ANYS)),
    Builtin("fromPairs", _from_pairs, validate=_one("cannot transform from pairs", _ARRAY, types.ANY_MAP)),
    # The checker knows more about the result of get than its type: see there.
    Builtin("get", _get),
)
