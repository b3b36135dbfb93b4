"""What the tests of ``deploy/`` share: where it is, and tools that may be missing."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def tool(name: str, remedy: str = "run 'make services'") -> str:
    """The path of a program; without it the test is skipped loudly, or fails where services are required."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed; {remedy}"
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker."""
    return tool("promtool")
