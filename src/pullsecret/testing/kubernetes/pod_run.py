"""One pod's life on the test node."""

import asyncio
import shutil
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.testing.kubernetes.container import ContainerSpec, Ended, RunningContainer
from pullsecret.testing.kubernetes.faults import Fault
from pullsecret.testing.kubernetes.pod_volumes import PodResolver, UnresolvableError

if TYPE_CHECKING:
    from pullsecret.testing.kubernetes.node_agent import NodeAgent

_RETRY_SECONDS: Final = 0.5
_KILLED_AFTER: Final = 0.2
_DEFAULT_USER: Final = 65534


class PodRun:
    """Runs a pod to its end; :meth:`delete` and :meth:`vanished` cut it short."""

    def __init__(self, node: "NodeAgent", pod: Object) -> None:
        self.pod = pod
        metadata = pod["metadata"]
        self.path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._node = node
        self._uid = metadata["uid"]
        self._folder = node.folder / self._uid
        self._container: RunningContainer | None = None
        self._deleted = asyncio.Event()
        self._grace = 0.0
        self._fault: Fault | None = None
        self._taken_at = _time(datetime.now(UTC))

    def delete(self, grace: float) -> None:
        """The pod is to end within ``grace`` seconds."""
        self._grace = grace
        self._deleted.set()

    def vanished(self) -> None:
        """The pod object is gone: end its process at once."""
        self.delete(0.0)

    async def run(self) -> None:
        """Run the pod until it ends or is deleted. Raises :class:`ApiError`."""
        self._fault = self._node.take_fault(self.pod)
        self._folder.mkdir()
        try:
            spec = await self._container_spec()
            if spec is not None:
                await self._run_container(spec)
            if self._deleted.is_set():
                await self._remove()
        finally:
            if self._container:
                self._container.kill()
                log = self._node.folder / f"{self._name('.')}.{self._uid}.log"
                shutil.copyfile(self._container.log, log)
            shutil.rmtree(self._folder)

    async def _container_spec(self) -> ContainerSpec | None:
        """What to run, once everything it refers to is there; None if the pod is deleted before."""
        while not self._deleted.is_set():
            try:
                return await self._resolve()
            except UnresolvableError as fault:
                await self._waiting("CreateContainerConfigError", str(fault))
            except _ImageError as fault:
                await self._waiting("ErrImagePull", str(fault))
                await self._waiting("ImagePullBackOff", f"Back-off pulling image: {fault}")
                await self._deleted.wait()
            try:
                await asyncio.wait_for(self._deleted.wait(), _RETRY_SECONDS)
            except TimeoutError:
                continue
        return None

    async def _resolve(self) -> ContainerSpec:
        spec = self.pod["spec"]
        (container,) = spec["containers"]
        if spec.get("initContainers") or spec.get("restartPolicy") != "Never":
            raise UnresolvableError("init containers and restarts are not supported by the test node")
        image = self._node.images.get(container["image"])
        if image is None or self._fault is Fault.IMAGE_PULL:
            raise _ImageError(f'failed to pull and unpack image "{container["image"]}": not found')
        address = urlsplit(self._node.api.host)
        resolver = PodResolver(
            self._node.api,
            {
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOSTNAME": self.pod["metadata"]["name"],
                "KUBERNETES_SERVICE_HOST": address.hostname or "",
                "KUBERNETES_SERVICE_PORT": str(address.port),
                **image.environment,
            },
        )
        security = spec.get("securityContext", {}) | container.get("securityContext", {})
        user = int(security.get("runAsUser", _DEFAULT_USER))
        command = [*container.get("command", image.entrypoint), *container.get("args", [])]
        return ContainerSpec(
            command=["sleep", "infinity"] if self._fault is Fault.HANG else command,
            environment=await resolver.variables(self.pod, container),
            user=user,
            group=int(security.get("runAsGroup", user)),
            mounts={**image.mounts, **await resolver.mounts(self.pod, container, self._folder)},
            image=image.folders,
            folder=self._folder,
            niceness=image.niceness,
        )

    async def _run_container(self, spec: ContainerSpec) -> None:
        self._container = container = self._node.start(spec)
        ending = asyncio.ensure_future(container.ended())
        try:
            await self._report("Running", {"running": {"startedAt": _time(container.started_at)}})
            if self._fault in (Fault.OUT_OF_MEMORY, Fault.EVICTED, Fault.NODE_LOST):
                await asyncio.wait({ending}, timeout=_KILLED_AFTER)
                container.kill()
            ended = await self._until_ended(container, ending)
        finally:
            ending.cancel()
        job = self.pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name", "")
        self._node.note(self._name("/"), job, ended)
        await self._report_end(ended)

    async def _until_ended(self, container: RunningContainer, ending: "asyncio.Future[Ended]") -> Ended:
        deletion = asyncio.ensure_future(self._deleted.wait())
        waited: set[asyncio.Future[Any]] = {ending, deletion}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        deletion.cancel()
        if not ending.done():
            container.kill(signal.SIGTERM)
            await asyncio.wait({ending}, timeout=self._grace)
            container.kill()
        return await ending

    async def _report_end(self, ended: Ended) -> None:
        if self._fault is Fault.NODE_LOST:
            await self._disrupted("DeletionByPodGC", "PodGC: node no longer exists", {})
            await self._remove()
            return
        if self._fault is Fault.EVICTED:
            message = "The node was low on resource: memory."
            status = {"reason": "Evicted", "message": message}
            await self._disrupted("TerminationByKubelet", message, status)
            return
        killed = self._fault is Fault.OUT_OF_MEMORY
        code = 137 if killed else ended.exit_code
        reason = "OOMKilled" if killed else "Completed" if code == 0 else "Error"
        message = "" if killed or self._fault is Fault.NO_MESSAGE else ended.message
        terminated = {
            "exitCode": code,
            "reason": reason,
            "startedAt": _time(ended.started_at),
            "finishedAt": _time(ended.finished_at),
        } | ({"message": message} if message else {})
        await self._report("Succeeded" if code == 0 else "Failed", {"terminated": terminated})

    async def _disrupted(self, reason: str, message: str, status: Object) -> None:
        condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
        failed = {"phase": "Failed", "conditions": [condition], **status}
        await self._node.set_status(self.path, self._uid, failed)

    async def _waiting(self, reason: str, message: str) -> None:
        await self._report("Pending", {"waiting": {"reason": reason, "message": message}})

    async def _report(self, phase: str, state: Object) -> None:
        (container,) = self.pod["spec"]["containers"]
        running = "running" in state
        ready = "True" if running else "False"
        status = {
            "phase": phase,
            "startTime": self._taken_at,
            "conditions": [
                {"type": kind, "status": ready} for kind in ("Initialized", "Ready", "ContainersReady")
            ]
            + [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": running,
                    "started": running,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        await self._node.set_status(self.path, self._uid, status)

    async def _remove(self) -> None:
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self._uid},
        }
        try:
            await self._node.api.call("delete", self.path, options)
        except ApiError as fault:
            if not fault.not_found and not fault.conflict:
                raise

    def _name(self, separator: str) -> str:
        metadata = self.pod["metadata"]
        return f"{metadata['namespace']}{separator}{metadata['name']}"


class _ImageError(Exception):
    """The image is not there."""


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
