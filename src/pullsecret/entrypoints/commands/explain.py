"""``pullsecret explain``: what would be done about a cluster, and why. Touches nothing."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pullsecret.application.expression_environment import cluster_environment, event_environment
from pullsecret.application.reconcile_cluster import adapter_event
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import read_cluster
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionOrder, provision_order
from pullsecret.domain.rollout import Rollout
from pullsecret.domain.secret_payload import REDACTED
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.input_files import read_clusters, read_event
from pullsecret.entrypoints.wrong_use import WrongUseError
from pullsecret.expressions import EvaluationError, Program
from pullsecret.ports.cluster_catalog import CatalogEntry


@attrs.frozen
class ExplainedClause:
    """One clause of an expression: what it reads, and what it comes to."""

    clause: str
    holds: bool
    because: str
    """The values it read, or the error."""


@attrs.frozen
class ExplainedExpression:
    """The event filter or a precondition."""

    name: str
    holds: bool
    clauses: Sequence[ExplainedClause]


@attrs.frozen
class Explanation:
    """Everything that ``explain`` tells."""

    cluster_id: str
    generation: int
    expressions: Sequence[ExplainedExpression]
    would_create: Mapping[str, str]
    """What would be written and where; empty if nothing would."""
    refused: str | None
    """Why there would be no job even if every expression holds."""

    @property
    def would_provision(self) -> bool:
        """True if a job would be started."""
        return bool(self.would_create)


@told_in_one_line
def explain(
    *,
    cluster: Path,
    event: Path | None = None,
    config: Path | None = None,
    output: Literal["table", "json"] = "table",
) -> ExitCode:
    """Tell which clause of which precondition is false, and what would be created.

    Nothing is read but the given files and nothing is written. Pull secrets are never shown.

    Exits 0 if the cluster would be provisioned, 1 if not, 2 if a file cannot be used.

    For example:

    ```
    pullsecret explain --cluster cluster.json
    pullsecret explain --cluster cluster.json --event event.json --config adapter.yaml --output json
    ```

    Parameters
    ----------
    cluster
        One cluster in the HyperFleet API's JSON.
    event
        One CloudEvent in structured mode; without it, the event filter is not looked at.
    config
        Configuration file; without one, the design document's.
    output
        ``table`` for people, ``json`` for machines.
    """
    configuration = load(config, os.environ)
    found = read_clusters(cluster, configuration.document_paths)
    if len(found) != 1:
        raise WrongUseError(f"{cluster}: has {len(found)} clusters; give one")
    entry = CatalogEntry(*read_cluster(found[0][1], configuration.document_paths))
    explanation = _explanation(configuration, entry, read_event(event) if event else None)
    if output == "json":
        sys.stdout.write(json.dumps(attrs.asdict(explanation), indent=2) + "\n")
    else:
        _show(explanation)
    return ExitCode.OK if explanation.would_provision else ExitCode.NOT_AS_IT_SHOULD_BE


def _explanation(configuration: Configuration, entry: CatalogEntry, told: ClusterEvent | None) -> Explanation:
    cluster = entry.cluster
    environment = cluster_environment(
        told or adapter_event(cluster.id, "explain"), entry, configuration.document_paths
    )
    expressions = []
    if told is not None:
        event_filter = configuration.spec.event_filter.expression
        expressions.append(_explained("event filter", event_filter, event_environment(told)))
    for number, precondition in enumerate(configuration.spec.preconditions, 1):
        expressions.append(_explained(f"precondition {number}", precondition.when.expression, environment))
    would_create: Mapping[str, str] = {}
    refused = _left_alone(cluster, configuration.rollout)
    if refused is None and all(each.holds for each in expressions):
        try:
            would_create = _would_create(provision_order(cluster))
        except PermanentError as error:
            refused = str(error)
    return Explanation(cluster.id.value, cluster.generation, expressions, would_create, refused)


def _left_alone(cluster: Cluster, rollout: Rollout) -> str | None:
    """Why nothing would be provisioned whatever the expressions say, if that is so."""
    if not rollout.includes(cluster.id):
        return "The service is not switched on for this cluster (rollout)."
    if cluster.deleting:
        return "The cluster is being deleted: its secrets would be cleaned up."
    return None


def _explained(name: str, program: Program, environment: Mapping[str, Any]) -> ExplainedExpression:
    clauses = [
        ExplainedClause(
            clause.source,
            clause.value is True,
            clause.error.message if clause.error else _values(clause.operands),
        )
        for clause in program.clauses(environment)
    ]
    try:
        holds = program.evaluate(environment) is True
    except EvaluationError:
        holds = False
    return ExplainedExpression(name, holds, clauses)


def _values(operands: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {_value(name, value)}" for name, value in operands.items())


def _value(name: str, value: object) -> str:
    if value is not None and "pullsecret" in name.lower():
        return REDACTED
    shown = json.dumps(value, default=str)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _would_create(order: ProvisionOrder) -> dict[str, str]:
    target = order.target
    return {
        "temporary secret": temporary_secret_name(target.cluster_id),
        "job": order.key.name,
        "secret version": target.cloud_secret.version_path("(new, unless unchanged)"),
        "cluster secret": target.cluster_secret.path,
    }


def _show(explanation: Explanation) -> None:
    console = Console()
    console.print(f"Cluster {explanation.cluster_id}, generation {explanation.generation}", highlight=False)
    for expression in explanation.expressions:
        table = Table(title=f"{expression.name}: {_word(expression.holds)}", title_justify="left")
        for heading in ("Clause", "Holds", "Because"):
            table.add_column(heading, overflow="fold")
        for clause in expression.clauses:
            table.add_row(Text(clause.clause), _word(clause.holds), Text(clause.because))
        console.print(table)
    if explanation.refused:
        console.print(Text(f"Would be refused: {explanation.refused}"), soft_wrap=True)
    for what, name in explanation.would_create.items():
        console.print(Text(f"Would create {what}: {name}"), soft_wrap=True)
    if not explanation.would_provision:
        console.print("Nothing would be created.")


def _word(holds: bool) -> str:
    return "[green]yes[/green]" if holds else "[red]no[/red]"
