"""A local copy of some objects of the cluster, kept up to date by one list and one watch."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final

import attrs

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError

_WATCH_SECONDS: Final = 30
_BACKOFF: Final = Backoff(initial=0.2, maximum=10.0)

Listener = Callable[[Object | None, Object | None], None]
"""Called with an object as it was and as it is now; None where there is none. It must not block."""


def without_owners(item: Object) -> Object:
    """The object without ``managedFields``, which are most of many objects and rarely looked at."""
    item["metadata"].pop("managedFields", None)
    return item


@attrs.frozen
class Selection:
    """What to copy: a collection's path and a label selector."""

    path: str
    labels: str = ""
    metadata_only: bool = False
    """Copy the objects' metadata and nothing else."""
    keep: Callable[[Object], Object] = without_owners
    """What is kept of an object; its name, namespace and resource version have to be."""


class Reflector:
    """Run :meth:`run` as a task; read :attr:`objects` at any time.

    Every difference reaches the listener, in the order in which it became known, whether it came by a watch
    event or was found by listing. Lists happen at the start, when the server no longer knows our resource
    version (410), and every ``resync`` seconds, so that even an event that was never sent is made good. A
    broken watch is resumed from the last resource version that an event or a bookmark told.
    """

    def __init__(
        self,
        api: KubernetesApi,
        selection: Selection,
        listener: Listener,
        *,
        resync: float = 300.0,
        on_fault: Callable[[ApiError], None] = lambda fault: None,
    ) -> None:
        self.objects: dict[str, Object] = {}
        """By ``namespace/name``, as the selection keeps them."""
        self.synced = asyncio.Event()
        """Set once the first list is in."""
        self._api = api
        self._selection = selection
        self._listener = listener
        self._resync = resync
        self._on_fault = on_fault
        self._version = ""

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
        """Watch until the next resync is due; raises where listing anew is the remedy."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._resync
        faults = 0
        while (left := due - loop.time()) > 0:
            try:
                await self._watch(min(_WATCH_SECONDS, max(1, int(left))))
                faults = 0
            except ApiError as fault:
                if fault.expired:
                    raise
                faults += 1
                self._on_fault(fault)
                await asyncio.sleep(_pause(faults, fault))

    async def _list(self) -> None:
        selection = self._selection
        items, version = await self._api.list(
            selection.path, labels=selection.labels, metadata_only=selection.metadata_only
        )
        found = {_key(item): item for item in items}
        for key in self.objects.keys() - found.keys():
            self._forget(key)
        for key, item in found.items():
            self._note(key, item)
        self._version = version
        self.synced.set()

    async def _watch(self, seconds: int) -> None:
        selection = self._selection
        stream = self._api.watch(
            selection.path,
            self._version,
            labels=selection.labels,
            metadata_only=selection.metadata_only,
            seconds=seconds,
        )
        async with aclosing(stream):
            async for kind, item in stream:
                if kind == "DELETED":
                    self._forget(_key(item))
                elif kind != "BOOKMARK":
                    self._note(_key(item), item)
                self._version = item["metadata"]["resourceVersion"]

    def _note(self, key: str, item: Object) -> None:
        before = self.objects.get(key)
        if before is not None and _version(before) == _version(item):
            return
        kept = self.objects[key] = self._selection.keep(item)
        self._listener(before, kept)

    def _forget(self, key: str) -> None:
        before = self.objects.pop(key, None)
        if before is not None:
            self._listener(before, None)


def _key(item: Object) -> str:
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _version(item: Mapping[str, Mapping[str, str]]) -> str:
    return item["metadata"]["resourceVersion"]


def _pause(faults: int, fault: ApiError) -> float:
    return _BACKOFF.pause(faults, random.random(), fault.retry_after or 0)  # noqa: S311
