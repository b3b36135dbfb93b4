"""What is really so: kept by those who cause it, and compared by the oracle with what the service does."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.domain.reasons import Reason

CANARY = "c4n4ry"
"""Part of every pull secret, so that a leak can be searched for."""


def pull_secret(cluster_id: str, number: int) -> str:
    """A valid pull secret; another one for each number."""
    entry = {"username": "robot", "password": f"{CANARY}-{cluster_id}-{number}"}
    return json.dumps({"auths": {"quay.io": entry}})


@attrs.define(eq=False)
class ClusterTruth:
    """One cluster: what its owner asked for, and what others did to its secrets."""

    id: str
    project: str
    generations: dict[int, bytes] = attrs.field(factory=dict)
    """Each generation's pull secret as the owner gave it, usable or not."""
    usable: dict[int, bool] = attrs.field(factory=dict)
    changes: int = 0
    """How often the pull secret became another one."""
    ready: bool = True
    """Whether the adapters that come first have told that they are done."""
    unready_until: float = 0.0
    """Virtual time at which it became ready."""
    deleted: bool = False
    """Its owner asked for its deletion."""
    finalized: bool = False
    """The service told that nothing is left."""
    cloud_altered: bool = False
    """The stored secret is not as the service left it or can know it, and it has not written since."""
    unpublished: bool = False
    """The newest version was stored by a job that has not published it."""
    cluster_altered: bool = False
    """The same of the cluster secret."""
    refusal: Reason | None = None
    """As what somebody else's secret that is in the way has to be told."""
    verified: set[bytes] = attrs.field(factory=set)
    """Payloads that were read back from the store."""
    added: list[int] = attrs.field(factory=list)
    """The generation whose payload each version that the service stored holds."""
    excuses: set[str] = attrs.field(factory=set)
    """For what a version more than needed is tolerated, one for each."""
    unneeded: int = 0
    """Versions that equal the one before, or that hold an older generation's pull secret again."""
    meddled: int = 0
    """How often somebody changed the stored secret."""

    @property
    def generation(self) -> int:
        """The newest one."""
        return max(self.generations)

    @property
    def payload(self) -> bytes:
        """The newest generation's pull secret."""
        return self.generations[self.generation]

    @property
    def cloud_secret(self) -> CloudSecretRef:
        """Where it belongs in the customer's project."""
        return CloudSecretRef(self.project, cloud_secret_name(ClusterId(self.id)))

    @property
    def cluster_secret(self) -> ClusterSecretRef:
        """Where it belongs on the management cluster."""
        return ClusterSecretRef(self.namespace, cluster_secret_name(ClusterId(self.id)))

    @property
    def namespace(self) -> str:
        """Where placement put it."""
        return f"clusters-{self.id}"

    def document(self, deleted_at: str | None = None) -> Mapping[str, Any]:
        """The cluster as the API has it."""
        available = {"available": "True"}
        placement = {**available, "data": {"namespace": self.namespace}} if self.ready else {}
        return {
            "kind": "Cluster",
            "id": self.id,
            "generation": self.generation,
            "spec": {
                "provider": "gcp",
                "gcp": {"projectId": self.project},
                "pullSecret": {"data": self.payload.decode()},
            },
            "status": {"adapters": {"validation": available, "dns": available, "placement": placement}},
        } | ({"deletedTime": deleted_at} if deleted_at else {})
