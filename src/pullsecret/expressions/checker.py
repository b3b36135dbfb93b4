"""What the engine refuses before it evaluates anything: operations whose types cannot fit."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from pullsecret.expressions import ast, natures, types
from pullsecret.expressions.ast import Node
from pullsecret.expressions.builtins import BUILTINS
from pullsecret.expressions.builtins.dates import METHODS
from pullsecret.expressions.builtins.signature import Builtin, Refused
from pullsecret.expressions.checked_loops import CHECKED_LOOPS, LOOP_SIGNATURES, LoopChecks
from pullsecret.expressions.checked_operators import binary_nature
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.natures import NIL, UNKNOWN, Nature, array_of
from pullsecret.expressions.types import Kind, Signature, function_type, method_type
from pullsecret.expressions.values import Value

_ANY_FUNCTION: Final = types.GoType("func(...interface {}) (interface {}, error)", Kind.FUNC)
_MAX_RESULTS: Final = 2


class Checker:
    """Checks one expression. ``natures`` has what was found out about every node that was looked at.

    The engine does not look at everything: not at the arguments of a call of something unknown, nor at the
    bounds of a slice of something unknown. What is wrong there is an error when it is evaluated.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._variables: list[tuple[str, Nature]] = []
        self.loops = LoopChecks(self)
        self.natures: dict[Node, Nature] = {}

    def check(self, node: Node) -> Nature:
        """What the node is. Raises CompileError."""
        nature = _CHECKS[type(node)](self, node)
        self.natures[node] = nature
        return nature

    def refuse(self, node: Node, message: str) -> CompileError:
        """The error to raise at a node."""
        return CompileError(message, self._source, node.start, node.end)

    def _literal(self, node: ast.Literal) -> Nature:
        return literal_nature(node.value)

    def _identifier(self, node: ast.Identifier) -> Nature:
        for name, nature in reversed(self._variables):
            if name == node.name:
                return nature
        if node.name in LOOP_SIGNATURES:
            signature = LOOP_SIGNATURES[node.name]
            return Nature(function_type(signature), function=signature)
        builtin = BUILTINS.get(node.name)
        if builtin is None:
            return UNKNOWN
        of_type = function_type(builtin.overloads[0]) if builtin.overloads else _ANY_FUNCTION
        return Nature(of_type, function=builtin)

    def _pointer(self, node: ast.Pointer) -> Nature:
        return self.loops.pointer(node)

    def _unary(self, node: ast.Unary) -> Nature:
        nature = self.check(node.operand).dereferenced
        if node.operator in ("!", "not"):
            if nature.kind is Kind.BOOL or nature.unknown:
                return natures.BOOL
        elif nature.is_number:
            return nature
        elif nature.unknown:
            return UNKNOWN
        raise self.refuse(node, f"{node.operator} cannot be applied to {nature}")

    def _binary(self, node: ast.Binary) -> Nature:
        spine = [node]
        while isinstance(left := spine[-1].left, ast.Binary):
            spine.append(left)
        nature = self.check(spine[-1].left)
        for each in reversed(spine):
            nature = binary_nature(self, each, nature.dereferenced, self.check(each.right).dereferenced)
            self.natures[each] = nature
        return nature

    def _chain(self, node: ast.Chain) -> Nature:
        return self.check(node.inner)

    def _member(self, node: ast.Member) -> Nature:
        if isinstance(node.base, ast.Identifier) and node.base.name == ast.ENVIRONMENT:
            return UNKNOWN
        base = self.check(node.base)
        key = self.check(node.key)
        if base.unknown:
            return UNKNOWN
        name = node.key.value if isinstance(node.key, ast.Literal) and type(node.key.value) is str else None
        if name is not None:
            if base.nil:
                raise self.refuse(node, f"nil has no field {name}")
            method = METHODS.get(base.type, {}).get(name) if base.type else None
            if base.type and method:
                return Nature(method_type(base.type, method.signature), function=method.signature)
        return self._element(node, base.dereferenced, key, name)

    def _element(self, node: ast.Member, base: Nature, key: Nature, name: str | None) -> Nature:
        found = self._element_of(base, key, node.key)
        if found is not None:
            return found
        if name is not None:
            raise self.refuse(node, f"{base} has no field or method {name}")
        raise self.refuse(node, f"{base} has no elements")

    def _element_of(self, base: Nature, key: Nature, at: Node) -> Nature | None:
        """What an array or a map holds; None if it is neither."""
        if base.is_array:
            key = key.dereferenced
            if not key.is_integer and not key.unknown:
                raise self.refuse(at, f"an element of an array is selected by an integer, not by {key}")
            return base.elements
        if base.kind is Kind.MAP and base.type and base.type.key:
            if not key.assignable_to(Nature(base.type.key)) and not key.unknown:
                raise self.refuse(at, f"cannot use {key} to get an element from {base}")
            return base.elements
        return None

    def _slice(self, node: ast.Slice) -> Nature:
        base = self.check(node.base)
        if base.unknown:
            return UNKNOWN
        if base.kind is not Kind.STRING and not base.is_array:
            raise self.refuse(node, f"cannot slice {base}")
        for bound in (node.first, node.last):
            if bound is not None:
                nature = self.check(bound).dereferenced
                if not nature.is_integer and not nature.unknown:
                    raise self.refuse(bound, f"a bound of a slice must be an integer, not {nature}")
        return base

    def _call(self, node: ast.Call) -> Nature:
        callee = node.callee
        if isinstance(callee, ast.Identifier) and callee.name == ast.ENVIRONMENT:
            raise self.refuse(node, "$env is not callable")
        nature = self.check(callee)
        if nature.unknown:
            return UNKNOWN
        if isinstance(nature.function, Builtin):
            return self._builtin_nature(nature.function, node, node.arguments)
        if nature.function is None:
            raise self.refuse(node, f"{nature} is not callable")
        return self._call_nature("the function", nature.function, node, node.arguments)

    def _builtin(self, node: ast.BuiltinCall) -> Nature:
        if node.name in CHECKED_LOOPS:
            return CHECKED_LOOPS[node.name](self.loops, node)
        if node.name == "get":
            return self._get(node)
        return self._builtin_nature(BUILTINS[node.name], node, node.arguments)

    def _get(self, node: ast.BuiltinCall) -> Nature:
        if len(node.arguments) != 2:
            raise self.refuse(node, f"get takes 2 arguments, got {len(node.arguments)}")
        base = self.check(node.arguments[0])
        key = self.check(node.arguments[1]).dereferenced
        if base.unknown:
            return UNKNOWN
        found = self._element_of(base, key, node.arguments[1])
        if found is not None:
            return found
        raise self.refuse(node.arguments[0], f"{base} has no elements")

    def _builtin_nature(self, builtin: Builtin, node: Node, arguments: Sequence[Node]) -> Nature:
        if builtin.validate is not None:
            given = [self.check(each) for each in arguments]
            try:
                return Nature(builtin.validate([types.ANY if each.unknown else each.type for each in given]))
            except Refused as refused:
                raise self.refuse(node, f"{builtin.name}: {refused.message}") from None
        if not builtin.overloads:
            for each in arguments:
                self.check(each)
            return UNKNOWN
        fitting = [each for each in builtin.overloads if len(each.parameters) == len(arguments)]
        if not fitting:
            counts = " or ".join(dict.fromkeys(str(len(each.parameters)) for each in builtin.overloads))
            raise self.refuse(node, f"{builtin.name} takes {counts} arguments, got {len(arguments)}")
        *others, last = fitting
        for signature in others:
            with suppress(CompileError):
                return self._call_nature(builtin.name, signature, node, arguments)
        return self._call_nature(builtin.name, last, node, arguments)

    def _call_nature(self, name: str, signature: Signature, node: Node, arguments: Sequence[Node]) -> Nature:
        if len(signature.results) + signature.fails > _MAX_RESULTS:
            raise self.refuse(node, f"{name} returns more than two values")
        wanted = signature.parameters
        given = [self.check(each) for each in arguments]
        if len(given) != len(wanted):
            raise self.refuse(node, f"{name} takes {len(wanted)} arguments, got {len(given)}")
        for argument, nature, parameter in zip(arguments, given, wanted, strict=True):
            if not _passes(nature, Nature(parameter)):
                raise self.refuse(argument, f"cannot use {nature} as argument (type {parameter}) of {name}")
        return Nature(signature.results[0])

    def _declaration(self, node: ast.Declaration) -> Nature:
        known = {name for name, _ in self._variables}
        if node.name in BUILTINS or node.name in CHECKED_LOOPS or node.name in known:
            raise self.refuse(node, f"cannot redeclare {node.name}")
        self._variables.append((node.name, self.check(node.value)))
        nature = self.check(node.body)
        self._variables.pop()
        return nature

    def _sequence(self, node: ast.Sequence) -> Nature:
        return [self.check(each) for each in node.nodes][-1]

    def _conditional(self, node: ast.Conditional) -> Nature:
        condition = self.check(node.condition).dereferenced
        if condition.kind is not Kind.BOOL and not condition.unknown:
            raise self.refuse(node.condition, f"a condition must be a bool, not {condition}")
        chosen, otherwise = self.check(node.chosen), self.check(node.otherwise)
        if chosen.nil or otherwise.nil:
            return chosen if otherwise.nil else otherwise
        if not chosen.assignable_to(otherwise):
            return UNKNOWN
        if chosen.is_array and otherwise.is_array:
            ours, theirs = chosen.elements, otherwise.elements
            if not ours.assignable_to(theirs) or not theirs.assignable_to(ours):
                return natures.ANYS
        return chosen

    def _array(self, node: ast.Array) -> Nature:
        found = [self.check(each) for each in node.nodes]
        if not found:
            return array_of(UNKNOWN)
        same = all(each.kind is found[0].kind for each in found)
        return array_of(found[-1]) if same else natures.ANYS

    def _map(self, node: ast.Map) -> Nature:
        for pair in node.pairs:
            self.check(pair.key)
            self.check(pair.value)
        return natures.STRING_MAP

    def _predicate(self, node: ast.Predicate) -> Nature:
        return self.check(node.body)


