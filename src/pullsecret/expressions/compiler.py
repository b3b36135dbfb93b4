"""From the checked tree to Python closures: one call evaluates one node."""

from collections.abc import Callable, Mapping
from typing import Final

from pullsecret.expressions import ast, operations, types
from pullsecret.expressions.access import fetched, length, sliced
from pullsecret.expressions.ast import Node
from pullsecret.expressions.builtins import BUILTINS
from pullsecret.expressions.calls import builtin_call, call, pay_for_looking, unchecked_call
from pullsecret.expressions.code import Code, Place, Step
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.loops import LOOPS, Loop
from pullsecret.expressions.natures import UNKNOWN, Nature
from pullsecret.expressions.quick_comparisons import comparison
from pullsecret.expressions.reading import environment_itself, identifier, path
from pullsecret.expressions.values import RuntimeFault, Value, dereferenced, is_nil, type_name


class Compiler:
    """Compiles one expression."""

    def __init__(self, source: str, natures: Mapping[Node, Nature]) -> None:
        self._source = source
        self._natures = natures
        self._scopes: list[tuple[str, int]] = []
        self.variables = 0
        """How many variables an evaluation needs."""

    def code(self, node: Node) -> Code:
        """What evaluates the node. Raises CompileError."""
        return _COMPILERS[type(node)](self, node)

    def place(self, node: Node) -> Place:
        """Where a fault of this node is reported."""
        return Place(self._source, node.start, node.end)

    def nature(self, node: Node) -> Nature:
        """What the checker found out."""
        return self._natures.get(node, UNKNOWN)

    def _literal(self, node: ast.Literal) -> Code:
        value = node.value
        return lambda frame: value

    def _identifier(self, node: ast.Identifier) -> Code:
        slot = self._slot(node.name)
        if slot is not None:
            return lambda frame: frame.variables[slot]
        if node.name == ast.ENVIRONMENT:
            return environment_itself(self.place(node))
        return identifier(node.name, self.place(node))

    def _slot(self, name: str) -> int | None:
        return next((slot for known, slot in reversed(self._scopes) if known == name), None)

    def _pointer(self, node: ast.Pointer) -> Code:
        place = self.place(node)
        if node.name == "index":
            return lambda frame: frame.scope.index if frame.scope else None
        if node.name == "acc":
            return lambda frame: frame.scope.acc if frame.scope else None
        if node.name:
            raise CompileError(f"unknown pointer #{node.name}", self._source, node.start, node.end)

        def element(frame: Frame) -> Value:
            scope = frame.scope
            try:
                return scope.items[scope.index]  # type: ignore[union-attr]
            except RuntimeFault as fault:
                raise place.error(fault) from None
            except IndexError:
                raise place.error(RuntimeFault("index out of range")) from None

        return element

    def _unary(self, node: ast.Unary) -> Code:
        return operations.unary(node.operator, self.code(node.operand), self.place(node))

    def _binary(self, node: ast.Binary) -> Code:
        quick = self._quick_comparison(node)
        if quick is not None:
            return quick
        spine = [node]
        while isinstance(left := spine[-1].left, ast.Binary):
            spine.append(left)
        spine.reverse()
        first = self.code(spine[0].left)
        steps = [self._step(each) for each in spine]
        if len(steps) == 1:
            return operations.single(first, steps[0])
        if all(each.operator in ("&&", "and") for each in spine):
            operands = [spine[0].left, *(each.right for each in spine)]
            return operations.conjunction([self.code(each) for each in operands], self.place(node))
        return operations.chain(first, steps)

    def _quick_comparison(self, node: ast.Binary) -> Code | None:
        """``name == "constant"`` and the like; None if the node is anything else."""
        left, right = node.left, node.right
        if node.operator not in ("==", "!=") or not isinstance(right, ast.Literal):
            return None
        if isinstance(left, ast.Binary) or (self.nature(left).type and right.value is not None):
            return None
        name: str | None = None
        if (
            isinstance(left, ast.Identifier)
            and left.name != ast.ENVIRONMENT
            and self._slot(left.name) is None
        ):
            name = left.name
        return comparison(name, lambda: self.code(left), right.value, node.operator == "==", self.place(node))

    def _step(self, node: ast.Binary) -> Step:
        place = self.place(node)
        if isinstance(node.right, ast.ConstantSet):
            return operations.in_constants(node.right.members, place)
        if node.operator == "matches" and isinstance(node.right, ast.Literal):
            return self._matches(node.right, place)
        right = self.code(node.right)
        if node.operator in ("==", "!="):
            both = self.nature(node.left).type, self.nature(node.right).type
            same = types.INT if both == (types.INT, types.INT) else None
            same = types.STRING if both == (types.STRING, types.STRING) else same
            return operations.equality(node.operator == "==", right, same, place)
        return operations.step(node.operator, right, place)

    def _matches(self, pattern: ast.Literal, place: Place) -> Step:
        if type(pattern.value) is not str:
            return operations.step("matches", self._literal(pattern), place)
        try:
            return operations.matches_constant(pattern.value, place)
        except RuntimeFault as fault:
            raise CompileError(fault.message, self._source, pattern.start, pattern.end) from None

    def _chain(self, node: ast.Chain) -> Code:
        inner = self.code(node.inner)

        def chain(frame: Frame) -> Value:
            try:
                value = inner(frame)
            except ShortCut:
                return None
            return None if is_nil(value) else value

        return chain

    def _member(self, node: ast.Member) -> Code:
        read = self._path(node)
        if read is not None:
            return read
        base, key, place = self.code(node.base), self._key(node), self.place(node)
        optional = node.optional

        def member(frame: Frame) -> Value:
            value = base(frame)
            if optional and is_nil(value):
                raise ShortCut
            try:
                if type(value) is str:
                    pay_for_looking(frame, value)
                return fetched(value, key(frame))
            except RuntimeFault as fault:
                raise place.error(fault) from None

        return member

    def _key(self, node: ast.Member) -> Code:
        """The key as the engine looks for it: it follows a pointer, unless it knows that a map is asked."""
        key = self.code(node.key)
        if isinstance(node.key, ast.Literal) or self.nature(node.base).kind is types.Kind.MAP:
            return key
        return lambda frame: dereferenced(key(frame))

    def _path(self, node: ast.Member) -> Code | None:
        """Quick reading of ``a.b.c``; None if the member is anything else."""
        keys: list[str] = []
        places: list[Place] = []
        at: Node = node
        while isinstance(at, ast.Member) and not at.optional and isinstance(at.key, ast.Literal):
            if type(at.key.value) is not str:
                return None
            keys.append(at.key.value)
            places.append(self.place(at))
            at = at.base
        if not isinstance(at, ast.Identifier) or self._slot(at.name) is not None:
            return None
        keys.reverse()
        places.reverse()
        if at.name != ast.ENVIRONMENT:
            return path(at.name, keys, [self.place(at), *places])
        return path(keys[0], keys[1:], places) if len(keys) > 1 else identifier(keys[0], places[0])

    def _slice(self, node: ast.Slice) -> Code:
        base, place = self.code(node.base), self.place(node)
        first = self.code(node.first) if node.first else None
        last = self.code(node.last) if node.last else None

        def slice_(frame: Frame) -> Value:
            value = base(frame)
            try:
                pay_for_looking(frame, value)
                end = last(frame) if last else length(value)
                return sliced(value, first(frame) if first else 0, end)
            except RuntimeFault as fault:
                raise place.error(fault) from None

        return slice_

    def _call(self, node: ast.Call) -> Code:
        arguments = [self.code(each) for each in node.arguments]
        return call(self.code(node.callee), arguments, self.place(node))

    def _builtin(self, node: ast.BuiltinCall) -> Code:
        if node.name in LOOPS:
            return self._loop(node)
        arguments = [self.code(each) for each in node.arguments]
        # The checker does not look at every call.
        make = builtin_call if node in self._natures else unchecked_call
        return make(BUILTINS[node.name], arguments, self.place(node))

    def _loop(self, node: ast.BuiltinCall) -> Code:
        codes = [self.code(each) for each in node.arguments]
        loop = Loop(
            array=codes[0],
            predicate=codes[1] if len(codes) > 1 else None,
            third=codes[2] if len(codes) > 2 else None,
            mapped=self.code(node.mapped) if node.mapped else None,
            throws=node.throws,
            threshold=node.threshold,
            place=self.place(node),
        )
        return LOOPS[node.name](loop)

    def _predicate(self, node: ast.Predicate) -> Code:
        return self.code(node.body)

    def _declaration(self, node: ast.Declaration) -> Code:
        value = self.code(node.value)
        slot = self.variables
        self.variables += 1
        self._scopes.append((node.name, slot))
        body = self.code(node.body)
        self._scopes.pop()

        def declaration(frame: Frame) -> Value:
            frame.variables[slot] = value(frame)
            return body(frame)

        return declaration

    def _sequence(self, node: ast.Sequence) -> Code:
        *before, last = [self.code(each) for each in node.nodes]

        def sequence(frame: Frame) -> Value:
            for each in before:
                each(frame)
            return last(frame)

        return sequence

    def _conditional(self, node: ast.Conditional) -> Code:
        condition, place = self.code(node.condition), self.place(node.condition)
        chosen, otherwise = self.code(node.chosen), self.code(node.otherwise)

        def conditional(frame: Frame) -> Value:
            value = condition(frame)
            if value is True:
                return chosen(frame)
            if value is False:
                return otherwise(frame)
            raise place.error(RuntimeFault(f"a condition must be a bool, not {type_name(value)}"))

        return conditional

    def _array(self, node: ast.Array) -> Code:
        codes, place = [self.code(each) for each in node.nodes], self.place(node)

        def array(frame: Frame) -> Value:
            made = [each(frame) for each in codes]
            place.pay(frame, len(made))
            return made

        return array

    def _map(self, node: ast.Map) -> Code:
        pairs = [(self.code(each.key), self.code(each.value), self.place(each)) for each in node.pairs]
        place = self.place(node)

        def map_(frame: Frame) -> Value:
            entries = [(key(frame), value(frame), at) for key, value, at in pairs]
            place.pay(frame, len(entries))
            made: dict[str, Value] = {}
            for key, value, at in reversed(entries):
                if type(key) is not str:
                    raise at.error(RuntimeFault(f"a key of a map must be a string, not {type_name(key)}"))
                made[key] = value
            return made

        return map_


class ShortCut(Exception):  # noqa: N818 no error: a ``?.`` met nil
    """Leaves the chain that a ``?.`` is part of."""


_COMPILERS: Final[dict[type[Node], Callable[..., Code]]] = {
    ast.Literal: Compiler._literal,
    ast.Identifier: Compiler._identifier,
    ast.Pointer: Compiler._pointer,
    ast.Unary: Compiler._unary,
    ast.Binary: Compiler._binary,
    ast.Chain: Compiler._chain,
    ast.Member: Compiler._member,
    ast.Slice: Compiler._slice,
    ast.Call: Compiler._call,
    ast.BuiltinCall: Compiler._builtin,
    ast.Predicate: Compiler._predicate,
    ast.Declaration: Compiler._declaration,
    ast.Sequence: Compiler._sequence,
    ast.Conditional: Compiler._conditional,
    ast.Array: Compiler._array,
    ast.Map: Compiler._map,
}
