"""The builtin functions that take no predicate, by name."""

from typing import Final

from pullsecret.expressions.builtins import (
    arrays,
    bitwise,
    conversions,
    dates,
    encoding,
    maps,
    numbers,
    reflection,
    strings,
)
from pullsecret.expressions.builtins.signature import Builtin

BUILTINS: Final[dict[str, Builtin]] = {
    each.name: each
    for module in (arrays, bitwise, conversions, dates, encoding, maps, numbers, reflection, strings)
    for each in module.BUILTINS
}