def _passes(argument: Nature, parameter: Nature) -> bool:
    if parameter.is_integer and argument.is_integer:
        return True
    if argument.nil:
        return parameter.kind in (Kind.POINTER, Kind.INTERFACE)
    return (
        argument.unknown
        or argument.assignable_to(parameter)
        or argument.dereferenced.assignable_to(parameter)
    )


def literal_nature(value: Value) -> Nature:
    """What a constant is."""
    return NIL if value is None else _LITERALS[type(value)]


_LITERALS: Final = {
    bool: natures.BOOL,
    int: natures.INT,
    float: natures.FLOAT,
    str: natures.STRING,
    bytes: natures.BYTES,
    list: natures.ANYS,
}
_CHECKS: Final[dict[type[Node], Callable[..., Nature]]] = {
    ast.Literal: Checker._literal,
    ast.Identifier: Checker._identifier,
    ast.Pointer: Checker._pointer,
    ast.Unary: Checker._unary,
    ast.Binary: Checker._binary,
    ast.Chain: Checker._chain,
    ast.Member: Checker._member,
    ast.Slice: Checker._slice,
    ast.Call: Checker._call,
    ast.BuiltinCall: Checker._builtin,
    ast.Predicate: Checker._predicate,
    ast.Declaration: Checker._declaration,
    ast.Sequence: Checker._sequence,
    ast.Conditional: Checker._conditional,
    ast.Array: Checker._array,
    ast.Map: Checker._map,
}
