"""One run's life as a state machine: whatever order the steps come in, its promises hold."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pullsecret.domain.secret_lifecycle import Change, IllegalTransitionError, SecretLifecycle, Stage

ORDER = [Stage.STARTED, Stage.PREPARED, Stage.STORED, Stage.VERIFIED, Stage.PUBLISHED]

FROM = {
    "prepared": {Stage.STARTED},
    "adding": {Stage.PREPARED},
    "stored": {Stage.PREPARED},
    "verified": {Stage.STORED},
    "refuted": {Stage.STORED},
    "outdated": {Stage.PREPARED, Stage.STORED},
    "published": {Stage.VERIFIED},
}
TO = {
    "prepared": Stage.PREPARED,
    "adding": Stage.PREPARED,
    "stored": Stage.STORED,
    "verified": Stage.VERIFIED,
    "refuted": Stage.STARTED,
    "outdated": Stage.STARTED,
    "published": Stage.PUBLISHED,
}


def test_the_stages_are_in_the_order_of_the_work() -> None:
    for place, stage in enumerate(ORDER):
        assert [stage.reached(other) for other in ORDER] == [place >= other for other in range(len(ORDER))]


class Life(RuleBasedStateMachine):
    """Steps in any order, against a model that keeps the history in plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SecretLifecycle()
        self.steps: list[str] = []
        self.asked: list[bool] = []
        self.version: str | None = None

    def take(self, step: str, *args: object, **kwargs: object) -> bool:
        before = self.state
        if before.stage not in FROM[step]:
            with pytest.raises(IllegalTransitionError) as caught:
                getattr(before, step)(*args, **kwargs)
            assert str(caught.value) == f"{step} is not possible in stage {before.stage.value}"
            return False
        self.state = getattr(before, step)(*args, **kwargs)
        self.steps.append(step)
        assert self.state.stage is TO[step]
        return True

    @rule()
    def prepared(self) -> None:
        self.take("prepared")

    @rule(first=st.booleans())
    def adding(self, first: bool) -> None:
        if self.take("adding", first=first):
            self.asked.append(first)

    @rule(version=st.integers(1, 9).map(str))
    def stored(self, version: str) -> None:
        if self.take("stored", version):
            self.version = version

    @rule(version=st.integers(1, 9).map(str))
    def verified(self, version: str) -> None:
        if self.take("verified", version):
            self.version = version

    @rule()
    def refuted(self) -> None:
        if self.take("refuted"):
            self.version = None

    @rule()
    def outdated(self) -> None:
        if self.take("outdated"):
            self.version = None

    @rule()
    def published(self) -> None:
        self.take("published")

    @invariant()
    def it_knows_its_version_exactly_while_one_is_stored(self) -> None:
        assert self.state.version == self.version
        assert (self.state.version is not None) == self.state.stage.reached(Stage.STORED)

    @invariant()
    def it_says_what_it_did_and_not_more(self) -> None:
        if self.asked:
            assert self.state.change is (Change.CREATED if self.asked[0] else Change.UPDATED)
        else:
            assert self.state.change is (None if self.state.version is None else Change.UNCHANGED)
        assert self.state.added == bool(self.asked)

    @invariant()
    def nothing_is_published_unread(self) -> None:
        if self.state.stage is Stage.PUBLISHED:
            assert self.steps[-3:] == ["stored", "verified", "published"]


TestLife = Life.TestCase


def test_a_first_provisioning() -> None:
    life = SecretLifecycle().prepared().adding(first=True).stored("1").verified("1").published()
    assert life == SecretLifecycle(Stage.PUBLISHED, added=True, first=True, version="1")
    assert life.change is Change.CREATED


def test_what_is_outdated_has_no_version() -> None:
    assert SecretLifecycle().prepared().stored("1").outdated().version is None


def test_an_unanswered_add_is_still_said_to_be_ours() -> None:
    unanswered = SecretLifecycle().prepared().adding(first=False)
    assert unanswered.change is unanswered.outdated().change is Change.UPDATED
    assert unanswered.stored("4").change is Change.UPDATED


def test_a_repeated_add_after_the_first_stays_a_creation() -> None:
    refuted = SecretLifecycle().prepared().adding(first=True).stored("1").refuted()
    life = refuted.prepared().adding(first=False)
    assert life.stored("2").change is Change.CREATED
