"""Makes a fleet: clusters as the API's JSON, their surroundings, and what should become of each."""

import base64
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import ClusterSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.cloud import StoredSecret, StoredVersion
from pullsecret.infrastructure.memory.world import EmbeddedWorld

Document = Mapping[str, Any]

FOREIGN_PAYLOAD = SecretPayload(b'{"auths": {"registry.example.com": {"auth": "Zm9yZWlnbjpzZWNyZXQ="}}}')


@attrs.frozen
class Lands:
    """The newest generation's pull secret ends up in both stores."""


@attrs.frozen
class Fails:
    """Nothing is written, and the API is told this reason."""

    reason: Reason


@attrs.frozen
class IsSkipped:
    """Nothing is written and nothing is told: it is not ours to do, or not yet."""


Expectation = Lands | Fails | IsSkipped


@attrs.frozen
class FleetCluster:
    """One cluster of the fleet: its generations in order, and what should become of the last one."""

    kind: str
    generations: tuple[Document, ...] = attrs.field(repr=False)
    update_times: tuple[float, ...]
    """When each generation after the first is made, in simulated seconds."""
    expected: Expectation

    @property
    def id(self) -> str:
        """The cluster's id."""
        return str(self.generations[0]["id"])

    @property
    def newest(self) -> Document:
        """The last generation's document."""
        return self.generations[-1]


@attrs.define
class _Draft:
    """A healthy cluster, to be changed by its kind."""

    world: EmbeddedWorld
    chance: random.Random
    number: int
    project: str = attrs.field(init=False)
    id: ClusterId = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = ClusterId(f"cls-{self.number:05d}")
        self.project = f"customer-{self.number % 23:02d}"
        self.world.cloud.project(self.project)
        self.world.control_plane.namespaces.add(self.namespace)

    @property
    def namespace(self) -> str:
        return f"clusters-{self.id}"

    def document(self, generation: int = 1) -> dict[str, Any]:
        return {
            "kind": "Cluster",
            "id": self.id.value,
            "generation": generation,
            "spec": {
                "provider": "gcp",
                "region": "us-east1",
                "gcp": {"projectId": self.project},
                "pullSecret": {"data": self.pull_secret()},
            },
            "status": {
                "adapters": {
                    "validation": {"available": "True"},
                    "dns": {"available": "True"},
                    "placement": {"available": "True", "data": {"namespace": self.namespace}},
                }
            },
        }

    def pull_secret(self) -> str:
        registries = self.chance.sample(["registry.redhat.io", "quay.io", "cloud.openshift.com"], 2)
        entries = {
            registry: {"auth": base64.b64encode(f"robot:{self.chance.random()}".encode()).decode()}
            for registry in registries
        }
        return json.dumps({"auths": entries})


def _healthy(draft: _Draft) -> tuple[list[Document], Expectation]:
    return [draft.document()], Lands()


def _updated(draft: _Draft) -> tuple[list[Document], Expectation]:
    return [draft.document(1), draft.document(2), draft.document(3)], Lands()


def _updated_elsewhere(draft: _Draft) -> tuple[list[Document], Expectation]:
    first = draft.document(1)
    second = {**first, "generation": 2, "spec": {**first["spec"], "nodes": 5}}
    return [first, second], Lands()


def _reverted(draft: _Draft) -> tuple[list[Document], Expectation]:
    first = draft.document(1)
    return [first, draft.document(2), {**first, "generation": 3}], Lands()


def _on_another_cloud(draft: _Draft) -> tuple[list[Document], Expectation]:
    document = draft.document()
    document["spec"] = {"provider": "aws", "aws": {"accountId": "123456789012"}}
    return [document], IsSkipped()


def _without_pull_secret(draft: _Draft) -> tuple[list[Document], Expectation]:
    document = draft.document()
    del document["spec"]["pullSecret"]
    return [document], IsSkipped()


def _not_placed_yet(draft: _Draft) -> tuple[list[Document], Expectation]:
    document = draft.document()
    document["status"]["adapters"]["placement"] = {"available": "False"}
    return [document], IsSkipped()


