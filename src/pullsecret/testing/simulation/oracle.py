"""Looks at the invariants after every call that took effect."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from pullsecret.testing.simulation.chaos import LATE, Actor
from pullsecret.testing.simulation.claims import ClaimInvariants
from pullsecret.testing.simulation.evidence import Effect, Evidence
from pullsecret.testing.simulation.stores import StoreInvariants


def _checks(oracle: "Oracle") -> Mapping[str, Callable[[Effect], None]]:
    return {**StoreInvariants(oracle.evidence).checks(), **ClaimInvariants(oracle.evidence).checks()}


@attrs.frozen
class Oracle:
    """Says where the service contradicts the evidence."""

    evidence: Evidence
    _checks: Mapping[str, Callable[[Effect], None]] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_checks, takes_self=True)
    )

    def after(self, actor: Actor, point: str, args: tuple[Any, ...], result: Any) -> None:
        """Look at the effect that a call just had."""
        self.evidence.began.setdefault(actor.name, self.evidence.now)
        check = self._checks.get(point.removesuffix(LATE))
        if check is not None:
            check(Effect(actor, args, result, point.endswith(LATE)))
