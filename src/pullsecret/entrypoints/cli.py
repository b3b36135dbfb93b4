"""The command line. Each command is imported only when it is called."""

import sys
from importlib.metadata import version

from cyclopts import App

app = App(
    name="pullsecret",
    help="Lands each HyperFleet cluster's registry pull secret, verified, in the customer's Secret Manager "
    "and in the Kubernetes secret HyperShift uses, and tells the HyperFleet API the truth about it.",
    version=lambda: version("pullsecret"),
    result_action="return_value",
)

_COMMANDS = "pullsecret.entrypoints.commands"
app.command(f"{_COMMANDS}.adapter:adapter", name="adapter", help="Run the service until it is told to stop.")
app.command(f"{_COMMANDS}.job:job", name="job", help="Provision one cluster, as the adapter starts it.")
app.command(f"{_COMMANDS}.status:status", name="status", help="List what the management cluster holds.")
app.command(f"{_COMMANDS}.demo:demo", name="demo", help="Provision a mixed fleet in the embedded world.")
app.command(f"{_COMMANDS}.run:run", name="run", help="Provision your own clusters in the embedded world.")
app.command(f"{_COMMANDS}.explain:explain", name="explain", help="Tell what would be done about a cluster.")
app.command(f"{_COMMANDS}.expr:expr", name="expr", help="Evaluate an expression.")
app.command(f"{_COMMANDS}.config:app", name="config", help="Check and describe configuration files.")


def main() -> None:
    """Run the command given on the command line and exit with its code."""
    sys.exit(app())
