"""Builtins for JSON and Base64, and any value as the JSON that Go makes of it."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from pullsecret.expressions.builtins import times
from pullsecret.expressions.builtins.go_format import WRITTEN, format_float
from pullsecret.expressions.builtins.json_reader import read_json
from pullsecret.expressions.builtins.signature import Budget, Builtin, overload
from pullsecret.expressions.builtins.strings import as_string
from pullsecret.expressions.types import ANY, STRING
from pullsecret.expressions.values import (
    Duration,
    Location,
    LocationCopy,
    RuntimeFault,
    Time,
    TypedInt,
    Value,
    bytes_of,
    elements,
    is_nil,
    text_of,
    type_name,
)

_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\udc80-\udcff]')
_SHORT_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_DEPTH: Final = 10_000


@attrs.frozen
class _Raw:
    """Finished JSON, and how much deeper what follows is."""

    text: str
    deeper: int = 0


def marshal(value: Value, budget: Budget, indent: str = "") -> str:
    """The JSON that Go makes of a value, on one line, or with an indent on many.

    Raises RuntimeFault for what JSON cannot express: numbers that are not finite, maps with keys of any type,
    functions, times past the year 9999.
    """
    written: list[str] = []
    pending: list[Value] = [value]
    depth = 0
    while pending:
        each = pending.pop()
        if type(each) is _Raw:
            depth += each.deeper
            text = each.text + ("\n" + indent * depth if indent and each.text in _BREAKING else "")
            if indent and each.deeper < 0:
                text = "\n" + indent * depth + each.text
            if indent and depth > _DEPTH:
                raise RuntimeFault("exceeded max depth")
        else:
            budget.steps(WRITTEN)
            inside = _inside(each, ": " if indent else ":")
            if inside is not None:
                pending.extend(reversed(list(inside)))
                continue
            text = _scalar(each)
        budget.text(len(text))
        written.append(text)
    return "".join(written)


_BREAKING: Final = ("[", "{", ",")


def _inside(value: Value, colon: str) -> Iterator[Value] | None:
    """What a container that is not empty is written as, None for other values."""
    kind = type(value)
    array = None if kind is bytes else elements(value)
    if array:
        return _array(array)
    return _object(value, colon) if kind is dict and value else None


def _array(items: Sequence[Value]) -> Iterator[Value]:
    yield _Raw("[", 1)
    for index, item in enumerate(items):
        if index:
            yield _Raw(",")
        yield item
    yield _Raw("]", -1)


def _object(members: dict[str, Value], colon: str) -> Iterator[Value]:
    yield _Raw("{", 1)
    for index, key in enumerate(sorted(members, key=bytes_of)):
        if index:
            yield _Raw(",")
        yield _Raw(quoted(key) + colon)
        yield members[key]
    yield _Raw("}", -1)


def _scalar(value: Value) -> str:
    kind = type(value)
    if kind is str:
        return quoted(value)
    if is_nil(value):
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return _number(value)
    if kind is TypedInt:
        return str(value.value)
    if kind is Duration:
        return str(value.nanoseconds)
    if kind is Time:
        return f'"{times.format_rfc3339(value)}"'
    if kind is bytes:
        return f'"{base64.b64encode(value).decode()}"'
    if kind in (Location, LocationCopy, dict):
        return "{}"
    if elements(value) is not None:
        return "[]"
    raise RuntimeFault(f"json: unsupported type: {type_name(value)}")


def _number(value: float) -> str:
    text = format_float(value, exponent_from=21, exponent_below=-6)
    if text in ("NaN", "+Inf", "-Inf"):
        raise RuntimeFault(f"json: unsupported value: {text}")
    mantissa, exponent, digits = text.partition("e-")
    return f"{mantissa}{exponent}{digits.removeprefix('0')}"


def quoted(text: str) -> str:
    """A JSON string, safe to put into HTML; bytes that are no character become U+FFFD."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    letter = found.group()
    if letter in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[letter]
    return "\\ufffd" if letter >= "\udc80" else f"\\u{ord(letter):04x}"


def _to_json(budget: Budget, value: Value) -> str:
    return marshal(value, budget, indent="  ")


def _from_json(budget: Budget, text: Value) -> Value:
    return read_json(as_string(text), budget)


def _to_base64(budget: Budget, text: Value) -> str:
    data = bytes_of(as_string(text))
    budget.text(len(data) * 4 // 3 + 4)
    return base64.b64encode(data).decode()


def _from_base64(budget: Budget, text: Value) -> str:
    given = as_string(text).replace("\r", "").replace("\n", "")
    if not _BASE64.fullmatch(given):
        raise RuntimeFault("illegal base64 data")
    try:
        return text_of(base64.b64decode(given))
    except binascii.Error as error:
        raise RuntimeFault(f"illegal base64 data: {error}") from None


BUILTINS: Final = (
    Builtin("toJSON", _to_json, overloads=(overload(ANY, result=STRING),)),
    Builtin("fromJSON", _from_json, overloads=(overload(STRING, result=ANY),)),
    Builtin("toBase64", _to_base64, overloads=(overload(STRING, result=STRING),)),
    Builtin("fromBase64", _from_base64, overloads=(overload(STRING, result=STRING),)),
)
