"""Makes the nodes of the syntax tree while the grammar is being matched."""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import attrs
from lark import Token as LarkToken
from lark.visitors import Transformer_NonRecursive

from pullsecret.expressions import ast, literals
from pullsecret.expressions.ast import Node
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.operator_precedence import (
    NEGATABLE,
    Grouping,
    Item,
    Operator,
    PipedCall,
    Prefix,
)
from pullsecret.expressions.tokens import PREDICATE_BUILTINS

MAX_NODES: Final = 10_000
"""The engine's own limit."""
MAX_DEPTH: Final = 150
"""How deep nodes may lie in each other. The engine has no such limit; a chain of operators counts once."""

_CONSTANTS: Final[dict[str, bool | None]] = {"TRUE": True, "FALSE": False, "NIL": None}
_ARGUMENTS: Final = {name: (2, 2) for name in PREDICATE_BUILTINS} | {
    "count": (1, 2),
    "sum": (1, 2),
    "sortBy": (2, 3),
    "reduce": (2, 3),
}


@attrs.frozen
class _Part:
    """Several parts of the source that are no node yet."""

    value: Any
    start: int
    end: int
    comma: bool = False
    """True if there is a comma after the last argument."""


Children = list[Any]


def _start(part: Any) -> int:
    return cast(int, part.start_pos if isinstance(part, LarkToken) else part.start)


def _end(part: Any) -> int:
    return cast(int, part.end_pos if isinstance(part, LarkToken) else part.end)


def _is_token(part: Any, text: str) -> bool:
    return isinstance(part, LarkToken) and part.type != "STRING" and part.value == text


