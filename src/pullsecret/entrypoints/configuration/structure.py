"""Turns plain values into :class:`Configuration`, and every failure into a problem with its path."""

import difflib
import enum
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from pullsecret.domain.document_path import DocumentPath
from pullsecret.entrypoints.configuration.keys import field_types, is_section, yaml_key
from pullsecret.entrypoints.configuration.problems import Problem
from pullsecret.entrypoints.configuration.settings import Configuration
from pullsecret.entrypoints.configuration.yaml_file import Path, YamlFile, show
from pullsecret.expressions import CompileError, Program, compile

_OF_A_FIELD = re.compile(r"'(\w+)' (.*)", re.DOTALL)


def structure(file: YamlFile) -> tuple[Configuration | None, list[Problem]]:
    """The configuration that ``file`` stands for, or everything that is wrong with it."""
    given = {} if file.value is None else file.value
    if not isinstance(given, dict):
        return None, [Problem("", "the file is not a mapping of keys", file.position(()))]
    try:
        return _CONVERTER.structure(given, Configuration), []
    except cattrs.BaseValidationError as error:
        return None, list(_problems(error, (), Configuration, file))


def _problems(error: BaseException, path: Path, kind: Any, file: YamlFile) -> Iterator[Problem]:
    if isinstance(error, cattrs.BaseValidationError):
        for part in error.exceptions:
            step, inner = _step(part)
            yield from _problems(part, (*path, *step), inner or kind, file)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [yaml_key(field.name) for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
            here = (*path, key)
            yield Problem(show(here), "unknown key", file.position(here), hint)
    elif isinstance(error, CompileError):
        yield Problem(show(path), error.message, file.position(path), error.snippet())
    elif isinstance(error, KeyError):
        yield Problem(show(path), "is required", file.position(path))
    else:
        named = _OF_A_FIELD.match(str(error))
        if named and is_section(kind) and named[1] in field_types(kind):
            here = (*path, yaml_key(named[1]))
            yield Problem(show(here), named[2].partition(": ")[0], file.position(here))
        else:
            yield Problem(show(path), str(error), file.position(path))


def _step(error: BaseException) -> tuple[Path, Any]:
    """The key or index at which ``error`` arose inside of its parent, and the type wanted there."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (yaml_key(note.name),), note.type
        if isinstance(note, IterableValidationNote):
            return (note.index,), note.type
    return (), None


def _exactly(*kinds: type, name: str) -> Any:
    def structure_value(value: Any, _kind: Any) -> Any:
        if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
            return value
        raise ValueError(f"must be {name}, not {_described(value)}")

    return structure_value


def _described(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if len(repr(value)) <= 60 else f"a long {type(value).__name__}"


def _section_hook(settings: type) -> Any:
    renames = {
        field.name: override(rename=yaml_key(field.name), struct_hook=_checked(field))
        if field.init
        else override(omit=True)
        for field in attrs.fields(settings)
    }
    structured: Any = make_dict_structure_fn(
        settings,
        _CONVERTER,
        _cattrs_forbid_extra_keys=True,
        **renames,  # type: ignore[arg-type]
    )

    def structure_section(value: Any, kind: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"must be a mapping of keys, not {_described(value)}")
        return structured(value, kind)

    return structure_section


def _checked(field: "attrs.Attribute[Any]") -> Any:
    """Looks at the value's range too, which the class itself does only if all of its keys are right."""

    def structure_field(value: Any, kind: Any) -> Any:
        structured = _CONVERTER.structure(value, kind)
        if field.validator is not None:
            try:
                field.validator(None, field, structured)
            except AttributeError:
                pass  # it compares several keys, and so waits for the whole
            except ValueError as error:
                named = _OF_A_FIELD.match(str(error))
                raise ValueError(named[2].partition(": ")[0] if named else str(error)) from None
        return structured

    return structure_field


def _tuple_hook(kind: Any) -> Any:
    item = typing.get_args(kind)[0]

    def structure_tuple(value: Any, _kind: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {_described(value)}")
        return tuple(_CONVERTER.structure(value, list[item]))  # type: ignore[valid-type]

    return structure_tuple


def _mapping_hook(kind: Any) -> Any:
    keys, values = typing.get_args(kind)

    def structure_mapping(value: Any, _kind: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"must be a mapping of keys, not {_described(value)}")
        return _CONVERTER.structure(value, dict[keys, values])  # type: ignore[valid-type]

    return structure_mapping


def _literal_hook(kind: Any) -> Any:
    allowed = typing.get_args(kind)

    def structure_literal(value: Any, _kind: Any) -> Any:
        if value in allowed:
            return value
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"must be {' or '.join(allowed)}, not {_described(value)}{hint}")

    return structure_literal


def _optional_hook(kind: Any) -> Any:
    (wanted,) = (part for part in typing.get_args(kind) if part is not type(None))
    return lambda value, _kind: None if value is None else _CONVERTER.structure(value, wanted)


def _text(value: Any, kind: Any) -> Any:
    # A hook for str is also asked for every enumeration of texts.
    if issubclass(kind, enum.Enum):
        return _enum(value, kind)
    return _exactly(str, name="text")(value, kind)


def _enum(value: Any, kind: Any) -> Any:
    allowed = [member.value for member in kind]
    if value in allowed:
        return kind(value)
    raise ValueError(f"must be {' or '.join(allowed)}, not {_described(value)}")


def _has_origin(origin: Any) -> Any:
    return lambda kind: typing.get_origin(kind) is origin


def _is_union(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _exactly(bool, name="true or false"))
    converter.register_structure_hook(int, _exactly(int, name="a whole number"))
    converter.register_structure_hook(float, _exactly(int, float, name="a number"))
    converter.register_structure_hook(FilePath, lambda value, kind: FilePath(_text(value, str)))
    converter.register_structure_hook_factory(attrs.has, _section_hook)
    converter.register_structure_hook(DocumentPath, lambda value, kind: DocumentPath(_text(value, str)))
    converter.register_structure_hook(Program, lambda value, kind: compile(_text(value, str)))
    converter.register_structure_hook_factory(_has_origin(tuple), _tuple_hook)
    converter.register_structure_hook_factory(_has_origin(Sequence), _tuple_hook)
    converter.register_structure_hook_factory(_has_origin(Mapping), _mapping_hook)
    converter.register_structure_hook_factory(_has_origin(typing.Literal), _literal_hook)
    converter.register_structure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, enum.Enum), _enum
    )
    converter.register_structure_hook_factory(_is_union, _optional_hook)
    return converter


_CONVERTER = _converter()
