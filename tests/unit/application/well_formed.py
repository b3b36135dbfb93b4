"""Whether a fact says what its type promises: a telemetry takes everything, and would hide a slip."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import attrs


def problems(value: Any) -> list[str]:
    """The fields of an attrs value, and of the attrs values in it, that do not hold what they are declared
    to; empty if all do."""
    hints = typing.get_type_hints(type(value))
    found = []
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if not _fits(held, hints[field.name]):
            found.append(f"{type(value).__name__}.{field.name} is {held!r}")
        elif attrs.has(type(held)):
            found += problems(held)
    return found


def _fits(held: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(held, choice) for choice in get_args(hint))
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if isinstance(hint, typing.NewType):
        return _fits(held, hint.__supertype__)
    if hint is None:
        return held is None
    if hint is float:
        return isinstance(held, int | float) and not isinstance(held, bool)
    if origin is not None and issubclass(origin, Sequence) and not isinstance(held, str):
        return isinstance(held, Sequence)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(held, Mapping)
    return isinstance(held, origin or hint)
