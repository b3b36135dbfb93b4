"""A test-only node: schedules pods to itself and runs their containers as local processes.

It stands in for the scheduler and the kubelet. What it reports about a pod is what happened to the process:
phase, exit code, termination message, times. Faults are injected on request only. Not supported, and refused
where a pod asks for it: several or init containers, restarts, probes, and volumes other than those of
:mod:`~pullsecret.testing.kubernetes.pod_volumes`.
"""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import attrs

from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection, without_owners
from pullsecret.testing.kubernetes.container import Container, ContainerSpec, Ended, RunningContainer
from pullsecret.testing.kubernetes.faults import Fault
from pullsecret.testing.kubernetes.pod_run import PodRun

MAX_PODS: Final = 110
"""As many as a kubelet runs by default; further pods wait."""


@attrs.frozen
class Image:
    """What stands for a container image."""

    entrypoint: Sequence[str]
    """The command; a pod's ``args`` are appended, its ``command`` replaces it."""
    folders: Sequence[Path]
    """Folders of this machine that hold the programs."""
    environment: Mapping[str, str] = attrs.field(factory=dict)
    mounts: Mapping[str, Path] = attrs.field(factory=dict)
    """Further folders of this machine by where a container sees them, below ``/run`` or ``/tmp``."""
    niceness: int = 0
    """Of its containers. In a cluster they have nodes of their own; where hundreds of them share a few cores
    with the control plane and with who is measured, they should give way."""


@attrs.frozen
class Finding:
    """What the node saw of one pod that ended."""

    pod: str
    job: str
    ended: Ended


@attrs.define
class _Injection:
    fault: Fault
    matches: Callable[[Object], bool]
    times: int


class NodeAgent:
    """An async context manager; leaving it ends every container."""

    def __init__(
        self,
        api: KubernetesApi,
        name: str,
        images: Mapping[str, Image],
        folder: Path,
        start: Callable[[ContainerSpec], RunningContainer] = Container,
    ) -> None:
        """``images`` by the names that pods use; any other cannot be pulled. ``start`` runs a container."""
        self.api = api
        self.name = name
        self.images = images
        self.folder = folder
        self.start = start
        self.findings: list[Finding] = []
        self._injections: list[_Injection] = []
        self._runs: dict[str, PodRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MAX_PODS)
        self._pods = Reflector(api, Selection("/api/v1/pods", keep=without_owners), self._on_pod)

    def inject(self, fault: Fault, matches: Callable[[Object], bool], times: int = 1) -> None:
        """Treat the next ``times`` pods for which ``matches`` is true with ``fault``."""
        self._injections.append(_Injection(fault, matches, times))

    def logs(self, pod: str) -> str:
        """What the containers of the pod (``namespace/name``) wrote."""
        return "".join(path.read_text() for path in self.folder.glob(f"{pod.replace('/', '.')}.*.log"))

    async def __aenter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name},
            "status": {
                "capacity": {"cpu": "2", "memory": "8Gi", "pods": str(MAX_PODS)},
                "conditions": [{"type": "Ready", "status": "True", "reason": "TestNode"}],
            },
        }
        try:
            await self.api.call("create", "/api/v1/nodes", node)
        except ApiError as fault:
            if not fault.already_exists:
                raise
        self._spawn(self._pods.run())
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def note(self, pod: str, job: str, ended: Ended) -> None:
        """Remember how a container ended, for tests to look at."""
        self.findings.append(Finding(pod, job, ended))

    def take_fault(self, pod: Object) -> Fault | None:
        """The fault that a test wants for this pod, once."""
        for injection in self._injections:
            if injection.times > 0 and injection.matches(pod):
                injection.times -= 1
                return injection.fault
        return None

    def _on_pod(self, before: Object | None, now: Object | None) -> None:
        if now is None:
            if before is not None and (run := self._runs.get(before["metadata"]["uid"])):
                run.vanished()
            return
        uid = now["metadata"]["uid"]
        if run := self._runs.get(uid):
            if "deletionTimestamp" in now["metadata"]:
                run.delete(float(now["metadata"].get("deletionGracePeriodSeconds", 30)))
        elif now["status"].get("phase") == "Pending" and now["spec"].get("nodeName") in (None, "", self.name):
            run = self._runs[uid] = PodRun(self, now)
            self._spawn(self._run(uid, run))

    async def _run(self, uid: str, run: PodRun) -> None:
        try:
            async with self._room:
                await self._bind(run)
                await run.run()
        except ApiError as fault:
            if not fault.not_found and not fault.conflict:
                raise
        finally:
            self._runs.pop(uid, None)

    async def _bind(self, run: PodRun) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": run.pod["metadata"]["name"], "uid": run.pod["metadata"]["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self.name},
        }
        if run.pod["spec"].get("nodeName"):
            return
        try:
            await self.api.call("create", f"{run.path}/binding", binding)
        except ApiError as fault:
            # The answer may have been lost, and the call was repeated.
            if not fault.conflict or not await self._is_bound(run):
                raise

    async def _is_bound(self, run: PodRun) -> bool:
        pod = await self.api.get(run.path)
        same = pod["metadata"]["uid"] == run.pod["metadata"]["uid"]
        return bool(same and pod["spec"].get("nodeName") == self.name)

    async def set_status(self, path: str, uid: str, status: Object) -> None:
        """Write a pod's status, unless it is another pod by now."""
        body = {"metadata": {"uid": uid}, "status": status}
        await self.api.call("patch", f"{path}/status", body, content_type=MERGE_PATCH)

    def _spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
