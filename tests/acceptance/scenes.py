"""What happens in a run, each once, however many checks look at it afterwards."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs
from grpc import StatusCode
from tests.acceptance.world import AcceptanceWorld, Cluster

from pullsecret.testing.gcp.faults import Fault
from pullsecret.testing.hyperfleet.neighbours import DEPENDENCIES, report_as

Outcome = TypeVar("Outcome")

FLEET_PATIENCE: Final = 240.0


def scene(
    play: Callable[[AcceptanceWorld], Awaitable[Outcome]],
) -> Callable[[AcceptanceWorld], Awaitable[Outcome]]:
    """Let ``play`` happen once in a world; who asks again, or meanwhile, gets the same outcome or failure."""

    async def once(world: AcceptanceWorld) -> Outcome:
        name = play.__name__
        if name not in world.played:
            world.played[name] = asyncio.ensure_future(play(world))
        outcome: Outcome = await asyncio.shield(world.played[name])
        return outcome

    once.__doc__ = play.__doc__
    return once


@scene
async def created(world: AcceptanceWorld) -> Cluster:
    """A new cluster whose placement chose a namespace that its id does not tell, provisioned."""
    placed = f"us-central1-{world.prefix}control-planes"
    cluster = await world.new_cluster(namespace=placed)
    await world.announce(cluster)
    await world.provisioned(cluster)
    await world.settled(cluster)
    return cluster


@attrs.frozen
class Updates:
    """A cluster whose pull secret was changed, and what its secret held after each change."""

    cluster: Cluster
    versions: Sequence[Mapping[int, str]]
    payloads: Sequence[tuple[str, bytes | None]]
    """What was wanted, and what the newest version held."""


@scene
async def updated(world: AcceptanceWorld) -> Updates:
    """Three generations of one cluster, the last of them announced twice."""
    cluster = await world.new_cluster()
    versions: list[Mapping[int, str]] = []
    payloads: list[tuple[str, bytes | None]] = []
    for generation in range(1, 4):
        if generation > 1:
            world.change_payload(cluster)
        await world.announce(cluster, kind="cluster.create" if generation == 1 else "cluster.update")
        await world.provisioned(cluster)
        await world.settled(cluster)
        versions.append(await world.cloud.reader.versions(cluster.project, cluster.cloud_secret))
        held = await world.cloud.reader.payload(cluster.project, cluster.cloud_secret)
        payloads.append((world.wanted(cluster), held))
    before = await world.metric("pullsecret_event_skips_total", reason="already-done")

    async def skipped() -> bool:
        return await world.metric("pullsecret_event_skips_total", reason="already-done") > before

    await world.announce(cluster, kind="cluster.update")
    await world.until(skipped, "the repeated event is skipped")
    versions.append(await world.cloud.reader.versions(cluster.project, cluster.cloud_secret))
    return Updates(cluster, versions, payloads)


@attrs.frozen
class Unready:
    """A cluster for which one precondition of the design does not hold."""

    precondition: str
    cluster: Cluster
    outcome: str
    """The reason for which its event was skipped."""


@scene
async def unready(world: AcceptanceWorld) -> Sequence[Unready]:
    """For each of the design's six preconditions, a cluster that lacks nothing else."""
    document = world.hyperfleet.store
    plain = {"gcp": {"projectId": world.cloud.customer(0), "region": "us-central1"}}
    spoiled: dict[str, Mapping[str, Any]] = {
        'cloudProvider == "gcp"': {"provider": "aws"},
        "gcpProjectId != nil": {"gcp": {"region": "us-central1"}},
        "pullSecretData != nil": {"pullSecret": {}, **plain},
    }
    made: list[tuple[str, Cluster]] = []
    for precondition, spec in spoiled.items():
        made.append((precondition, await world.new_cluster(spec=spec)))
    for adapter in DEPENDENCIES:
        cluster = await world.new_cluster()
        report_as(document, cluster.id, adapter, available="False")
        made.append((f'{adapter}Status == "True"', cluster))
    found = []
    for precondition, cluster in made:
        await world.announce(cluster)

        def told(cluster: Cluster = cluster) -> bool:
            return bool(world.adapter_lines("skip-event", cluster))

        await world.until(told, f"the event for {precondition} is dealt with")
        line = world.adapter_lines("skip-event", cluster)[0]
        found.append(Unready(precondition, cluster, json.dumps(line)))
    return found


