"""Methods of values: what ``date(...).Year()`` calls."""

from functools import partial

from pullsecret.expressions.budget import Budget
from pullsecret.expressions.builtins.dates import METHODS
from pullsecret.expressions.values import Function, Value, type_of


def method_of(receiver: Value, name: str) -> Function | None:
    """The method bound to its receiver; None if its type has no such method."""
    go_type = type_of(receiver)
    if go_type is None or not (found := METHODS.get(go_type)):
        return None
    method = found.get(name)
    return None if method is None else Function(method.signature, partial(method.body, Budget(), receiver))
