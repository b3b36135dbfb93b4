"""The image's file system, run as a pod would run it: nothing else around, read-only, uid 1000."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.integration.deploy.conftest import DEPLOY, ROOT, tool

MADE = ROOT / "build" / "image"
MEMORY_LIMIT = 100 * 1024
"""KiB that a job may use (AC9)."""

pytestmark = pytest.mark.skipif(
    not (MADE / "rootfs.tar").exists() or os.geteuid() != 0,
    reason="needs root, and the file system that 'make image' makes in minutes",
)

_MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
sys.stderr.write(f"maxrss={used.ru_maxrss}\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    subprocess.run(["tar", "-xf", str(MADE / "rootfs.tar"), "-C", str(folder)], check=True)
    folder.chmod(0o755)
    return folder


def run(root: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in a mount namespace of its own in which ``root`` is all there is, and read-only."""
    inside = ["chroot", "--userspec=1000:1000", str(root), *command]
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    outside = ["unshare", "--mount", "sh", "-c", script, str(root), *inside]
    environment = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "LANG": "C.UTF-8", **variables}
    return subprocess.run(outside, capture_output=True, text=True, env=environment, check=False)


def test_the_whole_service_runs_in_it(root: Path) -> None:
    done = run(root, "/usr/bin/pullsecret", "demo", "--clusters", "10", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_every_part_can_be_imported(root: Path) -> None:
    parts = (
        "infrastructure.gcp.secret_store",
        "infrastructure.hyperfleet.api",
        "infrastructure.kubernetes.job_runner",
        "infrastructure.rabbitmq.event_source",
        "infrastructure.health.server",
        "entrypoints.job",
    )
    imports = "; ".join(f"import pullsecret.{part}" for part in parts)
    done = run(root, "/usr/bin/python3.11", "-I", "-c", f"import sys; sys.path.insert(0, '/app'); {imports}")
    assert done.returncode == 0, done.stderr


def test_a_job_tells_a_wrong_configuration_within_its_memory(root: Path) -> None:
    done = run(root, "/usr/bin/python3.11", "-I", "-c", _MEASURE, "/usr/bin/pullsecret", "job")
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert json.loads(lines[0])["operation"] == "read-environment"
    assert int(lines[-1].removeprefix("maxrss=")) < MEMORY_LIMIT


def test_nothing_can_be_written(root: Path) -> None:
    done = run(root, "/usr/bin/python3.11", "-I", "-c", "open('/tmp/x', 'w')")
    assert "Read-only file system" in done.stderr


def test_there_is_no_shell_and_no_package_manager(root: Path) -> None:
    programs = {
        path.name for folder in ("bin", "usr/bin", "sbin", "usr/sbin") for path in (root / folder).glob("*")
    }
    assert programs == {"pullsecret", "python3", "python3.11"}


def test_every_module_is_compiled(root: Path) -> None:
    sources = [path for path in (root / "app" / "pullsecret").rglob("*.py")]
    compiled = {path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc" for path in sources}
    assert sources
    assert {path for path in compiled if not path.exists()} == set()


def test_the_bill_of_materials_names_what_is_inside(root: Path) -> None:
    bill = json.loads((MADE / "sbom.json").read_text())
    named = {part["name"] for part in bill["components"]}
    assert {"grpcio", "kubernetes", "structlog"} <= named
    licences = (root / "usr/share/doc/pullsecret/licences.txt").read_text()
    assert "unknown" not in licences
    assert "structlog" in licences


def test_the_script_is_clean_for_shellcheck() -> None:
    script = str(DEPLOY / "image" / "build-scratch.sh")
    done = subprocess.run([tool("shellcheck"), script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
