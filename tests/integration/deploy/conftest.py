"""What the tests of ``deploy/`` share: where it is, and tools that may be missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
from tests.integration.deploy.engine import (
    ENGINE_FAILED,
    Engine,
    EngineMissingError,
    EngineRefusedError,
    docker_engine,
)
from tests.integration.deploy.image_archive import BuiltImage
from tests.integration.deploy.image_containers import RESTRICTED
from tests.services.helm import build

from pullsecret.testing.brokers.fixtures import folder_in_memory

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
NOT_CACHED = 3
"""How ``build-scratch.sh --cached`` says that building would take minutes."""


def missing(what: str) -> NoReturn:
    """Skip loudly, or fail where services are required."""
    message = f"{what}; run 'make services'"
    if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


def tool(name: str) -> str:
    """The path of a program."""
    here = str(Path(sys.executable).parent)
    return shutil.which(name) or shutil.which(name, path=here) or missing(f"{name} is not installed")


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker."""
    return tool("promtool")


@pytest.fixture(scope="session")
def required_helm() -> str:
    """Helm as it is built for the tests; nothing is built here."""
    cached = build.cached()
    if not cached.exists():
        missing("helm is not built")
    return str(cached)


@pytest.fixture(scope="session")
def built_image() -> Iterator[BuiltImage]:
    """The image of this checkout, in an archive; only its dependencies must have been built before."""
    if shutil.which("apt-get") is None:
        missing("the image is built on Debian or Ubuntu")
    with folder_in_memory() as folder:
        script = DEPLOY / "image" / "build-scratch.sh"
        command = [script, "--cached", "--output", folder / "image", "--tag", BuiltImage.name]
        variables = {**os.environ, "TMPDIR": str(folder)}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        if done.returncode == NOT_CACHED:
            missing("the image's dependencies are not built")
        assert done.returncode == 0, done.stderr
        yield BuiltImage(folder / "image")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker engine."""
    with ExitStack() as opened:
        try:
            running = opened.enter_context(docker_engine())
        except EngineMissingError as why:
            missing(str(why))
        except EngineRefusedError as why:
            pytest.skip(f"this machine does not run a Docker engine: {why}")
        yield running


@pytest.fixture(scope="session")
def loaded_image(engine: Engine, built_image: BuiltImage) -> Iterator[str]:
    """The name by which the engine knows this checkout's image.

    Skips loudly, whatever is required, on a machine whose kernel lets nobody run a container with limits: no
    installation changes that.
    """
    engine.must("load", "--input", str(built_image.archive))
    tried = engine.run("run", "--rm", *RESTRICTED, BuiltImage.name, "--version")
    if tried.returncode == ENGINE_FAILED:
        pytest.skip(f"this machine does not run restricted containers: {tried.stderr.strip()}")
    yield BuiltImage.name
    engine.run("rmi", "--force", BuiltImage.name)
