"""A job that crashes while it holds the payload: neither what it writes nor what the kernel could dump of it
has a piece of it."""

import os
import signal
from pathlib import Path

import pytest
from tests.integration.gcp.test_job import called, held
from tests.security.canary import Canary
from tests.security.watching import descendants

from pullsecret.testing.gcp.customer import Customer
from pullsecret.testing.gcp.job_pod import JobPod
from pullsecret.testing.kubernetes.control_plane import ControlPlane

pytestmark = [pytest.mark.service]

_FOLDER = "/var/run/secrets/cloud"
_SABOTAGE = """
import asyncio, logging, os, threading
import pullsecret.infrastructure.job_process.termination_message as last_step

def payload():
    with open(os.environ["PULL_SECRET_FILE"]) as file:
        return file.read()

def fail(*_):
    raise RuntimeError("cannot write " + payload())

class Finalized:
    def __del__(self):
        fail()

async def never_awaited_for():
    asyncio.get_running_loop().create_task(failing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

async def failing():
    fail()

def sabotage(*_):
    logging.getLogger("somelib").error("request was %s", payload())
    asyncio.run(never_awaited_for())
    thread = threading.Thread(target=fail, name="helper")
    thread.start()
    thread.join()
    Finalized()
    fail()

last_step.encode_result = sabotage
"""


@pytest.fixture
async def pod(control_plane: ControlPlane, customer: Customer, canary: Canary, tmp_path: Path) -> JobPod:
    pod = await JobPod.create(customer, control_plane, tmp_path)
    pod.put_payload(canary.pull_secret().encode())
    return pod


def everything_left(pod: JobPod) -> bytes:
    """Every file that a run left in its folders, termination message and log among them."""
    written = [path for path in pod.folder.glob("run-*/**/*") if path.is_file()]
    assert written
    return b"\0".join(path.read_bytes() for path in written)


async def test_what_nobody_caught_is_told_by_its_kind_and_place(pod: JobPod, canary: Canary) -> None:
    (pod.folder / "cloud" / "sitecustomize.py").write_text(_SABOTAGE)
    (pod.folder / "cloud" / "sitecustomize.py").chmod(0o444)
    pod.variables = {"PYTHONPATH": _FOLDER, "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "ignore"}
    run = await pod.run()
    assert run.exit_code == 1, run.log
    told = " ".join(line["message"] for line in run.lines if line["operation"] in ("crash", "library"))
    for part in ("Crashed: Runtime", "Thread helper crashed: ", "Ignored: ", "Task exception", "somelib"):
        assert part in told
    assert canary.leaks(everything_left(pod)) == []


async def test_an_abort_in_the_middle_of_a_call_leaves_no_memory(pod: JobPod, canary: Canary) -> None:
    pod.variables = {"PYTHONFAULTHANDLER": "1"}
    with held(pod, "AddSecretVersion"):
        container = pod.start()
        await called(pod, "CreateSecret")
        (job,) = [pid for pid in descendants(os.getpid()) if b"pullsecret\0job" in command_line(pid)]
        assert core_limits(job) == ["0", "0"]
        assert kinds_of_memory_dumped(job) == 0
        os.kill(job, signal.SIGABRT)
    run = await pod.finish(container)
    assert run.exit_code != 0
    assert "Fatal Python error: Aborted" in run.log
    assert canary.leaks(everything_left(pod)) == []


async def test_no_variable_makes_a_library_write_down_what_is_sent(pod: JobPod, canary: Canary) -> None:
    pod.variables = {
        "GRPC_TRACE": "all",
        "GRPC_VERBOSITY": "DEBUG",
        "SSLKEYLOGFILE": "/tmp/keys",  # noqa: S108 - in the pod
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONVERBOSE": "",
    }
    run = await pod.run()
    assert run.exit_code == 0, run.log[-2000:]
    left = everything_left(pod)
    assert canary.leaks(left) == []
    assert b"ya29." not in left
    assert b"CLIENT_" not in left


def core_limits(pid: int) -> list[str]:
    """The soft and the hard limit of a core file's bytes."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("Max core file size")]
    return line.split()[4:6]


def kinds_of_memory_dumped(pid: int) -> int:
    """A bit for each kind that a core dump has, even one that is piped to a collector."""
    return int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
