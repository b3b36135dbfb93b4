"""The names of settings: in attrs classes, in YAML, and in the environment."""

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import attrs

ENVIRONMENT_PREFIX = "PULLSECRET__"


def yaml_key(attribute: str) -> str:
    """``per_project`` is ``perProject`` in YAML."""
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


def environment_name(path: tuple[str, ...]) -> str:
    """``limits.perProject`` is ``PULLSECRET__LIMITS__PER_PROJECT`` in the environment."""
    words = ["".join(f"_{letter}" if letter.isupper() else letter for letter in key) for key in path]
    return ENVIRONMENT_PREFIX + "__".join(words).upper()


@cache
def field_types(settings: type) -> dict[str, Any]:
    """The resolved type of each field of an attrs class."""
    return typing.get_type_hints(settings)


def nested(annotation: Any) -> type | None:
    """The attrs class that a field's type stands for, if it is one (or one or None)."""
    if isinstance(annotation, type) and attrs.has(annotation):
        return annotation
    if isinstance(annotation, types.UnionType):
        classes = [part for part in typing.get_args(annotation) if nested(part)]
        return nested(classes[0]) if classes else None
    return None


def is_section(annotation: Any) -> type | None:
    """The attrs class of a field that holds further keys; None for what is written as one value."""
    settings = nested(annotation)
    return settings if settings is not None and attrs.fields(settings) and not _is_scalar(settings) else None


def leaves(settings: type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every key that holds a value, with its type; keys inside of lists have no path of their own."""
    for field in attrs.fields(settings):
        here = (*path, yaml_key(field.name))
        annotation = field_types(settings)[field.name]
        if section := is_section(annotation):
            yield from leaves(section, here)
        else:
            yield here, annotation


def is_text(annotation: Any) -> bool:
    """True for a value that is always text, whatever else it might look like."""
    return isinstance(annotation, type) and (issubclass(annotation, str) or _is_scalar(annotation))


@cache
def documentation(settings: type) -> dict[str, str]:
    """The text under each field of an attrs class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class
    texts: dict[str, str] = {}
    for statement, following in pairwise(body.body):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = inspect.cleandoc(text)
    return texts


def _is_scalar(settings: type) -> bool:
    """True for a value class that is written as one text."""
    from pullsecret.domain.document_path import DocumentPath
    from pullsecret.expressions import Program

    return issubclass(settings, DocumentPath | Program)
