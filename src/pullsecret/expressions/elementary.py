"""Exponential and logarithm, to the last bit as Go's on amd64; C's differ in the last place now and then.

The methods are published ones: the exponential after Shibata (2010: the argument is divided by 16, a Taylor
series, four squarings), with fused multiplication and addition; the logarithm after fdlibm.
"""

import math
from fractions import Fraction
from typing import Final

_LOG2_E: Final = 1.4426950408889634
_LN2_UPPER: Final = 0.69314718055966295651160180568695068359375
_LN2_LOWER: Final = 0.28235290563031577122588448175013436025525412068e-12
_TAYLOR: Final = tuple(1 / math.factorial(n) for n in range(8, 0, -1))
_SQUARINGS: Final = 4

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_ODD: Final = (
    1.479819860511658591e-01,
    1.818357216161805012e-01,
    2.857142874366239149e-01,
    6.666666666666735130e-01,
)
_EVEN: Final = (1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01)


def _fused(a: float, b: float, c: float) -> float:
    """``a * b + c``, rounded once."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def exponential(x: float) -> float:
    """``e ** x`` for a finite x whose result is far from the ends of the range."""
    power = round(x * _LOG2_E)
    rest = _fused(-power, _LN2_UPPER, x)
    rest = _fused(-power, _LN2_LOWER, rest) / (1 << _SQUARINGS)
    series = _TAYLOR[0]
    for coefficient in _TAYLOR[1:]:
        series = _fused(series, rest, coefficient)
    # From here on it is e ** rest - 1, whose square needs no cancellation.
    less_one = rest * series
    for _ in range(_SQUARINGS - 1):
        less_one *= less_one + 2
    return math.ldexp(_fused(less_one, less_one + 2, 1.0), power)


def logarithm(x: float) -> float:
    """The natural logarithm of a finite x above zero."""
    mantissa, power = math.frexp(x)
    if mantissa < math.sqrt(2) / 2:
        mantissa *= 2
        power -= 1
    f = mantissa - 1
    s = f / (2 + f)
    square = s * s
    fourth = square * square
    rest = square * _polynomial(_ODD, fourth) + fourth * _polynomial(_EVEN, fourth)
    half = 0.5 * f * f
    return power * _LN2_HIGH - ((half - (s * (half + rest) + power * _LN2_LOW)) - f)


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
