"""The job's environment variables (DDR "Environment Variables (Job)"; docs/job.md lists all of them)."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import attrs

from pullsecret.application.clean_up import CleanUpPolicy
from pullsecret.application.provision import ProvisionPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpKey, CleanUpOrder, Deletion, Remains
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation, namespace, project_id
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    ProvisionKey,
    ProvisionOrder,
    ProvisionTarget,
)
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.gcp.settings import GoogleSettings, RequestLimits
from pullsecret.infrastructure.job_process.places import read_cloud_secrets, read_cluster_secrets

Value = TypeVar("Value")

TERMINATION_MESSAGE_PATH = "/dev/termination-log"


class Purpose(Enum):
    """What a job is for; the value is that of ``PURPOSE``."""

    PROVISION = "provision"
    CLEAN_UP = "clean-up"


@attrs.frozen
class Surroundings:
    """What a job of either purpose is told."""

    google: GoogleSettings
    kubeconfig: Path | None
    """None: the pod's own service account."""
    termination_message: Path
    trace: TraceContext | None


@attrs.frozen
class CleanUpEnvironment:
    """Everything a job is told that cleans up."""

    order: CleanUpOrder
    policy: CleanUpPolicy
    surroundings: Surroundings


@attrs.frozen
class ProvisionEnvironment:
    """Everything a job is told that provisions, but the payload."""

    target: ProvisionTarget
    attempt: int
    policy: ProvisionPolicy
    surroundings: Surroundings
    protect_cluster_secret: bool
    """Put a finalizer on the cluster secret."""
    create_namespace: bool
    """Make the placement namespace where it is missing."""

    @property
    def key(self) -> ProvisionKey:
        """Which attempt this is."""
        return ProvisionKey(self.target.cluster_id, self.target.generation, self.attempt)

    def order(self, pull_secret: PullSecret) -> ProvisionOrder:
        """What to do with ``pull_secret``."""
        return ProvisionOrder(self.target, pull_secret, self.attempt, self.surroundings.trace)


JobEnvironment = ProvisionEnvironment | CleanUpEnvironment


def read_environment(variables: Mapping[str, str] = os.environ) -> JobEnvironment:
    """Read ``variables``. Raises PermanentError (``WrongConfiguration``) naming the one at fault."""
    reader = _Reader(variables)
    if reader.purpose() is Purpose.CLEAN_UP:
        return _clean_up(reader)
    return _provisioning(reader)


def purpose_of(variables: Mapping[str, str]) -> Purpose:
    """What the job is for, also where the rest of ``variables`` is not usable."""
    return Purpose.CLEAN_UP if variables.get("PURPOSE") == Purpose.CLEAN_UP.value else Purpose.PROVISION


def _provisioning(reader: "_Reader") -> ProvisionEnvironment:
    cluster_id = reader.required("CLUSTER_ID", ClusterId)
    replicas, keys = reader.listed("REPLICA_LOCATIONS"), reader.listed("ENCRYPTION_KEYS")
    name = reader.optional("SECRET_NAME", lambda text: cloud_secret_name(cluster_id, text))
    target = ProvisionTarget(
        cluster_id,
        Generation(reader.number("GENERATION", 1)),
        CloudSecretRef(reader.required("GCP_PROJECT_ID", project_id), name or cloud_secret_name(cluster_id)),
        ClusterSecretRef(reader.required("MANAGEMENT_NAMESPACE", namespace), cluster_secret_name(cluster_id)),
        StoragePolicy(replicas, keys),
        reader.optional("EARLIER_SECRETS", read_cloud_secrets) or (),
    )
    keep = reader.number("KEEP_VERSIONS", 2, at_least=0)
    return ProvisionEnvironment(
        target=target,
        attempt=reader.number("ATTEMPT", 1),
        policy=ProvisionPolicy(_backoff(reader), _budget(reader), keep or None),
        surroundings=_surroundings(reader),
        protect_cluster_secret=reader.flag("PROTECT_CLUSTER_SECRET"),
        create_namespace=reader.flag("CREATE_NAMESPACE"),
    )


def _clean_up(reader: "_Reader") -> CleanUpEnvironment:
    cluster_id = reader.required("CLUSTER_ID", ClusterId)
    key = CleanUpKey(cluster_id, Generation(reader.number("GENERATION", 1)), reader.number("ATTEMPT", 1))
    places = Remains(
        reader.optional("CLOUD_SECRETS", read_cloud_secrets) or (),
        reader.optional("CLUSTER_SECRETS", read_cluster_secrets) or (),
    )
    surroundings = _surroundings(reader)
    order = CleanUpOrder(
        key,
        places,
        reader.optional("STORED_SECRET", Deletion) or Deletion.DELETE,
        reader.optional("GIVE_UP_AT", _time),
        surroundings.trace,
    )
    return CleanUpEnvironment(order, CleanUpPolicy(_backoff(reader), _budget(reader)), surroundings)


