"""Canary pull secrets go through the whole service, well and in every way that fails, and are then looked for
wherever a process of it could have left or sent a piece of them.

Real: the control plane, RabbitMQ, the adapter's process, the jobs' processes. Served over TLS: the HyperFleet
API and Google Cloud. Two places may hold a payload: the secret manager and Kubernetes secrets.
"""

import asyncio
import json
import os
import re
import signal
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from grpc import StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.integration.kubernetes.job_harness import eventually
from tests.integration.rabbitmq.harness import rabbitmq_harness, settings_for
from tests.security.canary import Canary
from tests.security.watching import Sink, Watcher, sink, watched
from tests.system.broker import RabbitMQBroker
from tests.system.world import AdapterProcess, SystemWorld, system_world

from pullsecret.domain.checksum import crc32c
from pullsecret.infrastructure.job_process.environment import TERMINATION_MESSAGE_PATH
from pullsecret.infrastructure.kubernetes.paths import event_path, job_path, pod_path, secret_path
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.gcp import http_server
from pullsecret.testing.gcp.customer import ALL_PERMISSIONS
from pullsecret.testing.gcp.http_server import HttpAnswer, HttpRequest, Route
from pullsecret.testing.gcp.secret_manager import SecretManager
from pullsecret.testing.hyperfleet.faults import Fault
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.patience import PATIENCE

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

FORBIDDEN: Final = re.compile("auth|password|token")
"""What the design greps the logs for."""


@attrs.define
class Requests:
    """Headers and bodies that were sent to the served parts, but for the secret manager's own calls."""

    seen: list[bytes] = attrs.field(factory=list)

    def witness(self, _dialect: Dialect, app: ASGIApp) -> ASGIApp:
        """Notes what is said to the HyperFleet API."""

        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            async def heard() -> Message:
                message = await receive()
                self.seen.append(message.get("body", b""))
                return message

            self.seen.append(repr((scope["path"], scope["query_string"], scope["headers"])).encode())
            await app(scope, heard, send)

        return noting

    def answer(self, routes: Sequence[Route], request: HttpRequest) -> HttpAnswer:
        """Notes what is said to Google's services other than the secret manager."""
        self.seen.append(repr((request.path, request.query, request.headers)).encode() + request.body)
        return _answer(routes, request)


_answer = http_server.answer


@attrs.define
class Stage:
    """The world, and what watches it."""

    world: SystemWorld
    replica: AdapterProcess
    metrics: str
    watcher: Watcher
    collector: Sink
    requests: Requests
    broker_folder: Path
    temporary: Path
    tampered: set[str]
    """Parts of the names of secrets that are read back other than they were stored."""
    canary: Canary
    clusters: list[str] = attrs.field(factory=list)

    async def cluster(self, payload: str | None = None, **secret: str) -> str:
        """A cluster with the canary as its pull secret, or in ``payload`` as ``{canary}``."""
        cluster_id = await self.world.new_cluster()
        self.clusters.append(cluster_id)
        canary = self.canary
        text = canary.pull_secret() if payload is None else payload.replace("{canary}", canary.clear)
        record = self.world.hyperfleet.store.get(cluster_id)
        record.spec = {**record.spec, "pullSecret": {"data": text, **secret}}
        return cluster_id

    async def told(self, cluster_id: str, **reasons: str) -> None:
        """Wait until the API was told so."""

        async def so() -> bool:
            report = self.world.hyperfleet.store.get(cluster_id).reports.get("pullsecret")
            found = {kind: report.condition(kind) for kind in reasons} if report else {}
            return bool(found) and all(one and one.reason == reasons[kind] for kind, one in found.items())

        await eventually(so)

    async def play(self, cluster_id: str, **reasons: str) -> None:
        """Announce the cluster and wait for what is told of it."""
        await self.world.announce(cluster_id)
        await self.told(cluster_id, **reasons)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    made = Requests()
    monkeypatch.setattr(http_server, "answer", made.answer)
    monkeypatch.setattr(FakeHyperFleet, "witnesses", [*FakeHyperFleet.witnesses, made.witness])
    return made


