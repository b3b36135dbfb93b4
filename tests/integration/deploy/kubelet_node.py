"""A real node: containerd and a kubelet, with the image imported. Its pods use this machine's network."""

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
from tests.services.kubelet import build

from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.processes import Child, free_port, start
from pullsecret.testing.patience import PATIENCE

PAUSE: Final = "pullsecret.test/pause:1"
_NAMESPACE: Final = "k8s.io"
_SERVERS: Final = "/usr/sbin:/usr/local/sbin:/sbin"


class NodeMissingError(RuntimeError):
    """A program is missing; the message says what to do."""


@attrs.frozen
class KubeletNode:
    """A registered node."""

    name: str
    folder: Path
    environment: dict[str, str]

    def ctr(self, *arguments: str) -> str:
        """What containerd's client printed."""
        command = [
            "ctr",
            f"--address={self.folder / 'containerd.sock'}",
            f"--namespace={_NAMESPACE}",
            *arguments,
        ]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env=self.environment
        ).stdout

    @property
    def kubelet_log(self) -> str:
        """What the kubelet wrote."""
        return (self.folder / "kubelet.log").read_text()


@contextmanager
def kubelet_node(control_plane: ControlPlane, folder: Path, *archives: Path) -> Iterator[KubeletNode]:
    """A node that knows the images of ``archives`` and registers itself. Raises :class:`NodeMissingError`."""
    kubelet = build.cached("kubelet")
    path = f"{os.environ['PATH']}:{_SERVERS}"
    if not kubelet.exists():
        raise NodeMissingError("the kubelet is not built; run 'python tests/services/kubelet/build.py'")
    if os.geteuid() != 0 or not all(shutil.which(name, path=path) for name in ("containerd", "runc", "ctr")):
        raise NodeMissingError("a node needs root, containerd and runc; run 'make services'")
    node = KubeletNode(f"kubelet-{uuid.uuid4().hex[:8]}", folder, {**os.environ, "PATH": path})
    containerd = _start_containerd(node)
    try:
        for archive in archives:
            node.ctr("images", "import", "--no-unpack", str(archive))
        child = _start_kubelet(node, kubelet, control_plane)
        try:
            _await_registered(control_plane, node, child)
            yield node
        finally:
            child.process.terminate()
            child.process.wait(PATIENCE)
    finally:
        _end_containers(node)
        containerd.process.terminate()
        containerd.process.wait(PATIENCE)
        _unmount(folder)


def _start_containerd(node: KubeletNode) -> Child:
    folder = node.folder
    configuration = f"""
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  # Not every machine lets its root protect processes from the out-of-memory killer.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{folder}/cni"
  conf_dir = "{folder}/cni"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""
    file = folder / "containerd.toml"
    file.write_text(configuration)
    child = start(["containerd", f"--config={file}"], folder / "containerd.log", node.environment)
    give_up = time.monotonic() + PATIENCE
    while True:
        with suppress(subprocess.CalledProcessError):
            node.ctr("version")
            return child
        if not child.running or time.monotonic() > give_up:
            raise RuntimeError(f"containerd did not start:\n{child.tail()}")
        time.sleep(0.05)


def _start_kubelet(node: KubeletNode, kubelet: Path, control_plane: ControlPlane) -> Child:
    folder = node.folder
    configuration: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "address": "127.0.0.1",
        "port": free_port(),
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        # This machine's control groups are nobody's to arrange.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": ["none"],
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        # Whatever else fills this machine is no reason to evict a pod.
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "volumePluginDir": f"{folder}/plugins",
        "podLogsDir": f"{folder}/pods",
        "syncFrequency": "1s",
    }
    file = folder / "kubelet.yaml"
    file.write_text(json.dumps(configuration))
    command = [
        str(kubelet),
        f"--config={file}",
        f"--kubeconfig={control_plane.kubeconfig}",
        f"--hostname-override={node.name}",
        f"--root-dir={folder}/kubelet",
        f"--cert-dir={folder}/kubelet-certificates",
    ]
    return start(command, folder / "kubelet.log", node.environment)


def _await_registered(control_plane: ControlPlane, node: KubeletNode, child: Child) -> None:
    give_up = time.monotonic() + PATIENCE
    while f'"Successfully registered node" node="{node.name}"' not in node.kubelet_log:
        if not child.running or time.monotonic() > give_up:
            raise RuntimeError(f"the kubelet did not register its node:\n{child.tail(10)}")
        time.sleep(0.05)


def _end_containers(node: KubeletNode) -> None:
    with suppress(subprocess.CalledProcessError):
        for container in node.ctr("tasks", "list", "--quiet").split():
            node.ctr("tasks", "delete", "--force", container)


def _unmount(folder: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in reversed([each for each in mounted if each.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", point], check=False)
