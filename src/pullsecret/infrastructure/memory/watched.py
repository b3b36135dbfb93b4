"""A mapping that tells what changed in it, so that nobody has to look through all of it again and again."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TypeVar

import attrs

Key = TypeVar("Key")
Value = TypeVar("Value")


@attrs.define(eq=False)
class WatchedMapping(MutableMapping[Key, Value]):
    """Whoever writes or removes an entry need not know who watches."""

    _entries: dict[Key, Value] = attrs.field(factory=dict)
    _watchers: list[dict[Key, None]] = attrs.field(factory=list, init=False)

    @contextmanager
    def changes(self) -> Iterator[dict[Key, None]]:
        """While the context is open, every key written or removed is put into the dictionary, each once and
        in the order of their first changes; whoever has seen to it takes it out."""
        changed: dict[Key, None] = {}
        self._watchers.append(changed)
        try:
            yield changed
        finally:
            self._watchers = [watcher for watcher in self._watchers if watcher is not changed]

    def __getitem__(self, key: Key) -> Value:
        return self._entries[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self._entries[key] = value
        self._tell(key)

    def __delitem__(self, key: Key) -> None:
        del self._entries[key]
        self._tell(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _tell(self, key: Key) -> None:
        for changed in self._watchers:
            changed[key] = None