def _backoff(reader: "_Reader") -> Backoff:
    defaults = Backoff()
    return Backoff(
        reader.optional("RETRY_INITIAL_SECONDS", _seconds) or defaults.initial,
        reader.optional("RETRY_FACTOR", _factor) or defaults.factor,
        reader.optional("RETRY_MAXIMUM_SECONDS", _seconds) or defaults.maximum,
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise ValueError(f"{text[:40]!r} is not above 0")
    return seconds


def _factor(text: str) -> float:
    factor = float(text)
    if not factor >= 1:
        raise ValueError(f"{text[:40]!r} is not 1 or more")
    return factor


def _budget(reader: "_Reader") -> float:
    return float(reader.number("BUDGET_SECONDS", 300))


def _surroundings(reader: "_Reader") -> Surroundings:
    trace = reader.optional("TRACEPARENT", str)
    return Surroundings(
        google=_google_settings(reader),
        kubeconfig=reader.optional("KUBECONFIG", Path),
        termination_message=reader.optional("TERMINATION_MESSAGE_PATH", Path)
        or Path(TERMINATION_MESSAGE_PATH),
        trace=TraceContext(trace, reader.optional("TRACESTATE", str)) if trace else None,
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text[:40]!r} names no time zone")
    return at


def read_pull_secret(variables: Mapping[str, str] = os.environ) -> PullSecret:
    """The payload from the file that PULL_SECRET_FILE names, or else from PULL_SECRET_DATA.

    Raises PermanentError: ``WrongConfiguration`` if there is none, ``InvalidPullSecret`` if it is not usable.
    """
    path = variables.get("PULL_SECRET_FILE")
    if path:
        try:
            return PullSecret(Path(path).read_bytes())
        except OSError as fault:
            raise _wrong("PULL_SECRET_FILE", fault.strerror or "it cannot be read") from None
    data = variables.get("PULL_SECRET_DATA")
    if not data:
        raise _wrong("PULL_SECRET_FILE", "it is not set, and neither is PULL_SECRET_DATA")
    return PullSecret(data.encode())


def google_settings(variables: Mapping[str, str] = os.environ) -> GoogleSettings:
    """The part about Google Cloud. Raises PermanentError (``WrongConfiguration``) naming the variable."""
    return _google_settings(_Reader(variables))


def _google_settings(reader: "_Reader") -> GoogleSettings:
    defaults = GoogleSettings()
    limits = defaults.limits
    given: dict[str, Any] = {
        "service_account": reader.optional("GCP_SERVICE_ACCOUNT", _service_account),
        "location": reader.optional("GCP_LOCATION", str),
        "workload_identity_provider": reader.optional("GCP_WORKLOAD_IDENTITY_PROVIDER", str),
        "identity_file": reader.optional("GCP_IDENTITY_FILE", Path),
        "external_account_file": reader.optional("GOOGLE_APPLICATION_CREDENTIALS", Path),
        "metadata_host": reader.optional("GCE_METADATA_HOST", str),
        "trust_file": reader.optional("GCP_TRUST_FILE", Path),
        "secret_manager_endpoint": reader.optional("GCP_SECRET_MANAGER_ENDPOINT", str),
        "rest_endpoint": reader.optional("GCP_REST_ENDPOINT", str),
        "pod_namespace": reader.optional("POD_NAMESPACE", str),
        "pod_service_account": reader.optional("POD_SERVICE_ACCOUNT", str),
    }
    try:
        settings = attrs.evolve(
            defaults,
            call_deadline=float(reader.number("GCP_CALL_SECONDS", int(defaults.call_deadline))),
            limits=RequestLimits(
                reader.number("GCP_READS_PER_MINUTE", limits.reads),
                reader.number("GCP_WRITES_PER_MINUTE", limits.writes),
                reader.number("GCP_ACCESSES_PER_MINUTE", limits.accesses),
            ),
            destroy_old_versions=reader.flag("DESTROY_OLD_VERSIONS"),
            **{name: value for name, value in given.items() if value is not None},
        )
    except ValueError as fault:
        raise _wrong("GCP_LOCATION", str(fault)) from None
    return attrs.evolve(settings, service_account=settings.service_account or None)


def _service_account(text: str) -> str:
    """``none`` acts as what we sign in as."""
    return "" if text == "none" else text


class _Reader:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def required(self, name: str, parse: Callable[[str], Value]) -> Value:
        value = self.optional(name, parse)
        if value is None:
            raise _wrong(name, "it is not set")
        return value

    def optional(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        text = self._variables.get(name)
        if not text:
            return None
        try:
            return parse(text)
        except OperationError as fault:
            raise _wrong(name, fault.cause) from None
        except ValueError as fault:
            raise _wrong(name, str(fault)) from None

    def purpose(self) -> Purpose:
        return self.optional("PURPOSE", Purpose) or Purpose.PROVISION

    def number(self, name: str, default: int, at_least: int = 1) -> int:
        text = self._variables.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and at_least <= int(text) < 10**9):
            raise _wrong(name, f"{text[:40]!r} is not a whole number of {at_least} or more")
        return int(text)

    def flag(self, name: str) -> bool:
        text = self._variables.get(name) or "false"
        if text not in ("true", "false"):
            raise _wrong(name, f"{text[:40]!r} is neither 'true' nor 'false'")
        return text == "true"

    def listed(self, name: str) -> tuple[str, ...]:
        text = self._variables.get(name, "")
        return tuple(part.strip() for part in text.split(",") if part.strip())


def _wrong(variable: str, cause: str) -> PermanentError:
    return PermanentError(
        "read-environment",
        variable,
        Reason.WRONG_CONFIGURATION,
        f"{cause.rstrip('.')}.",
        "Correct the adapter's job settings; docs/job.md lists the variables.",
    )
