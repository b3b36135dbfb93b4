"""``type``."""

from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.builtins.signature import Budget, Builtin, overload
from pullsecret.expressions.types import Kind
from pullsecret.expressions.values import Value, type_of

_NAMES: Final = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.INT32: "int",
    Kind.INT64: "int",
    Kind.UINT8: "uint",
    Kind.FLOAT64: "float",
    Kind.STRING: "string",
    Kind.SLICE: "array",
    Kind.ARRAY: "array",
    Kind.MAP: "map",
    Kind.FUNC: "func",
}


def _type(budget: Budget, value: Value) -> str:
    go_type = type_of(value)
    if go_type is None:
        return "nil"
    if go_type.kind is Kind.POINTER and go_type.elem:
        go_type = go_type.elem
    return go_type.name if go_type.package else _NAMES[go_type.kind]


BUILTINS: Final = (Builtin("type", _type, overloads=(overload(types.ANY, result=types.STRING),)),)
