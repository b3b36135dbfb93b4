"""Whether the systems that a replica depends on can be reached."""

from collections.abc import Awaitable, Callable, Sequence

import attrs

from pullsecret.domain.errors import OperationError

Probe = Callable[[], Awaitable[object]]
"""Reaches for a system; raises an operation error if it is not to be reached."""


@attrs.frozen
class Readiness:
    """Asks each system anew whenever it is asked itself. It decides about traffic, never about a restart."""

    _probes: dict[str, Probe] = attrs.field(factory=dict, init=False)

    def depends_on(self, system: str, probe: Probe) -> None:
        """Count ``system`` in."""
        self._probes[system] = probe

    async def problems(self) -> Sequence[str]:
        """A line for each system that cannot be reached."""
        found = []
        for system, probe in self._probes.items():
            try:
                await probe()
            except OperationError as error:
                found.append(f"{system}: {error.cause}")
        return found
