"""Tables nested too deeply do no harm to what else there is in the process."""

import gc
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from pamqp.commands import Basic

from pullsecret.infrastructure.rabbitmq import connection

assert connection  # its import is what has properties read as all our clients read them

_HEADERS = 1 << 13
"""The flag that says that headers are given, and nothing else."""


def tables_within_tables(depth: int) -> bytes:
    """As on the wire, each but the innermost with one value, named ``a``."""
    table = bytes(4)
    for _ in range(depth):
        entry = b"\x01aF" + table
        table = len(entry).to_bytes(4) + entry
    return table


@contextmanager
def depths_of_collections() -> Iterator[list[int]]:
    """How deep the calls are whenever the garbage collector runs, which it does all the time."""
    depths: list[int] = []

    def note(*_: object) -> None:
        depths.append(sum(1 for _ in traceback.walk_stack(None)))

    before = gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(1)
    try:
        yield depths
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(note)


def test_nothing_is_collected_where_a_finalizer_would_have_no_room() -> None:
    here = sum(1 for _ in traceback.walk_stack(None))
    properties, data = Basic.Properties(), tables_within_tables(1000)
    with depths_of_collections() as depths:
        properties.unmarshal(_HEADERS, data)
        assert [[], {}, []]  # something to look through
    assert properties.headers is None
    assert depths
    assert max(depths) < here + 20


def test_the_collector_goes_on_afterwards() -> None:
    Basic.Properties().unmarshal(_HEADERS, tables_within_tables(1000))
    assert gc.isenabled()
