"""``pullsecret broker``: looks at the message broker."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs
from cyclopts import App

from pullsecret.entrypoints.broker_operations import open_broker
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.infrastructure.intake.operations import Finding

app = App(name="broker", help="Look at the message broker.")


@app.command
@told_in_one_line
def check(*, config: Path, output: Literal["text", "json"] = "text") -> ExitCode:
    """Tell what the adapter needs at the broker, what of it is missing, and how to create it.

    Nothing is created. What the broker does not show is called unseen: bindings in RabbitMQ, unless
    ``rabbitmq.managementUrl`` is set. Exits 0 if everything that can be seen is there, 1 if something is
    missing or different or the broker does not answer, 2 if the configuration cannot be used.

    For example:

    ```
    pullsecret broker check --config adapter.yaml
    ```

    Parameters
    ----------
    config
        The adapter's configuration file.
    output
        ``text`` for people, ``json`` for machines.
    """
    findings = asyncio.run(_inspect(load(config, os.environ)))
    if output == "json":
        sys.stdout.write(json.dumps([attrs.asdict(finding) for finding in findings]) + "\n")
    else:
        for finding in findings:
            sys.stdout.write(_text(finding))
    return ExitCode.OK if all(f.problem is None for f in findings) else ExitCode.NOT_AS_IT_SHOULD_BE


async def _inspect(configuration: Configuration) -> Sequence[Finding]:
    async with open_broker(configuration) as broker:
        return await broker.inspect()


def _text(finding: Finding) -> str:
    create = finding.how_to_create.replace("\n", "\n         ")
    if finding.how_to_look is not None:
        return (
            f"unseen   {finding.name}: the broker does not tell. Look for it, and create it if need be:\n"
            f"         {finding.how_to_look}\n         {create}\n"
        )
    if finding.problem is None:
        return f"ok       {finding.name}\n"
    return f"MISSING  {finding.name}: {finding.problem}\n         {create}\n"
