"""Which types the operators take, and what they give."""

from collections.abc import Callable
from typing import Final, Protocol

from pullsecret.expressions import ast, natures, types
from pullsecret.expressions.ast import Node
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.natures import BOOL, DURATION, FLOAT, INT, NIL, STRING, TIME, UNKNOWN, Nature
from pullsecret.expressions.regular_expressions import compiled
from pullsecret.expressions.types import Kind
from pullsecret.expressions.values import RuntimeFault

Test = Callable[[Nature], bool]


class Refuses(Protocol):
    """Makes errors."""

    def refuse(self, node: Node, message: str) -> CompileError:
        """The error to raise at a node."""


def _is_bool(nature: Nature) -> bool:
    return nature.kind is Kind.BOOL


def _is_string(nature: Nature) -> bool:
    return nature.kind is Kind.STRING


def _is_number(nature: Nature) -> bool:
    return nature.is_number


def _is_integer(nature: Nature) -> bool:
    return nature.is_integer


def _is_time(nature: Nature) -> bool:
    return nature.type is types.TIME


def _is_duration(nature: Nature) -> bool:
    return nature.type is types.DURATION


def _may_fit(left: Nature, right: Nature, *tests: Test) -> bool:
    """One side is unknown, and the other is unknown or passes a test."""
    if left.unknown:
        return right.unknown or any(test(right) for test in tests)
    return right.unknown and any(test(left) for test in tests)


def _both(left: Nature, right: Nature, test: Test) -> bool:
    return test(left) and test(right)


def _promoted(left: Nature, right: Nature) -> Nature:
    return FLOAT if types.FLOAT64 in (left.type, right.type) else INT


def _logical(left: Nature, right: Nature) -> Nature | None:
    return BOOL if _both(left, right, _is_bool) or _may_fit(left, right, _is_bool) else None


def _ordering(left: Nature, right: Nature) -> Nature | None:
    tests = (_is_number, _is_string, _is_time, _is_duration)
    fits = any(_both(left, right, test) for test in tests) or _may_fit(left, right, *tests)
    return BOOL if fits else None


def _subtraction(left: Nature, right: Nature) -> Nature | None:
    if _both(left, right, _is_number):
        return _promoted(left, right)
    if _both(left, right, _is_time) or _both(left, right, _is_duration):
        return DURATION
    if _is_time(left) and _is_duration(right):
        return TIME
    return UNKNOWN if _may_fit(left, right, _is_number, _is_time, _is_duration) else None


def _addition(left: Nature, right: Nature) -> Nature | None:
    if _both(left, right, _is_number):
        return _promoted(left, right)
    if _both(left, right, _is_string):
        return STRING
    if (_is_time(left) and _is_duration(right)) or (_is_duration(left) and _is_time(right)):
        return TIME
    if _both(left, right, _is_duration):
        return DURATION
    fits = _may_fit(left, right, _is_number, _is_string, _is_time, _is_duration)
    return UNKNOWN if fits else None


def _multiplication(left: Nature, right: Nature) -> Nature | None:
    if _both(left, right, _is_number):
        return _promoted(left, right)
    if all(_is_number(each) or _is_duration(each) for each in (left, right)):
        return DURATION
    return UNKNOWN if _may_fit(left, right, _is_number, _is_duration) else None


def _gives(result: Nature, test: Test) -> Callable[[Nature, Nature], Nature | None]:
    def nature(left: Nature, right: Nature) -> Nature | None:
        return result if _both(left, right, test) or _may_fit(left, right, test) else None

    return nature


def _equality(left: Nature, right: Nature) -> Nature | None:
    return BOOL if left.comparable_to(right) else None


def _coalescing(left: Nature, right: Nature) -> Nature | None:
    if left.nil:
        return NIL if right.nil else right
    return left if right.nil or right.assignable_to(left) else UNKNOWN


def _membership(left: Nature, right: Nature) -> Nature | None:
    if right.kind is Kind.STRUCT and (_is_string(left) or left.unknown):
        return BOOL
    if right.kind is Kind.MAP and right.type and right.type.key:
        return BOOL if left.unknown or left.assignable_to(Nature(right.type.key)) else None
    if right.is_array:
        return BOOL if left.comparable_to(right.elements) else None
    if (left.unknown and _is_string(right)) or right.unknown:
        return BOOL
    return None


def _matching(left: Nature, right: Nature) -> Nature | None:
    if (left.type is types.BYTES or _is_string(left)) and _is_string(right):
        return BOOL
    return BOOL if _may_fit(left, right, _is_string) else None


_RULES: Final[dict[str, Callable[[Nature, Nature], Nature | None]]] = {
    **dict.fromkeys(("==", "!="), _equality),
    **dict.fromkeys(("or", "||", "and", "&&"), _logical),
    **dict.fromkeys(("<", ">", "<=", ">="), _ordering),
    **dict.fromkeys(("/", "**", "^"), _gives(FLOAT, _is_number)),
    **dict.fromkeys(("contains", "startsWith", "endsWith"), _gives(BOOL, _is_string)),
    "-": _subtraction,
    "+": _addition,
    "*": _multiplication,
    "%": _gives(INT, _is_integer),
    "in": _membership,
    "matches": _matching,
    "..": _gives(natures.array_of(INT), _is_integer),
    "??": _coalescing,
}


def binary_nature(checker: Refuses, node: ast.Binary, left: Nature, right: Nature) -> Nature:
    """What an operation gives. Raises CompileError."""
    if node.operator == "matches" and isinstance(node.right, ast.Literal) and type(node.right.value) is str:
        try:
            compiled(node.right.value)
        except RuntimeFault as fault:
            raise checker.refuse(node.right, fault.message) from None
    nature = _RULES[node.operator](left, right)
    if nature is None:
        raise checker.refuse(node, f"{node.operator} cannot be applied to {left} and {right}")
    return nature
