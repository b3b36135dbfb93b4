"""``pullsecret status`` on what a real control plane holds."""

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.system.test_whole_path import provisioned
from tests.system.world import SystemWorld

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_KEY
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.testing.contracts.samples import CANARY, pull_secret_text

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

COMMAND = Path(sys.prefix) / "bin" / "pullsecret"


async def status(world: SystemWorld, *arguments: str) -> tuple[int, str, str]:
    """Run the command with an operator's kubeconfig."""
    process = await asyncio.create_subprocess_exec(
        str(COMMAND),
        "status",
        *arguments,
        "--namespace",
        world.system.namespace,
        "--kubeconfig",
        str(world.system.control_plane.kubeconfig),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"COLUMNS": "250"},
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def documents(output: str) -> dict[str, Any]:
    return {entry["cluster_id"]: entry for entry in map(json.loads, output.splitlines())}


async def test_what_is_held_is_listed(world: SystemWorld) -> None:
    await world.add_replica(drift=None)
    fine, missing, altered = [await world.new_cluster() for _ in range(3)]
    await world.announce(fine, missing, altered)
    await provisioned(world, fine, missing, altered)
    code, output, _ = await status(world, fine)
    assert code == 0
    assert all(text in output for text in (fine, f"pullsecret-{fine}-gen1", "succeeded", "in sync"))

    await world.admin.call("delete", world.cluster_secret(missing))
    content = base64.b64encode(pull_secret_text().encode()).decode()
    edit = {"data": {DOCKER_CONFIG_KEY: content}}
    await world.admin.call("patch", world.cluster_secret(altered), edit, content_type=MERGE_PATCH)
    code, output, errors = await status(world, "--output", "json")
    assert code == 1
    found = documents(output)
    assert {each: found[each]["sync"] for each in (fine, missing, altered)} == {
        fine: "in sync",
        missing: "missing",
        altered: "altered",
    }
    assert found[missing]["secret"] is None
    secret, job = found[fine]["secret"], found[fine]["job"]
    assert (secret["namespace"], secret["name"]) == (f"clusters-{fine}", f"{fine}-pull-secret")
    assert (secret["version"], secret["generation"]) == ("1", 1)
    assert secret["path"].endswith(f"/secrets/hyperfleet-{fine}-pull-secret/versions/1")
    assert (job["name"], job["attempt"], job["state"]) == (f"pullsecret-{fine}-gen1", 1, "succeeded")
    assert CANARY not in output + errors


async def test_a_cluster_of_which_nothing_is_held(world: SystemWorld) -> None:
    code, output, errors = await status(world, "cls-never-seen")
    assert (code, output) == (1, "")
    assert errors == "cls-never-seen: neither a job nor a secret\n"


async def test_a_context_that_the_kubeconfig_lacks_is_wrong_use_told_in_one_line(
    world: SystemWorld, tmp_path: Path
) -> None:
    code, output, errors = await status(world, "--context", "elsewhere")
    assert (code, output) == (2, "")
    assert "elsewhere" in errors
    assert "Traceback" not in errors
    assert errors.count("\n") == 1
