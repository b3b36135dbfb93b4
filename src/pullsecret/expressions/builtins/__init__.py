"""The builtin functions that take no predicate, by name."""

from typing import Final

from pullsecret.expressions.builtins import strings
from pullsecret.expressions.builtins.signature import Builtin

BUILTINS: Final[dict[str, Builtin]] = {each.name: each for each in (*strings.BUILTINS,)}
