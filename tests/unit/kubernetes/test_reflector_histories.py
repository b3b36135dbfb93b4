"""The local copy under histories that nobody wrote: slow lists, a watch that lags, breaks and forgets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from random import Random
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection

NAMES = ("a", "b", "c", "d", "e")
PAGE = 2


@attrs.define
class Server:
    """Some objects, all that happened to them, and answers that take their time."""

    random: Random
    swallowing: bool
    """Whether the watch leaves out an event now and then."""
    objects: dict[str, Object] = attrs.field(factory=dict)
    events: list[tuple[str, Object]] = attrs.field(factory=list)
    version: int = 1
    forgotten: int = 0
    quiet: bool = False

    def change(self) -> None:
        """Make, change or delete an object."""
        name = self.random.choice(NAMES)
        self.version += 1
        old = self.objects.get(name)
        uid = f"{name}-{self.version}" if old is None else old["metadata"]["uid"]
        metadata = {"name": name, "uid": uid, "resourceVersion": str(self.version)}
        made: Object = {"metadata": metadata}
        if old is None:
            self.objects[name] = made
            kind = "ADDED"
        elif self.random.random() < 0.5:
            del self.objects[name]
            kind = "DELETED"
        else:
            self.objects[name] = made
            kind = "MODIFIED"
        if not self.swallowing or self.random.random() < 0.8:
            self.events.append((kind, made))

    async def pages(self, path: str, **options: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        """One snapshot, page by page."""
        await self._time_passes()
        version = str(self.version)
        items = [self.objects[name] for name in sorted(self.objects)]
        for start in range(0, len(items) or 1, PAGE):
            await self._time_passes()
            yield items[start : start + PAGE], version

    async def watch(self, path: str, version: str, **options: Any) -> AsyncGenerator[tuple[str, Object]]:
        """What happened after ``version``, late; now and then the end of the watch, or 410."""
        told = int(version)
        while True:
            await self._time_passes()
            if told < self.forgotten:
                raise ApiError("watch", path, 410, "Expired", "Too old.")
            if not self.quiet and self.random.random() < 0.1:
                return
            if not self.quiet and self.random.random() < 0.02:
                self.forgotten = self.version
            later = [event for event in self.events if int(event[1]["metadata"]["resourceVersion"]) > told]
            if later:
                told = int(later[0][1]["metadata"]["resourceVersion"])
                yield later[0]

    async def _time_passes(self) -> None:
        for _ in range(self.random.randint(1, 6)):
            await asyncio.sleep(0)


@attrs.define
class Ear:
    """What the listener was told."""

    now: dict[str, Object] = attrs.field(factory=dict)
    gone: set[str] = attrs.field(factory=set)

    def listen(self, before: Object | None, now: Object | None) -> None:
        """Every difference follows from the one before, and nothing goes back in time."""
        name = cast(Object, now or before)["metadata"]["name"]
        assert before == self.now.get(name)
        if now is None:
            del self.now[name]
        else:
            self.now[name] = now
        if before is not None and (now is None or now["metadata"]["uid"] != before["metadata"]["uid"]):
            self.gone.add(before["metadata"]["uid"])
        if now is not None:
            assert now["metadata"]["uid"] not in self.gone
            if before is not None:
                assert int(now["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])


@pytest.mark.parametrize("swallowing", [False, True])
@given(seed=st.integers(min_value=0))
def test_the_copy_follows_and_never_goes_back_in_time(swallowing: bool, seed: int) -> None:
    async def play() -> None:
        server, ear = Server(Random(seed), swallowing), Ear()
        selection = Selection[Object]("/objects", keep=lambda item: item)
        copy = Reflector(cast(KubernetesApi, server), selection, ear.listen, resync=0)
        task = asyncio.create_task(copy.run())
        for _ in range(60):
            server.change()
            for _ in range(server.random.randint(0, 12)):
                await asyncio.sleep(0)
        server.quiet = True
        for _ in range(500):
            await asyncio.sleep(0)
        assert ear.now == server.objects == {key.strip("/"): item for key, item in copy.objects.items()}
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(play())
