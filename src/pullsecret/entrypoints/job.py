"""The job process: provisions one cluster's pull secret, or cleans up after one deleted cluster; tells the
result, ends (DDR phases 4 and 5).

It is started for each piece of work and lives for about a second, so it wires itself by hand and imports the
Google and Kubernetes clients only after the input has been found usable (docs/job-footprint.md).
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs

from pullsecret.application.clean_up import CleanUp
from pullsecret.application.provision import Provision
from pullsecret.domain.clean_up import CleanUpOrder, CleanUpResult
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.facts import CleanUpEnded, InternalFault, JobEnded
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyKey
from pullsecret.domain.provisioning import Failure, ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.fan_out import FanOutTelemetry
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.job_process.environment import (
    TERMINATION_MESSAGE_PATH,
    CleanUpEnvironment,
    ProvisionEnvironment,
    Purpose,
    Surroundings,
    purpose_of,
    read_environment,
    read_pull_secret,
)
from pullsecret.infrastructure.job_process.exit_code import exit_code
from pullsecret.infrastructure.job_process.json_log import JsonLog
from pullsecret.infrastructure.job_process.stop_signal import InterruptibleClock, StopSignal
from pullsecret.infrastructure.job_process.termination_message import encode, encode_clean_up, encode_result
from pullsecret.infrastructure.tracing.settings import COLLECTOR
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from pullsecret.infrastructure.gcp.secret_store import GoogleSecretStore

Result = TypeVar("Result")


def main(variables: Mapping[str, str] = os.environ) -> int:
    """Run the job that ``variables`` describe; the exit code is one of :class:`ExitCode`."""
    cluster_id, project = variables.get("CLUSTER_ID"), variables.get("GCP_PROJECT_ID")
    log = JsonLog(cluster_id, project, traceparent=variables.get("TRACEPARENT"))
    try:
        environment = read_environment(variables)
    except PermanentError as error:
        path = Path(variables.get("TERMINATION_MESSAGE_PATH") or TERMINATION_MESSAGE_PATH)
        failure = Failure(error.reason, str(error))
        cleans_up = purpose_of(variables) is Purpose.CLEAN_UP
        result = _not_cleaned_up(failure) if cleans_up else _not_provisioned(failure)
        log.write("error", error.operation, str(error))
        _leave(log, path, encode(result))
        return exit_code(result)
    match environment:
        case ProvisionEnvironment():
            return _provision(environment, log, variables)
        case CleanUpEnvironment():
            return _clean_up(environment, log, variables)


def _provision(environment: ProvisionEnvironment, log: JsonLog, variables: Mapping[str, str]) -> int:
    target, meter = environment.target, CallMeter()
    with _telemetry(environment.key, environment.surroundings, log, variables) as telemetry:
        process = _Process(environment.surroundings, target.cluster_id, log, telemetry, meter)
        try:
            order = environment.order(read_pull_secret(variables))
        except PermanentError as error:
            result = _not_provisioned(Failure(error.reason, str(error)))
        else:
            result = process.run(lambda: _provisioned(environment, order, process), _not_provisioned)
            result = attrs.evolve(result, calls=meter.counts, latencies=meter.latencies)
        telemetry.record(JobEnded(environment.key, target.cloud_secret.project, result))
        secret = target.cloud_secret.version_path(result.version or "latest")
        message = encode_result(result, secret, meter.seconds_by_method)
        _leave(log, environment.surroundings.termination_message, message)
    return exit_code(result)


async def _provisioned(
    environment: ProvisionEnvironment, order: ProvisionOrder, process: "_Process"
) -> ProvisionResult:
    async with process.ports(environment.protect_cluster_secret, environment.create_namespace) as ports:
        # What fails for now, the run itself meets again and knows how to repeat.
        with suppress(TransientError):
            await ports.store.require_permissions(order.target.cloud_secret)
        provision = Provision(
            ports.store,
            ports.cluster_secrets,
            process.clock,
            process.telemetry,
            environment.policy,
            process.stop.is_set,
        )
        return await provision(order)


def _clean_up(environment: CleanUpEnvironment, log: JsonLog, variables: Mapping[str, str]) -> int:
    order, meter = environment.order, CallMeter()
    with _telemetry(order.key, environment.surroundings, log, variables) as telemetry:
        process = _Process(environment.surroundings, order.key.cluster_id, log, telemetry, meter)
        result = process.run(lambda: _cleaned_up(environment, order, process), _not_cleaned_up)
        result = attrs.evolve(result, calls=meter.counts, latencies=meter.latencies)
        telemetry.record(CleanUpEnded(order.key, order.places.project, result))
        message = encode_clean_up(result, meter.seconds_by_method)
        _leave(log, environment.surroundings.termination_message, message)
    return exit_code(result)


async def _cleaned_up(
    environment: CleanUpEnvironment, order: CleanUpOrder, process: "_Process"
) -> CleanUpResult:
    async with process.ports() as ports:
        clean_up = CleanUp(
            ports.store,
            ports.cluster_secrets,
            process.clock,
            process.telemetry,
            environment.policy,
            process.stop.is_set,
        )
        return await clean_up(order)


@contextmanager
def _telemetry(
    key: AnyKey, surroundings: Surroundings, log: JsonLog, variables: Mapping[str, str]
) -> Iterator[Telemetry]:
    """The log, and spans where a collector is named."""
    collector = variables.get(COLLECTOR)
    if not collector:
        yield log
        return
    from pullsecret.infrastructure.tracing.job_spans import JobSpans
    from pullsecret.infrastructure.tracing.tracer import open_tracer

    with open_tracer(collector, "pullsecret-job") as tracer:
        yield FanOutTelemetry([log, JobSpans(tracer, key, surroundings.trace)])


@attrs.frozen
class _Ports:
    store: "GoogleSecretStore"
    cluster_secrets: ClusterSecrets


@attrs.frozen
class _Process:
    """What a job of either purpose works with."""

    surroundings: Surroundings
    cluster_id: ClusterId
    log: JsonLog
    telemetry: Telemetry
    meter: CallMeter
    stop: StopSignal = attrs.field(factory=StopSignal)
    clock: InterruptibleClock = attrs.field(init=False)

    @clock.default
    def _interruptible(self) -> InterruptibleClock:
        return InterruptibleClock(self.stop)

    def run(self, work: Callable[[], Awaitable[Result]], failed: Callable[[Failure], Result]) -> Result:
        """The result of ``work``, or of what kept it from one."""
        return asyncio.run(self._run(work, failed))

    async def _run(
        self, work: Callable[[], Awaitable[Result]], failed: Callable[[Failure], Result]
    ) -> Result:
        try:
            with self.stop.listening():
                return await work()
        except OperationError as error:
            self.log.write("error", error.operation, str(error))
            return failed(Failure(error.reason, str(error)))
        except Exception as error:
            # Not even a traceback: nobody knows what an unforeseen error quotes.
            kind = type(error).__name__
            self.telemetry.record(InternalFault("job", kind, self.cluster_id))
            return failed(Failure(Reason.INTERNAL_ERROR, f"{kind} in the job."))

    @asynccontextmanager
    async def ports(self, protect: bool = False, create_namespace: bool = False) -> AsyncIterator[_Ports]:
        """Both stores. They are imported here: a job with unusable input ends before it pays for them."""
        from pullsecret.infrastructure.gcp.secret_store import open_secret_store
        from pullsecret.infrastructure.kubernetes.api import KubernetesApi
        from pullsecret.infrastructure.kubernetes.cluster_secrets import KubernetesClusterSecrets
        from pullsecret.infrastructure.kubernetes.connection import connect

        async with (
            open_secret_store(self.surroundings.google, self.clock, self.meter) as store,
            KubernetesApi(connect(self.surroundings.kubeconfig), threads=1) as api,
        ):
            yield _Ports(store, KubernetesClusterSecrets(api, protect, create_namespace))


def _not_provisioned(failure: Failure) -> ProvisionResult:
    return ProvisionResult(stage=Stage.STARTED, failure=failure)


def _not_cleaned_up(failure: Failure) -> CleanUpResult:
    return CleanUpResult(failure=failure)


def _leave(log: JsonLog, path: Path, message: str) -> None:
    """Write the termination message; without it the exit code alone tells."""
    try:
        path.write_text(message)
    except OSError as fault:
        log.write("error", "write-termination-message", f"{path}: {fault.strerror}")


if __name__ == "__main__":
    sys.exit(main())
