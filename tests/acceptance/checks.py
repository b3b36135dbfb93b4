"""Check functions: one for each box, what they find, and what is thought of it."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from tests.acceptance.world import AcceptanceWorld


@attrs.frozen
class Finding:
    """What a check saw when the box holds."""

    figure: str
    """The measured value, in a few words."""
    evidence: str = ""
    """Where it was seen."""


class NotMetError(AssertionError):
    """The box does not hold; the message is the figure that shows it."""


def require(holds: object, otherwise: str) -> None:
    """Raises :class:`NotMetError` with ``otherwise`` unless ``holds``."""
    if not holds:
        raise NotMetError(otherwise)


class Where(Enum):
    """What a box needs to be shown."""

    HERE = "here"
    """The world of this program."""
    ANY_CLOUD = "any cloud"
    """The served Google Cloud here, and a real project just as well."""
    REAL_CLOUD = "real cloud"
    """A real project; the same check on the served one is only a rehearsal."""
    PERSON = "person"
    """Somebody's judgement."""


class When(Enum):
    """When a check runs, within a run."""

    AT_ONCE = 0
    AFTER_THE_FLEET = 1
    """It looks at what the hundred jobs left."""
    AT_THE_END = 2
    """It looks at everything that the whole run left."""


Work = Callable[["AcceptanceWorld"], Awaitable[Finding]]


@attrs.frozen
class Check:
    """How one box is checked."""

    box: str
    how: str
    """In one line, for a reader of the report."""
    work: Work
    where: Where
    when: When

    @property
    def name(self) -> str:
        """The function, by module and name."""
        return f"{self.work.__module__.rpartition('.')[2]}.{self.work.__name__}"


_CHECKS: Final[dict[str, Check]] = {}


def check(
    box: str, how: str, *, where: Where = Where.HERE, when: When = When.AT_ONCE
) -> Callable[[Work], Work]:
    """Make the decorated function the check of ``box``. Raises ValueError for a second one."""

    def register(work: Work) -> Work:
        if box in _CHECKS:
            raise ValueError(f"{box} has two checks")
        _CHECKS[box] = Check(box, how, work, where, when)
        return work

    return register


def checks() -> Mapping[str, Check]:
    """All checks by box."""
    from tests.acceptance import (  # noqa: F401 - they register themselves
        ac1_secret_manager,
        ac2_cluster_secret,
        ac3_identity,
        ac4_events,
        ac5_status,
        ac6_errors,
        ac7_observability,
        ac8_security,
        ac9_performance,
        ac10_documentation,
    )

    return dict(_CHECKS)