@scene
async def refused_identity(world: AcceptanceWorld) -> Cluster:
    """A customer took back the binding that lets jobs act for the service account."""
    cluster = await world.new_cluster(1)
    world.served.revoke_binding(cluster.project)
    await _fails(world, cluster)
    return cluster


@scene
async def refused_permission(world: AcceptanceWorld) -> Cluster:
    """A customer granted nothing."""
    cluster = await world.new_cluster(2)
    world.served.owner(cluster.project).permit()
    await _fails(world, cluster)
    return cluster


@scene
async def invalid_data(world: AcceptanceWorld) -> Cluster:
    """A pull secret that is none, with a password in it all the same."""
    text = world.new_payload()
    cluster = await world.new_cluster(spec={"pullSecret": {"data": text.replace('"auths"', '"auth"')}})
    await _fails(world, cluster)
    return cluster


@scene
async def shaken(world: AcceptanceWorld) -> Cluster:
    """A job that meets an unavailable service, a spent quota, and a broken connection, and succeeds."""
    faults = world.served.fake.world.faults
    cluster = await world.new_cluster(3)
    faults.add(Fault("AddSecretVersion", code=StatusCode.UNAVAILABLE))
    faults.add(
        Fault(
            "AddSecretVersion", code=StatusCode.RESOURCE_EXHAUSTED, message="Quota exceeded for quota metric."
        )
    )
    world.taps["Secret Manager"].refusing = 1
    await world.announce(cluster)
    await world.provisioned(cluster)
    await world.settled(cluster)
    return cluster


@scene
async def unavailable(world: AcceptanceWorld) -> Cluster:
    """A job that gives up for now: Secret Manager is away for longer than its budget, here cut short."""
    faults = world.served.fake.world.faults
    cluster = await world.new_cluster(4)
    faults.add(Fault("CreateSecret", code=StatusCode.UNAVAILABLE, times=40))
    try:
        await world.announce(cluster)
        await world.until(lambda: bool(_ended(world, cluster)), "the job gives up")
    finally:
        faults.clear()
    await world.until(lambda: world.condition(cluster)[0] == "False", "the failure is told")
    return cluster


@attrs.frozen
class Fleet:
    """Many clusters at once."""

    clusters: Sequence[Cluster]
    seconds: float
    """From the first event to the last status."""


@scene
async def fleet(world: AcceptanceWorld) -> Fleet:
    """As many clusters as jobs may run at once, announced in one burst."""
    clusters = [await world.new_cluster(10 + number % 10) for number in range(world.fleet_size)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    await world.announce(*clusters)
    await world.provisioned(*clusters, patience=FLEET_PATIENCE)
    seconds = loop.time() - began
    await world.prometheus.caught_up()
    return Fleet(clusters, seconds)


async def failures(world: AcceptanceWorld) -> Mapping[str, Cluster]:
    """One cluster for each way to fail."""
    return {
        "the data is invalid": await invalid_data(world),
        "the identity is refused": await refused_identity(world),
        "a permission is missing": await refused_permission(world),
        "the service is away": await unavailable(world),
    }


async def everything(world: AcceptanceWorld) -> None:
    """Whatever is told afterwards about logs is told about all of this."""
    await created(world)
    await updated(world)
    await unready(world)
    await failures(world)
    await shaken(world)


async def _fails(world: AcceptanceWorld, cluster: Cluster) -> None:
    await world.announce(cluster)
    await world.until(lambda: world.condition(cluster)[0] == "False", f"{cluster.id} is told to have failed")


def _ended(world: AcceptanceWorld, cluster: Cluster) -> list[str]:
    return [finding.pod for finding in world.node.findings if cluster.id in finding.job]
