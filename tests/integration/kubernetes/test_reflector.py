"""The local copy and the calls below it, against a real API server that forgets, refuses and goes silent."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import attrs
import pytest
from tests.integration.kubernetes.job_harness import eventually

from pullsecret.infrastructure.kubernetes.api import (
    MERGE_PATCH,
    CallLimits,
    KubernetesApi,
    Object,
)
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.paths import secret_path
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection, without_owners
from pullsecret.infrastructure.retry_after import MAX_SECONDS
from pullsecret.testing.hyperfleet.faults import Fault
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.gateway import Gateway, gateway
from pullsecret.testing.kubernetes.system import System
from pullsecret.testing.patience import PATIENCE
from pullsecret.testing.tcp_proxy import tcp_proxy

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

LABELS = "pullsecret.test/copied=yes"


async def put(admin: KubernetesApi, namespace: str, name: str, copied: str = "yes") -> None:
    metadata = {"name": name, "labels": {"pullsecret.test/copied": copied}}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    await admin.call("create", secret_path(namespace), body)


async def touch(admin: KubernetesApi, namespace: str, name: str, **labels: str) -> None:
    body = {"metadata": {"labels": labels}}
    await admin.call("patch", secret_path(namespace, name), body, content_type=MERGE_PATCH)


class CountingApi(KubernetesApi):
    """Counts what the reflector asks for; a subclass spoils the answers."""

    lists = 0
    watched_from: list[str]

    def __init__(self, configuration: Any, **options: Any) -> None:
        super().__init__(configuration, **options)
        self.watched_from = []

    def pages(self, path: str, **options: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        self.lists += 1
        return super().pages(path, **options)

    def watch(self, path: str, resource_version: str, **options: Any) -> AsyncGenerator[tuple[str, Object]]:
        self.watched_from.append(resource_version)
        return super().watch(path, resource_version, **options)


@attrs.define
class Copy:
    """A running reflector and the names its listener has heard of."""

    reflector: Reflector[Object]
    heard: list[tuple[str, bool, bool]] = attrs.field(factory=list)

    def holds(self, *names: str) -> bool:
        return {item["metadata"]["name"] for item in self.reflector.objects.values()} == set(names)

    async def comes_to_hold(self, *names: str) -> None:
        async def held() -> bool:
            return self.holds(*names)

        await eventually(held)


@asynccontextmanager
async def copying(
    api: KubernetesApi, namespace: str, *, resync: float = 300.0, faults: list[ApiError] | None = None
) -> AsyncIterator[Copy]:
    def listen(before: Object | None, now: Object | None) -> None:
        name = (now or before or {})["metadata"]["name"]
        copy.heard.append((name, before is not None, now is not None))

    note = [].append if faults is None else faults.append
    selection = Selection(secret_path(namespace), LABELS, metadata_only=True, keep=without_owners)
    copy = Copy(Reflector(api, selection, listen, resync=resync, on_fault=note))
    task = asyncio.create_task(copy.reflector.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await copy.reflector.synced.wait()
        yield copy
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_every_difference_is_heard_once_and_in_order(
    control_plane: ControlPlane, admin: KubernetesApi, namespace: str
) -> None:
    await put(admin, namespace, "before")
    await put(admin, namespace, "of-others", copied="no")
    async with CountingApi(control_plane.admin()) as api, copying(api, namespace) as copy:
        await put(admin, namespace, "after")
        await touch(admin, namespace, "before", seen="once")
        await admin.call("delete", secret_path(namespace, "after"))
        await touch(admin, namespace, "of-others", **{"pullsecret.test/copied": "yes"})
        await copy.comes_to_hold("before", "of-others")
        assert copy.heard == [
            ("before", False, True),
            ("after", False, True),
            ("before", True, True),
            ("after", True, False),
            ("of-others", False, True),
        ]
        assert api.lists == 1


async def test_a_version_that_the_server_forgot_leads_to_one_more_list(
    control_plane: ControlPlane, admin: KubernetesApi, namespace: str
) -> None:
    async with CountingApi(control_plane.admin()) as api, copying(api, namespace) as copy:
        await put(admin, namespace, "one")
        await copy.comes_to_hold("one")
        # A new API server remembers no change from before its start, and answers 410 to who asks for one.
        await put(admin, namespace, "of-others", copied="no")
        control_plane.kill_apiserver()
        control_plane.start_apiserver()
        await put(admin, namespace, "two")
        await copy.comes_to_hold("one", "two")
        with pytest.raises(ApiError) as forgotten:
            async with aclosing(admin.watch(secret_path(namespace), api.watched_from[0])) as events:
                await anext(events)
        assert forgotten.value.expired
        assert api.lists == 2
        assert copy.heard == [("one", False, True), ("two", False, True)]


async def test_a_broken_watch_goes_on_where_it_was(
    control_plane: ControlPlane, admin: KubernetesApi, namespace: str
) -> None:
    class Breaking(CountingApi):
        async def watch(
            self, path: str, resource_version: str, **options: Any
        ) -> AsyncGenerator[tuple[str, Object]]:
            async with aclosing(super().watch(path, resource_version, **options)) as events:
                async for event in events:
                    yield event
                    raise ApiError("watch", path, 0, "ProtocolError", "The connection broke.")

    async with Breaking(control_plane.admin()) as api, copying(api, namespace) as copy:
        for number in range(3):
            await put(admin, namespace, f"secret-{number}")
        await copy.comes_to_hold("secret-0", "secret-1", "secret-2")
        assert api.lists == 1
        versions = [item["metadata"]["resourceVersion"] for item in copy.reflector.objects.values()]
        assert set(api.watched_from[1:]) <= set(versions)


async def test_bookmarks_move_a_quiet_watch_on(admin: KubernetesApi, namespace: str) -> None:
    async def write_what_is_not_selected() -> None:
        for number in itertools.count():
            await put(admin, namespace, f"of-others-{number}", copied="no")
            await asyncio.sleep(0.2)

    _, version = await admin.list(secret_path(namespace), labels=LABELS)
    seen: set[str] = set()

    async def moved_on() -> bool:
        # A bookmark comes two seconds before the end of a watch, or every minute; a late server sends none.
        watch = admin.watch(secret_path(namespace), version, labels=LABELS, seconds=5)
        async with aclosing(watch) as events:
            async for kind, item in events:
                seen.add(kind)
                if int(item["metadata"]["resourceVersion"]) > int(version):
                    return True
        return False

    writing = asyncio.create_task(write_what_is_not_selected())
    await eventually(moved_on)
    writing.cancel()
    await asyncio.wait({writing})
    assert seen == {"BOOKMARK"}


async def test_a_resync_makes_good_what_no_event_told(
    control_plane: ControlPlane, admin: KubernetesApi, namespace: str
) -> None:
    class Deaf(CountingApi):
        async def watch(
            self, path: str, resource_version: str, *, seconds: int = 30, **options: Any
        ) -> AsyncGenerator[tuple[str, Object]]:
            await asyncio.sleep(seconds)
            return
            yield

    await put(admin, namespace, "gone-soon")
    async with Deaf(control_plane.admin()) as api, copying(api, namespace, resync=1) as copy:
        await put(admin, namespace, "new")
        await admin.call("delete", secret_path(namespace, "gone-soon"))
        await copy.comes_to_hold("new")
        assert ("gone-soon", True, False) in copy.heard


async def test_changes_are_heard_while_a_resync_is_read(
    control_plane: ControlPlane, admin: KubernetesApi, namespace: str
) -> None:
    read_on = asyncio.Event()

    class Slow(CountingApi):
        async def pages(self, path: str, **options: Any) -> AsyncGenerator[tuple[list[Object], str]]:
            async with aclosing(super().pages(path, **options)) as pages:
                async for page in pages:
                    if self.lists > 1:
                        await read_on.wait()
                    yield page

    await put(admin, namespace, "gone-soon")
    async with Slow(control_plane.admin()) as api, copying(api, namespace, resync=1) as copy:

        async def listing_again() -> bool:
            return api.lists > 1

        await eventually(listing_again)
        await put(admin, namespace, "new")
        await admin.call("delete", secret_path(namespace, "gone-soon"))
        await copy.comes_to_hold("new")
        read_on.set()
        lists = api.lists

        async def listed_again() -> bool:
            return api.lists > lists

        await eventually(listed_again)
        assert copy.heard == [
            ("gone-soon", False, True),
            ("new", False, True),
            ("gone-soon", True, False),
        ]


async def test_a_watch_that_goes_silent_is_given_up(
    control_plane: ControlPlane, system: System, namespace: str, admin: KubernetesApi
) -> None:
    async with tcp_proxy(control_plane.port) as proxy:
        configuration = control_plane.admin()
        configuration.host = proxy.url
        async with KubernetesApi(configuration) as api:
            _, version = await api.list(secret_path(namespace))
            proxy.hold()
            with pytest.raises(ApiError) as lost:
                async with aclosing(api.watch(secret_path(namespace), version, seconds=1)) as events:
                    await anext(events)
            assert lost.value.status == 0
            assert lost.value.passing
            proxy.release()


@pytest.fixture
async def guarded(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    async with gateway(control_plane) as made:
        yield made


def through(control_plane: ControlPlane, guarded: Gateway, patience: float) -> KubernetesApi:
    configuration = control_plane.admin()
    configuration.host = guarded.url
    return KubernetesApi(configuration, limits=CallLimits(patience=patience))


async def test_retry_after_is_kept_to(
    control_plane: ControlPlane, guarded: Gateway, admin: KubernetesApi, namespace: str
) -> None:
    guarded.faults.add(Fault(status=429, retry_after="1"), times=2)
    # The gateway has no client certificate to show, so the admin's own is what the API server lacks.
    async with through(control_plane, guarded, 10) as api:
        with pytest.raises(ApiError) as refused:
            await api.get(secret_path(namespace))
    assert refused.value.status in (401, 403)
    first, second, last = guarded.journal
    assert [exchange.status for exchange in guarded.journal[:2]] == [429, 429]
    assert (second.at - first.at).total_seconds() >= 1
    assert (last.at - second.at).total_seconds() >= 1


async def test_what_asks_for_ages_is_given_up_at_once(
    control_plane: ControlPlane, guarded: Gateway, namespace: str
) -> None:
    guarded.faults.add(Fault(status=503, retry_after="9" * 400), times=-1)
    async with through(control_plane, guarded, 10) as api:
        with pytest.raises(ApiError) as refused:
            await api.get(secret_path(namespace))
    assert refused.value.retry_after == MAX_SECONDS
    assert len(guarded.journal) == 1


async def test_patience_ends(control_plane: ControlPlane, guarded: Gateway, namespace: str) -> None:
    guarded.faults.add(Fault(status=503), times=-1)
    async with through(control_plane, guarded, 1) as api:
        with pytest.raises(ApiError) as refused:
            await api.get(secret_path(namespace))
    assert refused.value.status == 503
    assert len(guarded.journal) > 1


async def test_a_refusal_is_not_repeated(control_plane: ControlPlane, guarded: Gateway) -> None:
    guarded.faults.add(Fault(status=403), times=-1)
    async with through(control_plane, guarded, 10) as api:
        with pytest.raises(ApiError):
            await api.get("/api/v1/nodes/none")
    assert len(guarded.journal) == 1