@pytest.fixture
def tampered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    names: set[str] = set()
    honest = SecretManager.access_secret_version

    def access(self: SecretManager, caller: Any, request: Any) -> Any:
        found = honest(self, caller, request)
        if any(name in request.name for name in names):
            found.payload.data = found.payload.data + b" "
            found.payload.data_crc32c = crc32c(found.payload.data)
        return found

    monkeypatch.setattr(SecretManager, "access_secret_version", access)
    return names


@pytest.fixture
def collector() -> Iterator[Sink]:
    with sink() as made:
        yield made


@pytest.fixture
async def stage(
    control_plane: ControlPlane,
    rabbitmq: RabbitMQNode,
    requests: Requests,
    tampered: set[str],
    collector: Sink,
    canary: Canary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    # Where a module is imported for the first time, bytecode would be written too.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    async with AsyncExitStack() as opened:
        harness = await opened.enter_async_context(
            rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path))
        )
        broker = RabbitMQBroker(harness)
        job = {"backoffLimit": 0, "times": {"remind": 3.0, "orphanGrace": 10.0}}
        world = await opened.enter_async_context(system_world(control_plane, tmp_path, None, broker, **job))
        watcher = opened.enter_context(watched())
        port = free_port()
        replica = await world.add_replica(
            logs={"level": "debug"},
            tracing={"endpoint": collector.url},
            health={"host": "127.0.0.1", "port": port},
            jobs={"retry": {"initial": 0.5, "factor": 2, "maximum": 2}, "budget": 2},
        )
        metrics = f"http://127.0.0.1:{port}/metrics"
        folder = rabbitmq.ca.parent
        yield Stage(
            world, replica, metrics, watcher, collector, requests, folder, temporary, tampered, canary
        )


async def test_no_piece_of_a_pull_secret_is_anywhere_but_in_the_two_stores(stage: Stage) -> None:
    world = stage.world
    good = await stage.cluster()
    await stage.play(good, Available="SecretAvailable")
    await all_that_fails(stage, good)
    metrics = await asyncio.to_thread(fetched, stage.metrics)
    await crashes(stage)
    found = {name: leaks(stage, text) for name, text in (await places(stage)).items()}
    found["metrics"] = leaks(stage, metrics)
    assert found == {name: [] for name in found}
    # Logs and termination messages were looked at above; nothing else was ever written.
    others = stage.watcher.written_files - {str(stage.replica.log), TERMINATION_MESSAGE_PATH}
    assert {name for name in others if not name.startswith(str(world.folder / "node"))} == set()
    assert list(stage.temporary.rglob("*")) == []
    lines = [line for line in logged(stage) if line.startswith("{")]
    assert [line for line in lines if FORBIDDEN.search(line)] == []
    # All of it was looked at, and there was something to be found.
    assert len(set(stage.watcher.ours.values())) >= 2
    assert stage.collector.received
    stored = world.stored(good)
    assert stored is not None
    assert stage.canary.leaks(stored)


async def all_that_fails(stage: Stage, good: str) -> None:
    world = stage.world
    invalid = [
        await stage.cluster('{"auths": {"quay.io": {"auth": "{canary}!"}}}'),
        await stage.cluster('{"auths": {"quay.io": "{canary}"'),
        await stage.cluster('{"auths": {"{canary}@quay.io": {"password": "{canary}"}}}'),
    ]
    taken = await stage.cluster(secretName=f"hyperfleet-{good}-pull-secret")
    unlike = await stage.cluster()
    stage.tampered.add(unlike)
    await asyncio.gather(
        *(stage.play(one, Available="InvalidPullSecret") for one in invalid),
        stage.play(taken, Applied="NamingConflict"),
        stage.play(unlike, Applied="VerificationFailed"),
    )
    quoted = await stage.cluster()
    text = world.hyperfleet.store.get(quoted).spec["pullSecret"]["data"]
    world.cloud.fail("CreateSecret", code=StatusCode.INTERNAL, message=f"cannot take {text}")
    world.cloud.fail("AddSecretVersion", code=StatusCode.INVALID_ARGUMENT, message=f"cannot take {text}")
    await stage.play(quoted, Applied="RequestRefused")
    world.customer("customer-prod-12345").permit()
    denied = await stage.cluster()
    await stage.play(denied, Applied="PermissionDenied")
    world.customer("customer-prod-12345").permit(*ALL_PERMISSIONS)
    world.hyperfleet.faults.add(Fault(status=500), times=2)
    late = await stage.cluster()
    await stage.play(late, Available="SecretAvailable")


