"""Whether the systems that a replica depends on can be reached."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import attrs

from pullsecret.domain.errors import OperationError

Probe = Callable[[], Awaitable[object]]
"""Reaches for a system; raises an operation error if it is not to be reached."""

_STARTING = "the adapter is starting"


@attrs.define
class Readiness:
    """Asks each system anew whenever it is asked itself. It decides about traffic, never about a restart."""

    _probes: dict[str, Probe] = attrs.field(factory=dict, init=False)
    _started: bool = attrs.field(default=False, init=False)

    def depends_on(self, system: str, probe: Probe) -> None:
        """Count ``system`` in."""
        self._probes[system] = probe

    def started(self) -> None:
        """Everything is counted in."""
        self._started = True

    async def problems(self, patience: float) -> Sequence[str]:
        """A line for each system that cannot be reached, or does not answer within ``patience`` seconds."""
        if not self._started:
            return [_STARTING]
        asked = (_problem(system, probe, patience) for system, probe in self._probes.items())
        return [line for line in await asyncio.gather(*asked) if line]


async def _problem(system: str, probe: Probe, patience: float) -> str | None:
    try:
        async with asyncio.timeout(patience):
            await probe()
    except OperationError as error:
        return f"{system}: {error.cause}"
    except TimeoutError:
        return f"{system}: no answer within {patience:g} s"
    return None
