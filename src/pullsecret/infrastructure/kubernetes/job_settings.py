"""How jobs are run: what an operator configures about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class JobTimes:
    """How long things last, in seconds."""

    deadline: int = attrs.field(default=600, validator=attrs.validators.gt(0))
    """A job that has not ended after this is stopped (``activeDeadlineSeconds``, ``JobTimedOut``)."""
    retention: int = attrs.field(default=3600, validator=attrs.validators.gt(0))
    """How long an ended job is kept (``ttlSecondsAfterFinished``), and at most its payload with it."""
    remind: float = attrs.field(default=15.0, validator=attrs.validators.gt(0))
    """After this an ended job that a replica has taken up, but not reported, is anybody's again."""
    orphan_grace: float = attrs.field(default=60.0, validator=attrs.validators.ge(0))
    """How old a payload without a job is before it counts as left behind by a crash."""
    resync: float = attrs.field(default=300.0, validator=attrs.validators.gt(0))
    """How often the watched jobs are compared with a full list."""


@attrs.frozen
class JobSettings:
    """The job's pod. Mappings and sequences are in Kubernetes' own form."""

    image: str
    """The image of the job; the adapter's own, by digest."""
    namespace: str = "hyperfleet-system"
    """Where jobs and their inputs are made."""
    service_account: str = "pullsecret-adapter-job"
    """Who the job's pod is."""
    image_pull_policy: str = "IfNotPresent"
    """``Always``, ``IfNotPresent`` or ``Never``."""
    command: Sequence[str] = ("pullsecret", "job")
    """What the container runs."""
    extra_environment: Mapping[str, str] = attrs.field(factory=dict)
    """Further variables, over those that the adapter gives."""
    requests: Mapping[str, str] = attrs.field(factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    """What the pod is promised."""
    limits: Mapping[str, str] = attrs.field(factory=lambda: {"cpu": "500m", "memory": "100Mi"})
    """What the pod may use (AC9: at most 100 MB of memory)."""
    backoff_limit: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    """How often Kubernetes starts a pod anew after one crashed or failed for now."""
    priority_class: str | None = None
    """The pod's priority class."""
    node_selector: Mapping[str, str] = attrs.field(factory=dict)
    """Labels of the nodes to run on."""
    tolerations: Sequence[Mapping[str, Any]] = ()
    """Taints that the pod bears."""
    topology_spread: Sequence[Mapping[str, Any]] = ()
    """How pods are spread (``topologySpreadConstraints``)."""
    identity_audience: str | None = None
    """Where set, the pod gets a service-account token for this audience in :data:`IDENTITY_TOKEN_FILE`, for
    workload identity federation outside of GKE."""
    protect_cluster_secrets: bool = False
    """Put a finalizer on each cluster secret, so that one that somebody deletes stays readable until a job
    has replaced it."""
    create_namespaces: bool = False
    """Let jobs make the placement namespace where it is missing; needs the rights of
    ``deploy/rbac/job-all-namespaces.yaml`` and ``job-create-namespaces.yaml``."""
    times: JobTimes = attrs.field(factory=JobTimes)
    """How long things last."""


PAYLOAD_FOLDER = "/var/run/secrets/pullsecret/payload"
IDENTITY_FOLDER = "/var/run/secrets/pullsecret/identity"
IDENTITY_TOKEN_FILE = f"{IDENTITY_FOLDER}/token"
