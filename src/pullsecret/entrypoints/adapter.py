"""The adapter process: a replica on the configured parts, until it is told to stop."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from pullsecret.application.adapter import Adapter
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.facts import InternalFault
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.entrypoints.exit_codes import ExitCode, exit_code_of
from pullsecret.infrastructure.crash_report import report_crashes
from pullsecret.infrastructure.fan_out import FanOutTelemetry
from pullsecret.infrastructure.health.server import health_server
from pullsecret.infrastructure.logs.library_logs import library_logs
from pullsecret.infrastructure.logs.telemetry import LogTelemetry, new_logger
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.metrics.registry import new_registry
from pullsecret.infrastructure.metrics.telemetry import PrometheusTelemetry
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.telemetry import Telemetry

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SHARE_OF_PATIENCE = 0.9
"""What a single system has of the time for the whole answer, which then can name those that said nothing."""


def replica_name() -> str:
    """The pod's name where Kubernetes tells it, else host and process."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"


async def run_adapter(configuration: Configuration) -> ExitCode:
    """Work until SIGTERM or SIGINT, then finish the events in hand within the configured grace.

    Returns ``WRONG_USE`` if the configuration turns out to be wrong, ``NOT_AS_IT_SHOULD_BE`` if anything else
    ends it that only a person can mend.
    """
    logger = new_logger(configuration.logs)
    report_crashes(lambda line: logger.error(line, operation="crash"))
    clock = SystemClock()
    registry = new_registry()
    telemetry = FanOutTelemetry([LogTelemetry(logger), PrometheusTelemetry(registry, configuration.rollout)])
    replica = Replica(configuration, clock, telemetry, replica_name())
    world = EmbeddedWorld.create(latency=(0, 0), clock=clock)
    try:
        with library_logs(_library_lines(logger)):
            async with _health(replica, registry), open_adapter(replica, world) as adapter:
                replica.readiness.started()
                with _stop_signals() as stop:
                    logger.info("Adapter started", operation="start-adapter", replica=replica.name)
                    await _work(adapter, stop, configuration.shutdown_grace)
    except (Exception, BaseExceptionGroup) as error:
        return max(_told(cause, telemetry, logger) for cause in _causes(error))
    logger.info("Adapter stopped", operation="stop-adapter", replica=replica.name)
    return ExitCode.OK


def _library_lines(logger: FilteringBoundLogger) -> Callable[[str, str, str], None]:
    def tell(level: str, message: str, library: str) -> None:
        getattr(logger, level)(message, operation="library", library=library)

    return tell


@asynccontextmanager
async def _health(replica: Replica, registry: CollectorRegistry) -> AsyncIterator[None]:
    settings = replica.configuration.health
    if not settings.enabled:
        yield
        return

    async def ready() -> Sequence[str]:
        return await replica.readiness.problems(settings.patience * _SHARE_OF_PATIENCE)

    async with AsyncExitStack() as opened:
        try:
            await opened.enter_async_context(health_server(settings, registry, _always_alive, ready))
        except OSError as fault:
            raise PermanentError(
                "serve-health",
                f"{settings.host}:{settings.port}",
                Reason.WRONG_CONFIGURATION,
                f"The address cannot be listened on: {fault.strerror}.",
                "Set health.port to a free one.",
            ) from None
        yield


async def _always_alive() -> Sequence[str]:
    """Whoever answers lives: the server shares the event loop, and a loop of the adapter that ends, ends the
    process."""
    return ()


async def _work(adapter: Adapter, stop: asyncio.Event, grace: float) -> None:
    work = asyncio.create_task(adapter.run(stop))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    _, unfinished = await asyncio.wait({work}, timeout=grace)
    if unfinished:
        # What is in hand is not acknowledged, so the broker brings it to another replica.
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that is set when the process is told to stop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    else:
        yield error


def _told(error: BaseException, telemetry: Telemetry, logger: FilteringBoundLogger) -> ExitCode:
    if isinstance(error, OperationError):
        logger.error(str(error), operation=error.operation, reason=str(error.reason))
        return exit_code_of(error)
    # Not even a traceback: nobody knows what an unforeseen error quotes.
    telemetry.record(InternalFault("run-adapter", type(error).__name__))
    return ExitCode.NOT_AS_IT_SHOULD_BE
