"""The life of one generation's pull secret, from nothing to published (DDR phases 4 and 5)."""

from enum import Enum

import attrs


class Stage(Enum):
    """How far a pull secret has come; the order is the order of the members."""

    STARTED = "started"
    PREPARED = "prepared"
    """The cloud secret exists and is ours."""
    STORED = "stored"
    """Its newest version is said to hold the payload."""
    VERIFIED = "verified"
    """The newest version was read back and equals the payload."""
    PUBLISHED = "published"
    """The cluster secret holds what was read back."""

    def reached(self, other: "Stage") -> bool:
        """True if this stage is ``other`` or a later one."""
        stages = list(Stage)
        return stages.index(self) >= stages.index(other)


class Change(Enum):
    """What a job did to the cloud secret's versions."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class IllegalTransitionError(RuntimeError):
    """A step was taken out of order: a fault in the program, never in its input."""


@attrs.frozen
class SecretLifecycle:
    """Where one run stands. Each step returns the next state or raises :class:`IllegalTransitionError`.

    ``STARTED -> PREPARED -> STORED -> VERIFIED -> PUBLISHED``. A verification that fails and
    preparations that no longer count go back to STARTED: nothing is published that was not read back, and
    nothing is stored after a pause before it was looked whether a newer generation has taken over. PUBLISHED
    goes back to it where an unanswered request may have taken effect since.
    """

    stage: Stage = Stage.STARTED
    added: bool = False
    """This run asked for a new version at least once, whether or not it was answered."""
    first: bool = False
    """There was no version when it first asked."""
    version: str | None = None

    @property
    def change(self) -> Change | None:
        """What this run did to the versions, also where the answer was lost or another version is the newest
        by now; None until it is known whether it has to add one."""
        if self.added:
            return Change.CREATED if self.first else Change.UPDATED
        return None if self.version is None else Change.UNCHANGED

    def prepared(self) -> "SecretLifecycle":
        """The cloud secret exists and is ours."""
        self._require("prepared", Stage.STARTED)
        return attrs.evolve(self, stage=Stage.PREPARED)

    def adding(self, *, first: bool) -> "SecretLifecycle":
        """A new version is about to be asked for; said before, since the answer may be lost."""
        self._require("adding", Stage.PREPARED)
        return attrs.evolve(self, added=True, first=self.first if self.added else first)

    def stored(self, version: str) -> "SecretLifecycle":
        """``version`` is the newest and is said to hold the payload."""
        self._require("stored", Stage.PREPARED)
        return attrs.evolve(self, stage=Stage.STORED, version=version)

    def verified(self, version: str) -> "SecretLifecycle":
        """The newest version, ``version``, was read back and is byte for byte the payload."""
        self._require("verified", Stage.STORED)
        return attrs.evolve(self, stage=Stage.VERIFIED, version=version)

    def refuted(self) -> "SecretLifecycle":
        """The newest version was read back and is not the payload: start over."""
        self._require("refuted", Stage.STORED)
        return attrs.evolve(self, stage=Stage.STARTED, version=None)

    def outdated(self) -> "SecretLifecycle":
        """The secret is gone since it was prepared, or may be another generation's by now: start over."""
        self._require("outdated", Stage.PREPARED, Stage.STORED)
        return attrs.evolve(self, stage=Stage.STARTED, version=None)

    def published(self) -> "SecretLifecycle":
        """The cluster secret holds the read-back value."""
        self._require("published", Stage.VERIFIED)
        return attrs.evolve(self, stage=Stage.PUBLISHED)

    def revisited(self) -> "SecretLifecycle":
        """Something that was asked for may have taken effect since: look at everything once more."""
        self._require("revisited", Stage.PUBLISHED)
        return attrs.evolve(self, stage=Stage.STARTED, version=None)

    def _require(self, step: str, *allowed: Stage) -> None:
        if self.stage not in allowed:
            raise IllegalTransitionError(f"{step} is not possible in stage {self.stage.value}")
