"""Labels, annotations and the finalizer that our objects carry: what is durable about a job."""

from typing import Final

from pullsecret.domain.cluster_secret import ANNOTATION_PREFIX
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import MANAGED_BY, MANAGED_BY_LABEL, ownership_labels

APP_LABEL: Final = "app.kubernetes.io/name"
APP: Final = "pullsecret-job"
"""Tells our jobs from those of HyperFleet's other adapters in the same namespace."""

JOB_LABEL: Final = f"{ANNOTATION_PREFIX}/job"
"""On the temporary secret: the job it is for."""
REPORTED_LABEL: Final = f"{ANNOTATION_PREFIX}/reported"
"""On a job whose status was told; a label, so that one selector leaves these jobs out."""
ENDED_LABEL: Final = f"{ANNOTATION_PREFIX}/ended"
"""On a finished job that a replica has taken up; so that who asks for unfinished jobs need not read them."""

GENERATION: Final = f"{ANNOTATION_PREFIX}/generation"
CLUSTER_ID: Final = f"{ANNOTATION_PREFIX}/cluster-id"
ATTEMPT: Final = f"{ANNOTATION_PREFIX}/attempt"
PROJECT: Final = f"{ANNOTATION_PREFIX}/project"
CLOUD_SECRET: Final = f"{ANNOTATION_PREFIX}/cloud-secret"
NAMESPACE: Final = f"{ANNOTATION_PREFIX}/namespace"
CLUSTER_SECRET: Final = f"{ANNOTATION_PREFIX}/cluster-secret"
REPLICA_LOCATIONS: Final = f"{ANNOTATION_PREFIX}/replica-locations"
ENCRYPTION_KEYS: Final = f"{ANNOTATION_PREFIX}/encryption-keys"
EARLIER_SECRETS: Final = f"{ANNOTATION_PREFIX}/earlier-secret-paths"

PURPOSE: Final = f"{ANNOTATION_PREFIX}/purpose"
CLOUD_SECRETS: Final = f"{ANNOTATION_PREFIX}/cloud-secrets"
CLUSTER_SECRETS: Final = f"{ANNOTATION_PREFIX}/cluster-secrets"
STORED_SECRET: Final = f"{ANNOTATION_PREFIX}/stored-secret"
GIVE_UP_AT: Final = f"{ANNOTATION_PREFIX}/give-up-at"
"""These five on a clean-up job only."""

TRACEPARENT: Final = f"{ANNOTATION_PREFIX}/traceparent"
TRACESTATE: Final = f"{ANNOTATION_PREFIX}/tracestate"
"""The order's trace, so that whichever replica tells the job's end tells it in the same trace."""

PAYLOAD_UID: Final = f"{ANNOTATION_PREFIX}/payload-uid"
"""On a job: the uid of its temporary secret."""
CLAIM: Final = f"{ANNOTATION_PREFIX}/claim"
"""On a finished job: which replica is telling its status, and a number that changes with every claim."""
RESULT: Final = f"{ANNOTATION_PREFIX}/result"
"""On a finished job: its pod's termination message, or what is known in its place."""
POD_PROBLEM: Final = f"{ANNOTATION_PREFIX}/pod-problem"
"""On a running job: why its pod could not start, when last seen."""
RETRY: Final = f"{ANNOTATION_PREFIX}/retry"
"""Set by a person, with any value, on a cluster's newest job: make another attempt once it is reported."""
REPORTED_AT: Final = f"{ANNOTATION_PREFIX}/reported-at"

REPORT_FINALIZER: Final = f"{ANNOTATION_PREFIX}/report"
"""Keeps a job until its status was told, whatever deletes it."""

OUR_JOBS: Final = f"{APP_LABEL}={APP},{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Selects our jobs, their pods and their temporary secrets."""
OUR_UNFINISHED_JOBS: Final = f"{OUR_JOBS},!{REPORTED_LABEL},!{ENDED_LABEL}"
"""Selects those that have just ended too."""


def labels_of(cluster_id: ClusterId) -> dict[str, str]:
    """What every object of a cluster's job carries: ``cluster-id`` selects them all."""
    return {APP_LABEL: APP} | ownership_labels(cluster_id)


def selector_of(cluster_id: ClusterId) -> str:
    """Selects one cluster's jobs, pods and temporary secrets."""
    return ",".join(f"{name}={value}" for name, value in labels_of(cluster_id).items())
