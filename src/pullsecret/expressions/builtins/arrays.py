"""Builtins on arrays."""

from collections.abc import Sequence
from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.access import fetched, length, sliced
from pullsecret.expressions.builtins.signature import Body, Budget, Builtin, Refused, Validate, overload
from pullsecret.expressions.numbers import number
from pullsecret.expressions.operators import equal
from pullsecret.expressions.sorting import sorted_by
from pullsecret.expressions.types import GoType, Kind
from pullsecret.expressions.values import (
    NIL_ANYS,
    Duration,
    Ints,
    NilSlice,
    RuntimeFault,
    Strings,
    TypedInt,
    Value,
    elements,
    identity,
    type_name,
)

_NESTED: Final = 8
"""Steps that opening an array inside of an array costs."""
_ARRAYS: Final = frozenset({Kind.INTERFACE, Kind.SLICE, Kind.ARRAY})


def kind_of(argument: GoType | None) -> Kind | None:
    """Kind of an argument's type, through a pointer; None for the literal nil."""
    if argument is not None and argument.kind is Kind.POINTER and argument.elem is not None:
        return argument.elem.kind
    return argument.kind if argument else None


def one_argument(arguments: Sequence[GoType | None]) -> GoType | None:
    """The only argument. Raises Refused if there are none or more."""
    if len(arguments) != 1:
        raise Refused(f"invalid number of arguments (expected 1, got {len(arguments)})")
    return arguments[0]


def _array_argument(complaint: str, result: GoType | None) -> Validate:
    """One argument that is an array; without ``result``, the result is of the type of its elements."""

    def validate(arguments: Sequence[GoType | None]) -> GoType:
        argument = one_argument(arguments)
        if argument is None or kind_of(argument) not in _ARRAYS:
            raise Refused(f"{complaint} {_named(argument)}")
        return result or argument.elem or types.ANY

    return validate


def _named(argument: GoType | None) -> str:
    return argument.name if argument else "nil"


def _len_validate(arguments: Sequence[GoType | None]) -> GoType:
    argument = one_argument(arguments)
    if kind_of(argument) not in _ARRAYS | {Kind.MAP, Kind.STRING}:
        raise Refused(f"invalid argument for len (type {_named(argument)})")
    return types.INT


def _len(budget: Budget, value: Value) -> int:
    if type(value) is str:
        return len(value)
    return length(value)


def _array(value: Value, complaint: str) -> Sequence[Value]:
    found = elements(value)
    if found is None:
        raise RuntimeFault(f"{complaint} {type_name(value)}")
    return found


def _end(index: int) -> Body:
    """What an index at an end gives; nil wherever that would be an error."""

    def body(budget: Budget, value: Value = None) -> Value:
        try:
            return fetched(value, index)
        except RuntimeFault:
            return None

    return body


def _take_validate(arguments: Sequence[GoType | None]) -> GoType:
    if len(arguments) != 2:
        raise Refused(f"invalid number of arguments (expected 2, got {len(arguments)})")
    array, count = arguments
    if array is None or kind_of(array) not in _ARRAYS:
        raise Refused(f"cannot take from {_named(array)}")
    if kind_of(count) not in (Kind.INTERFACE, Kind.INT, Kind.INT32, Kind.INT64):
        raise Refused(f"cannot take {_named(count)} elements")
    return array


def _take(budget: Budget, value: Value, count: Value) -> Value:
    size = len(_array(value, "cannot take from"))
    wanted = _signed(count)
    if wanted < 0:
        raise RuntimeFault(f"cannot take {wanted} elements")
    return sliced(value, 0, min(wanted, size))


def _signed(count: Value) -> int:
    if type(count) is int:
        return count
    if type(count) is TypedInt and count.type is not types.UINT8:
        return count.value
    if type(count) is Duration:
        return count.nanoseconds
    raise RuntimeFault(f"cannot take {type_name(count)} elements")


def _reverse(budget: Budget, value: Value) -> list[Value]:
    found = _array(value, "cannot reverse")
    budget.memory(len(found))
    return list(reversed(found))


def _uniq(budget: Budget, value: Value) -> list[Value]:
    kept: list[Value] = []
    seen: set[object] = set()
    others: list[Value] = []
    for each in _array(value, "cannot uniq"):
        plain = number(each)
        if plain is not None and plain != plain:
            kept.append(each)
        elif plain is not None or type(each) in (str, bool):
            key = (float, float(plain)) if plain is not None else identity(each)
            if key not in seen:
                seen.add(key)
                kept.append(each)
        else:
            budget.steps(len(others) + 1)
            if not any(equal(other, each, budget) for other in others):
                others.append(each)
                kept.append(each)
    return kept


def _concat_validate(arguments: Sequence[GoType | None]) -> GoType:
    if not arguments:
        raise Refused("invalid number of arguments (expected at least 1, got 0)")
    for each in arguments:
        if kind_of(each) not in _ARRAYS:
            raise Refused(f"cannot concat {_named(each)}")
    return types.ANYS


def _concat(budget: Budget, first: Value, *others: Value) -> Value:
    made: list[Value] = []
    for each in (first, *others):
        found = _array(each, "cannot concat")
        budget.memory(len(found))
        made.extend(found)
    return made or NIL_ANYS


def _flatten(budget: Budget, value: Value) -> list[Value]:
    made: list[Value] = []
    pending = [iter(_array(value, "cannot flatten"))]
    while pending:
        for each in pending[-1]:
            nested = elements(each)
            budget.steps(1 if nested is None else _NESTED)
            if nested is not None:
                pending.append(iter(nested))
                break
            budget.memory(1)
            made.append(each)
        else:
            pending.pop()
    return made


def _sort(budget: Budget, value: Value, order: Value = "asc") -> Value:
    if type(order) is not str or order not in ("asc", "desc"):
        raise RuntimeFault('the order must be "asc" or "desc"')
    if type(value) is NilSlice:
        return []
    if type(value) not in (list, range, Ints, Strings):
        # The engine sorts nothing else, and says so by giving nothing back.
        return NIL_ANYS
    budget.memory(len(value))
    return sorted_by(value, value, order == "desc", budget)


_SORTABLE: Final = (types.ANYS, types.INTS, types.FLOATS, types.STRINGS)

BUILTINS: Final = (
    Builtin("len", _len, validate=_len_validate),
    Builtin("first", _end(0), validate=_array_argument("cannot get first element from", None)),
    Builtin("last", _end(-1), validate=_array_argument("cannot get last element from", None)),
    Builtin("take", _take, validate=_take_validate),
    Builtin("reverse", _reverse, validate=_array_argument("cannot reverse", types.ANYS)),
    Builtin("uniq", _uniq, validate=_array_argument("cannot uniq", types.ANYS)),
    Builtin("concat", _concat, validate=_concat_validate),
    Builtin("flatten", _flatten, validate=_array_argument("cannot flatten", types.ANYS)),
    Builtin(
        "sort",
        _sort,
        overloads=(
            *(overload(each, types.STRING, result=types.ANYS) for each in _SORTABLE),
            *(overload(each, result=types.ANYS) for each in _SORTABLE),
        ),
    ),
)
