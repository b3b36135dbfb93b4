"""AC4: Event-Driven Workflow."""

import asyncio
import json

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, check, require
from tests.acceptance.world import AcceptanceWorld, Cluster

from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import ProvisionKey
from pullsecret.infrastructure.kubernetes.job_reading import time_of
from pullsecret.testing.hyperfleet.neighbours import report_as


@check(
    "AC4.1",
    "An event is published to RabbitMQ's exchange; the adapter's log names it taken, and the broker's own "
    "count of messages in its queue falls to none, acknowledged or not.",
)
async def consumes(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    taken = len(world.adapter_lines("take-event", cluster))
    require(taken == 1, f"taken {taken} times")
    ready, unacknowledged, consumers = await _queue(world, world.queue)
    require((ready, unacknowledged) == (0, 0), f"{ready} ready, {unacknowledged} unacknowledged")
    total = len(world.adapter_lines("take-event"))
    return Finding(
        f"{total} events taken, 0 left in the queue, {consumers} consumer", f"queue {world.queue}, amqps"
    )


@check(
    "AC4.2",
    "For each of the six conditions in the design's Expr precondition there is a cluster that lacks only "
    "this one; the adapter must name it. One that lacks none passes.",
)
async def preconditions(world: AcceptanceWorld) -> Finding:
    found = await scenes.unready(world)
    for each in found:
        message = json.loads(each.outcome)["message"]
        require(each.precondition in message, f"{each.precondition}: {message}")
    await scenes.created(world)
    return Finding(
        f"{len(found)} of 6 told by their own text; 1 with all of them passes", "adapter log, skip-event"
    )


@check(
    "AC4.3",
    "None of those six clusters has a Job. One of them then gets what it lacked, is announced again, and "
    "has one.",
)
async def jobs_only_then(world: AcceptanceWorld) -> Finding:
    found = await scenes.unready(world)
    early = [each.cluster.id for each in found if await world.jobs(each.cluster)]
    require(not early, f"jobs of clusters that are not ready: {early}")
    cluster = found[-1].cluster
    data = {"namespace": cluster.namespace}
    report_as(world.hyperfleet.store, cluster.id, "placement", available="True", data=data)
    await world.announce(cluster)
    await world.provisioned(cluster)
    await world.settled(cluster)
    jobs = [job["metadata"]["name"] for job in await world.jobs(cluster)]
    require(len(jobs) == 1, f"jobs {jobs}")
    return Finding("0 Jobs for 6 clusters that are not ready; 1 as soon as one is", jobs[0])


@check(
    "AC4.4",
    "Events without a provider, about a cluster that is not there, about clusters without project or pull "
    "secret: each is acknowledged without a Job, a status or a dead letter.",
)
async def missing_data(world: AcceptanceWorld) -> Finding:
    unready = await scenes.unready(world)
    lacking = [each.cluster for each in unready if "nil" in each.precondition]
    unknown = "cls-nobody-knows"
    untold = await world.new_cluster()
    dead, _, _ = await _queue(world, f"{world.queue}.dead")
    await world.publish_event({"clusterId": untold.id})
    await world.publish_event({"clusterId": unknown, "provider": "gcp"})

    def both() -> bool:
        seen = {line["cluster_id"] for line in world.adapter_lines("skip-event")}
        return {untold.id, unknown} <= seen

    await world.until(both, "both events are skipped")
    for cluster in (*lacking, untold):
        require(not await world.jobs(cluster), f"{cluster.id} has a Job")
        require(world.report(cluster) is None, f"a status was told about {cluster.id}")
    ready, unacknowledged, _ = await _queue(world, world.queue)
    now_dead, _, _ = await _queue(world, f"{world.queue}.dead")
    require((ready, unacknowledged, now_dead) == (0, 0, dead), "an event was put off or put aside")
    return Finding(f"{len(lacking) + 2} of {len(lacking) + 2} skipped; 0 Jobs, 0 statuses, 0 dead letters")


@check(
    "AC4.5",
    "When the Job completed, by Kubernetes, and when the API took the status that says so, by its own "
    "journal.",
)
async def posted(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    (job,) = await world.jobs(cluster)
    report = world.report(cluster)
    assert report is not None
    path = f"/clusters/{cluster.id}/statuses"
    posts = [one for one in world.hyperfleet.journal if (one.method, one.path) == ("POST", path)]
    completed = time_of(job["status"]["completionTime"])
    require(report.observed_time >= completed, f"told at {report.observed_time}, completed at {completed}")
    require(all(post.status and post.status < 300 for post in posts), f"{posts}")
    return Finding(
        f"{len(posts)} POSTs: in progress, then the end",
        f"POST {path} after {job['metadata']['name']} completed",
    )


@check(
    "AC4.validation",
    "The `curl` to the broker is an AMQP publish to its exchange; `kubectl get job | grep` a list of the "
    "Jobs; the last `curl` is made over HTTPS as it stands.",
)
async def simulated(world: AcceptanceWorld) -> Finding:
    cluster: Cluster = await world.new_cluster()
    await world.announce(cluster)
    await world.provisioned(cluster)
    names = [job["metadata"]["name"] for job in await world.jobs()]
    wanted = ProvisionKey(ClusterId(cluster.id), Generation(1)).name
    require(wanted in names, f"no Job {wanted}")
    told = await world.statuses(cluster)
    require(told["conditions"]["available"]["status"] == "True", json.dumps(told))
    return Finding(f"Job {wanted}; available is True", f"GET /clusters/{cluster.id}/statuses")


async def _queue(world: AcceptanceWorld, name: str) -> tuple[int, int, int]:
    """Messages ready, messages unacknowledged, consumers."""
    columns = ("name", "messages_ready", "messages_unacknowledged", "consumers")
    listed = await asyncio.to_thread(world.broker.control, "list_queues", *columns)
    for line in listed.splitlines():
        found, *counts = line.split()
        if found == name:
            ready, unacknowledged, consumers = (int(count) for count in counts)
            return ready, unacknowledged, consumers
    return 0, 0, 0
