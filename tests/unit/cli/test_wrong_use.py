"""What cannot be used is refused before anything is done."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Command

from pullsecret.testing.kubernetes.processes import free_port

PREFLIGHT = ("preflight", "--project", "customer-prod-12345", "--cluster-id")


@pytest.mark.parametrize("command", [("status",), ("events", "publish", "--cluster-id"), PREFLIGHT])
def test_an_id_that_no_cluster_can_have_is_wrong_use(
    pullsecret: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text("{}")
    given = [] if command == ("status",) else ["--config", config]
    ran = pullsecret(*command, "../secrets", *given)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("The cluster id '../secrets' is not ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("events", "publish", "--cluster-id", "cls-1", "--generation", "0"),
        ("events", "dead-letters", "list", "--limit", "0"),
    ],
)
def test_a_number_that_means_nothing_is_wrong_use(pullsecret: Command, command: tuple[str, ...]) -> None:
    ran = pullsecret(*command, "--config", "adapter.yaml")
    assert ran.code == 2
    assert "Must be >= 1" in ran.err


def test_a_broker_that_is_down_is_told_in_one_line(program: Command, tmp_path: Path) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text(f"broker: rabbitmq\nrabbitmq: {{urls: ['amqp://127.0.0.1:{free_port()}/']}}\n")
    for command in (("broker", "check"), ("events", "publish", "--cluster-id", "cls-1")):
        ran = program(*command, "--config", config)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.count("\n") == 1, ran.err
        assert ran.err.endswith("Try again later.\n")


@pytest.mark.parametrize(
    "text", [None, "not: [a kubeconfig", "users: [{name: me, user: {token: t0ken", "[]", '[{"a": 1}]', "text"]
)
def test_a_file_that_is_no_kubeconfig_is_wrong_use(
    pullsecret: Command, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "kubeconfig"
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    ran = pullsecret("status", "--kubeconfig", file)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"connect kubeconfig {file}: ")
    assert ran.err.count("\n") == 1
    assert "t0ken" not in ran.err


@pytest.mark.parametrize(
    "command",
    [("broker", "check"), ("events", "publish", "--cluster-id", "cls-1"), ("events", "dead-letters", "list")],
)
@pytest.mark.parametrize(
    ("config", "key"),
    [
        ("rabbitmq: {urls: ['amqps://127.0.0.1:1/'], caBundle: /nonesuch}", "rabbitmq.caBundle"),
        ("rabbitmq: {urls: ['amqp://127.0.0.1:1/'], passwordFile: /nonesuch}", "rabbitmq.passwordFile"),
    ],
)
def test_a_file_of_the_configuration_that_is_not_there_is_wrong_use(
    pullsecret: Command, tmp_path: Path, command: tuple[str, ...], config: str, key: str
) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text(f"broker: rabbitmq\n{config}\n")
    ran = pullsecret(*command, "--config", file)
    assert (ran.code, ran.out) == (2, "")
    assert f"/nonesuch: {key} cannot be used" in ran.err
    assert ran.err.count("\n") == 1


def test_a_broker_that_only_the_adapter_has_is_wrong_use(pullsecret: Command, tmp_path: Path) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text("broker: memory\n")
    ran = pullsecret("broker", "check", "--config", file)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_a_variable_of_the_job_that_means_nothing_is_wrong_use(
    pullsecret: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCP_CALL_SECONDS", "soon")
    ran = pullsecret("preflight", "--project", "customer-prod-12345")
    assert (ran.code, ran.out) == (2, "")
    assert "GCP_CALL_SECONDS" in ran.err
    assert ran.err.count("\n") == 1
