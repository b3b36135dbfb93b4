"""Builtins on strings."""

from pullsecret.expressions.builtins.signature import Budget, Builtin, overload
from pullsecret.expressions.types import STRING
from pullsecret.expressions.values import RuntimeFault, Value, type_name


def as_string(value: Value) -> str:
    """The value if it is a string. Raises RuntimeFault."""
    if type(value) is str:
        return value
    raise RuntimeFault(f"interface conversion: interface {{}} is {type_name(value)}, not string")


def _upper(budget: Budget, text: Value) -> str:
    return as_string(text).upper()


BUILTINS = (Builtin("upper", _upper, overloads=(overload(STRING, result=STRING),)),)
