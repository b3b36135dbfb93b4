"""``pullsecret fake-gcp`` as another team starts it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

START = """
import sys
from pathlib import Path
from pullsecret.testing.gcp.command import fake_gcp
sys.exit(fake_gcp({}))
"""


@pytest.mark.parametrize("plaintext", [False, True])
def test_it_serves_until_told_to_stop(tmp_path: Path, plaintext: bool) -> None:
    state = tmp_path / "state.json"
    arguments = f"state=Path({str(state)!r}), plaintext={plaintext}"
    with subprocess.Popen(
        [sys.executable, "-c", START.format(arguments)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        if plaintext:
            channel = grpc.insecure_channel(told["secret_manager"])
        else:
            trust = grpc.ssl_channel_credentials(Path(told["ca"]).read_bytes())
            channel = grpc.secure_channel(told["secret_manager"], trust)
        client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
        client.create_secret(
            parent="projects/p-one", secret_id="s", secret={"replication": {"automatic": {}}}
        )
        channel.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert "secrets/s" in state.read_text()


def test_an_unreadable_state_file_is_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("nonsense")
    ran = subprocess.run(
        [sys.executable, "-c", START.format(f"state=Path({str(state)!r})")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 1
    assert ran.stderr == f"fake-gcp: {state} is not a state file of the fake\n"
