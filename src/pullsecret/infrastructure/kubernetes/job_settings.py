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
    namespace: str = "hyperfleet-system"
    service_account: str = "pullsecret-adapter-job"
    image_pull_policy: str = "IfNotPresent"
    command: Sequence[str] = ("pullsecret", "job")
    extra_environment: Mapping[str, str] = attrs.field(factory=dict)
    requests: Mapping[str, str] = attrs.field(factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    limits: Mapping[str, str] = attrs.field(factory=lambda: {"cpu": "500m", "memory": "100Mi"})
    backoff_limit: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    """How often Kubernetes starts a pod anew after one crashed or failed for now."""
    priority_class: str | None = None
    node_selector: Mapping[str, str] = attrs.field(factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    topology_spread: Sequence[Mapping[str, Any]] = ()
    identity_audience: str | None = None
    """Where set, the pod gets a service-account token for this audience in :data:`IDENTITY_TOKEN_FILE`, for
    workload identity federation outside of GKE."""
    times: JobTimes = attrs.field(factory=JobTimes)


PAYLOAD_FOLDER = "/var/run/secrets/pullsecret/payload"
IDENTITY_FOLDER = "/var/run/secrets/pullsecret/identity"
IDENTITY_TOKEN_FILE = f"{IDENTITY_FOLDER}/token"
