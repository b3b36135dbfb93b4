"""AC1: GCP Secret Manager Integration."""

import json
from typing import Any

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, Where, check, require
from tests.acceptance.world import AcceptanceWorld, Cluster

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import ownership_labels


@check(
    "AC1.1",
    "A new cluster is announced; the newest version of its secret is read past the service, from the "
    "customer's project, and compared byte by byte with what the owner gave.",
    where=Where.REAL_CLOUD,
)
async def stored(world: AcceptanceWorld) -> Finding:
    clusters = [await scenes.created(world), (await scenes.updated(world)).cluster]
    total = 0
    for cluster in clusters:
        held = await world.cloud.reader.payload(cluster.project, cluster.cloud_secret)
        wanted = world.wanted(cluster).encode()
        require(held == wanted, f"{cluster.cloud_secret} does not hold what the owner gave")
        total += len(wanted)
    return Finding(f"{len(clusters)} secrets, {total} bytes, identical", f"project {clusters[0].project}")


@check("AC1.2", "The secret's labels, read past the service.", where=Where.ANY_CLOUD)
async def labels(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    found = (await _described(world, cluster)).get("labels", {})
    require(found == {"managed-by": "hyperfleet", "cluster-id": cluster.id}, f"labels {found}")
    return Finding(f"managed-by=hyperfleet, cluster-id={cluster.id}")


@check(
    "AC1.3",
    "All secrets that carry the cluster's labels are listed; there is one, of that name.",
    where=Where.ANY_CLOUD,
)
async def naming(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    found = await world.cloud.reader.secrets(cluster.project, ownership_labels(ClusterId(cluster.id)))
    require(found == [f"hyperfleet-{cluster.id}-pull-secret"], f"secrets {found}")
    return Finding(found[0])


@check(
    "AC1.4",
    "The owner changes the pull secret twice; the versions are listed after each change, and after one "
    "event more.",
    where=Where.ANY_CLOUD,
)
async def versions(world: AcceptanceWorld) -> Finding:
    updates = await scenes.updated(world)
    newest = [max(listed) for listed in updates.versions]
    require(newest == [1, 2, 3, 3], f"newest version after each event: {newest}")
    for wanted, held in updates.payloads:
        require(held == wanted.encode(), "a version does not hold what was wanted when it was added")
    last = updates.versions[-1]
    states = ", ".join(f"{number} {last[number].lower()}" for number in sorted(last))
    return Finding(f"1, 2, 3; no further one for a repeated event ({states})")


@check("AC1.5", "The secret's replication policy, read past the service.", where=Where.ANY_CLOUD)
async def replication(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    found = (await _described(world, cluster)).get("replication")
    require(found == {"automatic": {}}, f"replication {found}")
    return Finding(json.dumps(found))


@check(
    "AC1.validation",
    "`gcloud secrets describe` is a GET of the secret at the REST surface; so is its "
    "`--format=value(labels...)`.",
    where=Where.ANY_CLOUD,
)
async def described(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    found = await _described(world, cluster)
    require(found["labels"]["managed-by"] == "hyperfleet", f"labels {found['labels']}")
    return Finding("hyperfleet", f"GET {found['name']}")


async def _described(world: AcceptanceWorld, cluster: Cluster) -> dict[str, Any]:
    found = await world.cloud.reader.secret(cluster.project, cluster.cloud_secret)
    require(found, f"there is no secret {cluster.cloud_secret} in {cluster.project}")
    assert found is not None
    return found
