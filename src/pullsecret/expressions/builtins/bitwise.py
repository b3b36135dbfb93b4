"""Builtins on the bits of integers."""

from collections.abc import Callable
from typing import Final

from pullsecret.expressions.builtins.signature import Budget, Builtin, overload
from pullsecret.expressions.types import INT
from pullsecret.expressions.values import RuntimeFault, TypedInt, Value, type_name, wrapped

_WORD: Final = 64


def _integer(value: Value, name: str) -> int:
    if type(value) is int:
        return int(value)
    if type(value) is TypedInt and value.type.is_integer:
        return wrapped(value.value)
    raise RuntimeFault(f"cannot use {type_name(value)} as argument (type int) to call {name}")


def _of_two(name: str, operation: Callable[[int, int], int]) -> Builtin:
    def body(budget: Budget, left: Value, right: Value) -> int:
        return wrapped(operation(_integer(left, name), _integer(right, name)))

    return Builtin(name, body, overloads=(overload(INT, INT, result=INT),))


def _shift(name: str, operation: Callable[[int, int], int]) -> Builtin:
    def by(number: int, count: int) -> int:
        if count < 0:
            raise RuntimeFault(f"invalid operation: negative shift count {count} (type int)")
        return operation(number, min(count, _WORD))

    return _of_two(name, by)


def _not(budget: Budget, value: Value) -> int:
    return ~_integer(value, "bitnot")


BUILTINS: Final = (
    _of_two("bitand", lambda left, right: left & right),
    _of_two("bitor", lambda left, right: left | right),
    _of_two("bitxor", lambda left, right: left ^ right),
    _of_two("bitnand", lambda left, right: left & ~right),
    _shift("bitshl", lambda number, count: number << count),
    _shift("bitshr", lambda number, count: number >> count),
    _shift("bitushr", lambda number, count: (number & 0xFFFFFFFFFFFFFFFF) >> count),
    Builtin("bitnot", _not, overloads=(overload(INT, result=INT),)),
)
