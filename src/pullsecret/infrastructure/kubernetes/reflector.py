"""A local copy of some objects of the cluster, kept up to date by one list and one watch."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, Generic, TypeVar

import attrs

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object, version_of
from pullsecret.infrastructure.kubernetes.api_errors import ApiError

_WATCH_SECONDS: Final = 30
_BACKOFF: Final = Backoff(initial=0.2, maximum=10.0)
_LONGEST_PAUSE: Final = 60.0
"""What stands before an API server that is away may ask for an hour; the copy must not lag for that long."""

Kept = TypeVar("Kept")

Listener = Callable[[Kept | None, Kept | None], None]
"""Called with an object as it was and as it is now; None where there is none. It must not block."""


def without_owners(item: Object) -> Object:
    """The object without ``managedFields``, which are most of many objects and rarely looked at."""
    item["metadata"].pop("managedFields", None)
    return item


@attrs.frozen
class Selection(Generic[Kept]):
    """What to copy: a collection's path and a label selector."""

    path: str
    labels: str = ""
    metadata_only: bool = False
    """Read the objects' metadata and nothing else."""
    keep: Callable[[Object], Kept | None] = attrs.field(kw_only=True)
    """What is kept of an object; None if nothing is, as if the object were not there."""


class Reflector(Generic[Kept]):
    """Run :meth:`run` as a task; read :attr:`objects` at any time.

    Every difference reaches the listener, in the order in which it became known, whether it came by a watch
    event or was found by listing. Lists happen at the start, when the server no longer knows our resource
    version (410), and every ``resync`` seconds, so that even an event that was never sent is made good; that
    last one is read beside the watch, which goes on. A broken watch is resumed from the last resource version
    that an event or a bookmark told.
    """

    def __init__(
        self,
        api: KubernetesApi,
        selection: Selection[Kept],
        listener: Listener[Kept],
        *,
        resync: float = 300.0,
        on_fault: Callable[[ApiError], None] = lambda fault: None,
    ) -> None:
        self.objects: dict[str, Kept] = {}
        """By ``namespace/name``, as the selection keeps them."""
        self._versions: dict[str, int] = {}
        self.synced = asyncio.Event()
        """Set once the first list is in."""
        self.whole = asyncio.Event()
        """Set unless a list is being read in page by page: then all objects are of one moment."""
        self._api = api
        self._selection = selection
        self._listener = listener
        self._resync = resync
        self._on_fault = on_fault
        self._version = ""
        self._listed = 0
        """The version of the last list: what the watch tells of until then is old."""
        self._gone: dict[str, int] | None = None
        """While a list is read beside the watch: what the watch told to be gone, and since which version."""

    async def run(self) -> None:
        """Keep the copy up to date until cancelled; faults of the API are reported and waited out."""
        faults = 0
        while True:
            try:
                await self._list()
                faults = 0
                await self._follow()
            except ApiError as fault:
                if not fault.expired:
                    faults += 1
                    self._on_fault(fault)
                    await asyncio.sleep(_pause(faults, fault))

    async def _follow(self) -> None:
        """Watch, and compare with a list now and then; returns or raises where listing anew is the remedy."""
        loop = asyncio.get_running_loop()
        both = [loop.create_task(work) for work in (self._watch_on(), self._compare_now_and_then())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _watch_on(self) -> None:
        faults = 0
        while True:
            try:
                await self._watch()
                faults = 0
            except ApiError as fault:
                if fault.expired:
                    raise
                faults += 1
                self._on_fault(fault)
                await asyncio.sleep(_pause(faults, fault))

    async def _compare_now_and_then(self) -> None:
        faults, pause = 0, self._resync
        while True:
            await asyncio.sleep(pause)
            try:
                if not await self._compare():
                    return
                faults, pause = 0, self._resync
            except ApiError as fault:
                faults += 1
                if not fault.expired:
                    self._on_fault(fault)
                pause = _pause(faults, fault)

    def put(self, item: Object) -> None:
        """Note an object as a write of ours left it, before the watch tells of it."""
        self._note(key_of(item), item)

    def drop(self, key: str) -> None:
        """Keep nothing of an object any more unless it changes; the listener is not called."""
        self.objects.pop(key, None)

    async def _list(self) -> None:
        found: set[str] = set()
        self.whole.clear()
        async with aclosing(self._pages()) as pages:
            # Page by page, so that what is not kept of the objects is never there for all of them.
            async for items, version in pages:
                if int(version) < int(self._version or 0):
                    # The server was put back to an earlier state: what is known is no older than that.
                    self._versions.clear()
                for item in items:
                    found.add(key_of(item))
                    self._note(key_of(item), item)
        for key in (self._versions.keys() | self.objects.keys()) - found:
            self._forget(key)
        self._version = version
        self._listed = int(version)
        self.synced.set()
        self.whole.set()

    async def _compare(self) -> bool:
        """Make good, all at one moment, what the watch did not tell.

        False if the server was put back to an earlier state, where comparing tells nothing.
        """
        found: set[str] = set()
        missed: dict[str, Object] = {}
        watched = int(self._version)
        gone: dict[str, int] = {}
        self._gone = gone
        try:
            async with aclosing(self._pages()) as pages:
                async for items, version in pages:
                    if int(version) < watched:
                        return False
                    for item in items:
                        key = key_of(item)
                        found.add(key)
                        if version_of(item) > self._versions.get(key, -1):
                            missed[key] = item
        finally:
            self._gone = None
        for key, item in missed.items():
            if version_of(item) > gone.get(key, -1):
                self._note(key, item)
        listed = int(version)
        for key in self._versions.keys() - found:
            # What is of after the list was told by the watch, and is there.
            if self._versions[key] <= listed:
                self._forget(key)
        self._listed = listed
        return True

    def _pages(self) -> AsyncGenerator[tuple[list[Object], str]]:
        selection = self._selection
        return self._api.pages(selection.path, labels=selection.labels, metadata_only=selection.metadata_only)

    async def _watch(self) -> None:
        selection = self._selection
        stream = self._api.watch(
            selection.path,
            self._version,
            labels=selection.labels,
            metadata_only=selection.metadata_only,
            seconds=_WATCH_SECONDS,
        )
        async with aclosing(stream):
            async for kind, item in stream:
                if kind != "BOOKMARK" and version_of(item) > self._listed:
                    self._hear(kind, item)
                self._version = item["metadata"]["resourceVersion"]

    def _hear(self, kind: str, item: Object) -> None:
        key = key_of(item)
        if kind != "DELETED":
            self._note(key, item)
            return
        if self._gone is not None:
            self._gone[key] = version_of(item)
        self._forget(key)

    def _note(self, key: str, item: Object) -> None:
        version = version_of(item)
        if version <= self._versions.get(key, -1):
            return
        self._versions[key] = version
        before, now = self.objects.get(key), self._selection.keep(item)
        if now is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = now
        if before is not None or now is not None:
            self._listener(before, now)

    def _forget(self, key: str) -> None:
        self._versions.pop(key, None)
        before = self.objects.pop(key, None)
        if before is not None:
            self._listener(before, None)


def key_of(item: Object) -> str:
    """``namespace/name``."""
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _pause(faults: int, fault: ApiError) -> float:
    return min(_BACKOFF.pause(faults, random.random(), fault.retry_after or 0), _LONGEST_PAUSE)  # noqa: S311
