"""The job process: provisions one cluster's pull secret, tells the result, ends (DDR phases 4 and 5).

It is started once for each cluster and lives for about a second, so it wires itself by hand and imports the
Google and Kubernetes clients only after the input has been found usable (docs/job-footprint.md).
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import attrs

from pullsecret.application.provision import Provision
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.facts import InternalFault, JobEnded
from pullsecret.domain.provisioning import Failure, ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.fan_out import FanOutTelemetry
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.job_process.environment import (
    TERMINATION_MESSAGE_PATH,
    JobEnvironment,
    read_environment,
    read_pull_secret,
)
from pullsecret.infrastructure.job_process.exit_code import exit_code
from pullsecret.infrastructure.job_process.json_log import JsonLog
from pullsecret.infrastructure.job_process.stop_signal import InterruptibleClock, StopSignal
from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.tracing.settings import COLLECTOR
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.telemetry import Telemetry


def main(variables: Mapping[str, str] = os.environ) -> int:
    """Run the job that ``variables`` describe; the exit code is one of :class:`ExitCode`."""
    log = JsonLog(variables.get("CLUSTER_ID"), variables.get("GCP_PROJECT_ID"))
    try:
        environment = read_environment(variables)
    except PermanentError as error:
        path = Path(variables.get("TERMINATION_MESSAGE_PATH") or TERMINATION_MESSAGE_PATH)
        result = _failed(error)
        log.write("error", error.operation, str(error))
        _leave(log, path, encode_result(result, "", {}))
        return exit_code(result)
    meter = CallMeter()
    with _telemetry(environment, log, variables.get(COLLECTOR)) as telemetry:
        try:
            order = environment.order(read_pull_secret(variables))
        except PermanentError as error:
            result = _failed(error)
        else:
            result = asyncio.run(_provision(environment, order, log, telemetry, meter))
        telemetry.record(JobEnded(environment.key, environment.target.cloud_secret.project, result))
        secret = environment.target.cloud_secret.version_path(result.version or "latest")
        _leave(log, environment.termination_message, encode_result(result, secret, meter.seconds_by_method))
    return exit_code(result)


@contextmanager
def _telemetry(environment: JobEnvironment, log: JsonLog, collector: str | None) -> Iterator[Telemetry]:
    """The log, and spans where a collector is named."""
    if not collector:
        yield log
        return
    from pullsecret.infrastructure.tracing.job_spans import JobSpans
    from pullsecret.infrastructure.tracing.tracer import open_tracer

    with open_tracer(collector, "pullsecret-job") as tracer:
        yield FanOutTelemetry([log, JobSpans(tracer, environment.key, environment.trace)])


async def _provision(
    environment: JobEnvironment,
    order: ProvisionOrder,
    log: JsonLog,
    telemetry: Telemetry,
    meter: CallMeter,
) -> ProvisionResult:
    # Imported here: a job with unusable input ends before it pays for them.
    from pullsecret.infrastructure.gcp.secret_store import open_secret_store

    stop = StopSignal()
    clock = InterruptibleClock(stop)
    try:
        with stop.listening():
            async with (
                open_secret_store(environment.google, clock, meter) as store,
                _cluster_secrets(environment) as cluster_secrets,
            ):
                # What fails for now, the run itself meets again and knows how to repeat.
                with suppress(TransientError):
                    await store.require_permissions(order.target.cloud_secret)
                provision = Provision(
                    store, cluster_secrets, clock, telemetry, environment.policy, stop.is_set
                )
                result = await provision(order)
    except OperationError as error:
        result = _failed(error)
        log.write("error", error.operation, str(error))
    except Exception as error:
        # Not even a traceback: nobody knows what an unforeseen error quotes.
        telemetry.record(InternalFault("job", type(error).__name__, order.target.cluster_id))
        failure = Failure(Reason.INTERNAL_ERROR, f"{type(error).__name__} in the job.")
        result = ProvisionResult(stage=Stage.STARTED, failure=failure)
    return attrs.evolve(result, calls=meter.counts, latencies=meter.latencies)


@asynccontextmanager
async def _cluster_secrets(environment: JobEnvironment) -> AsyncIterator[ClusterSecrets]:
    from pullsecret.infrastructure.kubernetes.api import KubernetesApi
    from pullsecret.infrastructure.kubernetes.cluster_secrets import KubernetesClusterSecrets
    from pullsecret.infrastructure.kubernetes.connection import connect

    async with KubernetesApi(connect(environment.kubeconfig), threads=1) as api:
        yield KubernetesClusterSecrets(api, environment.protect_cluster_secret, environment.create_namespace)


def _failed(error: OperationError) -> ProvisionResult:
    return ProvisionResult(stage=Stage.STARTED, failure=Failure(error.reason, str(error)))


def _leave(log: JsonLog, path: Path, message: str) -> None:
    """Write the termination message; without it the exit code alone tells."""
    try:
        path.write_text(message)
    except OSError as fault:
        log.write("error", "write-termination-message", f"{path}: {fault.strerror}")


if __name__ == "__main__":
    sys.exit(main())
