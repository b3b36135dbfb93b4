"""The syntax tree: immutable, compared by identity."""

from typing import Final

import attrs

from pullsecret.expressions.values import Value

ENVIRONMENT: Final = "$env"
"""The identifier that is the whole environment."""


@attrs.frozen(eq=False, kw_only=True)
class Node:
    """Where it stands in the source: from ``start`` up to ``end``."""

    start: int
    end: int


@attrs.frozen(eq=False)
class Literal(Node):
    """``nil``, a bool, number, string or byte string; after optimising also an array of such."""

    value: Value


@attrs.frozen(eq=False)
class ConstantSet(Node):
    """What ``x in ["a", "b"]`` looks into: all ``str``, or all ``int``. Made by the optimiser."""

    members: frozenset[str] | frozenset[int]


@attrs.frozen(eq=False)
class Identifier(Node):
    """A variable, a name of the environment, or ``$env``."""

    name: str


@attrs.frozen(eq=False)
class Pointer(Node):
    """``#`` (empty name), ``#index``, ``#acc``."""

    name: str


@attrs.frozen(eq=False)
class Unary(Node):
    """``!``, ``not``, ``-`` or ``+``."""

    operator: str
    operand: Node


@attrs.frozen(eq=False)
class Binary(Node):
    """Any operator between two operands except ``|``."""

    operator: str
    left: Node
    right: Node


@attrs.frozen(eq=False)
class Chain(Node):
    """Where the short cut of a ``?.`` inside of it ends."""

    inner: Node


@attrs.frozen(eq=False)
class Member(Node):
    """``base.name``, ``base[key]``, and both with ``?.``."""

    base: Node
    key: Node
    optional: bool


@attrs.frozen(eq=False)
class Slice(Node):
    """``base[first:last]``"""

    base: Node
    first: Node | None
    last: Node | None


@attrs.frozen(eq=False)
class Call(Node):
    """A call of what is no builtin: a method, or a name that turns out to be nil."""

    callee: Node
    arguments: tuple[Node, ...]


@attrs.frozen(eq=False)
class BuiltinCall(Node):
    """A call of a builtin. The last three fields are made by the optimiser."""

    name: str
    arguments: tuple[Node, ...]
    mapped: Node | None = None
    """Of ``filter`` and ``find``: what is taken in place of the element."""
    throws: bool = False
    """Of ``find``: nothing found is an error."""
    threshold: int | None = None
    """Of ``count``: enough."""


@attrs.frozen(eq=False)
class Predicate(Node):
    """What is evaluated for every element of an array."""

    body: Node


@attrs.frozen(eq=False)
class Declaration(Node):
    """``let name = value; body``"""

    name: str
    value: Node
    body: Node


@attrs.frozen(eq=False)
class Sequence(Node):
    """``first; second``: two at least."""

    nodes: tuple[Node, ...]


@attrs.frozen(eq=False)
class Conditional(Node):
    """``condition ? chosen : otherwise``, also written ``if``."""

    condition: Node
    chosen: Node
    otherwise: Node


@attrs.frozen(eq=False)
class Array(Node):
    """``[a, b]``"""

    nodes: tuple[Node, ...]


@attrs.frozen(eq=False)
class Pair(Node):
    """One ``key: value`` of a map."""

    key: Node
    value: Node


@attrs.frozen(eq=False)
class Map(Node):
    """``{a: 1}``"""

    pairs: tuple[Pair, ...]
