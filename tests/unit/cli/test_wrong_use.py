"""What cannot be used is refused before anything is done."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Command

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
