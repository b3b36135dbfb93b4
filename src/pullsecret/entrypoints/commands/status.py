"""``pullsecret status``: what the management cluster holds."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import Finished, Queued
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.wrong_use import cluster_id_of
from pullsecret.infrastructure.kubernetes.api import CallLimits, KubernetesApi
from pullsecret.infrastructure.kubernetes.connection import connect
from pullsecret.infrastructure.kubernetes.holdings import Holding, Sync, holdings
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry

_WELL = (Sync.IN_SYNC, Sync.PENDING, Sync.CLEANED_UP)
_PATIENCE = 5.0


@told_in_one_line
def status(
    cluster_id: str | None = None,
    /,
    *,
    output: Literal["table", "json"] = "table",
    namespace: str = "hyperfleet-system",
    kubeconfig: Path | None = None,
    context: str | None = None,
) -> ExitCode:
    """List what the management cluster holds: each cluster's newest job, its secret, and whether they agree.

    Reads only; no payload is asked for. It needs the rights to list jobs and pods in the namespace, and
    secrets in all namespaces.

    Exits 0 if every cluster is in sync or being worked on, 1 if any is not, or if nothing is held of the
    cluster that was asked for, 2 for wrong arguments or an unusable kubeconfig.

    For example:

    ```
    pullsecret status
    pullsecret status cls-abc123 --output json
    pullsecret status --context management-europe
    ```

    Parameters
    ----------
    cluster_id
        One cluster; without it all of them.
    output
        ``table`` for people, ``json`` for machines: one object a line.
    namespace
        Where the jobs are.
    kubeconfig
        In place of $KUBECONFIG and ``~/.kube/config``; in a pod its service account is used.
    context
        A context of the kubeconfig in place of its current one.
    """
    wanted = None if cluster_id is None else cluster_id_of(cluster_id)
    found = asyncio.run(_read(wanted, namespace, connect(kubeconfig, context)))
    if wanted is not None and not found:
        sys.stderr.write(f"{wanted}: neither a job nor a secret\n")
        return ExitCode.NOT_AS_IT_SHOULD_BE
    now = datetime.now(UTC)
    if output == "json":
        for holding in found:
            sys.stdout.write(json.dumps(_document(holding, now)) + "\n")
    else:
        Console().print(_table(found, now))
    well = all(holding.sync in _WELL for holding in found)
    return ExitCode.OK if well else ExitCode.NOT_AS_IT_SHOULD_BE


async def _read(cluster_id: ClusterId | None, namespace: str, connection: Any) -> Sequence[Holding]:
    limits = CallLimits(patience=_PATIENCE)
    async with KubernetesApi(connection, limits=limits) as api:
        settings = JobSettings(image="", namespace=namespace)
        return await holdings(api, KubernetesJobRunner(api, settings, MemoryTelemetry()), cluster_id)


def _document(holding: Holding, now: datetime) -> dict[str, Any]:
    job, secret = holding.job, holding.secret
    return {
        "cluster_id": holding.cluster_id.value,
        "sync": holding.sync.value,
        "job": job
        and {
            "name": job.key.name,
            "generation": job.key.generation,
            "attempt": job.key.attempt,
            "state": _state(job),
            "message": _message(job),
            "age_seconds": _seconds(job.submitted_at, now),
        },
        "secret": secret
        and {
            "namespace": secret.ref.namespace,
            "name": secret.ref.name,
            "generation": secret.generation or None,
            "version": secret.version,
            "path": secret.path,
            "age_seconds": _seconds(holding.secret_created_at, now),
        },
    }


def _table(found: Sequence[Holding], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Cluster", "Job", "Attempt", "State", "Age", "Secret", "Version", "Age", "Sync"):
        table.add_column(heading, no_wrap=heading != "Secret", overflow="fold")
    for holding in found:
        job, secret = holding.job, holding.secret
        style = "green" if holding.sync in _WELL else "red"
        table.add_row(
            holding.cluster_id.value,
            job.key.name if job else "-",
            str(job.key.attempt) if job else "-",
            _state(job) if job else "-",
            _age(_seconds(job.submitted_at, now)) if job else "-",
            secret.ref.path if secret else "-",
            secret.version if secret else "-",
            _age(_seconds(holding.secret_created_at, now)),
            f"[{style}]{holding.sync.value}[/{style}]",
        )
    return table


def _state(job: AnyJob) -> str:
    if not isinstance(job.state, Finished):
        return "queued" if isinstance(job.state, Queued) else "running"
    failure = job.state.result.failure
    return "succeeded" if failure is None else failure.reason.value


def _message(job: AnyJob) -> str | None:
    failure = job.state.result.failure if isinstance(job.state, Finished) else None
    return None if failure is None else failure.message


def _seconds(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, round((now - since).total_seconds()))


def _age(seconds: int | None) -> str:
    """As kubectl writes it."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
