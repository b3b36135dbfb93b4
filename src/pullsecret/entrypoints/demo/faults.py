"""How much goes wrong in the demo."""

from enum import StrEnum

from pullsecret.infrastructure.memory.faults import Fault, FaultRule


class FaultLevel(StrEnum):
    """Which share of all calls fails, loses its answer, is slow, or kills the calling process."""

    NONE = "none"
    LIGHT = "light"
    HEAVY = "heavy"


def fault_rules(level: FaultLevel) -> tuple[FaultRule, ...]:
    """The rules of a level; they apply at every call of every port."""
    match level:
        case FaultLevel.NONE:
            return ()
        case FaultLevel.LIGHT:
            return _rules(fail=0.02, lose=0.01, delay=0.01, crash=0.001)
        case FaultLevel.HEAVY:
            return _rules(fail=0.10, lose=0.05, delay=0.03, crash=0.005)


def _rules(fail: float, lose: float, delay: float, crash: float) -> tuple[FaultRule, ...]:
    return (
        FaultRule("sentinel.publish", Fault.DROP, probability=fail),
        FaultRule("sentinel.publish", Fault.DUPLICATE, probability=fail),
        FaultRule("sentinel.publish", Fault.DELAY, probability=fail),
        FaultRule("*.*", Fault.CRASH_BEFORE, probability=crash),
        FaultRule("*.*", Fault.CRASH_AFTER, probability=crash),
        FaultRule("*.*", Fault.FAIL, probability=fail),
        FaultRule("*.*", Fault.LOSE_ANSWER, probability=lose),
        FaultRule("*.*", Fault.DELAY, probability=delay),
    )
