"""``pullsecret fake-gcp`` as another team starts it."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from pullsecret.testing.patience import PATIENCE

PROGRAM = [str(Path(sys.executable).with_name("pullsecret")), "fake-gcp"]


@pytest.mark.parametrize("plaintext", [False, True])
def test_it_serves_until_told_to_stop(tmp_path: Path, plaintext: bool) -> None:
    state = tmp_path / "state.json"
    command = [*PROGRAM, "--state", str(state), *(["--plaintext"] if plaintext else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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
        assert process.wait(PATIENCE) == 0
    assert "secrets/s" in state.read_text()


def refused(*arguments: str) -> tuple[int, str]:
    ran = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    return ran.returncode, ran.stderr


def test_an_unreadable_state_file_is_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("nonsense")
    code, told = refused("--state", str(state))
    assert (code, told) == (2, f"fake-gcp: {state} is not a state file of the fake\n")


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = refused("--port", str(taken.getsockname()[1]))
    assert code == 1
    assert told.splitlines()[-1].startswith("fake-gcp: ")
