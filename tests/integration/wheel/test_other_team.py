"""Another team installs the wheel into an environment of its own and has the world in its tests at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).parent / "uv"

THEIR_TEST = """\
import pytest
import pytest_asyncio

from pullsecret.infrastructure.memory.hyperfleet import MemoryStatusSink
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.contracts import StatusSinkContract
from pullsecret.testing.contracts.status_sink import believed_of


def test_ours(pull_secret_world):
    pull_secret_world.add_cluster("cls-1")
    pull_secret_world.settle()
    assert pull_secret_world.status("cls-1").conditions.available.status.value == "True"
    assert pull_secret_world.published_registries("cls-1") == {"registry.redhat.io", "quay.io"}


class TestTheirs(StatusSinkContract):
    @pytest.fixture
    def world(self):
        return EmbeddedWorld.create(latency=(0, 0))

    @pytest_asyncio.fixture
    async def sink(self, world):
        return MemoryStatusSink(world.hyperfleet, world.faults)

    @pytest.fixture
    def put_cluster(self, world):
        async def put(cluster_id, generation):
            world.hyperfleet.put({"id": str(cluster_id), "generation": generation, "spec": {}})

        return put

    @pytest.fixture
    def believed(self, world):
        async def believed(cluster_id):
            report = world.hyperfleet.status(str(cluster_id))
            return report and believed_of(report)

        return believed
"""


@pytest.mark.skipif(not UV.exists(), reason="uv makes the environment")
def test_one_install_brings_the_fixture(tmp_path: Path) -> None:
    def run(*arguments: object, **more: str) -> str:
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))
        }
        ended = subprocess.run(
            [str(argument) for argument in arguments],
            cwd=tmp_path,
            env=environ | more,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", python, f"pullsecret[testing] @ {wheel.as_uri()}")
    (tmp_path / "test_theirs.py").write_text(THEIR_TEST)
    run(python, "-m", "pytest", "-q", "--strict-markers", "-o", "asyncio_mode=strict", "test_theirs.py")
    assert "all where they should be" in run(
        python, "-m", "pullsecret.entrypoints.program", "demo", COLUMNS="120"
    )
