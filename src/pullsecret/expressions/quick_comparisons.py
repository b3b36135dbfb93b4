"""Comparisons with a constant: most clauses of most expressions are one of these."""

from collections.abc import Callable
from typing import Final

from pullsecret.expressions.code import Code, Place
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.operators import equal
from pullsecret.expressions.values import RuntimeFault, Value, is_nil

_SIMPLE: Final = frozenset({float, bool, type(None)})
"""Types of values that no string is equal to."""


def name_is_text(name: str, text: str, positive: bool, place: Place) -> Code:
    """``name == "text"``, or ``!=`` if not positive; ``name`` is of the environment."""
    slow = value_is_text(lambda frame: frame.admit(frame.environment.get(name)), text, positive, place)

    def run(frame: Frame) -> Value:
        value = frame.environment.get(name)
        if type(value) is str:
            return (value == text) is positive
        return slow(frame)

    return run


def value_is_text(left: Code, text: str, positive: bool, place: Place) -> Code:
    """The same for any left side."""

    def run(frame: Frame) -> Value:
        try:
            value = left(frame)
            if type(value) is str:
                return (value == text) is positive
            return (False if type(value) in _SIMPLE else equal(value, text, frame)) is positive
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return run


def name_is_nil(name: str, positive: bool) -> Code:
    """``name == nil``: no nil slice comes out of an environment, and what a value is matters not."""
    if positive:
        return lambda frame: frame.environment.get(name) is None
    return lambda frame: frame.environment.get(name) is not None


def value_is_nil(left: Code, positive: bool) -> Code:
    """The same for any left side."""
    return lambda frame: is_nil(left(frame)) is positive


def comparison(
    name: str | None, left: Callable[[], Code], constant: Value, positive: bool, place: Place
) -> Code | None:
    """Quick code of ``left == constant``; None if there is none. ``name`` is left, if the environment's."""
    if constant is None:
        return name_is_nil(name, positive) if name else value_is_nil(left(), positive)
    if type(constant) is str:
        if name:
            return name_is_text(name, constant, positive, place)
        return value_is_text(left(), constant, positive, place)
    return None
