"""Sums that need no loop."""

from typing import Final

import attrs

from pullsecret.expressions import ast, natures
from pullsecret.expressions.ast import Node
from pullsecret.expressions.rewriting import Natures
from pullsecret.expressions.values import wrapped

_LONGEST: Final = 50
"""Elements of an array whose sum becomes operators in each other."""


def _integer(node: Node | None) -> int | None:
    return node.value if isinstance(node, ast.Literal) and type(node.value) is int else None


def _is_pointer(node: Node, name: str = "") -> bool:
    return isinstance(node, ast.Pointer) and node.name == name


def _body(node: Node) -> Node | None:
    return node.body if isinstance(node, ast.Predicate) else None


def sum_of_range(node: Node, known: Natures) -> Node | None:
    """``sum(1..9)``, ``sum(1..9, # * 2)``, ``reduce(1..9, # + #acc)`` are constants."""
    if not isinstance(node, ast.BuiltinCall) or node.name not in ("sum", "reduce"):
        return None
    ends = node.arguments[0]
    if not isinstance(ends, ast.Binary) or ends.operator != "..":
        return None
    first, last = _integer(ends.left), _integer(ends.right)
    if first is None or last is None or last < first:
        return None
    count = wrapped(wrapped(last - first) + 1)
    total = _half(wrapped(count * wrapped(first + last)))
    value = _sum(node, count, total) if node.name == "sum" else _reduction(node, total)
    if value is None:
        return None
    made = ast.Literal(value, start=node.start, end=node.end)
    known[made] = natures.INT
    return made


def _half(number: int) -> int:
    return -(-number // 2) if number < 0 else number // 2


def _sum(node: ast.BuiltinCall, count: int, total: int) -> int | None:
    if len(node.arguments) == 1:
        return total
    body = _body(node.arguments[1])
    if body is None or _is_pointer(body):
        return total if body is not None else None
    if not isinstance(body, ast.Binary):
        return None
    left_is_element = _is_pointer(body.left) and _integer(body.right) is not None
    if not left_is_element and not _is_pointer(body.right):
        return None
    constant = _integer(body.right if left_is_element else body.left)
    if constant is None:
        return None
    if body.operator == "*":
        return wrapped(constant * total)
    if body.operator == "+":
        return wrapped(total + wrapped(count * constant))
    if body.operator == "-":
        all_constants = wrapped(count * constant)
        return wrapped(total - all_constants) if left_is_element else wrapped(all_constants - total)
    return None


def _reduction(node: ast.BuiltinCall, total: int) -> int | None:
    body = _body(node.arguments[1])
    if not isinstance(body, ast.Binary) or body.operator != "+":
        return None
    sides = (body.left, body.right)
    if not any(_is_pointer(a) and _is_pointer(b, "acc") for a, b in (sides, sides[::-1])):
        return None
    if len(node.arguments) == 2:
        return total
    initial = _integer(node.arguments[2])
    return None if initial is None else wrapped(initial + total)


def sum_of_array(node: Node, known: Natures) -> Node | None:
    """``sum([a, b, c])`` is ``a + (b + c)``."""
    if not isinstance(node, ast.BuiltinCall) or node.name != "sum" or len(node.arguments) != 1:
        return None
    array = node.arguments[0]
    if not isinstance(array, ast.Array) or not 2 <= len(array.nodes) <= _LONGEST:
        return None
    *before, total = array.nodes
    for each in reversed(before):
        total = ast.Binary("+", each, total, start=node.start, end=node.end)
    return attrs.evolve(total)
