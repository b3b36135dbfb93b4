"""What the tests of ``deploy/`` share: where it is, and tools that may be missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from tests.services.helm import build

from pullsecret.testing.kubernetes.fixtures import control_plane

__all__ = ["control_plane"]

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


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
