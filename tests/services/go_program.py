"""Programs in Go that tests ask."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: Path) -> Path:
    """The program of the folder ``source``, built once for each state of it; without Go the test skips."""
    go = shutil.which("go")
    if go is None:
        message = f"no Go toolchain: {source.name} cannot be built"
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    digest = hashlib.sha256()
    for file in sorted(source.iterdir()):
        digest.update(file.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pullsecret"
    binary = cache / f"{source.name}-{digest.hexdigest()[:16]}"
    if not binary.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = binary.with_suffix(f".{os.getpid()}")
        subprocess.run([go, "build", "-o", unfinished, "."], cwd=source, check=True, timeout=280)
        unfinished.rename(binary)
    return binary
