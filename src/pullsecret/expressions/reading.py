"""Reading of the environment, the most frequent thing an expression does."""

from collections.abc import Sequence

from pullsecret.expressions.access import SCALARS, fetched
from pullsecret.expressions.code import Code, Place
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.values import RuntimeFault, Value


def identifier(name: str, place: Place) -> Code:
    """A name of the environment; nil if it has none such."""

    def read(frame: Frame) -> Value:
        value = frame.environment.get(name)
        if type(value) in SCALARS:
            return value
        try:
            return frame.admit(value)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return read


def environment_itself(place: Place) -> Code:
    """``$env``"""

    def read(frame: Frame) -> Value:
        try:
            return frame.admit(frame.environment)
        except RuntimeFault as fault:
            raise place.error(fault) from None

    return read


def path(name: str, keys: Sequence[str], places: Sequence[Place]) -> Code:
    """``name.key.key``: only what is at the end becomes a value. ``places[i]`` ends before ``keys[i]``."""
    steps = tuple(keys)

    def read(frame: Frame) -> Value:
        value = frame.environment.get(name)
        for position, key in enumerate(steps):
            if type(value) is not dict:
                return _fetched_on(frame, value, steps[position:], places[position:])
            value = value.get(key)
        if type(value) in SCALARS:
            return value
        try:
            return frame.admit(value)
        except RuntimeFault as fault:
            raise places[-1].error(fault) from None

    return read


def _fetched_on(frame: Frame, raw: object, keys: Sequence[str], places: Sequence[Place]) -> Value:
    """The rest of a path, by the general rules."""
    place = places[0]
    try:
        value = frame.admit(raw)
        for key, at in zip(keys, places[1:], strict=True):
            place = at
            value = fetched(value, key)
    except RuntimeFault as fault:
        raise place.error(fault) from None
    return value
