"""Kubernetes Events on our jobs: what an operator reads below ``kubectl describe job``."""

from datetime import UTC, datetime
from enum import Enum
from typing import Final

import attrs

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.facts import InternalFault
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.job_reading import noted_result
from pullsecret.infrastructure.kubernetes.order_annotations import target_of
from pullsecret.infrastructure.kubernetes.paths import event_path
from pullsecret.ports.telemetry import Telemetry

COMPONENT: Final = "pullsecret-adapter"
_MAX_MESSAGE: Final = 1024
"""What the API accepts."""


class Severity(Enum):
    """Kubernetes' event types."""

    NORMAL = "Normal"
    WARNING = "Warning"


@attrs.frozen
class JobEvents:
    """Events about our jobs.

    They are for people: nothing depends on them, so one that cannot be written is only noted.
    """

    api: KubernetesApi
    telemetry: Telemetry
    replica: str

    async def reported(self, job: Object) -> None:
        """The job's end was told to the HyperFleet API."""
        result = noted_result(job)
        if result is None:
            return
        if result.failure is not None:
            await self.tell(job, Severity.WARNING, result.failure.reason.value, result.failure.message)
        elif isinstance(result, CleanUpResult):
            await self.tell(job, Severity.NORMAL, "CleanedUp", _clean_up_message(result))
        else:
            target = target_of(job["metadata"]["annotations"])
            message = (
                f"Version {result.version} of {target.cloud_secret.path} is published in "
                f"{target.cluster_secret.path}; the HyperFleet API was told."
            )
            await self.tell(job, Severity.NORMAL, "Provisioned", message)

    async def pod_not_starting(self, job: Object, problem: str) -> None:
        """The job's pod does not start."""
        await self.tell(job, Severity.WARNING, "PodNotStarting", problem)

    async def tell(self, job: Object, severity: Severity, reason: str, message: str) -> None:
        """Write one about ``job``; ``reason`` is CamelCase. Never raises an :class:`ApiError`."""
        metadata = job["metadata"]
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "type": severity.value,
            "reason": reason,
            "message": message[:_MAX_MESSAGE],
            "source": {"component": COMPONENT, "host": self.replica},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.replica,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self.api.call("create", event_path(metadata["namespace"]), body, patient=True)
        except ApiError as fault:
            kind = str(operation_error("tell-event", fault).reason)
            self.telemetry.record(InternalFault("tell-event", kind))


def _clean_up_message(result: CleanUpResult) -> str:
    paths = {"deleted": result.deleted, "kept by policy": result.retained, "left behind": result.left}
    parts = [f"{what}: {', '.join(named)}" for what, named in paths.items() if named]
    return f"The HyperFleet API was told; {'; '.join(parts) or 'nothing was there to delete'}."
