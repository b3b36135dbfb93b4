"""The kubelet and a pause program, built once from Kubernetes' Go modules and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pullsecret.testing.kubernetes.binaries import KUBERNETES_VERSION, version_flags

SOURCE = Path(__file__).parent
PROGRAMS = {"kubelet": ".", "pause": "./pause"}


def cached(program: str) -> Path:
    """Where the executable of these sources is kept, built or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256()
    for source in [*sorted(SOURCE.rglob("*.go")), SOURCE / "go.mod", SOURCE / "go.sum"]:
        digest.update(source.read_bytes())
    return cache / "pullsecret" / f"{program}-{KUBERNETES_VERSION}-{digest.hexdigest()[:16]}"


def build(program: str) -> Path:
    """Build it unless it is cached. An interrupted build leaves nothing that looks finished."""
    target = cached(program)
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        raise SystemExit(f"{program}: building it needs Go on the PATH")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    flags = f"-s -w {version_flags()}"
    command = [go, "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), PROGRAMS[program]]
    subprocess.run(command, cwd=SOURCE, check=True, env=os.environ | {"CGO_ENABLED": "0"})
    unfinished.rename(target)
    return target


if __name__ == "__main__":
    for name in PROGRAMS:
        sys.stdout.write(f"{build(name)}\n")
