"""How a builtin function is declared.

A builtin that takes no predicate is one :class:`Builtin`: its name, what the checker accepts, and its
body. Modules of this package export their builtins as a tuple ``BUILTINS``; ``builtins/__init__.py``
collects them.

**Checking.** The engine knows two ways, both kept because they refuse differently:

- ``overloads``: Go signatures, tried in order; the first that fits gives the type of the result. The
  checker does it all (number of arguments, assignability, an unknown type fits everything, ``nil`` fits
  ``any`` only).
- ``validate``: a function of the argument types that returns the type of the result or raises
  :class:`Refused` with a message. An argument of unknown type is ``types.ANY``; the literal ``nil`` is
  None.

A result of unknown type is ``types.ANY``.

**Body.** Called as ``body(budget, *arguments)`` with values of the language (see ``values``). Only what
the checker could not know must be checked: an argument that was of unknown type may be any value, also
``None``. The number of arguments is right whenever ``overloads`` or ``validate`` check it. What cannot
be done raises ``RuntimeFault(message)`` (of ``values``). A body raises nothing else, changes no
argument, and takes no more than linear time unless it pays for it.

**Paying.** Whatever makes something whose size the expression chooses pays *before* making it. Elements
of an array or map, and the bytes of ``repeat``, are ``budget.memory(size)``: the engine counts arrays,
ranges, maps, ``repeat``, ``concat``, ``flatten``, ``reverse`` and ``sort`` this way, up to 1,000,000.
Any other string that can grow (``replace``, ``join``, ``split``, ``toJSON``, ``string``) is
``budget.text(length)``, which has its own, much larger limit: the engine does not count it, and we
refuse only what is absurd. Work that is not proportional to the arguments' size is
``budget.steps(count)``.
"""

from collections.abc import Callable, Sequence

import attrs

from pullsecret.expressions.budget import Budget
from pullsecret.expressions.types import GoType, Signature
from pullsecret.expressions.values import Value

Validate = Callable[[Sequence[GoType | None]], GoType]
Body = Callable[..., Value]
"""``(budget, *arguments)``"""


class Refused(Exception):  # noqa: N818 it becomes a CompileError where the place is known
    """The checker's verdict on argument types; becomes a CompileError at the call."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@attrs.frozen(eq=False)
class Builtin:
    """A builtin function. Exactly one of ``overloads`` and ``validate`` is given."""

    name: str
    body: Body
    overloads: tuple[Signature, ...] = ()
    validate: Validate | None = None


@attrs.frozen(eq=False)
class Method:
    """A method of a type, reached as ``value.Name(arguments)``; exported by ``dates.METHODS[type][name]``.

    ``body`` is called as ``body(budget, receiver, *arguments)``; the evaluator has seen to it that the
    arguments are of the types that ``signature`` names.
    """

    name: str
    signature: Signature
    body: Body


def overload(*parameters: GoType, result: GoType) -> Signature:
    """A signature with one result."""
    return Signature(parameters, (result,))


__all__ = ["Body", "Budget", "Builtin", "Method", "Refused", "Validate", "overload"]
