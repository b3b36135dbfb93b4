"""Which operator binds stronger. Groups a flat list of operands and operators."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import attrs

from pullsecret.expressions.ast import Node

PREFIX: Final = {"not": 50, "!": 50, "-": 90, "+": 90}
BINARY: Final = {
    "|": 0,
    "or": 10, "||": 10,
    "and": 15, "&&": 15,
    "==": 20, "!=": 20, "<": 20, ">": 20, ">=": 20, "<=": 20,
    "in": 20, "matches": 20, "contains": 20, "startsWith": 20, "endsWith": 20,
    "..": 25,
    "+": 30, "-": 30,
    "*": 60, "/": 60, "%": 60,
    "**": 100, "^": 100,
    "??": 500,
}  # fmt: skip
NEGATABLE: Final = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
"""May follow ``not``."""
_COMPARISONS: Final = frozenset({"<", ">", "<=", ">="})
_RIGHT_ASSOCIATIVE: Final = frozenset({"**", "^"})


@attrs.frozen
class Operator:
    """An operator as it stands in the source."""

    text: str
    start: int
    end: int
    negated: bool = False
    """True of ``not in`` and the like."""


@attrs.frozen
class PipedCall:
    """What follows a ``|``: makes the node out of the first argument."""

    make: Callable[[Node], Node]


@attrs.frozen
class Prefix:
    """A prefix operator as it stands in the source."""

    text: str
    start: int
    end: int


Item = Operator | Prefix | PipedCall | Node
"""One item of the flat list: operands (each after its prefixes), and between them operators."""


class Maker(Protocol):
    """What grouping needs to make nodes."""

    def unary(self, operator: Prefix, operand: Node) -> Node:
        """A prefix operation."""

    def binary(self, operator: Operator, left: Node, right: Node) -> Node:
        """An operation between two operands."""

    def refuse(self, message: str, operator: Operator) -> Exception:
        """The error to raise at an operator."""

    def nested(self, depth: int, operator: Operator | Prefix) -> None:
        """Raises if operators are nested too deeply to go on."""


class Grouping:
    """Groups one list: precedence climbing, as the engine's parser does it."""

    def __init__(self, maker: Maker, items: Sequence[Item]) -> None:
        self._maker = maker
        self._items = items
        self._next = 0
        self._depth = 0

    def node(self) -> Node:
        """The tree of the whole list."""
        return self._climb(0)

    def _climb(self, least: int) -> Node:
        left = self._operand()
        before = ""
        while (operator := self._peek(least)) is not None:
            self._next += 1
            if isinstance(operator, PipedCall):
                left = operator.make(left)
                before = "|"
                continue
            if before == "??" and operator.text != "??":
                message = f"{operator.text} and ?? cannot be mixed without parentheses"
                raise self._maker.refuse(message, operator)
            if operator.text in _COMPARISONS:
                left = self._comparison(left, operator)
            else:
                left = self._maker.binary(operator, left, self._right(operator))
            before = operator.text
        return left

    def _operand(self) -> Node:
        item = self._items[self._next]
        self._next += 1
        if isinstance(item, Prefix):
            # Whatever binds stronger than the prefix belongs to its operand.
            return self._maker.unary(item, self._below(item, PREFIX[item.text]))
        if isinstance(item, Node):
            return item
        raise TypeError(f"an operator where an operand must be: {item}")

    def _peek(self, least: int) -> Operator | PipedCall | None:
        if self._next == len(self._items):
            return None
        item = self._items[self._next]
        if isinstance(item, PipedCall):
            return item if least == 0 else None
        if isinstance(item, Operator):
            return item if BINARY[item.text] >= least else None
        raise TypeError(f"an operand where an operator must be: {item}")

    def _right(self, operator: Operator) -> Node:
        precedence = BINARY[operator.text]
        return self._below(operator, precedence if operator.text in _RIGHT_ASSOCIATIVE else precedence + 1)

    def _comparison(self, left: Node, operator: Operator) -> Node:
        """``a < b < c`` is ``a < b && b < c``."""
        joined: Node | None = None
        while True:
            right = self._right(operator)
            compared = self._maker.binary(operator, left, right)
            conjunction = attrs.evolve(operator, text="&&")
            joined = compared if joined is None else self._maker.binary(conjunction, joined, compared)
            following = self._peek(0)
            if not isinstance(following, Operator) or following.text not in _COMPARISONS:
                return joined
            self._next += 1
            left, operator = right, following

    def _below(self, operator: Operator | Prefix, least: int) -> Node:
        self._depth += 1
        self._maker.nested(self._depth, operator)
        node = self._climb(least)
        self._depth -= 1
        return node
