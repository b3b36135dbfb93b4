"""A forked job does what a started one does."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import pullsecret
from pullsecret.testing.kubernetes.container import Container, ContainerSpec, RunningContainer
from pullsecret.testing.kubernetes.forked_jobs import JOB, ForkedJobs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(os.getuid() != 0, reason="forked jobs are mounted and become their user as root"),
]
PROGRAMS = Path(sys.prefix)
COMPLETE = {
    "CLUSTER_ID": "cls-1",
    "GENERATION": "1",
    "GCP_PROJECT_ID": "customer-project",
    "SECRET_NAME": "hyperfleet-cls-1-pull-secret",
    "MANAGEMENT_NAMESPACE": "clusters-1",
    "PULL_SECRET_FILE": "/run/payload/pull-secret.json",
}


@pytest.fixture(scope="module")
def forked() -> Iterator[ForkedJobs]:
    with ForkedJobs() as forked:
        yield forked


def put(folder: Path, payload: bytes, mode: int) -> None:
    folder.chmod(0o755)
    file = folder / "payload" / "pull-secret.json"
    file.parent.mkdir()
    file.write_bytes(payload)
    file.chmod(mode)


async def told(
    start: Callable[[ContainerSpec], RunningContainer], folder: Path, variables: Mapping[str, str]
) -> dict[str, Any]:
    """What the job says of itself in a container that sees ``folder/payload``."""
    spec = ContainerSpec(
        command=JOB,
        environment={"PATH": f"{PROGRAMS / 'bin'}:/usr/bin:/bin", **variables},
        user=1000,
        group=1000,
        mounts={"/run/payload": folder / "payload"},
        image=[PROGRAMS, Path(sys.base_prefix), Path(pullsecret.__file__).parents[1]],
        folder=folder / start.__name__,
    )
    spec.folder.mkdir()
    container = start(spec)
    ended = await container.ended()
    message = json.loads(ended.message)
    del message["durations"]
    lines = [json.loads(line) for line in container.log.read_text().splitlines()]
    return {
        "exit code": ended.exit_code,
        "message": message,
        "log": [{name: line[name] for name in line if name != "timestamp"} for line in lines],
    }


@pytest.mark.parametrize(
    ("payload", "mode", "variables"),
    [
        (b"{}", 0o444, {}),
        (b"{", 0o444, COMPLETE),
        (b'{"auths": {}}', 0o400, COMPLETE),
        (b"{", 0o444, COMPLETE | {"PULL_SECRET_FILE": "/tmp/not-of-this-machine"}),  # noqa: S108
    ],
    ids=["no-input", "no-json", "readable-by-root-only", "no-file"],
)
async def test_it_ends_as_a_started_one_does(
    tmp_path: Path, forked: ForkedJobs, payload: bytes, mode: int, variables: Mapping[str, str]
) -> None:
    put(tmp_path, payload, mode)
    started = await told(Container, tmp_path, variables)
    assert await told(forked.start, tmp_path, variables) == started
    assert started["exit code"] not in (0, 1, 137)


async def test_nothing_but_the_job_can_be_forked(tmp_path: Path, forked: ForkedJobs) -> None:
    with pytest.raises(ValueError, match="only 'pullsecret job'"):
        forked.start(ContainerSpec(["sleep", "1"], {}, 1000, 1000, {}, [], tmp_path))


async def test_it_can_be_killed(tmp_path: Path, forked: ForkedJobs) -> None:
    silent = tmp_path / "payload"
    silent.mkdir()
    os.mkfifo(silent / "pull-secret.json", 0o444)
    variables = {**COMPLETE, "PATH": "/usr/bin"}
    image = [PROGRAMS, Path(sys.base_prefix), Path(pullsecret.__file__).parents[1]]
    spec = ContainerSpec(JOB, variables, 1000, 1000, {"/run/payload": silent}, image, tmp_path)
    container = forked.start(spec)
    container.kill()
    assert (await container.ended()).exit_code == 137
