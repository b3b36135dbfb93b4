"""The filter language of subscriptions (https://cloud.google.com/pubsub/docs/subscription-message-filter).

``attributes:key``, ``attributes.key = "value"``, ``!=``, ``hasPrefix(attributes.key, "value")``, with NOT or
``-``, AND, OR and parentheses. AND and OR are not mixed without parentheses.
"""

import re
from collections.abc import Callable, Mapping

from pullsecret.testing.gcp.status import ApiError, invalid_argument

Attributes = Mapping[str, str]
Predicate = Callable[[Attributes], bool]

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<sign>[(),.:=]|!=|-(?=[\w(]))"
    r'|"(?P<quoted>(?:[^"\\]|\\.)*)"'
    r"|(?P<word>\w[\w-]*)"
    r")"
)


def parse_filter(text: str) -> Predicate:
    """Turn ``text`` into a predicate. Raises ApiError (INVALID_ARGUMENT) on a syntax error."""
    if not text.strip():
        return lambda attributes: True
    parser = _Parser(text)
    predicate = parser.expression()
    parser.expect("end")
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._at = 0

    def _split(self) -> list[tuple[str, str]]:
        tokens, at = [], 0
        text = self._text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._malformed()
            kind = str(found.lastgroup)
            value = found.group(kind)
            tokens.append((value, value) if kind == "sign" else (kind, value))
            at = found.end()
        return [*tokens, ("end", "")]

    def expression(self) -> Predicate:
        terms = [self._term()]
        operator = self._tokens[self._at]
        while operator in (("word", "AND"), ("word", "OR")) and self._tokens[self._at] == operator:
            self._at += 1
            terms.append(self._term())
        every = all if operator[1] == "AND" else any
        return lambda attributes: every(term(attributes) for term in terms)

    def _term(self) -> Predicate:
        kind, value = self._tokens[self._at]
        if kind == "-" or (kind, value) == ("word", "NOT"):
            self._at += 1
            denied = self._term()
            return lambda attributes: not denied(attributes)
        if kind == "(":
            self._at += 1
            inner = self.expression()
            self.expect(")")
            return inner
        if (kind, value) == ("word", "hasPrefix"):
            return self._prefix()
        return self._comparison()

    def _prefix(self) -> Predicate:
        self._at += 1
        self.expect("(")
        self._attributes()
        self.expect(".")
        key = self._key()
        self.expect(",")
        prefix = self.expect("quoted")
        self.expect(")")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _comparison(self) -> Predicate:
        self._attributes()
        if self._tokens[self._at][0] == ":":
            self._at += 1
            wanted = self._key()
            return lambda attributes: wanted in attributes
        self.expect(".")
        key = self._key()
        equal = self._tokens[self._at][0] == "="
        self.expect("=" if equal else "!=")
        value = self.expect("quoted")
        return lambda attributes: (attributes.get(key) == value) is equal

    def _attributes(self) -> None:
        if self.expect("word") != "attributes":
            raise self._malformed()

    def _key(self) -> str:
        return self.expect("quoted" if self._tokens[self._at][0] == "quoted" else "word")

    def expect(self, kind: str) -> str:
        """Take the next token, which is of this kind."""
        found, value = self._tokens[self._at]
        if found != kind:
            raise self._malformed()
        self._at += 1
        return re.sub(r"\\(.)", r"\1", value) if kind == "quoted" else value

    def _malformed(self) -> ApiError:
        return invalid_argument("filter", f"Invalid filter: {self._text}")
