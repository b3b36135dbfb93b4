"""``pullsecret preflight``: is a customer's project ready?"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import load
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.wrong_use import cluster_id_of, project_id_of
from pullsecret.infrastructure.gcp.preflight import Check, Finding, Subject
from pullsecret.infrastructure.gcp.preflight import preflight as checks_of
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.infrastructure.job_process.environment import google_settings
from pullsecret.infrastructure.system_clock import SystemClock

_STYLES = {Finding.PASSED: "green", Finding.FAILED: "red", Finding.NOT_TESTED: "yellow"}


@told_in_one_line
def preflight(
    *,
    project: str,
    impersonate: str | None = None,
    cluster_id: str | None = None,
    secret_name: str | None = None,
    encryption_key: tuple[str, ...] = (),
    retention: bool = True,
    deletion: bool = True,
    config: Path | None = None,
    output: Literal["table", "json"] = "table",
) -> ExitCode:
    """Check that a customer's project is ready: credential, API, permissions, name, keys, quota.

    It only reads, asks for no payload, and signs in as the job does: in a pod of the management cluster by
    its service account, elsewhere by the external account that GOOGLE_APPLICATION_CREDENTIALS names. Each
    check that failed comes with the command that cures it.

    Exits 0 if no check failed, 1 if any did, 2 for wrong arguments or an unusable configuration.

    For example:

    ```
    pullsecret preflight --project customer-prod-12345
    pullsecret preflight --project customer-prod-12345 --cluster-id cls-abc123 --output json
    pullsecret preflight --project customer-prod-12345 \\
        --impersonate secrets@customer-prod-12345.iam.gserviceaccount.com
    ```

    Parameters
    ----------
    project
        The customer's project id.
    impersonate
        Service account to act as, in place of the configured one; ``none`` acts as what we sign in as.
    cluster_id
        Looks for a naming conflict too, and at permissions on that cluster's secret.
    secret_name
        Name of the secret, where the cluster's spec overrides it.
    encryption_key
        Full name of a Cloud KMS key that secrets are to be encrypted with; may be given several times.
    retention
        Whether old versions are to be disabled, which takes two more permissions.
    deletion
        Whether stored secrets are to be deleted with their clusters, which takes one more.
    config
        The adapter's configuration file; without it the job's environment variables are read.
    output
        ``table`` for people, ``json`` for machines.
    """
    settings = google_settings() if config is None else load(config, os.environ).gcp
    subject = Subject(
        project_id_of(project),
        None if cluster_id is None else cluster_id_of(cluster_id),
        secret_name,
        encryption_key,
        retention,
        deletion,
    )
    if impersonate is not None:
        settings = attrs.evolve(settings, service_account=None if impersonate == "none" else impersonate)
    checks = asyncio.run(checks_of(settings, subject, SystemClock()))
    ready = all(check.finding is not Finding.FAILED for check in checks)
    if output == "json":
        sys.stdout.write(json.dumps(_document(subject.project, ready, settings, checks)) + "\n")
    else:
        _show(checks)
    return ExitCode.OK if ready else ExitCode.NOT_AS_IT_SHOULD_BE


def _document(
    project: str, ready: bool, settings: GoogleSettings, checks: Sequence[Check]
) -> dict[str, object]:
    return {
        "project": project,
        "service_account": settings.service_account_for(project),
        "ready": ready,
        "checks": [
            {
                "check": check.name,
                "finding": check.finding.value,
                "detail": check.detail,
                "remedy": check.remedy or None,
            }
            for check in checks
        ],
    }


def _show(checks: Sequence[Check]) -> None:
    """The table, and below it the remedies whole, so that they can be copied."""
    console = Console(soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("Check", "Finding", "Detail"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        style = _STYLES[check.finding]
        table.add_row(check.name, Text(check.finding.value, style), Text(check.detail))
    console.print(table)
    for check in checks:
        if check.remedy and check.finding is not Finding.PASSED:
            console.print(f"\n{check.name}:\n  {check.remedy}", markup=False, highlight=False)
