"""The image without a base: what is in it, and how it starts, as a restricted pod would start it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.deploy.conftest import DEPLOY, NOT_CACHED, ROOT, missing, tool
from tests.integration.deploy.engine import Engine
from tests.integration.deploy.image_archive import BuiltImage
from tests.integration.deploy.image_containers import RESTRICTED

from pullsecret.testing.brokers.fixtures import folder_in_memory

pytestmark = pytest.mark.service


def run(engine: Engine, image: str, *command: str) -> subprocess.CompletedProcess[str]:
    return engine.run("run", "--rm", *RESTRICTED, image, *command)


def python(engine: Engine, image: str, program: str) -> subprocess.CompletedProcess[str]:
    return run(engine, image, "python3", "-I", "-c", f"import sys; sys.path.insert(0, '/app'); {program}")


def test_the_whole_service_runs_in_it(engine: Engine, loaded_image: str) -> None:
    done = run(engine, loaded_image, "pullsecret", "demo", "--clusters", "10", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_every_part_can_be_imported(engine: Engine, loaded_image: str) -> None:
    parts = (
        "infrastructure.gcp.secret_store",
        "infrastructure.hyperfleet.api",
        "infrastructure.kubernetes.job_runner",
        "infrastructure.rabbitmq.event_source",
        "infrastructure.pubsub.event_source",
        "infrastructure.tracing.tracer",
        "infrastructure.health.server",
        "entrypoints.job",
    )
    done = python(engine, loaded_image, "; ".join(f"import pullsecret.{part}" for part in parts))
    assert done.returncode == 0, done.stderr


def test_a_job_tells_a_wrong_configuration(engine: Engine, loaded_image: str) -> None:
    done = run(engine, loaded_image, "pullsecret", "job")
    assert done.returncode == 78
    assert json.loads(done.stderr.splitlines()[0])["operation"] == "read-environment"


def test_nobody_is_root_and_nothing_can_be_written(engine: Engine, loaded_image: str) -> None:
    done = python(engine, loaded_image, "import os; print(os.getuid()); open('/tmp/x', 'w')")
    assert done.stdout == "1000\n"
    assert "Read-only file system" in done.stderr


def test_the_memory_limit_holds(engine: Engine, loaded_image: str) -> None:
    done = python(engine, loaded_image, "bytearray(b'x') * 200_000_000")
    assert done.returncode == 137, done.stderr


def test_there_is_no_shell_and_no_package_manager(built_image: BuiltImage) -> None:
    folders = {"bin", "usr/bin", "sbin", "usr/sbin", "app/bin"}
    programs = {path.rpartition("/")[2] for path in built_image.files if path.rpartition("/")[0] in folders}
    assert programs == {"pullsecret", "python3", "python3.11"}


def test_every_module_is_compiled(built_image: BuiltImage) -> None:
    paths = [Path(path) for path in built_image.files if path.endswith(".py")]
    sources = [path for path in paths if path.parts[:2] == ("app", "pullsecret")]
    compiled = {str(path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc") for path in sources}
    assert sources
    assert compiled - built_image.files.keys() == set()


def test_files_belong_to_root_and_nobody_else_may_change_them(built_image: BuiltImage) -> None:
    assert {(member.uid, member.gid) for member in built_image.files.values()} == {(0, 0)}
    writable = {
        path for path, member in built_image.files.items() if member.mode & 0o022 and not member.issym()
    }
    assert writable == {"tmp"}
    assert [path for path, member in built_image.files.items() if member.mode & 0o6000] == []


def test_the_bill_of_materials_names_what_is_inside(built_image: BuiltImage) -> None:
    named = {part["name"] for part in built_image.bill["components"]}
    assert {"grpcio", "kubernetes", "structlog", "libssl3", "python3.11-minimal"} <= named
    assert json.loads(built_image.read("usr/share/doc/pullsecret/sbom.json")) == built_image.bill
    installed = {
        path.split("/")[1].partition("-")[0].lower() for path in built_image.files if ".dist-info" in path
    }
    assert installed - {name.replace("-", "_") for name in named} == {"pullsecret"}
    licences = built_image.read("usr/share/doc/pullsecret/licences.txt").decode()
    assert "unknown" not in licences
    assert "structlog" in licences


def test_two_builds_of_a_commit_are_the_same_bytes() -> None:
    """Another folder, umask, time zone, locale and hash seed; and nothing from the cache."""
    if not (ROOT / ".git").exists() or shutil.which("apt-get") is None:
        pytest.skip("needs the repository, and Debian or Ubuntu")
    with folder_in_memory() as folder:
        other = {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
        digests = [
            build(folder / "one", "022", "--cached", PYTHONHASHSEED="1", TZ="UTC"),
            build(folder / "two", "077", "--no-cache", **other),
        ]
    assert digests[0] == digests[1]


def build(folder: Path, umask: str, *options: str, **variables: str) -> str:
    """Clone the last commit and build it there; returns the archive's digest as the script prints it."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], check=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    script = 'umask "$0"; exec "$@"'
    command = ["sh", "-c", script, umask, str(folder / "deploy/image/build-scratch.sh"), *options]
    environment = {**os.environ, "TMPDIR": str(folder.parent), **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    if done.returncode == NOT_CACHED:
        missing("the image's dependencies are not built")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[0]


@pytest.mark.parametrize("name", ["build-scratch.sh"])
def test_scripts_are_clean_for_shellcheck(name: str) -> None:
    command = [tool("shellcheck"), str(DEPLOY / "image" / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
