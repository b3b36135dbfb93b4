"""The demo over real protocols, as its user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pullsecret.testing.brokers.rabbitmq import RabbitMQNode

PROGRAM = Path(sys.prefix) / "bin" / "pullsecret"


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), "demo", "--real-wires", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)


@pytest.mark.service
def test_every_cluster_is_where_it_should_be(rabbitmq: RabbitMQNode) -> None:
    """With a broker of its own; the fixture only makes sure that RabbitMQ is installed."""
    done = demo("--clusters", "8", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary["problems"] == {}
    assert sum(summary["outcomes"].values()) == 8
    assert summary["outcomes"]["SecretCreated"] > 0
    schemes = {system: where.partition("://")[0] for system, where in summary["wires"].items()}
    assert schemes == {"HyperFleet API": "https", "Secret Manager": "grpcs", "Broker": "amqp"}


def test_faults_are_for_embedded_parts() -> None:
    done = demo("--faults", "light")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
