"""Telling statuses: what is sent, what becomes of the late, the lost and the doubled."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from pullsecret.domain.conditions import (
    ADAPTER_NAME,
    Condition,
    Conditions,
    Status,
    StatusReport,
    in_progress_report,
    job_report,
)
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    ProvisionTarget,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.infrastructure.hyperfleet.answers import Answer, ApiRequest
from pullsecret.infrastructure.hyperfleet.api import HyperFleetApi, hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.hyperfleet.statuses import V1StatusSink
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.status_sink import Receipt
from pullsecret.testing.hyperfleet.faults import Cut, Fault
from pullsecret.testing.hyperfleet.records import ClusterRecord, Dialect, Report
from pullsecret.testing.hyperfleet.server import FakeHyperFleet

SUCCESS = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")
only_v1 = pytest.mark.parametrize("dialect", [Dialect.V1])
only_ddr = pytest.mark.parametrize("dialect", [Dialect.DDR])


@pytest.fixture
def cluster(fake: FakeHyperFleet) -> ClusterRecord:
    return fake.store.create({"any": "spec"})


def target(cluster: ClusterRecord, generation: int = 1) -> ProvisionTarget:
    cluster_id = ClusterId(cluster.id)
    return ProvisionTarget(
        cluster_id,
        Generation(generation),
        CloudSecretRef("customer-prod-12345", f"hyperfleet-{cluster.id}-pull-secret"),
        ClusterSecretRef(f"clusters-{cluster.id}", f"{cluster.id}-pull-secret"),
    )


def finished(
    cluster: ClusterRecord, generation: int = 1, result: ProvisionResult = SUCCESS, at: datetime | None = None
) -> StatusReport:
    now = at or datetime.now(UTC)
    place = target(cluster, generation)
    state = Finished(result, at=now - timedelta(seconds=1))
    job = ProvisionJob(
        ProvisionKey(place.cluster_id, place.generation), place, state, now - timedelta(seconds=3.5)
    )
    return job_report(job, state, now)


def stored(fake: FakeHyperFleet, cluster: ClusterRecord) -> Report:
    return fake.store.get(cluster.id).reports["pullsecret"]


async def test_success_is_told_as_the_design_has_it(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED

    report = stored(fake, cluster)
    assert {c.type: (c.status, c.reason) for c in report.conditions} == {
        "Applied": ("True", "SecretCreated"),
        "Available": ("True", "SecretAvailable"),
        "Health": ("True", "Healthy"),
    }
    name = f"hyperfleet-{cluster.id}-pull-secret"
    assert report.data == {
        "secretName": name,
        "secretPath": f"projects/customer-prod-12345/secrets/{name}/versions/1",
        "gcpProject": "customer-prod-12345",
        "version": "1",
        "generation": "1",
    }


@only_v1
async def test_today_s_status_carries_generation_time_and_job(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    report = finished(cluster)
    await api.status.post(report)
    told = stored(fake, cluster)
    assert told.observed_generation == 1
    assert told.observed_time == report.observed_at
    assert told.metadata is not None
    assert told.metadata["job_name"] == f"pullsecret-{cluster.id}-gen1"
    assert told.metadata["attempt"] == 1
    assert told.metadata["duration"] == "2.500s"


@only_v1
async def test_work_in_progress_is_never_available_unknown_in_today_s_dialect(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    await api.status.post(finished(cluster))
    fake.store.patch(cluster.id, {"other": "spec"})
    progress = in_progress_report(target(cluster, 2), datetime.now(UTC))

    assert await api.status.post(progress) is Receipt.ACCEPTED

    told = stored(fake, cluster)
    assert (told.status_of("Applied"), told.status_of("Available")) == ("Unknown", "False")
    assert told.observed_generation == 2


@only_ddr
async def test_work_in_progress_is_unknown_in_the_design_s_dialect(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    await api.status.post(in_progress_report(target(cluster), datetime.now(UTC)))
    assert stored(fake, cluster).status_of("Available") == "Unknown"


async def test_an_older_generation_changes_nothing(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.store.patch(cluster.id, {"other": "spec"})
    await api.status.post(finished(cluster, generation=2))
    before = stored(fake, cluster)
    assert await api.status.post(finished(cluster, generation=1)) is Receipt.STALE
    assert stored(fake, cluster) == before


async def test_a_conflict_is_a_stale_report(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    await api.status.post(finished(cluster, generation=1))
    fake.store.patch(cluster.id, {"other": "spec"})
    await api.status.post(finished(cluster, generation=2))
    fake.faults.add(Fault(status=409), method="PUT|POST")
    assert await api.status.post(finished(cluster, generation=1)) is Receipt.STALE


async def test_a_missing_cluster_is_gone(api: HyperFleetApi, fake: FakeHyperFleet) -> None:
    gone = fake.store.create({})
    fake.store.remove(gone.id)
    assert await api.status.post(finished(gone)) is Receipt.CLUSTER_GONE


@only_v1
async def test_the_last_word_on_a_generation_survives_another_replica_s_fast_clock(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fast = datetime.now(UTC) + timedelta(seconds=90)
    await api.status.post(in_progress_report(target(cluster), fast))

    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED

    told = stored(fake, cluster)
    assert told.status_of("Available") == "True"
    assert told.observed_time > fast


@attrs.frozen
class Discarding:
    """An API that drops what is put, for a status that it says was told at ``told_at``."""

    told_at: object

    async def send(self, request: ApiRequest) -> Answer:
        if request.method != "GET":
            return Answer(204)
        stored = {"adapter": ADAPTER_NAME, "observed_generation": 1, "last_report_time": self.told_at}
        return Answer(200, body=json.dumps({"items": [stored], "total": 1}).encode())


@only_v1
@pytest.mark.parametrize(
    "told_at", [None, "soon", 7, "9999-12-31T23:59:59.9999Z", "0001-01-01T00:00:00+23:00"]
)
async def test_a_time_that_no_report_can_follow_is_a_fault_of_the_api(
    cluster: ClusterRecord, told_at: object
) -> None:
    sink = V1StatusSink(Discarding(told_at))  # type: ignore[arg-type]
    with pytest.raises(TransientError, match="told no time"):
        await sink.post(finished(cluster))


@only_v1
async def test_what_another_replica_said_already_is_not_said_again(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    await api.status.post(finished(cluster, at=datetime.now(UTC) + timedelta(seconds=90)))
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED
    assert len(fake.store.accepted) == 1


@only_v1
async def test_progress_never_takes_back_the_last_word(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    await api.status.post(finished(cluster))
    late = in_progress_report(target(cluster), datetime.now(UTC) - timedelta(seconds=30))
    assert await api.status.post(late) is Receipt.STALE
    assert stored(fake, cluster).status_of("Available") == "True"


@only_v1
async def test_a_lost_answer_is_asked_for_again_and_changes_nothing(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(cut=Cut.AFTER_COMMIT), method="PUT")
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED
    accepted = [report for _, report in fake.store.accepted]
    assert len(accepted) == 2
    assert len({c.since for report in accepted for c in report.conditions}) == 1


@only_ddr
async def test_a_post_whose_answer_is_lost_is_not_repeated(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(cut=Cut.AFTER_COMMIT), method="POST")
    with pytest.raises(TransientError, match="broke"):
        await api.status.post(finished(cluster))
    assert len(fake.store.accepted) == 1


@only_v1
async def test_an_api_that_only_knows_post_gets_it(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=405), method="PUT", times=-1)
    fake.faults.add(Fault(status=201), method="POST", times=-1)
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED
    assert [exchange.method for exchange in fake.journal] == ["PUT", "POST", "POST"]


@only_v1
async def test_an_api_that_is_upgraded_meanwhile_gets_what_it_knows(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=405), method="PUT")
    fake.faults.add(Fault(status=201), method="POST")
    fake.faults.add(Fault(status=405), method="POST", times=-1)
    for _ in range(3):
        assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED
    assert [exchange.method for exchange in fake.journal] == ["PUT", "POST", "POST", "PUT", "PUT"]
    assert stored(fake, cluster).observed_generation == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=405), id="no status is taken"),
        pytest.param(Fault(status=404, garbage=True), id="a proxy that knows no such route"),
        pytest.param(Fault(status=413, garbage=True), id="a proxy that refuses"),
        pytest.param(Fault(status=401), id="401"),
        pytest.param(Fault(status=403), id="403"),
    ],
)
async def test_what_says_nothing_of_the_status_leaves_it_to_be_told(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, fault: Fault
) -> None:
    fake.faults.add(fault, times=-1)
    with pytest.raises(TransientError) as raised:
        await api.status.post(finished(cluster))
    assert "api." in raised.value.remedy
    fake.faults.clear()
    assert await api.status.post(finished(cluster)) is Receipt.ACCEPTED


@only_v1
async def test_a_refused_body_names_the_field(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pullsecret.infrastructure.hyperfleet.render.ADAPTER_NAME", "")
    with pytest.raises(PermanentError) as raised:
        await api.status.post(finished(cluster))
    assert raised.value.reason is Reason.REQUEST_REFUSED
    assert "adapter: is required" in raised.value.cause


@only_v1
async def test_a_wrong_clock_is_said_to_be_one(api: HyperFleetApi, cluster: ClusterRecord) -> None:
    slow = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(TransientError) as raised:
        await api.status.post(finished(cluster, at=slow))
    assert "clock" in raised.value.remedy


async def test_one_report_per_cluster_at_a_time_and_many_clusters_at_once(
    api: HyperFleetApi, fake: FakeHyperFleet
) -> None:
    clusters = [fake.store.create({}) for _ in range(5)]
    go_on = asyncio.Event()
    fake.faults.add(Fault(until=go_on), times=-1)
    async with asyncio.TaskGroup() as tasks:
        for cluster in clusters:
            for _ in range(3):
                tasks.create_task(api.status.post(finished(cluster)))
        await fake.faults.holds(len(clusters))
        go_on.set()
    assert len(fake.journal) == 3 * len(clusters)
    assert {exchange.concurrent for exchange in fake.journal} == {1}
    assert max(exchange.busy for exchange in fake.journal) == len(clusters)


async def test_a_message_is_at_most_as_long_as_the_api_shows(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    failed = ProvisionResult(Stage.STARTED, failure=Failure(Reason.PERMISSION_DENIED, "x" * 5000))
    await api.status.post(finished(cluster, result=failed))
    told = stored(fake, cluster)
    assert told.status_of("Health") == "False"
    assert max(len(c.message) for c in told.conditions) == 1024


@only_v1
async def test_what_was_cleaned_up_is_told_as_finalized(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.store.required_adapters = ("pullsecret",)
    fake.store.delete(cluster.id)
    gone = Condition(Status.FALSE, Reason.FINALIZED, "Deleted.")
    conditions = Conditions(
        applied=gone,
        available=gone,
        health=Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen."),
        finalized=Condition(Status.TRUE, Reason.FINALIZED, "Everything that was ours is deleted."),
    )
    report = StatusReport(ClusterId(cluster.id), Generation(2), conditions, datetime.now(UTC))
    assert await api.status.post(report) is Receipt.ACCEPTED
    assert cluster.id in fake.store.deleted
    assert await api.status.post(report) is Receipt.CLUSTER_GONE


async def test_a_status_to_a_wrong_url_is_not_taken_for_a_missing_cluster(
    settings: HyperFleetSettings, cluster: ClusterRecord
) -> None:
    async with hyperfleet_api(attrs.evolve(settings, url=settings.url + "/typo"), SystemClock()) as astray:
        with pytest.raises(TransientError) as raised:
            await astray.status.post(finished(cluster))
    assert "api.url" in raised.value.remedy
