"""Jobs whose containers end when and as the test says."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs

from pullsecret.domain.jobs import AnyKey, AnyOrder, AnyResult
from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionKey, ProvisionOrder
from pullsecret.infrastructure.job_process.exit_code import exit_code
from pullsecret.infrastructure.job_process.termination_message import encode
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.infrastructure.kubernetes.job_manifest import temporary_secret
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings, JobTimes
from pullsecret.infrastructure.kubernetes.marks import JOB_LABEL
from pullsecret.infrastructure.kubernetes.paths import secret_path
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.contracts.job_runner_harness import next_finished
from pullsecret.testing.kubernetes.node_agent import Image
from pullsecret.testing.patience import PATIENCE

IMAGE = "pullsecret.test/obedient:1"
_CONTROL = "/run/control"
_OBEY = f"""
told={_CONTROL}/$CLUSTER_ID.$GENERATION.${{PURPOSE:-provision}}.$ATTEMPT
touch $told.started
until [ -e $told.exit ]; do sleep 0.05; done
[ -e $told.message ] && cat $told.message > /dev/termination-log
exit $(cat $told.exit)
"""


def obedient_image(control: Path) -> Image:
    """An image whose containers wait for :class:`ObedientJobs` to end them."""
    control.chmod(0o777)
    return Image(["/bin/sh", "-c", _OBEY], [], mounts={_CONTROL: control})


def obedient_settings(namespace: str, times: JobTimes | None = None, **settings: Any) -> JobSettings:
    """Jobs in ``namespace`` that obey; unless told otherwise they are reminded of soon, without a grace for
    orphans, and Kubernetes tries them once."""
    defaults = {
        "image": IMAGE,
        "namespace": namespace,
        "command": ("/bin/sh", "-c", _OBEY),
        "backoff_limit": 0,
        "times": times or JobTimes(deadline=round(PATIENCE), remind=1.0, orphan_grace=0.0),
    }
    return JobSettings(**(defaults | settings))


async def eventually(condition: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(patience):
        while not await condition():  # noqa: ASYNC110 - it is another process that changes
            await asyncio.sleep(0.05)


@attrs.define
class ObedientJobs:
    """The harness of the JobRunner contract on a control plane with a node."""

    api: KubernetesApi
    """With the adapter's rights."""
    control: Path
    settings: JobSettings
    patience: float = PATIENCE
    moment: float = 1.0
    runner: KubernetesJobRunner = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.runner = self.another_replica()

    def another_replica(self) -> KubernetesJobRunner:
        return KubernetesJobRunner(self.api, self.settings, MemoryTelemetry())

    async def finish(self, order: AnyOrder, result: AnyResult) -> None:
        """Submit, release and end the order's job, and have its end noted."""
        await self.runner.submit(order)
        await self.runner.release(order.key)
        await eventually(lambda: self.started(order.key))
        await self.end(order.key, result)
        await next_finished(self.runner, order.key, self.patience)

    async def started(self, key: AnyKey) -> bool:
        return self._file(key, "started").exists()

    async def end(self, key: AnyKey, result: AnyResult) -> None:
        self._file(key, "message").write_text(encode(result))
        self._write_code(key, exit_code(result))

    async def kill(self, key: AnyKey) -> None:
        self._write_code(key, 137)

    async def payload_kept(self, order: AnyOrder) -> bool:
        name = temporary_secret_name(order.key.cluster_id)
        found = await self.api.get_or_none(secret_path(self.settings.namespace, name))
        if found is None or found["metadata"]["labels"][JOB_LABEL] != order.key.name:
            return False
        # That of a clean-up is only a lock.
        return bool(found.get("data"))

    async def leave_payload(self, order: ProvisionOrder) -> None:
        secret = temporary_secret(order, self.settings)
        await self.api.call("create", secret_path(self.settings.namespace), secret)

    def _write_code(self, key: AnyKey, code: int) -> None:
        # Renamed into place, so that it is never read half written.
        unfinished = self._file(key, "unfinished")
        unfinished.write_text(str(code))
        unfinished.rename(self._file(key, "exit"))

    def _file(self, key: AnyKey, kind: str) -> Path:
        purpose = "provision" if isinstance(key, ProvisionKey) else "clean-up"
        return self.control / f"{key.cluster_id}.{key.generation}.{purpose}.{key.attempt}.{kind}"
