"""From the text of an expression to its syntax tree."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

import attrs
from lark import Lark
from lark import Token as LarkToken
from lark.exceptions import UnexpectedToken, VisitError
from lark.lexer import Lexer

from pullsecret.expressions.ast import Node
from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.operator_precedence import BINARY
from pullsecret.expressions.placement import placed
from pullsecret.expressions.tokens import Token, tokens
from pullsecret.expressions.tree_builder import TreeBuilder

_BOTH_PREFIX_AND_BINARY: Final = frozenset({"+", "-"})
_OPERATORS: Final = frozenset(BINARY) - _BOTH_PREFIX_AND_BINARY - {"|"}


@attrs.frozen
class _Bytes:
    """A token's value must be hashable and a string to lark; a byte string travels in here."""

    literal: bytes


class _Tokens(Lexer):
    """Hands our tokens to lark."""

    def __init__(self, lexer_conf: Any) -> None:
        self._terminals = {each.pattern.value: each.name for each in lexer_conf.terminals if each.pattern}

    def lex(self, source: str) -> Iterator[LarkToken]:  # type: ignore[override]
        for token in _without_last_semicolon(placed(tokens(source), source)):
            yield self._converted(token)

    def _converted(self, token: Token) -> LarkToken:
        terminal = "OPERATOR" if token.kind in _OPERATORS else self._terminals.get(token.kind, token.kind)
        value = _Bytes(token.value) if isinstance(token.value, bytes) else token.value
        return LarkToken(terminal, value, start_pos=token.start, end_pos=token.end)


def _without_last_semicolon(source: Iterator[Token]) -> Iterator[Token]:
    before: Token | None = None
    for token in source:
        if before is not None:
            yield before
        before = token
    if before is not None and before.kind != ";":
        yield before


@cache
def _grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer=_Tokens, start="sequence", keep_all_tokens=True)


def parse(source: str, builtins: frozenset[str]) -> Node:
    """The syntax tree. ``builtins`` are the names of all builtin functions. Raises CompileError."""
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise CompileError("not valid Unicode", source, error.start, error.end) from None
    try:
        tree = _grammar().parse(source)
        return TreeBuilder(source, builtins).built(tree)
    except UnexpectedToken as error:
        raise _unexpected(error, source) from None
    except VisitError as error:
        if isinstance(error.orig_exc, CompileError):
            raise error.orig_exc from None
        raise


def _unexpected(error: UnexpectedToken, source: str) -> CompileError:
    token = error.token
    if token.type == "$END":
        return CompileError("unexpected end of expression", source, len(source), len(source))
    start, end = int(token.start_pos or 0), int(token.end_pos or 0)
    return CompileError(f"unexpected {source[start:end]}", source, start, end)
