"""Methods of values: what ``date(...).Year()`` calls."""

from collections.abc import Callable

from pullsecret.expressions.builtins.dates import METHODS
from pullsecret.expressions.builtins.signature import Method
from pullsecret.expressions.values import Function, Value, type_of


def method_of(receiver: Value, name: str) -> Function | None:
    """The method bound to its receiver; None if its type has no such method."""
    go_type = type_of(receiver)
    if go_type is None or not (found := METHODS.get(go_type)):
        return None
    method = found.get(name)
    return None if method is None else Function(method.signature, _bound(method, receiver))


def _bound(method: Method, receiver: Value) -> Callable[..., Value]:
    body = method.body
    return lambda budget, *arguments: body(budget, receiver, *arguments)
