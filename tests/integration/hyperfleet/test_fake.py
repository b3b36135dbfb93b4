"""The served fake behaves as the public sources of the HyperFleet API say, as far as an adapter sees it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.testing.hyperfleet.neighbours import (
    DEPENDENCIES,
    complete_dependencies,
    finalize_dependencies,
)
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.sentinel import Ages, Sentinel
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.patience import PATIENCE

only_v1 = pytest.mark.parametrize("dialect", [Dialect.V1])
only_ddr = pytest.mark.parametrize("dialect", [Dialect.DDR])


def v1_status(
    generation: int = 1,
    available: str = "True",
    ago: timedelta = timedelta(0),
    finalized: str | None = None,
    without: str | None = None,
) -> dict[str, Any]:
    statuses = {"Applied": "True", "Available": available, "Health": "True"}
    if finalized:
        statuses["Finalized"] = finalized
    return {
        "adapter": "pullsecret",
        "observed_generation": generation,
        "observed_time": (datetime.now(UTC) - ago).isoformat(),
        "conditions": [
            {"type": type_, "status": status, "reason": "R", "message": "m"}
            for type_, status in statuses.items()
            if type_ != without
        ],
    }


def v1_condition(cluster: dict[str, Any], type_: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in cluster["status"]["conditions"] if c["type"] == type_)
    return found


async def created(http: httpx.AsyncClient, spec: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post("clusters", json={"kind": "Cluster", "name": "my-cluster", "spec": spec})
    assert answer.status_code == 201
    cluster: dict[str, Any] = answer.json()
    return cluster


@only_v1
async def test_a_spec_change_is_a_new_generation_that_is_not_reconciled(
    fake: FakeHyperFleet, http: httpx.AsyncClient
) -> None:
    cluster = await created(http, {"a": 1})
    complete_dependencies(fake.store, fake.store.get(cluster["id"]))
    await http.put(f"clusters/{cluster['id']}/statuses", json=v1_status())
    done = (await http.get(f"clusters/{cluster['id']}")).json()
    assert v1_condition(done, "Reconciled")["status"] == "True"
    assert v1_condition(done, "PullsecretSuccessful")["observed_generation"] == 1

    changed = (await http.patch(f"clusters/{cluster['id']}", json={"spec": {"a": 2}})).json()

    assert changed["generation"] == 2
    assert v1_condition(changed, "Reconciled")["status"] == "False"
    assert v1_condition(changed, "LastKnownReconciled")["status"] == "True"


@only_v1
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"generation": 3}, 204, id="a generation the cluster does not have"),
        pytest.param({"generation": 1}, 204, id="an older generation"),
        pytest.param({"ago": timedelta(minutes=5)}, 204, id="an older time"),
        pytest.param({"available": "Unknown"}, 204, id="unknown, not the first"),
        pytest.param({"ago": timedelta(minutes=31)}, 400, id="too old a time"),
        pytest.param({"ago": timedelta(minutes=-6)}, 400, id="a future time"),
        pytest.param({"without": "Health"}, 400, id="a mandatory condition missing"),
    ],
)
async def test_what_is_discarded_and_what_is_refused(
    http: httpx.AsyncClient, changes: dict[str, Any], expected: int
) -> None:
    cluster = await created(http, {"a": 1})
    await http.patch(f"clusters/{cluster['id']}", json={"spec": {"a": 2}})
    statuses = f"clusters/{cluster['id']}/statuses"
    assert (await http.put(statuses, json=v1_status(generation=2))).status_code == 201
    before = (await http.get(statuses)).json()

    refused = await http.put(statuses, json=v1_status(**{"generation": 2} | changes))

    assert refused.status_code == expected

    assert (await http.get(statuses)).json() == before


@only_v1
async def test_a_condition_keeps_its_transition_time_while_its_status_stays(http: httpx.AsyncClient) -> None:
    cluster = await created(http, {})
    statuses = f"clusters/{cluster['id']}/statuses"
    first = (await http.put(statuses, json=v1_status())).json()
    second = (await http.put(statuses, json=v1_status())).json()
    third = (await http.put(statuses, json=v1_status(available="False"))).json()

    def since(answer: dict[str, Any], type_: str) -> str:
        return str(next(c["last_transition_time"] for c in answer["conditions"] if c["type"] == type_))

    assert since(first, "Available") == since(second, "Available") < since(third, "Available")
    assert since(first, "Health") == since(third, "Health")
    assert first["last_report_time"] < second["last_report_time"]


@only_v1
async def test_a_cluster_goes_when_every_adapter_finalized_at_the_new_generation(
    fake: FakeHyperFleet, http: httpx.AsyncClient
) -> None:
    cluster = await created(http, {})
    path = f"clusters/{cluster['id']}"
    deleting = await http.delete(path)
    assert deleting.status_code == 202
    assert deleting.json()["generation"] == 2
    finalize_dependencies(fake.store, cluster["id"])
    await http.put(f"{path}/statuses", json=v1_status(generation=1, finalized="True"))
    assert (await http.get(path)).status_code == 200
    assert (await http.patch(path, json={"spec": {}})).status_code == 409

    assert (
        await http.put(f"{path}/statuses", json=v1_status(generation=2, finalized="True"))
    ).status_code == 201

    gone = await http.get(path)
    assert gone.status_code == 404
    assert gone.json()["code"] == "HYPERFLEET-NTF-002"


async def test_an_unknown_route_is_told_apart_from_an_unknown_cluster(http: httpx.AsyncClient) -> None:
    answer = await http.get("cluster/x/y/z")
    assert answer.status_code == 404
    assert answer.json()["code"] == "HYPERFLEET-NTF-000"


async def test_without_a_token_it_is_refused(fake: FakeHyperFleet, http: httpx.AsyncClient) -> None:
    fake.api.tokens = {"right"}
    assert (await http.get("clusters/x")).status_code == 401
    assert (await http.get("clusters/x", headers={"authorization": "Bearer right"})).status_code == 404


async def test_an_unchanged_cluster_is_not_sent_again(fake: FakeHyperFleet, http: httpx.AsyncClient) -> None:
    cluster = fake.store.create({"a": 1})
    first = await http.get(f"clusters/{cluster.id}")
    again = await http.get(f"clusters/{cluster.id}", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    fake.store.patch(cluster.id, {"a": 2})
    changed = await http.get(f"clusters/{cluster.id}", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200


@only_ddr
async def test_the_design_s_status_shows_up_in_the_cluster(
    fake: FakeHyperFleet, http: httpx.AsyncClient
) -> None:
    cluster = fake.store.create({"provider": "gcp"})
    condition = {"status": "True", "reason": "SecretCreated", "message": "created"}
    body = {
        "adapter": "pullsecret",
        "conditions": dict.fromkeys(("applied", "available", "health"), condition),
        "data": {"secretName": "s", "generation": "1"},
    }
    answer = await http.post(f"clusters/{cluster.id}/statuses", json=body)
    assert answer.status_code == 201
    assert set(answer.json()["conditions"]["applied"]) == {
        "status",
        "reason",
        "message",
        "lastTransitionTime",
    }
    shown = (await http.get(f"clusters/{cluster.id}")).json()
    assert shown["status"]["adapters"]["pullsecret"]["available"] == "True"


async def test_sentinel_tells_what_is_due_and_is_quiet_about_what_is_done(
    fake: FakeHyperFleet, http: httpx.AsyncClient, dialect: Dialect
) -> None:
    told: list[dict[str, Any]] = []

    async def publish(event: Any) -> None:
        told.append(event)

    quick = Ages(not_reconciled=timedelta(0))
    sentinel = Sentinel(http, dialect, publish, quick)
    waiting = fake.store.create({"provider": "gcp"})
    due = fake.store.create({"provider": "gcp"})
    complete_dependencies(fake.store, due)
    fake.store.required_adapters = DEPENDENCIES
    assert await sentinel.poll() == (2 if dialect is Dialect.V1 else 1)

    types = {event["type"] for event in told}
    if dialect is Dialect.V1:
        assert types == {"com.redhat.hyperfleet.cluster.reconcile"}
        assert {event["data"]["id"] for event in told} == {waiting.id, due.id}
        complete_dependencies(fake.store, due)
        fake.store.remove(waiting.id)
        assert await sentinel.poll() == 0
    else:
        assert types == {"cluster.create"}
        assert told[0]["data"] == {"clusterId": due.id, "provider": "gcp"}


async def test_a_client_that_goes_away_within_its_request_is_no_error(
    fake: FakeHyperFleet, settings: HyperFleetSettings, caplog: pytest.LogCaptureFixture
) -> None:
    url = urlsplit(fake.url)
    trust = ssl.create_default_context(cafile=str(settings.ca_bundle))
    _, writer = await asyncio.open_connection(url.hostname, url.port, ssl=trust)
    request = f"POST {url.path}/clusters HTTP/1.1\r\nHost: api\r\nContent-Length: 10\r\n\r\n{{"
    writer.write(request.encode())
    await writer.drain()
    writer.transport.abort()
    async with asyncio.timeout(PATIENCE):
        while not fake.journal:  # noqa: ASYNC110 (a list that the served fake appends to)
            await asyncio.sleep(0.01)

    assert [exchange.status for exchange in fake.journal] == [499]
    assert not caplog.records
