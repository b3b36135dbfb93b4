"""One replica of the adapter as a process: the production wiring, with events from the tests' broker.

``python -m tests.system.replica CONFIGURATION BROKER_PORT NAME``
"""

import asyncio
import signal
import sys
from pathlib import Path

import attrs
from tests.system.broker import SocketEventSource

from pullsecret.entrypoints.configuration import load
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.infrastructure.logs.telemetry import LogTelemetry, new_logger
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock


async def run(configuration_file: Path, broker: int, name: str) -> None:
    """Work until SIGTERM."""
    configuration = load(configuration_file, {})
    clock = SystemClock()
    telemetry = LogTelemetry(new_logger(configuration.logs))
    replica = Replica(configuration, clock, telemetry, name)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_adapter(replica, EmbeddedWorld.create(latency=(0, 0), clock=clock)) as adapter:
        consume = attrs.evolve(adapter.consume, source=SocketEventSource(broker))
        await attrs.evolve(adapter, consume=consume).run(stop)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
