"""The command line. Each command is imported only when it is called."""

import sys
from collections.abc import Mapping
from importlib.metadata import version

from cyclopts import App

_ABOUT = (
    "Lands each HyperFleet cluster's registry pull secret, verified, in the customer's Secret Manager "
    "and in the Kubernetes secret HyperShift uses, and tells the HyperFleet API the truth about it."
)
_COMMANDS = "pullsecret.entrypoints.commands"
_TABLE: Mapping[str, tuple[str, str]] = {
    "adapter": (f"{_COMMANDS}.adapter:adapter", "Run the service until it is told to stop."),
    "job": (f"{_COMMANDS}.job:job", "Do one piece of work, as the adapter starts it."),
    "preflight": (f"{_COMMANDS}.preflight:preflight", "Check that a customer's project is ready."),
    "status": (f"{_COMMANDS}.status:status", "List what the management cluster holds."),
    "broker": (f"{_COMMANDS}.broker:app", "Look at the message broker."),
    "events": (f"{_COMMANDS}.events:app", "Publish events, and look after those put aside."),
    "demo": (f"{_COMMANDS}.demo:demo", "Provision a mixed fleet in the embedded world."),
    "run": (f"{_COMMANDS}.run:run", "Provision your own clusters in the embedded world."),
    "explain": (f"{_COMMANDS}.explain:explain", "Tell what would be done about a cluster."),
    "expr": (f"{_COMMANDS}.expr:expr", "Evaluate an expression."),
    "config": (f"{_COMMANDS}.config:app", "Check and describe configuration files."),
    "fake-gcp": ("pullsecret.testing.gcp.command:fake_gcp", "Serve a fake Google Secret Manager."),
    "fake-hyperfleet": (
        "pullsecret.testing.hyperfleet.command:fake_hyperfleet",
        "Serve a fake HyperFleet API.",
    ),
    "simulate": (
        "pullsecret.testing.simulation.command:simulate",
        "Search for defects in virtual time.",
    ),
}
"""For each command where it is, and what stands in the list of all."""


def _command_line(called: str | None) -> App:
    """The program. Only the command that is ``called`` is imported; its own help is its docstring."""
    program = App(
        name="pullsecret",
        help=_ABOUT,
        version=lambda: version("pullsecret"),
        result_action="return_value",
    )
    for name, (where, summary) in _TABLE.items():
        program.command(where, name=name, help=None if name == called else summary)
    return program


app = _command_line(next(iter(sys.argv[1:]), None))


def main() -> None:
    """Run the command given on the command line and exit with its code."""
    sys.exit(app())
