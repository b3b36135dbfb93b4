"""``pullsecret events``: publishes events, and looks after those that were put aside."""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import MAX_GENERATION, ClusterId
from pullsecret.entrypoints.broker_operations import open_broker
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.wrong_use import cluster_id_of
from pullsecret.infrastructure.cloudevents.codec import Mode, render
from pullsecret.infrastructure.hyperfleet.settings import Dialect
from pullsecret.infrastructure.intake.operations import EVERY_ONE, DeadLetter

app = App(name="events", help="Publish events, and look after those that were put aside.")
dead_letters = App(name="dead-letters", help="Look after messages that were put aside.")
app.command(dead_letters)

_MANY = 1000
_TYPES = {Dialect.DDR: "cluster.update", Dialect.V1: "com.redhat.hyperfleet.cluster.reconcile"}


@app.command
@told_in_one_line
def publish(
    *,
    cluster_id: str,
    config: Path,
    type: str | None = None,
    provider: str = "gcp",
    generation: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MAX_GENERATION))] = None,
    mode: Literal["structured", "binary"] = "structured",
) -> ExitCode:
    """Publish an event about a cluster, as Sentinel does; the adapter then looks at the cluster.

    The event's id is written to standard output. Exits 0 once the broker keeps the event, 1 if it does not,
    2 for wrong arguments or a configuration that cannot be used.

    For example:

    ```
    pullsecret events publish --cluster-id cls-abc123 --config adapter.yaml
    ```

    Parameters
    ----------
    cluster_id
        The cluster.
    config
        The adapter's configuration file.
    type
        The event's type; by default what Sentinel writes in the configured dialect.
    provider
        What the event says about the cloud provider.
    generation
        What the event says about the cluster's generation.
    mode
        CloudEvents mode.
    """
    configuration = load(config, os.environ)
    known = cluster_id_of(cluster_id)
    event = ClusterEvent(
        id=str(uuid.uuid4()),
        source="pullsecret-cli",
        type=type or _TYPES[configuration.api.dialect],
        cluster_id=known,
        data=_data(configuration.api.dialect, known, provider, generation),
        time=datetime.now(UTC),
    )
    asyncio.run(_publish(configuration, event, Mode(mode)))
    sys.stdout.write(f"{event.id}\n")
    return ExitCode.OK


def _data(dialect: Dialect, cluster_id: ClusterId, provider: str, generation: int | None) -> dict[str, Any]:
    data: dict[str, Any] = {"clusterId": cluster_id.value, "provider": provider}
    if dialect is Dialect.V1:
        data |= {
            "id": cluster_id.value,
            "kind": "Cluster",
            "href": f"{dialect.base_path}/clusters/{cluster_id}",
        }
    return data if generation is None else {**data, "generation": generation}


async def _publish(configuration: Configuration, event: ClusterEvent, mode: Mode) -> None:
    async with open_broker(configuration) as broker:
        await broker.publish(*render(event, mode))


@dead_letters.command(name="list")
@told_in_one_line
def list_(
    *,
    config: Path,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    output: Literal["text", "json"] = "text",
) -> ExitCode:
    """List messages that were put aside, oldest first; they stay where they are. No body is shown.

    For example:

    ```
    pullsecret events dead-letters list --config adapter.yaml
    ```

    Parameters
    ----------
    config
        The adapter's configuration file.
    limit
        At most so many.
    output
        ``text`` for people, ``json`` for machines: one object a line.
    """
    for letter in asyncio.run(_letters(load(config, os.environ), limit)):
        if output == "json":
            sys.stdout.write(json.dumps(_document(letter)) + "\n")
        else:
            about = letter.event.cluster_id.value if letter.event else "-"
            sys.stdout.write(f"{letter.id}  {letter.size:>8}  {about}  {letter.reason}\n")
    return ExitCode.OK


@dead_letters.command
@told_in_one_line
def show(letter: str, /, *, config: Path) -> ExitCode:
    """Show what is known about a message that was put aside, without its body.

    Exits 1 if none of the oldest thousand has this id.

    For example:

    ```
    pullsecret events dead-letters show 3f2a91bc04de --config adapter.yaml
    ```

    Parameters
    ----------
    letter
        Its id, as listed.
    config
        The adapter's configuration file.
    """
    found = [each for each in asyncio.run(_letters(load(config, os.environ), _MANY)) if each.id == letter]
    if not found:
        sys.stderr.write(f"{letter}: none of the oldest {_MANY} dead letters\n")
        return ExitCode.NOT_AS_IT_SHOULD_BE
    sys.stdout.write(json.dumps({**_document(found[0]), "copies": len(found)}, indent=2) + "\n")
    return ExitCode.OK


@dead_letters.command
@told_in_one_line
def requeue(letter: str, /, *, config: Path) -> ExitCode:
    """Put messages back for handling. A malformed one will be put aside again.

    Exits 1 if there is none with this id.

    For example:

    ```
    pullsecret events dead-letters requeue 3f2a91bc04de --config adapter.yaml
    pullsecret events dead-letters requeue all --config adapter.yaml
    ```

    Parameters
    ----------
    letter
        Its id, as listed, or ``all``.
    config
        The adapter's configuration file.
    """
    count = asyncio.run(_requeue(load(config, os.environ), letter))
    sys.stdout.write(f"{count} put back\n")
    return ExitCode.OK if count or letter == EVERY_ONE else ExitCode.NOT_AS_IT_SHOULD_BE


async def _letters(configuration: Configuration, limit: int) -> Sequence[DeadLetter]:
    async with open_broker(configuration) as broker:
        return await broker.dead_letters(limit)


async def _requeue(configuration: Configuration, letter: str) -> int:
    async with open_broker(configuration) as broker:
        return await broker.requeue(letter)


def _document(letter: DeadLetter) -> dict[str, Any]:
    event = letter.event
    return {
        "id": letter.id,
        "reason": letter.reason,
        "bytes": letter.size,
        "content_type": letter.content_type,
        "event": event
        and {
            "id": event.id,
            "type": event.type,
            "source": event.source,
            "cluster_id": event.cluster_id.value,
            "time": event.time.isoformat() if event.time else None,
        },
    }
