"""What every StatusSink does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs
import pytest

from pullsecret.domain.conditions import StatusReport, conditions_of, job_report
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import Failure, Finished, ProvisionJob, ProvisionKey, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.ports.status_sink import Receipt, StatusSink
from pullsecret.testing.contracts.samples import new_cluster_id, new_target

SUCCESS = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")
FAILURE = ProvisionResult(Stage.STARTED, failure=Failure(Reason.NAMING_CONFLICT, "It is not ours."))


@attrs.frozen
class Believed:
    """What the API says about a cluster's pull secret when asked."""

    applied: tuple[str, str, str]
    """Status, reason and message."""
    available: tuple[str, str, str]
    health: tuple[str, str, str]
    data: dict[str, str]


def report_of(cluster_id: ClusterId, generation: int, result: ProvisionResult) -> StatusReport:
    """A report about a finished job."""
    target = new_target(cluster_id, generation)
    now = datetime.now(UTC)
    finished = Finished(result, now)
    return job_report(
        ProvisionJob(ProvisionKey(cluster_id, Generation(generation)), target, finished, now), finished, now
    )


def believed_of(report: StatusReport) -> Believed:
    """What the API should say after taking ``report``."""

    def triple(name: str) -> tuple[str, str, str]:
        condition = getattr(report.conditions, name)
        return condition.status.value, str(condition.reason), condition.message

    return Believed(triple("applied"), triple("available"), triple("health"), dict(report.data))


@pytest.mark.asyncio
class StatusSinkContract:
    """Subclass it and override :meth:`sink`, :meth:`put_cluster` and :meth:`believed`."""

    @pytest.fixture
    def sink(self) -> StatusSink:
        """The sink under test."""
        raise NotImplementedError

    @pytest.fixture
    def put_cluster(self) -> Callable[[ClusterId, int], Awaitable[None]]:
        """Make the API know a cluster at a generation."""
        raise NotImplementedError

    @pytest.fixture
    def believed(self) -> Callable[[ClusterId], Awaitable[Believed | None]]:
        """Ask the API what it believes."""
        raise NotImplementedError

    @pytest.fixture
    def cluster_id(self) -> ClusterId:
        """A cluster not known yet."""
        return new_cluster_id()

    async def test_an_unknown_cluster_is_gone(self, sink: StatusSink, cluster_id: ClusterId) -> None:
        assert await sink.post(report_of(cluster_id, 1, SUCCESS)) is Receipt.CLUSTER_GONE

    @pytest.mark.parametrize("result", [SUCCESS, FAILURE], ids=["success", "failure"])
    async def test_what_is_told_is_believed(
        self,
        sink: StatusSink,
        put_cluster: Callable[[ClusterId, int], Awaitable[None]],
        believed: Callable[[ClusterId], Awaitable[Believed | None]],
        cluster_id: ClusterId,
        result: ProvisionResult,
    ) -> None:
        await put_cluster(cluster_id, 1)
        report = report_of(cluster_id, 1, result)
        assert report.conditions == conditions_of(result)
        assert await sink.post(report) is Receipt.ACCEPTED
        assert await believed(cluster_id) == believed_of(report)

    async def test_telling_twice_is_harmless(
        self,
        sink: StatusSink,
        put_cluster: Callable[[ClusterId, int], Awaitable[None]],
        believed: Callable[[ClusterId], Awaitable[Believed | None]],
        cluster_id: ClusterId,
    ) -> None:
        await put_cluster(cluster_id, 1)
        report = report_of(cluster_id, 1, SUCCESS)
        for _ in range(2):
            assert await sink.post(report) is Receipt.ACCEPTED
        assert await believed(cluster_id) == believed_of(report)

    async def test_the_newer_generation_is_believed(
        self,
        sink: StatusSink,
        put_cluster: Callable[[ClusterId, int], Awaitable[None]],
        believed: Callable[[ClusterId], Awaitable[Believed | None]],
        cluster_id: ClusterId,
    ) -> None:
        await put_cluster(cluster_id, 1)
        await sink.post(report_of(cluster_id, 1, SUCCESS))
        await put_cluster(cluster_id, 2)
        newer = report_of(cluster_id, 2, FAILURE)
        assert await sink.post(newer) is Receipt.ACCEPTED
        assert await sink.post(report_of(cluster_id, 1, SUCCESS)) is Receipt.STALE
        assert await believed(cluster_id) == believed_of(newer)