def _with_unusable_pull_secret(draft: _Draft) -> tuple[list[Document], Expectation]:
    document = draft.document()
    document["spec"]["pullSecret"]["data"] = '{"auths": {"quay.io": {"auth": "not base64!"}}}'
    return [document], Fails(Reason.INVALID_PULL_SECRET)


def _name_taken(draft: _Draft) -> tuple[list[Document], Expectation]:
    project = draft.world.cloud.project(draft.project)
    foreign = StoredSecret({"team": "billing"}, StoragePolicy(), draft.world.cloud.next_etag())
    foreign.versions.append(StoredVersion(FOREIGN_PAYLOAD))
    project.secrets[cloud_secret_name(draft.id)] = foreign
    return [draft.document()], Fails(Reason.NAMING_CONFLICT)


def _cluster_secret_taken(draft: _Draft) -> tuple[list[Document], Expectation]:
    ref = ClusterSecretRef(draft.namespace, cluster_secret_name(draft.id))
    draft.world.control_plane.put(PublishedSecret(ref, {}, {}, FOREIGN_PAYLOAD, DOCKER_CONFIG_TYPE, ""))
    return [draft.document()], Fails(Reason.CLUSTER_SECRET_CONFLICT)


def _without_permission(draft: _Draft) -> tuple[list[Document], Expectation]:
    draft.project = f"locked-{draft.number:05d}"
    draft.world.cloud.project(draft.project).denied.add("secretmanager.versions.add")
    return [draft.document()], Fails(Reason.PERMISSION_DENIED)


def _in_unknown_project(draft: _Draft) -> tuple[list[Document], Expectation]:
    draft.project = f"missing-{draft.number:05d}"
    return [draft.document()], Fails(Reason.PROJECT_NOT_FOUND)


def _short_of_quota(draft: _Draft) -> tuple[list[Document], Expectation]:
    draft.project = f"crowded-{draft.number // 100:03d}"
    draft.world.cloud.project(draft.project).writes_per_minute = 3
    return [draft.document()], Lands()


_KINDS: Mapping[str, tuple[int, Callable[[_Draft], tuple[list[Document], Expectation]]]] = {
    "new": (50, _healthy),
    "updated twice": (8, _updated),
    "updated elsewhere": (4, _updated_elsewhere),
    "reverted": (3, _reverted),
    "short of quota": (5, _short_of_quota),
    "on AWS": (8, _on_another_cloud),
    "without pull secret": (4, _without_pull_secret),
    "not placed yet": (4, _not_placed_yet),
    "unusable pull secret": (3, _with_unusable_pull_secret),
    "secret name taken": (4, _name_taken),
    "cluster secret taken": (2, _cluster_secret_taken),
    "permission missing": (3, _without_permission),
    "project unknown": (2, _in_unknown_project),
}
"""Kinds of clusters and how many of each among a hundred."""

_UPDATES_WITHIN = 120.0


def make_fleet(world: EmbeddedWorld, size: int, seed: int) -> list[FleetCluster]:
    """Prepare ``world`` and return ``size`` clusters for it. The same seed gives the same fleet.

    A hundred clusters hold every kind in its share; other sizes in proportion, by chance.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    weighted = [kind for kind, (share, _) in _KINDS.items() for _ in range(share)]
    kinds = [*weighted * (size // len(weighted)), *chance.sample(weighted, size % len(weighted))]
    chance.shuffle(kinds)
    return [_make(world, chance, number, kind) for number, kind in enumerate(kinds, 1)]


def _make(world: EmbeddedWorld, chance: random.Random, number: int, kind: str) -> FleetCluster:
    draft = _Draft(world, chance, number)
    documents, expected = _KINDS[kind][1](draft)
    times = sorted(chance.uniform(0, _UPDATES_WITHIN) for _ in documents[1:])
    return FleetCluster(kind, tuple(documents), tuple(times), expected)
