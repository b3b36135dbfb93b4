"""Expressions with a slip of the pen: the grammar takes what the engine's takes, also just beside it."""

import random
import re
from collections.abc import Sequence

from tests.integration.expressions.cases import Case, words

_TOKEN = re.compile(r"\w+|\s+|\.\.|\?\.|\?\?|\*\*|[=!<>]=|&&|\|\||.", re.DOTALL)
_INSERTED = [
    *"()[]{}.,:;|?!#$+-*/%^<>=&~@\\\"'`_01 \n\t",
    *words('.. ?. ?? ** == != && || nil true 0x 1e b" // /* */ é #index $env .a'),
    *(" not ", " in ", " and ", " or ", " matches ", "let x = 1;", "if yes {", "} else {", "\u00a0"),
]


def mutated(chooser: random.Random, expression: str) -> str:
    """The expression with one to three slips: something left out, doubled, exchanged, put in."""
    tokens = _TOKEN.findall(expression)
    for _ in range(chooser.choice([1, 1, 1, 2, 3])):
        place = chooser.randint(0, len(tokens))
        slip = chooser.randrange(5)
        if slip == 0 and place < len(tokens):
            del tokens[place]
        elif slip == 1 and place < len(tokens):
            tokens.insert(place, tokens[place])
        elif slip == 2 and place + 1 < len(tokens):
            tokens[place], tokens[place + 1] = tokens[place + 1], tokens[place]
        elif slip == 3 and place < len(tokens) and len(tokens[place]) > 1:
            cut = chooser.randrange(len(tokens[place]))
            tokens[place] = tokens[place][:cut] + tokens[place][cut + 1 :]
        else:
            tokens.insert(place, chooser.choice(_INSERTED))
    return "".join(tokens)


def mutated_cases(seed: int, count: int, originals: Sequence[Case]) -> list[Case]:
    chooser = random.Random(seed)
    chosen = (chooser.choice(originals) for _ in range(count))
    return [Case(original.env, mutated(chooser, original.expr)) for original in chosen]
