"""The adapter as a process: it starts, tells how it is, and stops when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.patience import PATIENCE

COMMAND = (str(Path(sys.executable).parent / "pullsecret"), "adapter")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "adapter.yaml"
    file.write_text("broker: memory\n")
    return file


@pytest.fixture
def port() -> int:
    return free_port()


@contextmanager
def running(configuration: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    environment = dict(os.environ) | {
        "PULLSECRET__HEALTH__HOST": "127.0.0.1",
        "PULLSECRET__HEALTH__PORT": str(port),
    }
    process = subprocess.Popen(
        [*COMMAND, "--config", str(configuration)], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def asked(port: int, path: str) -> tuple[int, str]:
    """The answer, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            assert time.monotonic() < deadline, "the adapter never answered"
            time.sleep(0.05)


def is_ready(port: int) -> bool:
    """Whether it becomes ready; before that it is starting."""
    while (answer := asked(port, "/readyz")) == (503, "the adapter is starting\n"):
        time.sleep(0.05)
    return answer == (200, "ok\n")


def lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_counts_and_stops_when_told(configuration: Path, port: int, told: int) -> None:
    with running(configuration, port) as process:
        assert is_ready(port)
        assert asked(port, "/healthz") == (200, "ok\n")
        assert "pullsecret_build_info" in asked(port, "/metrics")[1]
        process.send_signal(told)
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert [line["operation"] for line in lines(log)] == ["start-adapter", "stop-adapter"]


def test_an_address_in_use_is_told_in_one_line(configuration: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(configuration, port) as process:
            _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    (line,) = lines(log)
    assert line["level"] == "error"
    assert str(port) in line["message"]
    assert "health.port" in line["message"]


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ("secretStore: gcp\ngcp: {trustFile: /nonesuch}", "gcp.trustFile"),
        ("hyperfleet: http\napi: {caBundle: /nonesuch}", "api.caBundle"),
        (
            "broker: rabbitmq\nrabbitmq: {urls: ['amqps://127.0.0.1:1/'], caBundle: /nonesuch}",
            "rabbitmq.caBundle",
        ),
    ],
)
def test_a_file_that_is_not_there_is_told_as_a_wrong_configuration(
    tmp_path: Path, port: int, config: str, key: str
) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text(f"{config}\n")
    with running(file, port) as process:
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    line = lines(log)[-1]
    assert line["level"] == "error"
    assert key in line["message"]
    assert "/nonesuch" in line["message"]
    assert "health.port" not in line["message"]


def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path, port: int) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text("broker: mermory\ncluster: kubernetes\n")
    with running(file, port) as process:
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "Traceback" not in told
    assert "memory" in told


def test_without_a_kubeconfig_it_says_what_is_missing(tmp_path: Path, port: int) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text(
        "secretStore: gcp\ncluster: kubernetes\n"
        f"kubernetes: {{kubeconfig: {tmp_path / 'none'}, job: {{image: example.com/pullsecret}}}}\n"
    )
    with running(file, port) as process:
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "kubeconfig" in lines(log)[-1]["message"]
    assert "Traceback" not in log
