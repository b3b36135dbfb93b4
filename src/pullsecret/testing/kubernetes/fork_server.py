"""The process that :class:`~pullsecret.testing.kubernetes.forked_jobs.ForkedJobs` forks containers from."""

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from pullsecret.testing.kubernetes.container import DEVICES

_IMPORTED: Final = (
    "pullsecret.entrypoints.program",
    "pullsecret.entrypoints.job",
    "pullsecret.infrastructure.crash_report",
    "pullsecret.infrastructure.gcp.secret_store",
    "pullsecret.infrastructure.kubernetes.api",
    "pullsecret.infrastructure.kubernetes.cluster_secrets",
    "pullsecret.infrastructure.kubernetes.connection",
    "pullsecret.infrastructure.logs.library_logs",
)
"""What a job imports."""
_LONGEST_ORDER: Final = 2**18

_NEW_MOUNTS: Final = 0x20000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DIE_WITH_PARENT, _DROP_FROM_BOUNDING_SET, _NO_NEW_PRIVILEGES = 1, 24, 38
_CAPABILITIES: Final = int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Fork a container for each order that comes on standard input, and tell its pid and how it ended."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    with selectors.DefaultSelector() as waiting:
        waiting.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    text, descriptors, _, _ = socket.recv_fds(control, _LONGEST_ORDER, 2)
                    if not text:
                        return
                    log, told = descriptors
                    _start(json.loads(text), log, told, waiting)
                else:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
                    _tell_end(*key.data)


def _start(order: dict[str, Any], log: int, told: int, waiting: selectors.BaseSelector) -> None:
    process = os.fork()
    if process == 0:
        os._exit(_run(order, log))
    os.close(log)
    waiting.register(os.pidfd_open(process), selectors.EVENT_READ, (process, told))
    os.write(told, b"%d" % process)


def _tell_end(process: int, told: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.write(told, b"%d" % code)
    os.close(told)


def _run(order: dict[str, Any], log: int) -> int:
    """Become the container and run the job in it; returns its exit code."""
    try:
        _call("prctl", _DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.nice(order["niceness"])
        _make_view(order)
        _drop_privileges(order["user"], order["group"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["pullsecret", "job"]
        importlib.import_module("pullsecret.entrypoints.program").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _make_view(order: dict[str, Any]) -> None:
    """The same as :mod:`~pullsecret.testing.kubernetes.container` has a shell do."""
    _call("unshare", _NEW_MOUNTS)
    _mount("none", "/", flags=_RECURSIVE | _PRIVATE)
    _mount("tmpfs", "/mnt", "tmpfs", options="mode=0755")
    for name in DEVICES:
        _bind_file(f"/dev/{name}", f"/mnt/{name}")
    _bind_file(order["message"], "/mnt/termination-log")
    os.symlink("/proc/self/fd", "/mnt/fd")
    for index, (source, _) in enumerate(order["mounts"]):
        os.makedirs(f"/mnt/volumes/{index}")
        _mount(source, f"/mnt/volumes/{index}", flags=_BIND)
    for folder in order["covered"]:
        _mount("tmpfs", folder, "tmpfs", options="mode=0755")
    for index, (_, target) in enumerate(order["mounts"]):
        os.makedirs(target, exist_ok=True)
        _mount(f"/mnt/volumes/{index}", target, flags=_BIND)
    for folder in order["covered"]:
        _mount("none", folder, flags=_REMOUNT | _READ_ONLY)
    _mount("/mnt", "/dev", flags=_BIND | _RECURSIVE)
    _mount("none", "/", flags=_REMOUNT | _BIND | _READ_ONLY)


def _drop_privileges(user: int, group: int) -> None:
    for capability in range(_CAPABILITIES):
        _call("prctl", _DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # A change of user ends the earlier wish.
    _call("prctl", _DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _bind_file(source: str, target: str) -> None:
    Path(target).touch()
    _mount(source, target, flags=_BIND)


def _mount(source: str, target: str, kind: str = "none", flags: int = 0, options: str = "") -> None:
    arguments = (text.encode() for text in (source, target, kind))
    _call("mount", *arguments, ctypes.c_ulong(flags), options.encode())


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
