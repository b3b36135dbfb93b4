"""Reading clusters: what is found, what is missing, what is not ours to see, and what is not the API."""

import asyncio
import gc
import json
import logging
from typing import Any

import attrs
import pytest

from pullsecret.domain.cluster_document import paths
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.hyperfleet.api import HyperFleetApi, hyperfleet_api
from pullsecret.infrastructure.hyperfleet.clusters import REMEMBERED
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.hyperfleet.faults import Fault
from pullsecret.testing.hyperfleet.neighbours import complete_dependencies, report_as
from pullsecret.testing.hyperfleet.records import ClusterRecord, Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.hyperfleet.specs import cluster_spec

CANARY = "c2VjcmV0OmNhbmFyeQ=="
PULL_SECRET = json.dumps({"auths": {"quay.io": {"auth": CANARY}}})


@pytest.fixture
def cluster(fake: FakeHyperFleet, dialect: Dialect) -> ClusterRecord:
    spec = cluster_spec(
        dialect, project="customer-prod-12345", pull_secret=PULL_SECRET, secret_name="own-name"
    )
    record = fake.store.create(spec)
    complete_dependencies(fake.store, record)
    return record


async def test_every_value_is_read_from_the_dialect_s_place(
    api: HyperFleetApi, cluster: ClusterRecord
) -> None:
    entry = await api.catalog.get(ClusterId(cluster.id))

    assert entry is not None
    read = entry.cluster
    assert (read.id.value, read.generation) == (cluster.id, 1)
    assert (read.provider, read.project, read.secret_name) == ("gcp", "customer-prod-12345", "own-name")
    assert read.namespace == f"clusters-{cluster.id}"
    assert read.pull_secret is not None
    assert read.pull_secret.reveal() == PULL_SECRET.encode()
    assert not read.deleting


