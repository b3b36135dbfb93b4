"""Code of operators."""

from collections.abc import Sequence
from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.calls import LONG, pay_for_looking
from pullsecret.expressions.code import Code, Place, Step
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.numbers import negated
from pullsecret.expressions.operators import BINARY, equal, int_range, is_in, kept, map_key
from pullsecret.expressions.regular_expressions import compiled, found, matches
from pullsecret.expressions.types import GoType
from pullsecret.expressions.values import RuntimeFault, Value, dereferenced, is_nil, type_name

_PATTERN: Final = 40_000
"""Steps that a pattern costs which is not known before the evaluation."""


def unary(operator: str, operand: Code, place: Place) -> Code:
    """A prefix operator."""
    if operator == "+":
        return operand
    if operator == "-":
        return _negation(operand, place)

    def inversion(frame: Frame) -> Value:
        value = operand(frame)
        if value is True:
            return False
        if value is False:
            return True
        raise place.error(RuntimeFault(f"{operator} takes a bool, not {type_name(value)}"))

    return inversion


def _negation(operand: Code, place: Place) -> Code:
    def negation(frame: Frame) -> Value:
        try:
            return negated(operand(frame))
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return negation


def single(first: Code, step: Step) -> Code:
    """One operator."""
    return lambda frame: step(frame, first(frame))


def chain(first: Code, steps: Sequence[Step]) -> Code:
    """Operators that all group to the left."""

    def run(frame: Frame) -> Value:
        value = first(frame)
        for step in steps:
            value = step(frame, value)
        return value

    return run


def conjunction(operands: Sequence[Code], place: Place) -> Code:
    """``a && b && c``. Whether the last is a bool is not looked at, as in the engine."""
    *before, last = operands

    def run(frame: Frame) -> Value:
        for operand in before:
            value = operand(frame)
            if value is not True:
                if value is False:
                    return False
                raise place.error(_no_bool("&&", value))
        value = last(frame)
        return value if value is True or value is False else dereferenced(value)

    return run


def _last(value: Value) -> Value:
    return value if value is True or value is False else dereferenced(value)


def _no_bool(operator: str, value: Value) -> RuntimeFault:
    return RuntimeFault(f"{operator} takes bools, not {type_name(value)}")


def step(operator: str, right: Code, place: Place) -> Step:
    """The code of any operator but ``==``."""
    if operator in ("&&", "and"):
        return _and(right, place)
    if operator in ("||", "or"):
        return _or(right, place)
    if operator == "??":
        return lambda frame, left: dereferenced(right(frame) if is_nil(left) else left)
    if operator == "in":
        return _in(right, place)
    if operator == "..":
        return _range(right, place)
    if operator == "matches":
        return _matches(right, place)
    operation = BINARY[operator]

    def run(frame: Frame, left: Value) -> Value:
        other = right(frame)
        try:
            pay_for_looking(frame, left)
            return operation(left, other)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def _and(right: Code, place: Place) -> Step:
    def run(frame: Frame, left: Value) -> Value:
        if left is True:
            return _last(right(frame))
        if left is False:
            return False
        raise place.error(_no_bool("&&", left))

    return run


def _or(right: Code, place: Place) -> Step:
    def run(frame: Frame, left: Value) -> Value:
        if left is False:
            return _last(right(frame))
        if left is True:
            return True
        raise place.error(_no_bool("||", left))

    return run


def _in(right: Code, place: Place) -> Step:
    def run(frame: Frame, left: Value) -> Value:
        haystack = right(frame)
        try:
            return is_in(left, haystack, frame)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def _matches(right: Code, place: Place) -> Step:
    def run(frame: Frame, left: Value) -> Value:
        pattern = right(frame)
        try:
            pay_for_looking(frame, left)
            if type(pattern) is str and pattern not in frame.patterns:
                frame.steps(_PATTERN)
                frame.patterns.add(pattern)
            return matches(left, pattern)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def _range(right: Code, place: Place) -> Step:
    def run(frame: Frame, left: Value) -> Value:
        last = right(frame)
        try:
            made = int_range(left, last)
            frame.memory(len(made))
        except RuntimeFault as fault:
            raise place.error(fault) from None
        return kept(made)

    return run


def equality(positive: bool, right: Code, both: GoType | None, place: Place) -> Step:
    """``==``, or ``!=`` if not positive. ``both``: ``int`` or ``string`` if the checker knows both sides."""
    expected = {types.INT: int, types.STRING: str}.get(both) if both else None

    def run(frame: Frame, left: Value) -> Value:
        other = right(frame)
        kind = type(left)
        if expected is not None and (kind is not expected or type(other) is not expected):
            raise place.error(RuntimeFault(f"{type_name(left)} cannot be compared with {type_name(other)}"))
        if kind is str and type(other) is str and len(left) <= LONG:
            return (left == other) is positive
        try:
            if kind is str:
                pay_for_looking(frame, left)
            if kind is not type(other):
                return equal(dereferenced(left), dereferenced(other), frame) is positive
            return equal(left, other, frame) is positive
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def in_constants(members: frozenset[str] | frozenset[int], place: Place) -> Step:
    """``x in ["a", "b"]``: the engine looks into a set, which holds values of one type only."""
    numeric = any(type(each) is int for each in members)

    def run(frame: Frame, left: Value) -> Value:
        if type(left) is (int if numeric else str):
            return left in members
        try:
            if not numeric:
                return map_key(left) in members
            if left is None:
                return 0 in members
            raise RuntimeFault(f"value of type {type_name(left)} is not assignable to type int")
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def matches_constant(pattern: str, place: Place) -> Step:
    """``x matches "..."``. Raises RuntimeFault if that is no regular expression."""
    automaton = compiled(pattern)

    def run(frame: Frame, left: Value) -> Value:
        try:
            pay_for_looking(frame, left)
            return found(automaton, left)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run
