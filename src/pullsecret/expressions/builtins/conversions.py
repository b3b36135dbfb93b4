"""Conversions between numbers, and of text to numbers: the builtins ``int``, ``float`` and ``string``."""

import math
import re
from collections.abc import Sequence
from typing import Final

from pullsecret.expressions.builtins.go_format import format_value
from pullsecret.expressions.builtins.signature import Budget, Builtin, Refused, Validate, overload
from pullsecret.expressions.numbers import to_float, to_int
from pullsecret.expressions.types import ANY, FLOAT64, INT, STRING, GoType, Kind
from pullsecret.expressions.values import Duration, RuntimeFault, TypedInt, Value, wrapped

_INT_TEXT: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMALS: Final = "[0-9](?:_?[0-9])*"
_HEX_DIGITS: Final = "[0-9a-f](?:_?[0-9a-f])*"
_DECIMAL_TEXT: Final = re.compile(
    rf"[+-]?(?:{_DECIMALS}(?:\.(?:{_DECIMALS})?)?|\.{_DECIMALS})(?:e[+-]?{_DECIMALS})?", re.I | re.ASCII
)
_HEX_TEXT: Final = re.compile(
    rf"[+-]?0x(?:_?{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})p[+-]?{_DECIMALS}", re.I | re.ASCII
)
_SPECIAL_TEXT: Final = re.compile(r"nan|[+-]?inf(?:inity)?", re.I | re.ASCII)
_INT_DIGITS: Final = 4000
"""Python refuses to read longer integers; none of them fits into 64 bits unless it is all zeros."""


def _int(budget: Budget, value: Value) -> int:
    kind = type(value)
    if kind is str:
        if _INT_TEXT.fullmatch(value) and len(value) < _INT_DIGITS:
            number = int(value)
            if wrapped(number) == number:
                return number
        raise RuntimeFault("invalid operation: int() of a string that is no integer")
    if kind is TypedInt:
        return wrapped(value.value)
    if kind is Duration:
        return int(value.nanoseconds)
    return to_int(value)


def _float(budget: Budget, value: Value) -> float:
    if type(value) is str:
        number = parse_float(value)
        if number is None:
            raise RuntimeFault("invalid operation: float() of a string that is no number")
        return number
    return to_float(value)


def parse_float(text: str) -> float | None:
    """The number a text stands for; None if it is none or too large for a ``float64``."""
    if _SPECIAL_TEXT.fullmatch(text):
        return float(text)
    plain = text.replace("_", "")
    try:
        if _DECIMAL_TEXT.fullmatch(text):
            number = float(plain)
        elif _HEX_TEXT.fullmatch(text):
            number = float.fromhex(plain)
        else:
            return None
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _string(budget: Budget, value: Value) -> str:
    return format_value(value, budget)


def one_number(name: str, result: GoType | None, *, text: bool = False) -> Validate:
    """Accepts one argument: a number, or what is only known when it runs, with ``text`` also a string.

    ``result`` None: of the argument's type.
    """

    def validate(arguments: Sequence[GoType | None]) -> GoType:
        if len(arguments) != 1:
            raise Refused(f"invalid number of arguments (expected 1, got {len(arguments)})")
        given = arguments[0]
        if given is None or not (
            _of_number_kind(given) or given is ANY or (text and given.kind is Kind.STRING)
        ):
            raise Refused(f"invalid argument for {name} (type {given.name if given else 'nil'})")
        return given if result is None else result

    return validate


def _of_number_kind(given: GoType) -> bool:
    """True also for ``time.Duration`` and other declared types that are numbers underneath."""
    return given.kind in (Kind.INT, Kind.INT32, Kind.INT64, Kind.UINT8, Kind.FLOAT64)


BUILTINS: Final = (
    Builtin("int", _int, validate=one_number("int", INT, text=True)),
    Builtin("float", _float, validate=one_number("float", FLOAT64, text=True)),
    Builtin("string", _string, overloads=(overload(ANY, result=STRING),)),
)