async def test_the_payload_is_nowhere_but_in_its_type(
    api: HyperFleetApi, cluster: ClusterRecord, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        entry = await api.catalog.get(ClusterId(cluster.id))

    assert entry is not None
    assert CANARY not in repr(entry)
    assert CANARY not in json.dumps(entry.document)
    assert CANARY not in caplog.text
    gc.collect()
    # Dictionaries of texts alone are not tracked themselves, so look at what everything tracked refers to.
    held = (value for holder in gc.get_objects() for value in gc.get_referents(holder))
    found = [value for value in held if isinstance(value, dict) and value.get("data") == PULL_SECRET]
    assert [value for value in found if value is not cluster.spec["pullSecret"]] == []


async def test_a_cluster_nobody_knows_is_none(api: HyperFleetApi, fake: FakeHyperFleet) -> None:
    assert await api.catalog.get(ClusterId("nobody")) is None


async def test_a_deleted_one_is_said_to_be_deleting(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.store.delete(cluster.id)
    entry = await api.catalog.get(ClusterId(cluster.id))
    assert entry is not None
    assert entry.cluster.deleting
    assert entry.cluster.generation == 2


async def test_a_value_of_the_wrong_kind_is_named_by_its_path(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, dialect: Dialect
) -> None:
    wrong: dict[str, Any] = {"gcp": {"projectId": 5}} if dialect is Dialect.DDR else {"platform": {"type": 5}}
    fake.store.patch(cluster.id, {**cluster.spec, **wrong})
    with pytest.raises(PermanentError) as raised:
        await api.catalog.get(ClusterId(cluster.id))
    assert raised.value.reason is Reason.INVALID_CLUSTER
    path = "spec.gcp.projectId" if dialect is Dialect.DDR else "spec.platform.type"
    assert path in raised.value.cause


async def test_the_places_are_configuration(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.store.patch(cluster.id, {"cloud": {"tenant": "elsewhere-project"}, "pull": PULL_SECRET})
    mapped = attrs.evolve(
        settings.dialect.document_paths, project=paths("spec.cloud.tenant"), pull_secret=paths("spec.pull")
    )
    async with hyperfleet_api(settings, SystemClock(), mapped) as api:
        entry = await api.catalog.get(ClusterId(cluster.id))
    assert entry is not None
    assert entry.cluster.project == "elsewhere-project"
    assert entry.cluster.pull_secret is not None
    assert CANARY not in json.dumps(entry.document)


async def test_an_unchanged_cluster_is_not_sent_again(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    first = await api.catalog.get(ClusterId(cluster.id))
    again = await api.catalog.get(ClusterId(cluster.id))
    assert first == again
    assert [e.status for e in fake.journal if e.path.endswith(cluster.id)] == [200, 304]

    fake.store.patch(cluster.id, {**cluster.spec, "more": True})
    changed = await api.catalog.get(ClusterId(cluster.id))
    assert changed is not None
    assert changed.cluster.generation == 2


async def test_an_unchanged_cluster_may_have_been_forgotten_meanwhile(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    """Others were read while its answer was under way, more of them than are remembered."""
    await api.catalog.get(ClusterId(cluster.id))
    go_on = asyncio.Event()
    fake.faults.add(Fault(until=go_on), method="GET", path=f"{cluster.id}$")
    reading = asyncio.create_task(api.catalog.get(ClusterId(cluster.id)))
    await fake.faults.holds(1)
    for _ in range(REMEMBERED):
        await api.catalog.get(ClusterId(fake.store.create(cluster.spec).id))
    go_on.set()
    entry = await reading
    assert entry is not None
    assert [e.status for e in fake.journal if e.path.endswith(cluster.id)] == [200, 304]


async def test_an_api_without_etags_is_read_each_time(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.api.etags = False
    for _ in range(2):
        assert await api.catalog.get(ClusterId(cluster.id)) is not None
    assert [e.status for e in fake.journal if e.path.endswith(cluster.id)] == [200, 200]


@pytest.mark.parametrize("dialect", [Dialect.V1])
async def test_statuses_on_later_pages_count_too(
    api: HyperFleetApi, fake: FakeHyperFleet, dialect: Dialect
) -> None:
    record = fake.store.create(cluster_spec(dialect, project="customer-1", pull_secret=PULL_SECRET))
    for number in range(120):
        report_as(fake.store, record.id, f"adapter-{number}", available="True")
    report_as(fake.store, record.id, "placement", available="True", data={"namespace": {"name": "far"}})
    entry = await api.catalog.get(ClusterId(record.id))
    assert entry is not None
    assert entry.cluster.namespace == "far"


@pytest.mark.parametrize("dialect", [Dialect.V1])
async def test_a_cluster_that_goes_between_two_requests_is_none(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=404), path="statuses")
    assert await api.catalog.get(ClusterId(cluster.id)) is None


async def test_a_wrong_url_is_not_taken_for_a_missing_cluster(
    settings: HyperFleetSettings, cluster: ClusterRecord
) -> None:
    astray = attrs.evolve(settings, url=settings.url + "/typo")
    async with hyperfleet_api(astray, SystemClock()) as api:
        with pytest.raises(TransientError) as raised:
            await api.catalog.get(ClusterId(cluster.id))
    assert "api.url" in raised.value.remedy


async def test_another_cluster_s_answer_is_refused(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    other = fake.store.create(cluster.spec)
    fake.store.clusters[cluster.id] = other
    with pytest.raises(TransientError, match="another cluster"):
        await api.catalog.get(ClusterId(cluster.id))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault(garbage=True), "no JSON object", id="html"),
        pytest.param(Fault(status=404, garbage=True), "404", id="a proxy that knows no such route"),
        pytest.param(Fault(status=400, garbage=True), "400", id="a proxy that refuses"),
        pytest.param(Fault(oversize=5_000_000), "more than 4194304 bytes", id="five megabytes"),
        pytest.param(
            Fault(status=302, location="https://elsewhere.example/"), "another host", id="another host"
        ),
        pytest.param(Fault(status=300), "no JSON object", id="a choice"),
    ],
)
async def test_what_is_not_the_api_is_a_passing_fault_that_says_where_to_look(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, fault: Fault, words: str
) -> None:
    fake.faults.add(fault, method="GET")
    with pytest.raises(TransientError, match=words) as raised:
        await api.catalog.get(ClusterId(cluster.id))
    assert "api.url" in raised.value.remedy
    assert await api.catalog.get(ClusterId(cluster.id)) is not None


async def test_a_redirect_on_the_same_host_is_followed(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=302, location=f"{fake.url}/clusters/{cluster.id}"), method="GET")
    assert await api.catalog.get(ClusterId(cluster.id)) is not None
