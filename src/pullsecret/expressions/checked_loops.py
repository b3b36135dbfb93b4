"""Which types the builtins with a predicate take, and what they give."""

from collections.abc import Callable
from typing import Final, Protocol

import attrs

from pullsecret.expressions import ast, natures, types
from pullsecret.expressions.ast import Node
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.natures import BOOL, INT, UNKNOWN, Nature, array_of
from pullsecret.expressions.types import GoType, Kind, Signature, function_type


class Checks(Protocol):
    """The checker, as far as it is needed here."""

    def check(self, node: Node) -> Nature:
        """What a node is. Raises CompileError."""

    def refuse(self, node: Node, message: str) -> CompileError:
        """The error to raise at a node."""


@attrs.frozen
class _Scope:
    array: Nature
    pointers: dict[str, Nature]


class LoopChecks:
    """Checks loops, and the pointers inside of them."""

    def __init__(self, checker: Checks) -> None:
        self._checker = checker
        self._scopes: list[_Scope] = []

    def pointer(self, node: ast.Pointer) -> Nature:
        """``#``, ``#index``, ``#acc``. Raises CompileError."""
        if not self._scopes:
            raise self._checker.refuse(node, "# stands for an element only inside of a predicate")
        scope = self._scopes[-1]
        if not node.name:
            return UNKNOWN if scope.array.unknown else scope.array.elements
        if node.name not in scope.pointers:
            raise self._checker.refuse(node, f"unknown pointer #{node.name}")
        return scope.pointers[node.name]

    def _array(self, node: ast.BuiltinCall) -> Nature:
        nature = self._checker.check(node.arguments[0]).dereferenced
        if not nature.is_array and not nature.unknown:
            raise self._checker.refuse(node.arguments[0], f"{node.name} takes an array, not {nature}")
        return nature

    def _predicate(self, node: ast.BuiltinCall, array: Nature, **pointers: Nature) -> Nature:
        self._scopes.append(_Scope(array, pointers))
        nature = self._checker.check(node.arguments[1])
        self._scopes.pop()
        if nature.nil:
            raise self._checker.refuse(node.arguments[1], "a predicate must give a value")
        return nature

    def _condition(self, node: ast.BuiltinCall, array: Nature) -> None:
        nature = self._predicate(node, array)
        if nature.kind is not Kind.BOOL and not nature.unknown:
            raise self._checker.refuse(node.arguments[1], f"the predicate must give a bool, not {nature}")

    def test(self, node: ast.BuiltinCall) -> Nature:
        """``all``, ``any``, ``none``, ``one``."""
        self._condition(node, self._array(node))
        return BOOL

    def filter(self, node: ast.BuiltinCall) -> Nature:
        """``filter``"""
        array = self._array(node)
        self._condition(node, array)
        return natures.ANYS if array.unknown else array_of(array.elements)

    def map(self, node: ast.BuiltinCall) -> Nature:
        """``map``"""
        return array_of(self._predicate(node, self._array(node), index=INT))

    def count(self, node: ast.BuiltinCall) -> Nature:
        """``count``"""
        array = self._array(node)
        if len(node.arguments) > 1:
            self._condition(node, array)
        return INT

    def sum(self, node: ast.BuiltinCall) -> Nature:
        """``sum``"""
        array = self._array(node)
        if len(node.arguments) > 1:
            nature = self._predicate(node, array)
            return Nature(types.ANY) if nature.unknown else nature
        return UNKNOWN if array.unknown else array.elements

    def find(self, node: ast.BuiltinCall) -> Nature:
        """``find``, ``findLast``"""
        array = self._array(node)
        self._condition(node, array)
        return UNKNOWN if array.unknown else array.elements

    def find_index(self, node: ast.BuiltinCall) -> Nature:
        """``findIndex``, ``findLastIndex``"""
        self._condition(node, self._array(node))
        return INT

    def group_by(self, node: ast.BuiltinCall) -> Nature:
        """``groupBy``"""
        self._predicate(node, self._array(node))
        return Nature(types.GROUPS)

    def sort_by(self, node: ast.BuiltinCall) -> Nature:
        """``sortBy``"""
        array = self._array(node)
        self._predicate(node, array)
        if len(node.arguments) > 2:
            order = self._checker.check(node.arguments[2])
            if order.kind is not Kind.STRING and not order.unknown:
                raise self._checker.refuse(node.arguments[2], f"the order must be a string, not {order}")
        return array

    def reduce(self, node: ast.BuiltinCall) -> Nature:
        """``reduce``"""
        nature = self._predicate(node, self._array(node), index=INT, acc=UNKNOWN)
        if len(node.arguments) > 2:
            self._checker.check(node.arguments[2])
        return nature


CHECKED_LOOPS: Final[dict[str, Callable[[LoopChecks, ast.BuiltinCall], Nature]]] = {
    **dict.fromkeys(("all", "any", "none", "one"), LoopChecks.test),
    **dict.fromkeys(("find", "findLast"), LoopChecks.find),
    **dict.fromkeys(("findIndex", "findLastIndex"), LoopChecks.find_index),
    "filter": LoopChecks.filter,
    "map": LoopChecks.map,
    "count": LoopChecks.count,
    "sum": LoopChecks.sum,
    "groupBy": LoopChecks.group_by,
    "sortBy": LoopChecks.sort_by,
    "reduce": LoopChecks.reduce,
}


def _signature(result: GoType, predicate: Signature, *more: GoType) -> Signature:
    return Signature((types.ANYS, function_type(predicate), *more), (result,))


_CONDITION: Final = Signature((types.ANY,), (types.BOOL,))
_MAPPING: Final = Signature((types.ANY,), (types.ANY,))
LOOP_SIGNATURES: Final[dict[str, Signature]] = {
    **dict.fromkeys(("all", "any", "none", "one"), _signature(types.BOOL, _CONDITION)),
    **dict.fromkeys(("find", "findLast"), _signature(types.ANY, _CONDITION)),
    **dict.fromkeys(("findIndex", "findLastIndex", "count", "sum"), _signature(types.INT, _CONDITION)),
    "filter": _signature(types.ANYS, _CONDITION),
    "map": _signature(types.ANYS, _MAPPING),
    "groupBy": _signature(types.GROUPS, _MAPPING),
    "sortBy": _signature(types.ANYS, _CONDITION, types.STRING),
    "reduce": _signature(types.ANY, Signature((types.ANY, types.ANY), (types.ANY,)), types.ANY),
}
"""What the names of these builtins are where they are not called."""