async def crashes(stage: Stage) -> None:
    """Both processes are aborted in the middle; another replica and another job do the work."""
    world = stage.world
    cluster_id = await stage.cluster()
    before, made, go_on = set(stage.watcher.ours), secrets_made(world), threading.Event()
    world.cloud.fail("AddSecretVersion", code=None, until=go_on)
    await world.announce(cluster_id)

    async def job_runs() -> bool:
        return secrets_made(world) > made and bool(set(stage.watcher.ours) - before)

    try:
        await eventually(job_runs)
        for pid in set(stage.watcher.ours) - before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGABRT)
    finally:
        go_on.set()
    assert stage.replica.child is not None
    stage.replica.child.signal(signal.SIGABRT)
    await asyncio.to_thread(stage.replica.child.process.wait, PATIENCE)
    stage.replica.start()
    await stage.told(cluster_id, Available="SecretAvailable")


def secrets_made(world: SystemWorld) -> int:
    return sum(one.method == "CreateSecret" for one in world.cloud.world.calls)


async def places(stage: Stage) -> Mapping[str, bytes]:
    """Everything outside of the two stores."""
    world = stage.world
    namespace = world.system.namespace
    core = f"/api/v1/namespaces/{namespace}"
    objects = {
        "jobs": job_path(namespace),
        "pods": pod_path(namespace),
        "events": event_path(namespace),
        "ConfigMaps": f"{core}/configmaps",
        "leases": f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",
    }
    texts = {name: json.dumps((await world.admin.list(path))[0]).encode() for name, path in objects.items()}
    spaces = [namespace, *(f"clusters-{cluster_id}" for cluster_id in stage.clusters)]
    metadata = [(await world.admin.list(secret_path(one), metadata_only=True))[0] for one in spaces]
    cloud = [(record.name, record.message) for record in world.cloud.world.secrets.values()]
    reports = [report for _, report in world.hyperfleet.store.accepted if report.adapter == "pullsecret"]
    return {
        **texts,
        "metadata of Kubernetes secrets": json.dumps(metadata).encode(),
        "what the secret manager knows of a secret": repr(cloud).encode(),
        "logs": "\n".join(logged(stage)).encode(),
        "termination messages": repr([finding.ended.message for finding in world.node.findings]).encode(),
        "statuses": repr(reports).encode(),
        "audit log": world.system.control_plane.audit_log.read_bytes(),
        "log of the API server": (world.system.control_plane.folder / "kube-apiserver.log").read_bytes(),
        "requests": b"\n".join(stage.requests.seen),
        "traces": b"\n".join(stage.collector.received),
        "command lines": b"\n".join(stage.watcher.command_lines),
        "environments": b"\n".join(stage.watcher.environments),
        # Messages included: the broker writes them there.
        "broker's files": b"\n".join(contents(stage.broker_folder)),
    }


def contents(folder: Path) -> Iterator[bytes]:
    """Of every file; one may go while its folder is looked through."""
    for place, _, names in os.walk(folder):
        for file in (Path(place, name) for name in names):
            with suppress(FileNotFoundError):
                if file.is_file():
                    yield file.read_bytes()


def leaks(stage: Stage, text: bytes) -> list[str]:
    assert text
    return stage.canary.leaks(text)


def logged(stage: Stage) -> list[str]:
    """Every line of the adapter and of the jobs."""
    jobs = [stage.world.node.logs(finding.pod) for finding in stage.world.node.findings]
    return [line for log in (stage.replica.log.read_text(), *jobs) for line in log.splitlines()]


def fetched(url: str) -> bytes:
    wish = urllib.request.Request(url, headers={"accept": "application/openmetrics-text"})
    with urllib.request.urlopen(wish, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body
