"""What a process leaves behind when it crashes: the kinds of the faults and their places, never a payload.

Python's own report quotes the exception's text, which nobody checked, and a core dump is the whole memory.
"""

import os
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from pullsecret.infrastructure.logs.redaction import describe_exception

_DUMPED_MEMORY: Final = Path("/proc/self/coredump_filter")
_TELLTALE_VARIABLES: Final = ("GRPC_TRACE", "GRPC_VERBOSITY", "SSLKEYLOGFILE")
"""gRPC would write what it sends, headers and payloads, to standard error; OpenSSL its keys to a file."""


def forbid_memory_dumps() -> None:
    """Let no core dump of this process or its children hold memory, whoever collects it.

    The limit is for dumps into files. A collector the kernel pipes dumps to ignores it, so that the kernel is
    also told to leave out every kind of memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Other systems and some sandboxes have no such file.
    with suppress(OSError):
        _DUMPED_MEMORY.write_text("0")


def forbid_wire_logs() -> None:
    """Forget the variables by which libraries are told to write down what they send."""
    for name in _TELLTALE_VARIABLES:
        os.environ.pop(name, None)


def report_crashes(tell: Callable[[str], object]) -> None:
    """From now on ``tell`` is given one line about each exception that nobody caught, in any thread or
    finalizer, in place of Python's traceback. The exit code stays Python's."""

    def main_thread(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        interrupted = issubclass(kind, KeyboardInterrupt)
        tell("Interrupted" if interrupted else f"Crashed: {describe_exception(error)}")

    def other_thread(crash: threading.ExceptHookArgs) -> None:
        name = crash.thread.name if crash.thread else "?"
        tell(f"Thread {name} crashed: {describe_exception(crash.exc_value)}")

    def finalizer(crash: "sys.UnraisableHookArgs") -> None:
        tell(f"Ignored: {describe_exception(crash.exc_value)}")

    sys.excepthook = main_thread
    threading.excepthook = other_thread
    sys.unraisablehook = finalizer
