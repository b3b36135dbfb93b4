"""The control plane's executables: found, or built once and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs

KUBERNETES_VERSION: Final = "v1.36.3"
SOURCE: Final = Path(__file__).parents[4] / "tests" / "services" / "controlplane"


class BinariesMissingError(RuntimeError):
    """An executable is neither installed nor can it be built here; the message says what to do."""


@attrs.frozen
class Binaries:
    """Paths of what a control plane needs."""

    controlplane: Path
    """kube-apiserver and kube-controller-manager in one; the first argument chooses."""
    etcd: Path


def find() -> Binaries:
    """The installed or cached executables. Raises :class:`BinariesMissingError`; builds nothing."""
    controlplane = cached_controlplane()
    if not controlplane.exists():
        raise BinariesMissingError("kube-apiserver is not built; run 'make services'")
    return Binaries(controlplane, _etcd())


def cached_controlplane() -> Path:
    """Where the executable of this version and these sources is kept, built or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        source = SOURCE / name
        if not source.exists():
            raise BinariesMissingError(
                f"{source} is missing; the control plane is built from a checkout only"
            )
        digest.update(source.read_bytes())
    return cache / "pullsecret" / f"controlplane-{KUBERNETES_VERSION}-{digest.hexdigest()[:16]}"


def build() -> Path:
    """Build the control plane unless it is cached, which takes minutes; return its path.

    An interrupted build leaves nothing that looks finished.
    """
    target = cached_controlplane()
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        raise BinariesMissingError("building kube-apiserver needs Go 1.26 or later on the PATH")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    command = [go, "build", "-trimpath", "-ldflags", f"-s -w {version_flags()}", "-o", str(unfinished), "."]
    # Fixed arguments; nothing of a user's is in them.
    subprocess.run(command, cwd=SOURCE, check=True, env=os.environ | {"CGO_ENABLED": "0"})  # noqa: S603
    unfinished.rename(target)
    return target


def version_flags() -> str:
    """What the linker is told of the version."""
    # What Kubernetes' own build sets; without it the API server believes it is v0.0.0 and refuses to start.
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def _etcd() -> Path:
    # Debian puts servers where only root's PATH looks.
    found = shutil.which("etcd") or shutil.which("etcd", path="/usr/sbin:/usr/local/bin")
    if found is None:
        raise BinariesMissingError(
            "etcd is not installed; run 'make services' (Debian: apt-get install etcd-server)"
        )
    return Path(found)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n{_etcd()}\n")
    except BinariesMissingError as missing:
        sys.exit(f"services: {missing}")
