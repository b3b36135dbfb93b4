"""Constants are worked out when an expression is compiled, and with them their errors."""

import operator
from collections.abc import Callable
from typing import Final

import attrs

from pullsecret.expressions import ast, natures, numbers
from pullsecret.expressions.ast import Node
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.natures import UNKNOWN
from pullsecret.expressions.rewriting import Natures, rewritten
from pullsecret.expressions.values import RuntimeFault, Value, wrapped

_MOST_ROUNDS: Final = 1000
_FOLDABLE: Final = frozenset({int, float, str, bool})


def folded(root: Node, known: Natures, source: str) -> Node:
    """The tree with its constants worked out. Raises CompileError on a remainder by zero."""
    for _ in range(_MOST_ROUNDS):
        folding = _Folding(source)
        root = rewritten(root, folding.rule, known)
        if not folding.applied:
            break
    return root


class _Folding:
    """One round."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.applied = False

    def rule(self, node: Node, known: Natures) -> Node | None:
        """See ``rewritten``."""
        new: Node | None = None
        if isinstance(node, ast.Unary):
            new = _unary(node, known)
        elif isinstance(node, ast.Binary):
            new = self._binary(node, known)
        elif isinstance(node, ast.Array):
            new = _array(node, known)
        elif isinstance(node, ast.BuiltinCall):
            new = _nested_filter(node)
        self.applied = self.applied or new is not None
        return new

    def _binary(self, node: ast.Binary, known: Natures) -> Node | None:
        if node.operator in ("and", "&&"):
            return _logical(node, known, neutral=True)
        if node.operator in ("or", "||"):
            return _logical(node, known, neutral=False)
        if not isinstance(node.left, ast.Literal) or not isinstance(node.right, ast.Literal):
            return None
        try:
            value = _constant(node.operator, node.left.value, node.right.value)
        except RuntimeFault as fault:
            raise CompileError(fault.message, self._source, node.start, node.end) from None
        return None if value is None else _literal(value, node, known)


def _literal(value: Value, node: Node, known: Natures) -> Node:
    made = ast.Literal(value, start=node.start, end=node.end)
    known[made] = _NATURES[type(value)]
    return made


_NATURES: Final = {
    bool: natures.BOOL,
    int: natures.INT,
    float: natures.FLOAT,
    str: natures.STRING,
    list: natures.ANYS,
}


def _unary(node: ast.Unary, known: Natures) -> Node | None:
    if not isinstance(node.operand, ast.Literal):
        return None
    value = node.operand.value
    if node.operator in ("!", "not"):
        return _literal(not value, node, known) if type(value) is bool else None
    if type(value) not in (int, float):
        return None
    return _literal(numbers.negated(value) if node.operator == "-" else value, node, known)


def _logical(node: ast.Binary, known: Natures, *, neutral: bool) -> Node | None:
    left, right = _bool(node.left), _bool(node.right)
    if left is neutral:
        return _as(node.right, node, known)
    if right is neutral:
        return _as(node.left, node, known)
    if left is None and right is None:
        return None
    return _literal(not neutral, node, known)


def _bool(node: Node) -> bool | None:
    return node.value if isinstance(node, ast.Literal) and type(node.value) is bool else None


def _as(node: Node, replaced: Node, known: Natures) -> Node:
    """A copy of the node that has the nature of what it replaces."""
    made = attrs.evolve(node)
    known[made] = known.get(replaced, UNKNOWN)
    return made


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": numbers.divided,
    "**": numbers.power,
    "^": numbers.power,
}


def _constant(symbol: str, left: Value, right: Value) -> Value:
    """The value of an operation on constants; None if it is left for later."""
    kinds = {type(left), type(right)}
    if symbol == "==":
        return left == right if len(kinds) == 1 and kinds <= {int, str, bool} else None
    if kinds == {str}:
        return left + right if symbol == "+" else None
    if not kinds <= {int, float}:
        return None
    if symbol == "%":
        return numbers.remainder(left, right) if kinds == {int} else None
    operation = _ARITHMETIC.get(symbol)
    if operation is None:
        return None
    if kinds == {int} and symbol in ("+", "-", "*"):
        return wrapped(int(operation(left, right)))
    return operation(float(left), float(right))


def _array(node: ast.Array, known: Natures) -> Node | None:
    values: list[Value] = []
    for each in node.nodes:
        if not isinstance(each, ast.Literal) or type(each.value) not in _FOLDABLE:
            return None
        values.append(each.value)
    return _literal(values, node, known) if values else None


def _nested_filter(node: ast.BuiltinCall) -> Node | None:
    inner = node.arguments[0] if node.arguments else None
    if node.name != "filter" or not isinstance(inner, ast.BuiltinCall) or inner.name != "filter":
        return None
    return attrs.evolve(node, arguments=(inner.arguments[0], both("&&", inner, node)))


def both(symbol: str, first: ast.BuiltinCall, second: ast.BuiltinCall) -> ast.Predicate:
    """One predicate out of those of two calls."""
    one, other = first.arguments[1], second.arguments[1]
    if not isinstance(one, ast.Predicate) or not isinstance(other, ast.Predicate):
        raise TypeError("a call without a predicate")
    start, end = other.body.start, other.body.end
    return ast.Predicate(ast.Binary(symbol, one.body, other.body, start=start, end=end), start=start, end=end)
