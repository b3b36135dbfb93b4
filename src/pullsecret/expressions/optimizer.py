"""The engine's optimisations that can be seen from outside.

Each of them changes, in some corner, what an expression means: an error is no longer reached, a type is
looked at more strictly, less memory is counted. So they are part of the language.
"""

from typing import Final

import attrs

from pullsecret.expressions import ast
from pullsecret.expressions.ast import Node
from pullsecret.expressions.folding import both, folded
from pullsecret.expressions.natures import UNKNOWN
from pullsecret.expressions.rewriting import Natures, parts, rewritten, same_text
from pullsecret.expressions.sums import sum_of_array, sum_of_range
from pullsecret.expressions.types import Kind


def optimized(root: Node, known: Natures, source: str) -> Node:
    """The tree that is evaluated. Raises CompileError."""
    root = rewritten(root, _in_array, known)
    root = folded(root, known, source)
    for rule in _RULES:
        root = rewritten(root, rule, known)
    return root


def _constant(node: Node | None, kind: type) -> bool:
    return isinstance(node, ast.Literal) and type(node.value) is kind


def _is_int(node: Node, known: Natures) -> bool:
    return known.get(node, UNKNOWN).kind is Kind.INT


def _in_array(node: Node, known: Natures) -> Node | None:
    """``x in ["a", "b"]`` looks into a set, whose members all have one type."""
    if not isinstance(node, ast.Binary) or node.operator != "in":
        return None
    array = node.right
    if not isinstance(array, ast.Array) or not array.nodes:
        return None
    ints = _is_int(node.left, known) and all(_constant(each, int) for each in array.nodes)
    if not ints and not all(_constant(each, str) for each in array.nodes):
        return None
    members = frozenset(each.value for each in array.nodes if isinstance(each, ast.Literal))
    return attrs.evolve(node, right=ast.ConstantSet(members, start=array.start, end=array.end))


def _in_range(node: Node, known: Natures) -> Node | None:
    """``x in 1..3`` compares with both ends."""
    if not isinstance(node, ast.Binary) or node.operator != "in" or not _is_int(node.left, known):
        return None
    ends = node.right
    if not isinstance(ends, ast.Binary) or ends.operator != "..":
        return None
    if not _constant(ends.left, int) or not _constant(ends.right, int):
        return None
    return ast.Binary(
        "and",
        attrs.evolve(node, operator=">=", right=ends.left),
        attrs.evolve(node, operator="<=", right=ends.right),
        start=node.start,
        end=node.end,
    )


def _call(node: Node | None, name: str, arguments: int) -> ast.BuiltinCall | None:
    if isinstance(node, ast.BuiltinCall) and node.name == name and len(node.arguments) == arguments:
        return node
    return None


def _map_of_filter(node: Node, known: Natures) -> Node | None:
    mapping = _call(node, "map", 2)
    inner = _call(mapping.arguments[0], "filter", 2) if mapping else None
    if mapping is None or inner is None or inner.mapped is not None:
        return None
    predicate = mapping.arguments[1]
    if not isinstance(predicate, ast.Predicate) or _reads_index(predicate):
        return None
    return attrs.evolve(inner, mapped=predicate.body)


def _reads_index(root: Node) -> bool:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Pointer) and node.name == "index":
            return True
        pending.extend(parts(node))
    return False


def _length_of_filter(node: Node, known: Natures) -> Node | None:
    outer = _call(node, "len", 1)
    inner = _call(outer.arguments[0], "filter", 2) if outer else None
    return attrs.evolve(inner, name="count", mapped=None) if inner else None


def _end_of_filter(node: Node, index: int, end: str, name: str) -> Node | None:
    """``filter(...)[0]`` and ``first(filter(...))`` stop at the first that is found."""
    throws = isinstance(node, ast.Member)
    base: Node | None = None
    if isinstance(node, ast.Member):
        if not node.optional and _constant(node.key, int) and getattr(node.key, "value", None) == index:
            base = node.base
    elif outer := _call(node, end, 1):
        base = outer.arguments[0]
    inner = _call(base, "filter", 2)
    return attrs.evolve(inner, name=name, throws=throws) if inner else None


def _last_of_filter(node: Node, known: Natures) -> Node | None:
    return _end_of_filter(node, -1, "last", "findLast")


def _first_of_filter(node: Node, known: Natures) -> Node | None:
    return _end_of_filter(node, 0, "first", "find")


_COMBINED: Final = {
    ("all", "and"): "and",
    ("all", "&&"): "&&",
    ("any", "or"): "or",
    ("any", "||"): "||",
    ("none", "and"): "or",
    ("none", "&&"): "||",
}


def _combined_predicates(node: Node, known: Natures) -> Node | None:
    """``all(x, a) && all(x, b)`` goes through the array once."""
    if not isinstance(node, ast.Binary):
        return None
    left, right = node.left, node.right
    if not isinstance(left, ast.BuiltinCall) or not isinstance(right, ast.BuiltinCall):
        return None
    symbol = _COMBINED.get((left.name, node.operator))
    if symbol is None or right.name != left.name:
        return None
    ours, theirs = left.arguments[0], right.arguments[0]
    if known.get(ours, UNKNOWN).type is not known.get(theirs, UNKNOWN).type or not same_text(ours, theirs):
        return None
    predicate = both(symbol, left, right)
    nested = _combined_predicates(predicate.body, known)
    if nested is not None:
        predicate = attrs.evolve(predicate, body=nested)
    return ast.BuiltinCall(left.name, (ours, predicate), start=node.start, end=node.end)


def _sum_of_map(node: Node, known: Natures) -> Node | None:
    outer = _call(node, "sum", 1)
    inner = _call(outer.arguments[0], "map", 2) if outer else None
    return attrs.evolve(outer, arguments=inner.arguments) if outer and inner else None


def _counted(node: Node) -> tuple[ast.Binary, ast.BuiltinCall, int] | None:
    if not isinstance(node, ast.Binary) or not isinstance(node.right, ast.Literal):
        return None
    counting = _call(node.left, "count", 2)
    limit = node.right.value
    return (node, counting, limit) if counting and type(limit) is int else None


def _count_is_any(node: Node, known: Natures) -> Node | None:
    counted = _counted(node)
    if counted is None or (counted[0].operator, counted[2]) not in ((">", 0), (">=", 1)):
        return None
    return attrs.evolve(counted[1], name="any", start=node.start, end=node.end)


def _count_enough(node: Node, known: Natures) -> Node | None:
    counted = _counted(node)
    if counted is None or counted[2] < 0 or counted[0].operator not in (">", ">=", "<", "<="):
        return None
    binary, counting, limit = counted
    enough = limit + 1 if binary.operator in (">", "<=") else limit
    return None if enough <= 1 else attrs.evolve(binary, left=attrs.evolve(counting, threshold=enough))


_RULES: Final = (
    _in_range,
    _map_of_filter,
    _length_of_filter,
    _last_of_filter,
    _first_of_filter,
    _combined_predicates,
    sum_of_range,
    sum_of_array,
    _sum_of_map,
    _count_is_any,
    _count_enough,
)
"""In the engine's order."""
