"""Keeps what a replica remembers for its metrics small, whatever it is told."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

OTHER: Final = "other"


class BoundedNames:
    """Tells the first ``limit`` names apart; every further one is :data:`OTHER`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._names: set[str] = set()

    def __call__(self, name: str) -> str:
        """The label value for ``name``."""
        if name not in self._names:
            if len(self._names) >= self._limit:
                return OTHER
            self._names.add(name)
        return name


class Recent(Generic[Key]):
    """The ``limit`` keys that were seen last."""

    def __init__(self, limit: int, forgotten: Callable[[Key], None] = lambda _: None) -> None:
        self._limit = limit
        self._forgotten = forgotten
        self._keys: OrderedDict[Key, None] = OrderedDict()

    def see(self, key: Key) -> bool:
        """Remember ``key``; True if it was not remembered already.

        ``forgotten`` is called with the key that makes room for it, if one has to.
        """
        new = key not in self._keys
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._limit:
            oldest, _ = self._keys.popitem(last=False)
            self._forgotten(oldest)
        return new
