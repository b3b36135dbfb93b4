"""The JSON Schema of the configuration file, made from the settings classes."""

import enum
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from pullsecret.domain.document_path import DocumentPath
from pullsecret.entrypoints.configuration.keys import documentation, field_types, yaml_key
from pullsecret.entrypoints.configuration.settings import Configuration
from pullsecret.expressions import Program

_SCALARS: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    DocumentPath: {"type": "string"},
    Program: {"type": "string", "description": "An expression in the Expr language."},
}


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12. It checks the form; ranges and expressions are checked by loading."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pullsecret configuration",
        **_schema_of(Configuration),
    }


def _schema_of(annotation: Any) -> dict[str, Any]:
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if attrs.has(annotation):
        return _section(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {"enum": [member.value for member in annotation]}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if annotation is Any:
        return {}
    if origin in (tuple, Sequence):
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin in (types.UnionType, typing.Union):
        wanted = [_schema_of(part) for part in arguments if part is not type(None)]
        return {"anyOf": [*wanted, {"type": "null"}]}
    return {"type": "object", "additionalProperties": _schema_of(arguments[1])}


def _section(settings: type) -> dict[str, Any]:
    texts = documentation(settings)
    properties = {}
    for field in attrs.fields(settings):
        described = _schema_of(field_types(settings)[field.name])
        if text := texts.get(field.name):
            described["description"] = " ".join(text.split())
        properties[yaml_key(field.name)] = described
    required = [yaml_key(f.name) for f in attrs.fields(settings) if f.default is attrs.NOTHING]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }
