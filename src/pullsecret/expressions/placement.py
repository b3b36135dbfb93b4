"""Tells tokens apart that look the same and stand in different places.

The grammar is LALR(1). Three things in the language need more than one token of context, and all three can be
read off the brackets around a token: whether ``{`` opens a map or a block, whether a word is a key of a map,
and whether a word is the name of a property (where every word is allowed).
"""

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from pullsecret.expressions.errors import CompileError
from pullsecret.expressions.tokens import PREDICATE_BUILTINS, WORD_OPERATORS, Token

_CLOSES_OPERAND: Final = frozenset(
    {"NAME", "PROPERTY", "TRUE", "FALSE", "NIL", "NUMBER", "STRING", "BYTES", "#", ")", "]", "}"}
)
_WORDS: Final = WORD_OPERATORS | {"NAME", "TRUE", "FALSE", "NIL"}
_KEYS: Final = frozenset({"NAME", "TRUE", "FALSE", "NIL", "NUMBER", "STRING"})


@attrs.define
class _Bracket:
    kind: str
    """``(`` or ``[``, ``call`` of a builtin with a predicate, ``map`` or ``block``."""
    argument: int = 0
    """Of a call: how many arguments came before, the piped one included."""


def placed(source: Iterable[Token], text: str) -> Iterator[Token]:
    """The same tokens, some with another kind: ``PROPERTY``, ``KEY``, ``BLOCK``. Raises CompileError."""
    brackets: list[_Bracket] = []
    before = Token("", "", 0, 0)
    earlier = before
    for token in source:
        placed_token = _placed(token, before, brackets, text)
        _follow(placed_token, before, earlier, brackets)
        earlier, before = before, placed_token
        yield placed_token


def _placed(token: Token, before: Token, brackets: list[_Bracket], text: str) -> Token:
    kind = token.kind
    if kind == "{":
        kind = "BLOCK" if _opens_block(before, brackets) else "{"
    elif before.kind in (".", "?.") and kind in _WORDS:
        kind = "PROPERTY"
    elif before.kind == "|" and kind in ("TRUE", "FALSE", "NIL"):
        kind = "NAME"  # What is called there is a name whatever it is elsewhere.
    elif before.kind in ("{", ",") and brackets and brackets[-1].kind == "map":
        if kind in _KEYS:
            kind = "KEY"
        elif kind not in ("(", "}"):
            message = "a key of a map must be a name, a string, a number, or an expression in parentheses"
            raise CompileError(message, text, token.start, token.end)
    return token if kind == token.kind else attrs.evolve(token, kind=kind)


def _opens_block(before: Token, brackets: list[_Bracket]) -> bool:
    if before.kind in _CLOSES_OPERAND or before.kind == "else":
        return True
    innermost = brackets[-1] if brackets else None
    return (
        innermost is not None
        and innermost.kind == "call"
        and innermost.argument == 1
        and before.kind in ("(", ",")
    )


def _follow(token: Token, before: Token, earlier: Token, brackets: list[_Bracket]) -> None:
    if token.kind == "(" and before.kind == "NAME" and before.value in PREDICATE_BUILTINS:
        brackets.append(_Bracket("call", argument=1 if earlier.kind == "|" else 0))
    elif token.kind in ("(", "["):
        brackets.append(_Bracket(token.kind))
    elif token.kind in ("{", "BLOCK"):
        brackets.append(_Bracket("map" if token.kind == "{" else "block"))
    elif token.kind in (")", "]", "}") and brackets:
        brackets.pop()
    elif token.kind == "," and brackets:
        brackets[-1].argument += 1