class TreeBuilder(Transformer_NonRecursive[LarkToken, Node]):
    """One per expression. Methods are named after the rules of the grammar; all tokens are children."""

    def __init__(self, source: str, builtins: frozenset[str]) -> None:
        super().__init__(visit_tokens=False)
        self._source = source
        self._builtins = builtins
        self._count = 0
        self._depths: dict[Node, int] = {}
        self._elements: dict[Node, ast.Pointer] = {}
        """A ``#`` in a node that no predicate of the node surrounds."""

    # What the rules share.

    def refuse(self, message: str, part: Any) -> CompileError:
        """An error at a part."""
        return CompileError(message, self._source, _start(part), _end(part))

    def nested(self, depth: int, part: Any) -> None:
        """Raises CompileError if that is too deep."""
        if depth > MAX_DEPTH:
            raise self.refuse(f"nested more than {MAX_DEPTH} levels deep", part)

    def _made(self, node: Node, *below: Node | None, counts: int = 1) -> Node:
        self._count += counts
        if self._count > MAX_NODES:
            raise self.refuse(f"expression exceeds the maximum of {MAX_NODES} nodes", node)
        depth = 1 + max((self._depths[each] for each in below if each is not None), default=0)
        self.nested(depth, node)
        self._depths[node] = depth
        self._note_elements(node, below)
        return node

    def _note_elements(self, node: Node, below: Sequence[Node | None]) -> None:
        if isinstance(node, ast.Pointer):
            self._elements[node] = node
        elif self._elements and not isinstance(node, ast.Predicate):
            found = next((self._elements[each] for each in below if each in self._elements), None)
            if found is not None:
                self._elements[node] = found

    def built(self, tree: Any) -> Node:
        """The syntax tree. Raises CompileError, wrapped by lark."""
        root = self.transform(tree)
        if root in self._elements:
            raise self.refuse("# stands for an element only inside of a predicate", self._elements[root])
        return root

    def _widened(self, node: Node, start: int, end: int) -> Node:
        wide = attrs.evolve(node, start=start, end=end)
        self._depths[wide] = self._depths[node]
        self._note_elements(wide, [node])
        return wide

    # Operators, see Grouping.

    def unary(self, operator: Prefix, operand: Node) -> Node:
        """A prefix operation."""
        node = ast.Unary(operator.text, operand, start=operator.start, end=operand.end)
        return self._made(node, operand)

    def binary(self, operator: Operator, left: Node, right: Node) -> Node:
        """An operation between two operands."""
        node = ast.Binary(operator.text, left, right, start=left.start, end=right.end)
        self._made(node, right)
        self._note_elements(node, [left])
        # A chain of operators is worked off in a loop, so its length is no depth.
        chained = isinstance(left, ast.Binary)
        self._depths[node] = max(self._depths[node], self._depths[left] + (0 if chained else 1))
        self.nested(self._depths[node], node)
        if not operator.negated:
            return node
        return self._made(ast.Unary("not", node, start=node.start, end=node.end), node)

    def operator(self, parts: Children) -> Operator:
        text = str(parts[-1].value)
        negated = len(parts) == 2
        if negated and text not in NEGATABLE:
            raise self.refuse(f"{text} cannot follow not", parts[-1])
        return Operator(text, _start(parts[0]), _end(parts[-1]), negated)

    def prefix(self, parts: Children) -> Prefix:
        return Prefix(str(parts[0].value), _start(parts[0]), _end(parts[0]))

    def operand(self, parts: Children) -> Sequence[Item]:
        return parts

    def operation(self, parts: Children) -> Node:
        items: list[Item] = []
        for part in parts:
            if isinstance(part, list):
                items.extend(part)
            elif isinstance(part, Operator):
                items.append(part)
            elif isinstance(part, _Part):
                items.append(PipedCall(self._piped(part)))
        return items[0] if len(items) == 1 and isinstance(items[0], Node) else Grouping(self, items).node()

    def _piped(self, call: _Part) -> Callable[[Node], Node]:
        return lambda first: self._call(call, (first,), first.start)

    # Whole expressions.

    def sequence(self, parts: Children) -> Node:
        nodes = tuple(each for each in parts if isinstance(each, Node))
        if len(nodes) == 1:
            return nodes[0]
        return self._made(ast.Sequence(nodes, start=nodes[0].start, end=nodes[-1].end), *nodes)

    def variable(self, parts: Children) -> _Part:
        return _Part(str(parts[0].value), _start(parts[0]), _end(parts[0]))

    def declaration(self, parts: Children) -> Node:
        keyword, name, _, value, _, body = parts
        node = ast.Declaration(name.value, value, body, start=_start(keyword), end=body.end)
        return self._made(node, value, body)

    def block(self, parts: Children) -> Node:
        return self._widened(parts[1], _start(parts[0]), _end(parts[2]))

    def branch(self, parts: Children) -> Node:
        keyword, condition, _, chosen, _, _, otherwise = parts
        node = ast.Conditional(condition, chosen, otherwise, start=_start(keyword), end=otherwise.end)
        return self._made(node, condition, chosen, otherwise, counts=0)

    def ternary(self, parts: Children) -> Node:
        condition, _, chosen, _, otherwise = parts
        node = ast.Conditional(condition, chosen, otherwise, start=condition.start, end=otherwise.end)
        return self._made(node, condition, chosen, otherwise)

    def elvis(self, parts: Children) -> Node:
        condition, _, _, otherwise = parts
        node = ast.Conditional(condition, condition, otherwise, start=condition.start, end=otherwise.end)
        return self._made(node, condition, otherwise)

    # What starts an operand.

    def literal(self, parts: Children) -> Node:
        token = parts[0]
        if token.type != "NUMBER":
            return self._literal(_CONSTANTS[token.type], token)
        value = literals.number(token.value)
        if value is None:
            raise self.refuse(f"invalid number literal: {token.value}", token)
        return self._literal(value, token)

    def _literal(self, value: Any, token: LarkToken) -> Node:
        return self._made(ast.Literal(value, start=_start(token), end=_end(token)))

    def string(self, parts: Children) -> Node:
        return self._literal(str(parts[0].value), parts[0])

    def bytes_literal(self, parts: Children) -> Node:
        return self._literal(parts[0].value.literal, parts[0])

    def parenthesized(self, parts: Children) -> Node:
        return self._widened(parts[1], _start(parts[0]), _end(parts[2]))

    def identifier(self, parts: Children) -> Node:
        token = parts[0]
        return self._made(ast.Identifier(str(token.value), start=_start(token), end=_end(token)))

    def pointer(self, parts: Children) -> Node:
        return self._made(ast.Pointer("", start=_start(parts[0]), end=_end(parts[0])))

    def named_pointer(self, parts: Children) -> Node:
        return self._made(ast.Pointer(str(parts[1].value), start=_start(parts[0]), end=_end(parts[1])))

    def shorthand(self, parts: Children) -> Node:
        return self.member([self._element(parts[0]), *parts])

    def shorthand_call(self, parts: Children) -> Node:
        return self.method([self._element(parts[0]), *parts])

    def _element(self, dot: LarkToken) -> Node:
        return self._made(ast.Pointer("", start=_start(dot), end=_start(dot)))

    def array(self, parts: Children) -> Node:
        nodes = tuple(each for each in parts if isinstance(each, Node))
        return self._made(ast.Array(nodes, start=_start(parts[0]), end=_end(parts[-1])), *nodes)

    def map(self, parts: Children) -> Node:
        pairs = tuple(each for each in parts if isinstance(each, ast.Pair))
        return self._made(ast.Map(pairs, start=_start(parts[0]), end=_end(parts[-1])), *pairs)

    def pair(self, parts: Children) -> Node:
        key, _, value = parts
        if isinstance(key, LarkToken):
            key = self._literal(str(key.value), key)
        return self._made(ast.Pair(key, value, start=key.start, end=value.end), key, value)

    # Calls.

    def predicate_block(self, parts: Children) -> _Part:
        return _Part(parts[1], _start(parts[0]), _end(parts[2]))

    def arguments(self, parts: Children) -> _Part:
        given = [each for each in parts if isinstance(each, Node | _Part)]
        return _Part(given, _start(parts[0]), _end(parts[-1]), comma=_is_token(parts[-2], ","))

    def call(self, parts: Children) -> _Part:
        return _Part(parts, _start(parts[0]), _end(parts[1]))

    def called(self, parts: Children) -> Node:
        return self._call(parts[0], (), parts[0].start)

    def called_builtin(self, parts: Children) -> Node:
        return self._call(parts[1], (), _start(parts[0]))

    def _call(self, call: _Part, piped: tuple[Node, ...], start: int) -> Node:
        token, given = call.value
        name = str(token.value)
        if name in PREDICATE_BUILTINS:
            arguments = self._with_predicate(name, [*piped, *given.value], call, given.comma)
        else:
            arguments = (*piped, *given.value)
        if name in self._builtins:
            return self._made(ast.BuiltinCall(name, arguments, start=start, end=call.end), *arguments)
        callee = self._made(ast.Identifier(name, start=_start(token), end=_end(token)))
        return self._made(ast.Call(callee, arguments, start=start, end=call.end), callee, *arguments)

    def _with_predicate(self, name: str, given: Children, call: _Part, comma: bool) -> tuple[Node, ...]:
        least, most = _ARGUMENTS[name]
        if comma and len(given) < most:
            raise self.refuse(f"{name} lacks an argument after the last comma", call)
        if not least <= len(given) <= most:
            expected = str(least) if least == most else f"{least} or {most}"
            raise self.refuse(f"{name} takes {expected} arguments, got {len(given)}", call)
        if len(given) > 1:
            part = given[1]
            body = part.value if isinstance(part, _Part) else part
            given[1] = self._made(ast.Predicate(body, start=part.start, end=part.end), body)
        return tuple(given)

    # What follows an operand.

    def dot(self, parts: Children) -> bool:
        return bool(parts[0].value == "?.")

    def optional_index(self, parts: Children) -> bool:
        return len(parts) == 2

    def member(self, parts: Children) -> Node:
        base, dot, name = parts
        return self._chained(base, self._member(base, dot, name), dot is True)

    def method(self, parts: Children) -> Node:
        base, dot, name, arguments = parts
        callee = self._member(base, dot, name)
        node = ast.Call(callee, tuple(arguments.value), start=callee.start, end=arguments.end)
        return self._chained(base, self._made(node, callee, *arguments.value), dot is True)

    def _member(self, base: Node, dot: Any, name: LarkToken) -> Node:
        inner = base.inner if isinstance(base, ast.Chain) else base
        key = self._literal(str(name.value), name)
        node = ast.Member(inner, key, dot is True, start=base.start, end=key.end)
        return self._made(node, inner)

    def _chained(self, base: Node, node: Node, optional: bool) -> Node:
        if not optional and not isinstance(base, ast.Chain):
            return node
        return self._made(ast.Chain(node, start=node.start, end=node.end), node)

    def index(self, parts: Children) -> Node:
        base, optional, key, close = parts
        node = ast.Member(base, key, optional, start=base.start, end=_end(close))
        self._made(node, base, key)
        if not optional:
            return node
        return self._made(ast.Chain(node, start=node.start, end=node.end), node)

    def slice_all(self, parts: Children) -> Node:
        return self._slice(parts[0], None, None, parts[-1])

    def slice_to(self, parts: Children) -> Node:
        return self._slice(parts[0], None, parts[3], parts[-1])

    def slice_from(self, parts: Children) -> Node:
        return self._slice(parts[0], parts[2], None, parts[-1])

    def slice_between(self, parts: Children) -> Node:
        return self._slice(parts[0], parts[2], parts[4], parts[-1])

    def _slice(self, base: Node, first: Node | None, last: Node | None, close: LarkToken) -> Node:
        node = ast.Slice(base, first, last, start=base.start, end=_end(close))
        return self._made(node, base, first, last)
