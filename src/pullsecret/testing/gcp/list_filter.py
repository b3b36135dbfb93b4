"""The filter language of the list methods (https://cloud.google.com/secret-manager/docs/filtering, AIP-160).

``:`` matches a substring, or presence with ``*``; ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` compare.
Terms combine with AND (also by juxtaposition), OR, NOT or ``-``, and parentheses; OR binds tighter than AND.
A bare word is searched in the last part of the name.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pullsecret.testing.gcp.status import ApiError, invalid_argument

Fields = Mapping[str, str | datetime | None]
Predicate = Callable[[Fields], bool]

_TOKEN = re.compile(
    r'\s*(?:(?P<paren>[()])|(?P<minus>-(?=[\w("]))|(?P<op>!=|<=|>=|[:=<>])|"(?P<quoted>(?:[^"\\]|\\.)*)"'
    r"|(?P<word>[^\s()\":=<>!]+))"
)
_COMPARISONS: dict[str, Callable[[str | datetime, str | datetime], bool]] = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "<": lambda have, want: have < want,  # type: ignore[operator]
    "<=": lambda have, want: have <= want,  # type: ignore[operator]
    ">": lambda have, want: have > want,  # type: ignore[operator]
    ">=": lambda have, want: have >= want,  # type: ignore[operator]
}


def parse_filter(text: str) -> Predicate:
    """Turn ``text`` into a predicate. Raises ApiError (INVALID_ARGUMENT) on a syntax error."""
    tokens = _tokens(text)
    if not tokens:
        return lambda fields: True
    parser = _Parser(tokens, text)
    predicate = parser.conjunction()
    if parser.here()[0] != "end":
        raise _malformed(text)
    return predicate


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = _TOKEN.match(stripped, position)
        if not found:
            raise _malformed(text)
        kind = found.lastgroup or ""
        value = found[kind]
        # A value such as 2024-01-01T00:00:00Z holds the operator sign; it follows an operator directly.
        if kind == "word" and tokens and tokens[-1][0] == "op":
            rest = re.compile(r'[^\s()"]+').match(stripped, found.start("word"))
            value = rest[0] if rest else value
            position = found.start("word") + len(value)
        else:
            position = found.end()
        tokens.append((kind, re.sub(r"\\(.)", r"\1", value) if kind == "quoted" else value))
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._next = 0

    def here(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self.here()
        self._next += 1
        return token

    def conjunction(self) -> Predicate:
        terms = [self._disjunction()]
        while self.here()[0] != "end" and self.here() != ("paren", ")"):
            if self.here() == ("word", "AND"):
                self._take()
            terms.append(self._disjunction())
        return lambda fields: all(term(fields) for term in terms)

    def _disjunction(self) -> Predicate:
        terms = [self._negation()]
        while self.here() == ("word", "OR"):
            self._take()
            terms.append(self._negation())
        return lambda fields: any(term(fields) for term in terms)

    def _negation(self) -> Predicate:
        if self.here()[0] == "minus" or self.here() == ("word", "NOT"):
            self._take()
            inner = self._negation()
            return lambda fields: not inner(fields)
        if self.here() == ("paren", "("):
            self._take()
            inside = self.conjunction()
            if self._take() != ("paren", ")"):
                raise _malformed(self._text)
            return inside
        return self._restriction()

    def _restriction(self) -> Predicate:
        kind, field = self._take()
        if kind not in ("word", "quoted") or field in ("AND", "OR"):
            raise _malformed(self._text)
        if self.here()[0] != "op":
            return lambda fields: field.lower() in str(fields["name"]).rpartition("/")[2].lower()
        operator = self._take()[1]
        kind, value = self._take()
        if kind not in ("word", "quoted"):
            raise _malformed(self._text)
        return _comparison(field, operator, value)


def _comparison(field: str, operator: str, value: str) -> Predicate:
    def test(fields: Fields) -> bool:
        have = fields.get(field)
        if operator == ":" and value == "*":
            return have is not None
        if have is None:
            return operator == "!="
        if isinstance(have, datetime):
            return _COMPARISONS["=" if operator == ":" else operator](have, _instant(value))
        if operator == ":":
            return value.lower() in have.lower()
        return _COMPARISONS[operator](have, value)

    return test


def _instant(value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise _malformed(value) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _malformed(text: str) -> ApiError:
    return invalid_argument("filter", f"Invalid list filter: {text}")
