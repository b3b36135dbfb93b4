"""Random expressions whose parts mostly fit together, so that most of them have a value and go deep."""

import random
from collections import defaultdict

from tests.integration.expressions.cases import WRITTEN, Case

FORMS: dict[str, list[str]] = defaultdict(list)
"""What makes a value of a type; ``{n}`` in it stands for a value of type n, ``{{`` for a brace.

n number, i int, s string, b bool, N array of numbers, S of strings, U of users, m map, d duration, t time,
a any. ``findLast``, ``findLastIndex`` and ``last`` are left out: see the differences in docs/expressions.md.
"""
for line in (WRITTEN / "typed_forms.txt").read_text(encoding="utf-8").splitlines():
    FORMS[line[0]].append(line[2:])
LEAVES = {
    "n": ["1", "2.5", "i", "f", "neg"],
    "i": ["0", "1", "2", "3", "-1"],
    "s": ["text", "'a'", "'Hello, W'", "day", "blank"],
    "b": ["yes", "false"],
    "N": ["numbers", "[3, 1, 2]", "1..3"],
    "S": ["tags", "words", "['b', 'a']"],
    "U": ["users"],
    "m": ["map", "one", "{a: 1}"],
    "d": ["duration('1h')", "duration('-90s')"],
    "t": ["date('2024-01-31')", "date(when)"],
    "a": ["nil", "1", "'x'", "mixed", "nothing"],
}
MISFIT = 0.03
"""How often a value of any type stands where one type is expected."""


class TypedGrammar:
    """Draws expressions of a type; what is in braces in a form is drawn in turn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def case(self) -> Case:
        return Case(
            "wide", self._value(self._random.choice("nnisbbNSUmdtaaa"), self._random.choice([1, 2, 2, 3]))
        )

    def _value(self, kind: str, depth: int) -> str:
        if self._random.random() < MISFIT:
            kind = self._random.choice(list(FORMS))
        if depth <= 0:
            return self._random.choice(LEAVES[kind])
        form = self._random.choice(FORMS[kind])
        made = []
        position = 0
        while position < len(form):
            if form[position : position + 2] in ("{{", "}}"):
                made.append(form[position])
                position += 2
            elif form[position] == "{" and form[position + 2 : position + 3] == "}":
                made.append(self._part(form[position + 1], depth - 1))
                position += 3
            else:
                made.append(form[position])
                position += 1
        return "".join(made)

    def _part(self, kind: str, depth: int) -> str:
        value = self._value(kind, depth)
        return value if value.isidentifier() or self._random.random() < 0.1 else f"({value})"


def typed_cases(seed: int, count: int) -> list[Case]:
    grammar = TypedGrammar(seed)
    return [grammar.case() for _ in range(count)]
