"""The Kubernetes secret that HyperShift uses (DDR phase 5)."""

import re
from collections.abc import Mapping, Sequence

import attrs

from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionTarget
from pullsecret.domain.secret_payload import SecretPayload

DOCKER_CONFIG_TYPE = "kubernetes.io/dockerconfigjson"
DOCKER_CONFIG_KEY = ".dockerconfigjson"

ANNOTATION_PREFIX = "pullsecret.hyperfleet.io"
CLUSTER_ANNOTATION = f"{ANNOTATION_PREFIX}/cluster-id"
GENERATION_ANNOTATION = f"{ANNOTATION_PREFIX}/generation"
SECRET_PATH_ANNOTATION = f"{ANNOTATION_PREFIX}/secret-path"
VERSION_ANNOTATION = f"{ANNOTATION_PREFIX}/secret-version"
EARLIER_SECRETS_ANNOTATION = f"{ANNOTATION_PREFIX}/earlier-secret-paths"
CHECKSUM_ANNOTATION = f"{ANNOTATION_PREFIX}/crc32c"
CREATED_AT_ANNOTATION = f"{ANNOTATION_PREFIX}/created-at"

_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z")


def noted_number(annotations: Mapping[str, str], name: str) -> str:
    """The number that a secret's annotation notes; empty where it is none, since others may write there."""
    noted = annotations.get(name, "")
    return noted if _NUMBER.match(noted) else ""


@attrs.frozen
class ClusterSecret:
    """The wanted content of the Kubernetes secret; its type is always :data:`DOCKER_CONFIG_TYPE`."""

    ref: ClusterSecretRef
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    payload: SecretPayload


@attrs.frozen
class PublishedSecret:
    """A Kubernetes secret as it was found. ``payload`` is None where it holds no docker config."""

    ref: ClusterSecretRef
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    payload: SecretPayload | None
    type: str
    resource_version: str
    deleted: bool = False
    """Somebody deleted it and something still keeps it."""

    @property
    def created_at(self) -> str | None:
        """When we first wrote it, as noted on it."""
        return self.annotations.get(CREATED_AT_ANNOTATION)

    @property
    def generation(self) -> int:
        """The cluster generation it was written for; 0 where none is noted."""
        return int(noted_number(self.annotations, GENERATION_ANNOTATION) or 0)

    @property
    def cloud_secrets(self) -> tuple[CloudSecretRef, ...]:
        """The stored secrets that it tells of, each once: the one it was read from, then those of before its
        cluster moved."""
        noted = [
            self.annotations.get(SECRET_PATH_ANNOTATION, ""),
            *self.annotations.get(EARLIER_SECRETS_ANNOTATION, "").split(),
        ]
        return tuple(dict.fromkeys(ref for path in noted if (ref := CloudSecretRef.at(path))))

    def version_from(self, ref: CloudSecretRef) -> str | None:
        """The version of ``ref`` that it was read from; None where another secret or none is noted."""
        noted = noted_number(self.annotations, VERSION_ANNOTATION)
        path = self.annotations.get(SECRET_PATH_ANNOTATION)
        return noted if noted and path == ref.version_path(noted) else None

    def holds(self, wanted: ClusterSecret) -> bool:
        """True if nothing would change by writing ``wanted``."""
        return (
            not self.deleted
            and self.type == DOCKER_CONFIG_TYPE
            and self.payload == wanted.payload
            and wanted.labels.items() <= self.labels.items()
            and wanted.annotations.items() <= self.annotations.items()
        )


def cluster_secret(
    target: ProvisionTarget, version: SecretVersion, created_at: str, earlier: Sequence[CloudSecretRef] = ()
) -> ClusterSecret:
    """The Kubernetes secret for what was read back; ``created_at`` is RFC 3339 and stays for its life.

    ``earlier`` are the stored secrets that the cluster had elsewhere before: nothing else remembers them for
    as long as the cluster lives.
    """
    moved = {EARLIER_SECRETS_ANNOTATION: " ".join(ref.path for ref in earlier)} if earlier else {}
    return ClusterSecret(
        ref=target.cluster_secret,
        labels=ownership_labels(target.cluster_id),
        annotations={
            CLUSTER_ANNOTATION: target.cluster_id.value,
            GENERATION_ANNOTATION: str(target.generation),
            SECRET_PATH_ANNOTATION: target.cloud_secret.version_path(version.version),
            VERSION_ANNOTATION: version.version,
            CHECKSUM_ANNOTATION: f"{version.crc32c:08x}",
            CREATED_AT_ANNOTATION: created_at,
            **moved,
        },
        payload=version.payload,
    )
