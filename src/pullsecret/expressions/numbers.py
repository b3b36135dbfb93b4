"""Go's arithmetic on numbers."""

import math
from typing import Final

from pullsecret.expressions import types
from pullsecret.expressions.elementary import exponential, logarithm
from pullsecret.expressions.types import GoType
from pullsecret.expressions.values import RuntimeFault, TypedInt, Value, type_name, wrapped

_INT64_MIN: Final = -0x8000000000000000
_BITS: Final[dict[GoType, tuple[int, bool]]] = {
    types.UINT8: (8, False),
    types.INT32: (32, True),
    types.INT64: (64, True),
}


def number(value: Value) -> int | float | None:
    """The number that a value of a predeclared number type is; None if it is of another type."""
    kind = type(value)
    if kind is int or kind is float:
        return value  # type: ignore[no-any-return]
    if kind is TypedInt and not value.type.package:
        return value.value  # type: ignore[no-any-return]
    return None


def to_int(value: Value) -> int:
    """What Go's conversion ``int(value)`` gives. Raises RuntimeFault if the value is no number."""
    plain = number(value)
    if plain is None:
        raise RuntimeFault(f"invalid operation: int({type_name(value)})")
    return plain if type(plain) is int else truncated(plain)


def to_float(value: Value) -> float:
    """What Go's conversion ``float64(value)`` gives. Raises RuntimeFault if the value is no number."""
    plain = number(value)
    if plain is None:
        raise RuntimeFault(f"invalid operation: float({type_name(value)})")
    return float(plain)


def truncated(value: float) -> int:
    """``int(value)`` in Go on amd64: what has no ``int`` is the smallest one."""
    if -9223372036854775808.0 <= value < 9223372036854775808.0:
        return int(value)
    return _INT64_MIN


def negated(value: Value) -> Value:
    """``-value``. Raises RuntimeFault if the value is no number."""
    kind = type(value)
    if kind is int:
        return wrapped(-value)
    if kind is float:
        return -value
    if kind is TypedInt and value.type in _BITS:
        bits, signed = _BITS[value.type]
        number = -value.value & ((1 << bits) - 1)
        if signed and number >> (bits - 1):
            number -= 1 << bits
        return TypedInt(value.type, number)
    raise RuntimeFault(f"invalid operation: - {type_name(value)}")


def divided(left: float, right: float) -> float:
    """IEEE division: by zero gives an infinity or NaN."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or left != left:
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)


def remainder(left: int, right: int) -> int:
    """Go's ``%``: has the sign of the left side. Raises RuntimeFault on zero."""
    if right == 0:
        raise RuntimeFault("integer divide by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def power(base: float, exponent: float) -> float:
    """``math.Pow``, bit for bit where the exponent is a whole number."""
    special = _special_power(base, exponent)
    if special is not None:
        return special
    fraction, whole = math.modf(abs(exponent))
    if fraction and base < 0:
        return math.nan
    if whole >= 2.0**63:
        if base == -1:
            return 1.0
        return 0.0 if (abs(base) < 1) == (exponent > 0) else math.inf
    result, scale = 1.0, 0
    if fraction:
        if fraction > 0.5:
            fraction -= 1
            whole += 1
        result = exponential(fraction * logarithm(base))
    mantissa, shift = math.frexp(base)
    bits = int(whole)
    while bits:
        if abs(shift) > 1 << 12:
            # Doubling it again would leave the range of a float whatever follows.
            scale += shift
            break
        if bits & 1:
            result *= mantissa
            scale += shift
        mantissa *= mantissa
        shift <<= 1
        if mantissa < 0.5:
            mantissa += mantissa
            shift -= 1
        bits >>= 1
    if exponent < 0:
        result, scale = 1 / result, -scale
    return _scaled(result, scale)


def _special_power(base: float, exponent: float) -> float | None:
    if exponent == 0 or base == 1:
        return 1.0
    if exponent == 1:
        return base
    if base != base or exponent != exponent:
        return math.nan
    if exponent in (0.5, -0.5):
        if base < 0 or math.isinf(base):
            return _libm_power(base, exponent)
        root = math.sqrt(base)
        return root if exponent > 0 else divided(1.0, root)
    if base == 0 or math.isinf(base) or math.isinf(exponent):
        return _libm_power(base, exponent)
    return None


def _libm_power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:
        if base == 0 and exponent < 0:
            odd = exponent == int(exponent) and int(exponent) % 2 == 1
            return math.copysign(math.inf, base) if odd else math.inf
        return math.nan


def _scaled(value: float, scale: int) -> float:
    try:
        return math.ldexp(value, scale)
    except OverflowError:
        return math.copysign(math.inf, value)
