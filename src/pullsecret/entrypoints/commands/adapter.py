"""``pullsecret adapter``: the long-running service."""

import asyncio
import os
from pathlib import Path

from pullsecret.entrypoints.adapter import run_adapter
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import load
from pullsecret.entrypoints.exit_codes import ExitCode


@told_in_one_line
def adapter(*, config: Path) -> ExitCode:
    """Run one replica of the adapter until it is told to stop (SIGTERM or SIGINT).

    It takes Sentinel's events from the broker, hands the work to jobs, and tells the HyperFleet API how each
    one ended. Any number of replicas may run. Log lines go to standard error.

    Exits 0 after a stop, 1 if something refuses it that only a person can mend, 2 if the configuration cannot
    be used.

    For example:

    ```
    pullsecret adapter --config adapter.yaml
    ```

    Parameters
    ----------
    config
        Configuration file; ``PULLSECRET__...`` variables override it.
    """
    return asyncio.run(run_adapter(load(config, os.environ)))
