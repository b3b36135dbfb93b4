"""A message with properties that cannot be read does not end the connection it comes by.

For text that is not UTF-8, a time after the year 9999 (microseconds written as seconds) and tables nested too
deeply the library gives the connection up. The broker would then bring that message again and again, and with
it every event that was in hand; the commands for dead letters would never get past it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pamqp.base import BasicProperties


def leave_out_unreadable_properties() -> None:
    """From now on a property that cannot be read, and those that follow it, are as if they were not given."""
    read = BasicProperties.unmarshal

    def read_what_can_be_read(properties: BasicProperties, flags: int, data: bytes) -> None:
        with _collecting_nothing(), suppress(Exception):  # the library raises whatever its parts do
            read(properties, flags, data)

    BasicProperties.unmarshal = read_what_can_be_read  # type: ignore[assignment, method-assign]


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Whatever is collected within, its finalizers might fail: the deepest call has no room for another."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
