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

    ``STARTED -> PREPARED -> STORED -> VERIFIED -> PUBLISHED``; a verification that fails goes back to
    PREPARED, so nothing can be published that was not read back.
    """

    stage: Stage = Stage.STARTED
    created: bool = False
    version: str | None = None
    change: Change | None = None

    def prepared(self, *, created: bool) -> "SecretLifecycle":
        """The cloud secret exists and is ours; ``created`` if this run made it (a repeat keeps that)."""
        self._require("prepared", Stage.STARTED, Stage.PREPARED)
        return attrs.evolve(self, stage=Stage.PREPARED, created=self.created or created)

    def stored(self, version: str) -> "SecretLifecycle":
        """A new version was added."""
        self._require("stored", Stage.PREPARED)
        change = Change.CREATED if self.created or self.change is Change.CREATED else Change.UPDATED
        return attrs.evolve(self, stage=Stage.STORED, version=version, change=change)

    def unchanged(self, version: str) -> "SecretLifecycle":
        """The newest version already holds the payload; what this run did before stays said."""
        self._require("unchanged", Stage.PREPARED)
        return attrs.evolve(
            self, stage=Stage.STORED, version=version, change=self.change or self._first_change()
        )

    def verified(self) -> "SecretLifecycle":
        """The newest version was read back and is byte for byte the payload."""
        self._require("verified", Stage.STORED)
        return attrs.evolve(self, stage=Stage.VERIFIED)

    def refuted(self) -> "SecretLifecycle":
        """The newest version was read back and is not the payload: store again."""
        self._require("refuted", Stage.STORED)
        return attrs.evolve(self, stage=Stage.PREPARED, version=None)

    def published(self) -> "SecretLifecycle":
        """The cluster secret holds the read-back value."""
        self._require("published", Stage.VERIFIED)
        return attrs.evolve(self, stage=Stage.PUBLISHED)

    def _first_change(self) -> Change:
        # An unanswered add after our own create shows up as an equal newest version.
        return Change.CREATED if self.created else Change.UNCHANGED

    def _require(self, step: str, *allowed: Stage) -> None:
        if self.stage not in allowed:
            raise IllegalTransitionError(f"{step} is not possible in stage {self.stage.value}")
