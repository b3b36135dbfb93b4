"""What an expression reads of the environment, for people who want to know why."""

from collections.abc import Mapping
from typing import Any

from pullsecret.expressions import ast
from pullsecret.expressions.ast import Node
from pullsecret.expressions.rewriting import parts


def operands(root: Node, source: str, environment: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all paths (``spec.provider``, ``tags[0]``) by their text; what is not there is None."""
    found: dict[str, Any] = {}
    pending = [(root, frozenset[str]())]
    while pending:
        node, variables = pending.pop()
        keys = _path(node)
        if keys is not None:
            if keys[0] not in variables:
                found[source[node.start : node.end]] = _read(environment, keys)
            continue
        # A method's name is no member.
        below = parts(node) if not isinstance(node, ast.Call) else _receiver_and_arguments(node)
        if isinstance(node, ast.Declaration):
            pending.append((node.body, variables | {node.name}))
            below = [node.value]
        pending.extend((each, variables) for each in reversed(below))
    return found


def _receiver_and_arguments(call: ast.Call) -> list[Node]:
    return [*parts(call.callee)[:1], *call.arguments]


def _path(node: Node) -> list[Any] | None:
    keys: list[Any] = []
    while True:
        if isinstance(node, ast.Chain):
            node = node.inner
        elif isinstance(node, ast.Member) and isinstance(node.key, ast.Literal):
            keys.append(node.key.value)
            node = node.base
        elif isinstance(node, ast.Identifier):
            keys.append(node.name)
            return keys[::-1]
        else:
            return None


def _read(environment: Any, keys: list[Any]) -> Any:
    value = environment
    for position, key in enumerate(keys):
        if position == 0 and key == ast.ENVIRONMENT:
            continue
        try:
            value = value[key] if isinstance(value, Mapping | list | tuple) else None
        except (KeyError, IndexError, TypeError):
            return None
    return value
