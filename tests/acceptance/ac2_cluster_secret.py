"""AC2: Kubernetes Secret Provisioning."""

import base64
import json
from typing import Any

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, check, require
from tests.acceptance.world import AcceptanceWorld, Cluster
from tests.system.test_whole_path import HYPERSHIFT, hosted_cluster, install_hosted_clusters

from pullsecret.domain import cluster_secret as annotations
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import ownership_labels
from pullsecret.infrastructure.kubernetes.paths import ALL_SECRETS


@check(
    "AC2.1",
    "Placement reports a namespace that cannot be told from the cluster's id; the secrets of all namespaces"
    " are listed.",
)
async def namespace(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    labels = ",".join(f"{key}={value}" for key, value in ownership_labels(ClusterId(cluster.id)).items())
    found, _ = await world.admin.list(ALL_SECRETS, labels=labels, metadata_only=True)
    places = [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in found]
    require(places == [f"{cluster.namespace}/{cluster.id}-pull-secret"], f"secrets of the cluster: {places}")
    return Finding(places[0], "one secret in all namespaces")


@check("AC2.2", "The secret's type, from the API server.")
async def type_(world: AcceptanceWorld) -> Finding:
    secret = await _secret(world)
    require(secret["type"] == "kubernetes.io/dockerconfigjson", f"type {secret['type']}")
    return Finding(secret["type"])


@check(
    "AC2.3",
    "The secret is decoded as a container runtime does it: JSON with `auths`, each `auth` base64 of "
    "user:password; it is what the owner gave.",
)
async def dockercfg(world: AcceptanceWorld) -> Finding:
    secret = await _secret(world)
    require(list(secret["data"]) == [annotations.DOCKER_CONFIG_KEY], f"keys {list(secret['data'])}")
    text = base64.b64decode(secret["data"][annotations.DOCKER_CONFIG_KEY]).decode()
    registries = json.loads(text)["auths"]
    for registry, entry in registries.items():
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        require(user and colon and password, f"the entry of {registry} is no user:password")
    require(text == world.wanted(await scenes.created(world)), "it is not what the owner gave")
    return Finding(f"valid, {len(registries)} registries: {', '.join(sorted(registries))}")


@check(
    "AC2.4",
    "Labels and annotations against the design: owner, cluster, path in Secret Manager, time of creation.",
)
async def labels_and_annotations(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    metadata = (await _secret(world))["metadata"]
    wanted = ownership_labels(ClusterId(cluster.id))
    require(wanted.items() <= metadata["labels"].items(), f"labels {metadata['labels']}")
    found = metadata["annotations"]
    path = f"projects/{cluster.project}/secrets/{cluster.cloud_secret}/versions/1"
    require(found.get(annotations.SECRET_PATH_ANNOTATION) == path, f"annotations {found}")
    created = found.get(annotations.CREATED_AT_ANNOTATION, "")
    require(created.startswith("20") and "T" in created, f"no creation time in {found}")
    return Finding(f"{len(wanted)} labels, {len(found)} annotations", f"{path}, created {created}")


@check(
    "AC2.5",
    "HyperShift's own CRD is installed, a HostedCluster names the secret, and the reference is followed as "
    "its operator does: type and key.",
)
async def hosted_cluster_refers_to_it(world: AcceptanceWorld) -> Finding:
    cluster = (await scenes.updated(world)).cluster
    await install_hosted_clusters(world)  # type: ignore[arg-type]
    path = f"{HYPERSHIFT}/namespaces/{cluster.namespace}/hostedclusters"
    await world.admin.call("create", path, hosted_cluster(cluster.id))
    hosted = await world.admin.get(f"{path}/{cluster.id}")
    named = hosted["spec"]["pullSecret"]["name"]
    secret = await world.admin.get(f"/api/v1/namespaces/{cluster.namespace}/secrets/{named}")
    held = base64.b64decode(secret["data"][".dockerconfigjson"]).decode()
    require(secret["type"] == "kubernetes.io/dockerconfigjson", f"type {secret['type']}")
    require(held == world.wanted(cluster), "the HostedCluster's secret is not the owner's newest")
    return Finding(f"HostedCluster {cluster.id} refers to {named}", "admitted by the CRD's schema")


@check(
    "AC2.validation", "`kubectl get secret -o yaml` and `-o jsonpath={.type}` are a GET of the same object."
)
async def kubectl_get_secret(world: AcceptanceWorld) -> Finding:
    secret = await _secret(world)
    require(secret["type"] == "kubernetes.io/dockerconfigjson", f"type {secret['type']}")
    return Finding(secret["type"], f"GET {(await scenes.created(world)).secret_path}")


async def _secret(world: AcceptanceWorld) -> dict[str, Any]:
    cluster: Cluster = await scenes.created(world)
    found: dict[str, Any] = await world.admin.get(cluster.secret_path)
    return found
