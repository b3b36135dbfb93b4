"""What one evaluation may use. The engine has a memory budget; work and text are bounded as well here."""

from typing import Final

from pullsecret.expressions.values import RuntimeFault

MEMORY: Final = 1_000_000
"""Elements of arrays, ranges and maps made, bytes by ``repeat``: the engine's limit and way of counting."""
TEXT: Final = 64 * 1024 * 1024
"""Characters of strings made otherwise."""
STEPS: Final = 3_000_000
"""Turns of predicates, elements that operators and builtins look at, and KiB of text."""


class Budget:
    """Counts down through one evaluation. Every method raises RuntimeFault when too much was asked for."""

    # On the class until something is paid: most evaluations pay nothing, and need no time to begin.
    _memory = MEMORY
    _text = TEXT
    _steps = STEPS

    def memory(self, size: int) -> None:
        """Pays for ``size`` elements that are about to be made."""
        self._memory -= size
        if self._memory <= 0:
            raise RuntimeFault("memory budget exceeded")

    def text(self, length: int) -> None:
        """Pays for a string of ``length`` that is about to be made."""
        self._text -= length
        if self._text <= 0:
            raise RuntimeFault("memory budget exceeded")

    def steps(self, count: int) -> None:
        """Pays for work."""
        self._steps -= count
        if self._steps <= 0:
            raise RuntimeFault("evaluation takes too long: step budget exceeded")
