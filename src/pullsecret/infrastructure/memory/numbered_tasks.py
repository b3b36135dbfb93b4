"""Makes a loop's tasks repeatable: a group of them is cancelled in the same order in each run."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any


class _NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set follows from its number and not from its address."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(coroutine, **kwargs)

    def __hash__(self) -> int:
        return self._number


def number_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let ``loop`` number the tasks that it makes, from 0 on."""
    numbers = itertools.count()
    loop.set_task_factory(
        lambda loop, coroutine, **kwargs: _NumberedTask(coroutine, next(numbers), loop=loop, **kwargs)
    )
