"""Rewriting of trees, without recursion: a chain of operators may be long."""

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, cast

import attrs

from pullsecret.expressions import ast
from pullsecret.expressions.ast import Node
from pullsecret.expressions.natures import UNKNOWN, Nature

Natures = dict[Node, Nature]
Rule = Callable[[Node, Natures], Node | None]
"""What takes the place of a node whose parts have been rewritten; None to leave it."""


@cache
def _fields(kind: Hashable) -> tuple[str, ...]:
    # What a filter was merged with has been rewritten when it still was a map's predicate.
    names = (field.name for field in attrs.fields(cast(type[Node], kind)))
    return tuple(name for name in names if name in _HOLD_NODES)


_HOLD_NODES = frozenset(
    {
        "arguments", "base", "body", "callee", "chosen", "condition", "first", "inner", "key", "last", "left",
        "node", "nodes", "operand", "otherwise", "pairs", "right", "value",
    }
)  # fmt: skip


def _kind(node: Node) -> Hashable:
    return cast(Hashable, type(node))


def parts(node: Node) -> list[Node]:
    """The nodes directly below, in the order of the source."""
    found: list[Node] = []
    for name in _fields(_kind(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            found.extend(value)
    return found


def rewritten(root: Node, rule: Rule, natures: Natures) -> Node:
    """The tree after the rule was applied once to every node, parts first.

    What replaces a node has its nature, unless the rule gave it another.
    """
    done: dict[Node, Node] = {}
    pending = [(root, False)]
    while pending:
        node, below_done = pending.pop()
        if node in done:
            continue
        if not below_done:
            pending.append((node, True))
            pending.extend((part, False) for part in reversed(parts(node)))
            continue
        current = _with_parts(node, done, natures)
        replacement = rule(current, natures)
        if replacement is not None:
            natures.setdefault(replacement, natures.get(current, UNKNOWN))
            current = replacement
        done[node] = current
    return done[root]


def _with_parts(node: Node, done: dict[Node, Node], natures: Natures) -> Node:
    changed: dict[str, Any] = {}
    for name in _fields(_kind(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            new: Any = done[value]
            same = new is value
        elif isinstance(value, tuple):
            new = tuple(done[each] for each in value)
            same = all(a is b for a, b in zip(new, value, strict=True))
        else:
            continue
        if not same:
            changed[name] = new
    if not changed:
        return node
    made = attrs.evolve(node, **changed)
    if node in natures:
        natures[made] = natures[node]
    return made


def same_text(left: Node, right: Node) -> bool:
    """True if two trees say the same."""
    pending = [(left, right)]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b) or _own(a) != _own(b):
            return False
        below_a, below_b = parts(a), parts(b)
        if len(below_a) != len(below_b):
            return False
        pending.extend(zip(below_a, below_b, strict=True))
    return True


def _own(node: Node) -> tuple[object, ...]:
    """What a node says itself, without where and without its parts."""
    if isinstance(node, ast.Literal):
        return (type(node.value), node.value)
    skipped = {"start", "end", *_fields(_kind(node))}
    return tuple(getattr(node, field.name) for field in attrs.fields(type(node)) if field.name not in skipped)
