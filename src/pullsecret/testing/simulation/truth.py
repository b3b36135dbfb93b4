"""What is really so: kept by those who cause it, and compared with what the service does."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef

CANARY = "c4n4ry"
"""Part of every pull secret, so that a leak can be searched for."""


def pull_secret(cluster_id: str, number: int) -> str:
    """A valid pull secret; another one for each number."""
    entry = {"username": "robot", "password": f"{CANARY}-{cluster_id}-{number}"}
    return json.dumps({"auths": {"quay.io": entry}})


@attrs.frozen
class Spec:
    """What the owner asked for with one generation."""

    payload: bytes
    project: str
    secret_name: str | None = None
    usable: bool = True
    """Whether the service can take the pull secret."""

    def stored_at(self, cluster_id: str) -> CloudSecretRef:
        """Where the pull secret belongs in the customer's project."""
        return CloudSecretRef(self.project, cloud_secret_name(ClusterId(cluster_id), self.secret_name))


@attrs.define(eq=False)
class PlaceTruth:
    """One stored secret of a cluster: where it is, or was before the cluster moved."""

    ref: CloudSecretRef
    wanted: list[bytes] = attrs.field(factory=list)
    """The pull secrets that belonged there one after the other."""
    existed: bool = False
    """Whether the service ever wrote there."""
    published: bool = False
    """Whether a cluster secret ever told of it."""
    altered_at: float | None = None
    """Virtual time at which it became other than the service left it; None once the service wrote since, or
    told what it found after that."""
    untraceable: bool = False
    """Nothing that can still be read says that the cluster was ever here."""
    added: list[int] = attrs.field(factory=list)
    """The generation whose payload each version that the service stored holds."""
    excuses: set[str] = attrs.field(factory=set)
    """For what a version more than needed is tolerated, one for each."""
    unneeded: int = 0
    """Versions that equal the one before, or that hold an older generation's pull secret again."""
    overtaken: int = 0
    """How often an older generation's pull secret came on top, which the next job has to mend."""
    meddled: int = 0
    """How often somebody changed it."""

    @property
    def altered(self) -> bool:
        """Whether it may be other than the service left it or can know it."""
        return self.altered_at is not None

    def altered_since(self, moment: float) -> bool:
        """Whether who looked at ``moment`` cannot know how it is."""
        return self.altered_at is not None and self.altered_at > moment


@attrs.define(eq=False)
class ClusterTruth:
    """One cluster: what its owner asked for, and what others did to its secrets."""

    id: str
    project: str
    """The one it begins in."""
    specs: dict[int, Spec] = attrs.field(factory=dict)
    """By generation."""
    places: dict[CloudSecretRef, PlaceTruth] = attrs.field(factory=dict)
    """Every place that a generation named."""
    prepared: bool = True
    """Whether the adapters that come first have ever told that they are done."""
    resolves: bool = True
    """Whether the dns adapter tells that it is done."""
    unready_until: float = 0.0
    """Virtual time at which the last of them told so again."""
    deleted: bool = False
    """Its owner asked for its deletion."""
    deleted_at: float = 0.0
    """Virtual time of that."""
    vanished: bool = False
    """The API does not know it any more, though the service did not say that nothing is left."""
    finalized: bool = False
    """The service told that nothing is left but what it named."""
    namespaces: dict[str, float] = attrs.field(factory=dict)
    """Every one that placement chose, the newest last, with the virtual time at which it last left it."""
    cluster_altered: set[ClusterSecretRef] = attrs.field(factory=set)
    """Cluster secrets that are not as the service left them, and it has not written since."""
    forgotten: bool = False
    """Somebody deleted the cluster secret, and what it said of earlier places with it."""
    verified: set[bytes] = attrs.field(factory=set)
    """Payloads that were read back from the store."""

    def __attrs_post_init__(self) -> None:
        self.settle_in(f"clusters-{self.id}", 0.0)

    def settle_in(self, namespace: str, now: float) -> None:
        """Placement chooses ``namespace`` from ``now`` on."""
        if self.namespaces:
            self.namespaces[self.namespace] = now
        self.namespaces.pop(namespace, None)
        self.namespaces[namespace] = now

    def ask(self, spec: Spec) -> None:
        """Begin the next generation."""
        self.specs[self.generation + 1 if self.specs else 1] = spec
        place = self.places.setdefault(spec.stored_at(self.id), PlaceTruth(spec.stored_at(self.id)))
        if not place.wanted or place.wanted[-1] != spec.payload:
            place.wanted.append(spec.payload)

    @property
    def generation(self) -> int:
        """The newest one."""
        return max(self.specs)

    @property
    def spec(self) -> Spec:
        """The newest generation's."""
        return self.specs[self.generation]

    @property
    def payload(self) -> bytes:
        """The newest generation's pull secret."""
        return self.spec.payload

    @property
    def ready(self) -> bool:
        """Whether every adapter that comes first tells that it is done."""
        return self.prepared and self.resolves

    @property
    def place(self) -> PlaceTruth:
        """Where the newest generation's pull secret belongs in the customer's project."""
        return self.place_of(self.generation)

    def place_of(self, generation: int) -> PlaceTruth:
        """The same of another generation."""
        return self.places[self.specs[generation].stored_at(self.id)]

    @property
    def cluster_secret(self) -> ClusterSecretRef:
        """Where it belongs on the management cluster."""
        return self.cluster_secrets[-1]

    @property
    def cluster_secrets(self) -> list[ClusterSecretRef]:
        """The same, and before it those of before placement moved the cluster."""
        name = cluster_secret_name(ClusterId(self.id))
        return [ClusterSecretRef(namespace, name) for namespace in self.namespaces]

    @property
    def namespace(self) -> str:
        """Where placement put it."""
        return next(reversed(self.namespaces))

    def document(self, deleted_at: str | None = None) -> Mapping[str, Any]:
        """The cluster as the API has it."""
        available = {"available": "True"}
        placement = {**available, "data": {"namespace": self.namespace}} if self.prepared else {}
        dns = available if self.resolves else {"available": "False"}
        pull_secret = {"data": self.payload.decode()}
        if self.spec.secret_name is not None:
            pull_secret["secretName"] = self.spec.secret_name
        return {
            "kind": "Cluster",
            "id": self.id,
            "generation": self.generation,
            "spec": {
                "provider": "gcp",
                "gcp": {"projectId": self.spec.project},
                "pullSecret": pull_secret,
            },
            "status": {"adapters": {"validation": available, "dns": dns, "placement": placement}},
        } | ({"deletedTime": deleted_at} if deleted_at else {})
