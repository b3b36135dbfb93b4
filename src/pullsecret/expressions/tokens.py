"""From text to tokens, and what the grammar needs to know about where a token stands."""

import re
from collections.abc import Iterator
from typing import Final

import attrs

from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.literals import unescaped_bytes, unescaped_text

MAX_TOKENS: Final = 100_000
"""Parentheses are no nodes, so the engine's limit on nodes does not bound them."""

WORD_OPERATORS: Final = frozenset(
    {"not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"}
)
_CONSTANTS: Final = {"true": "TRUE", "false": "FALSE", "nil": "NIL"}
PREDICATE_BUILTINS: Final = frozenset(
    {
        "all", "none", "any", "one", "filter", "map", "count", "sum", "find", "findIndex",
        "findLast", "findLastIndex", "groupBy", "sortBy", "reduce",
    }
)  # fmt: skip

_SPACE: Final = "[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
_ESCAPE: Final = r"[abfnrtv\\]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}"
_DOUBLE: Final = rf'"(?:[^"\\\n]|\\(?:{_ESCAPE}|"))*+"'
_SINGLE: Final = rf"'(?:[^'\\\n]|\\(?:{_ESCAPE}|'))*+'"
_RAW: Final = r"`(?:[^`]|``)*+`"


def _number(digits: str) -> str:
    return rf"[{digits}]*(?:\.(?!\.)[{digits}]*)?(?:[eE][+-]?[{digits}]*)?"


_NUMBER: Final = "|".join(
    (
        "0[xX]" + _number("0-9a-fA-F_"),
        "0[oO]" + _number("0-7_"),
        "0[bB]" + _number("01_"),
        r"(?=\.?[0-9])\.?" + _number("0-9_"),
    )
)
_TOKEN: Final = re.compile(
    rf"(?P<skip>{_SPACE}|//[^\n]*|/\*(?s:.*?)\*/)"
    rf"|(?P<STRING>{_DOUBLE}|{_SINGLE})"
    rf"|(?P<RAW>{_RAW})"
    rf"|(?P<BYTES>[bB](?:{_DOUBLE}|{_SINGLE}))"
    rf"|(?P<NUMBER>{_NUMBER})"
    r"|(?P<NAME>[\w$]+)"
    r"|(?P<operator>\?[.?]?|\|\|?|::?|##?|\.\.?|[&!=*<>][&=*]?|[,;%+\-^/()\[\]{}])"
)


@attrs.frozen
class Token:
    """``kind`` is a terminal of the grammar; ``value`` what a literal stands for, else the text."""

    kind: str
    value: str | bytes
    start: int
    end: int


def tokens(source: str) -> Iterator[Token]:
    """The tokens of an expression. Raises CompileError."""
    position = 0
    count = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise _unreadable(source, position)
        kind = str(match.lastgroup)
        end = match.end()
        if kind != "skip":
            count += 1
            if count > MAX_TOKENS:
                raise CompileError(f"more than {MAX_TOKENS} tokens", source, position, end)
            token = _token(kind, match.group(), source, position)
            end = token.end
            yield token
            if token.kind == "#" and (name := _word(source, end)):
                # What follows at once is a name whatever it is elsewhere: #in is no operator.
                yield Token("NAME", name, end, end + len(name))
                end += len(name)
        position = end


def _token(kind: str, text: str, source: str, start: int) -> Token:
    end = start + len(text)
    value: str | bytes | None = text
    if kind == "NAME":
        return _name(text, source, start)
    if kind == "NUMBER" and end < len(source) and is_word_character(source[end]):
        raise CompileError(f"bad number syntax: {text}{source[end]}", source, start, end + 1)
    if kind == "STRING":
        value = unescaped_text(text[1:-1])
    elif kind == "RAW":
        kind, value = "STRING", text[1:-1].replace("``", "`")
    elif kind == "BYTES":
        value = unescaped_bytes(text[2:-1])
    elif kind == "operator":
        kind = text
    if value is None:
        raise CompileError("invalid escape sequence in a literal", source, start, end)
    return Token(kind, value, start, end)


def _name(text: str, source: str, start: int) -> Token:
    if not text.isascii():
        length = next((i for i, each in enumerate(text) if not is_word_character(each)), len(text))
        if length == 0:
            raise _unreadable(source, start)
        text = text[:length]
    kind = text if text in WORD_OPERATORS else _CONSTANTS.get(text, "NAME")
    return Token(kind, text, start, start + len(text))


def _word(source: str, start: int) -> str:
    end = start
    while end < len(source) and is_word_character(source[end]):
        end += 1
    return source[start:end]


def is_word_character(character: str) -> bool:
    """True for what a name may be made of: letters, decimal digits, ``_`` and ``$``."""
    return character.isalpha() or character.isdecimal() or character in "_$"


def _unreadable(source: str, position: int) -> CompileError:
    character = source[position]
    if character in "\"'`" or (character in "bB" and source[position + 1 : position + 2] in ("'", '"')):
        return CompileError(
            "literal not terminated, or an invalid escape in it", source, position, position + 1
        )
    if source.startswith("/*", position):
        return CompileError("unclosed comment", source, position, position + 2)
    return CompileError(f"unrecognized character: U+{ord(character):04X}", source, position, position + 1)
