"""``pullsecret config``: check and describe configuration files."""

import json
import os
import sys
from pathlib import Path
from typing import Literal

import attrs
from cyclopts import App

from pullsecret.entrypoints.configuration import ConfigurationError, load
from pullsecret.entrypoints.configuration.schema import json_schema
from pullsecret.entrypoints.exit_codes import ExitCode

app = App(name="config", help="Check and describe configuration files.")


@app.command
def validate(file: Path, *, output: Literal["text", "json"] = "text") -> ExitCode:
    """Check a configuration file with everything that overrides it in the environment.

    Everything that is wrong is told at once, with line, column and the nearest valid key; a wrong
    expression is shown with a caret under the place. Exits 0 if the file can be used, 2 if not.

    For example:

    ```
    pullsecret config validate adapter.yaml
    ```

    Parameters
    ----------
    file
        The YAML file.
    output
        ``text`` for people, ``json`` for machines.
    """
    problems: tuple[object, ...] = ()
    text = f"{file}: valid\n"
    try:
        load(file, os.environ)
    except ConfigurationError as error:
        problems, text = tuple(attrs.asdict(problem) for problem in error.problems), f"{error}\n"
    if output == "json":
        sys.stdout.write(json.dumps({"valid": not problems, "problems": problems}) + "\n")
    else:
        (sys.stderr if problems else sys.stdout).write(text)
    return ExitCode.WRONG_USE if problems else ExitCode.OK


@app.command
def schema() -> ExitCode:
    """Write the JSON Schema of the configuration file, for editors.

    For example:

    ```
    pullsecret config schema
    ```
    """
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
    return ExitCode.OK
