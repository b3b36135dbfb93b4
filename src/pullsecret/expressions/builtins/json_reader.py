"""JSON as Go's ``encoding/json`` reads it: strict, every number a float, a bound on depth; no recursion."""

import math
import re
from typing import Final, NoReturn

from pullsecret.expressions.builtins.signature import Budget
from pullsecret.expressions.values import RuntimeFault, Value

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"')
_ESCAPE: Final = re.compile(r'\\u([0-9A-Fa-f]{4})|\\(["\\/bfnrt])|[\udc80-\udcff]')
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_LITERAL: Final = re.compile("true|false|null")
_DEPTH: Final = 10_000
_VALUE: Final = 4
"""Steps that a value costs, for it takes time and memory."""


def read_json(text: str, budget: Budget) -> Value:
    """The value of a JSON text. Raises RuntimeFault with the position of what is wrong."""
    return _Reader(text, budget).read()


class _Reader:
    """Reads one text; containers that are still open are on a stack."""

    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._budget = budget
        self._position = 0
        self._open: list[list[Value] | dict[str, Value]] = []
        self._keys: list[str] = []

    def read(self) -> Value:
        while True:
            self._budget.steps(_VALUE)
            value = self._value()
            if value is _OPENED:
                continue
            while self._open:
                if self._kept(value):
                    break
                value = self._open.pop()
            else:
                self._skip_space()
                if self._position < len(self._text):
                    self._fail()
                return value

    def _kept(self, value: Value) -> bool:
        """Puts a value into the innermost container. False if it was the last one: it is complete."""
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
            end = "]"
        else:
            container[self._keys.pop()] = value
            end = "}"
        following = self._next()
        if following == end:
            return False
        if following != ",":
            self._fail(-1)
        if end == "}":
            self._key()
        return True

    def _value(self) -> Value:
        """The next value; ``_OPENED`` if a container that is not empty begins."""
        self._skip_space()
        start = self._text[self._position : self._position + 1]
        if start == '"':
            return self._string()
        if start in ("[", "{") and start:
            return self._container(start)
        if found := _NUMBER.match(self._text, self._position):
            self._position = found.end()
            number = float(found.group())
            if not math.isfinite(number):
                raise RuntimeFault("a number in the JSON does not fit into a float64")
            return number
        if found := _LITERAL.match(self._text, self._position):
            self._position = found.end()
            return _LITERALS[found.group()]
        return self._fail()

    def _container(self, start: str) -> Value:
        self._position += 1
        if len(self._open) >= _DEPTH:
            raise RuntimeFault("exceeded max depth")
        self._skip_space()
        empty: list[Value] | dict[str, Value] = [] if start == "[" else {}
        if self._text[self._position : self._position + 1] == ("]" if start == "[" else "}"):
            self._position += 1
            return empty
        self._open.append(empty)
        if start == "{":
            self._key()
        return _OPENED

    def _key(self) -> None:
        self._skip_space()
        self._keys.append(self._string())
        if self._next() != ":":
            self._fail(-1)

    def _string(self) -> str:
        found = _STRING.match(self._text, self._position)
        if not found:
            self._fail()
        self._position = found.end()
        inside = found.group()[1:-1]
        if "\\" not in inside and inside.isascii():
            return inside
        joined = _PAIR.sub(_character, _ESCAPE.sub(_unescaped, inside))
        return _LONE.sub("\ufffd", joined)

    def _next(self) -> str:
        self._skip_space()
        self._position += 1
        return self._text[self._position - 1 : self._position]

    def _skip_space(self) -> None:
        if found := _SPACE.match(self._text, self._position):
            self._position = found.end()

    def _fail(self, shift: int = 0) -> NoReturn:
        at = self._position + shift
        if at >= len(self._text):
            raise RuntimeFault("unexpected end of JSON input")
        raise RuntimeFault(f"invalid character at offset {at} of the JSON")


_OPENED: Final = object()


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return _SHORT.get(found[2], found[2]) if found[2] else "\ufffd"


def _character(found: re.Match[str]) -> str:
    high, low = map(ord, found.group())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
