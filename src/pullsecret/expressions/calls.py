"""Code of calls."""

import inspect
from collections.abc import Sequence
from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.builtins.signature import Builtin
from pullsecret.expressions.code import Code, Place
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.types import GoType
from pullsecret.expressions.values import (
    AnyMap,
    Duration,
    Function,
    Ints,
    Pairs,
    RuntimeFault,
    Strings,
    Value,
    type_name,
    type_of,
)

_AT_ONCE: Final = frozenset({"len", "first", "last", "get", "type", "now"})
"""Builtins that do not look at every element of an array."""
LONG: Final = 1024
"""From this length on, an operation on a string costs steps."""
_ZEROS: Final[dict[GoType, Value]] = {
    types.STRING: "",
    types.INT: 0,
    types.FLOAT64: 0.0,
    types.BOOL: False,
    types.DURATION: Duration(0),
}


def builtin_call(builtin: Builtin, arguments: Sequence[Code], place: Place) -> Code:
    """A call of a builtin without a predicate."""
    body = builtin.body
    free = builtin.name in _AT_ONCE

    def run(frame: Frame) -> Value:
        values = [each(frame) for each in arguments]
        try:
            for value in values:
                if not free or type(value) is str:
                    pay_for_looking(frame, value)
            return body(frame, *values)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def unchecked_call(builtin: Builtin, arguments: Sequence[Code], place: Place) -> Code:
    """A call of a builtin whose number of arguments nobody has looked at.

    Those that are too many are evaluated and left, where the engine does not count them.
    """
    if _takes(builtin, len(arguments)):
        return builtin_call(builtin, arguments, place)
    used = arguments[_USED.get(builtin.name, slice(None))]
    known = builtin_call(builtin, used, place) if _takes(builtin, len(used)) else None

    def run(frame: Frame) -> Value:
        if known is None:
            raise place.error(RuntimeFault(f"wrong number of arguments: {len(arguments)}"))
        for each in arguments:
            if each not in used:
                each(frame)
        return known(frame)

    return run


_USED: Final[dict[str, slice]] = {
    **dict.fromkeys(
        ("len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "upper", "lower"),
        slice(-1, None),
    ),
    **dict.fromkeys(("trimPrefix", "trimSuffix", "join", "toJSON", "fromJSON", "toBase64"), slice(1)),
    **dict.fromkeys(("fromBase64", "duration", "timezone", "first", "last"), slice(1)),
    **dict.fromkeys(("repeat", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "get"), slice(2)),
}
"""The arguments that the engine takes when there are more than it needs."""


def _takes(builtin: Builtin, count: int) -> bool:
    try:
        inspect.signature(builtin.body).bind(None, *range(count))
    except TypeError:
        return False
    return True


def pay_for_looking(frame: Frame, value: Value) -> None:
    """Pays for work that looks at all of a value. Raises RuntimeFault."""
    kind = type(value)
    if (kind is str or kind is bytes) and len(value) > LONG:
        frame.steps(len(value) >> 8)
    elif kind is list or kind is range or kind is dict:
        frame.steps(len(value) >> 1)
    elif kind is AnyMap or kind is Strings or kind is Pairs or kind is Ints:
        frame.steps(len(value))


def call(callee: Code, arguments: Sequence[Code], place: Place) -> Code:
    """A call of a method, or of what is no function. Arguments are evaluated first, as in the engine."""

    def run(frame: Frame) -> Value:
        values = [each(frame) for each in arguments]
        function = callee(frame)
        try:
            return called(frame, function, values)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def called(frame: Frame, function: Value, values: Sequence[Value]) -> Value:
    """The result of a call. Raises RuntimeFault."""
    if function is None:
        raise RuntimeFault("cannot call nil")
    if type(function) is not Function:
        raise RuntimeFault(f"cannot call {type_name(function)}")
    parameters = function.signature.parameters
    if len(values) != len(parameters):
        raise RuntimeFault(f"expected {len(parameters)} arguments, got {len(values)}")
    passed = [_passed(value, wanted) for value, wanted in zip(values, parameters, strict=True)]
    return function.call(frame, *passed)


def _passed(value: Value, wanted: GoType) -> Value:
    if value is None and wanted in _ZEROS:
        return _ZEROS[wanted]
    if wanted is types.ANY or type_of(value) is wanted:
        return value
    raise RuntimeFault(f"cannot use {type_name(value)} as {wanted.name}")
