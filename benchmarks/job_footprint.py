"""Memory and start-up of a whole successful ``pullsecret job``: ``python -m benchmarks.job_footprint``.

The job runs as its pod would: own mounts, user 1000, a real Kubernetes control plane, and a served Google
Cloud over TLS with sign-in and impersonation. Peak memory is the kernel's ``VmHWM``; CPU is what the
scheduler counted for the process's threads until the served cloud saw the call. docs/job-footprint.md says
what came out.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import attrs
from benchmarks.results import add_option, write_result

from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import onboard
from pullsecret.testing.gcp.job_pod import JobPod
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

MEGABYTE = 1_000_000
STAGES = {
    "bare Python": "",
    "the job's own modules": "import pullsecret.entrypoints.program, pullsecret.entrypoints.job",
    "and Secret Manager": "import pullsecret.entrypoints.job, pullsecret.infrastructure.gcp.secret_store",
    "and Kubernetes": (
        "import pullsecret.entrypoints.job, pullsecret.infrastructure.gcp.secret_store\n"
        "from pullsecret.infrastructure.kubernetes import cluster_secrets, connection"
    ),
    "grpc.aio alone": "import grpc.aio",
    "google.cloud.secretmanager_v1 alone": "import google.cloud.secretmanager_v1",
    "kubernetes alone": "import kubernetes",
    "cyclopts alone": "import pullsecret.entrypoints.cli",
}
_STAGE_REPORT = """
import time
cpu = time.process_time()
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(int(line.split()[1]) * 1024, cpu)
"""


@attrs.define
class Watched:
    """One process while it runs."""

    pid: int
    peak: int = 0
    """Bytes."""
    cpu_at: dict[str, float] = attrs.field(factory=dict)
    """Seconds of CPU used when the served cloud saw the first call of a method."""

    def look(self) -> bool:
        """Read the peak; False once the process has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return False
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) * 1024)
        return True

    def note(self, method: str) -> None:
        """The served cloud answers the first ``method``."""
        self.cpu_at.setdefault(method, self._cpu())

    def _cpu(self) -> float:
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue
        return total / 1e9


def compile_modules(folder: Path) -> Path:
    """Compile into ``folder`` what a job imports, as the image has it compiled; returns it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder)
    everything = "\n".join(STAGES.values())
    subprocess.run([sys.executable, "-c", everything], env=environment, check=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return folder


async def one_job(
    control_plane: ControlPlane, folder: Path, bytecode: Path | None, *, outside: bool
) -> Watched:
    """Run one job to its successful end. Raises RuntimeError if it fails."""
    with FakeGoogleCloud(closed=True) as cloud:
        pod = await JobPod.create(onboard(cloud, folder, outside=outside), control_plane, folder)
        pod.bytecode = bytecode
        container = pod.start()
        watched = Watched(container.pid)
        record = cloud.world.record

        def noting(method: str, resource: str, code: str, member: str | None) -> None:
            watched.note(method)
            record(method, resource, code, member)

        cloud.world.record = noting  # type: ignore[method-assign]
        ended = threading.Event()

        def look_often() -> None:
            while not ended.wait(0.002) and watched.look():
                pass

        looking = threading.Thread(target=look_often)
        looking.start()
        run = await pod.finish(container)
        ended.set()
        looking.join()
        if run.exit_code != 0:
            raise RuntimeError(run.log)
        return watched


def stage(code: str, bytecode: Path | None) -> tuple[float, float]:
    """Peak megabytes and CPU seconds of a process that only runs ``code``."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    command = [sys.executable, "-c", code + _STAGE_REPORT]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    peak, cpu = ran.stdout.split()
    return int(peak) / MEGABYTE, float(cpu)


async def jobs(runs: int, bytecode: Path | None, *, outside: bool) -> list[Watched]:
    """``runs`` jobs, one after another."""
    with tempfile.TemporaryDirectory() as plane, ControlPlane(find(), Path(plane)) as control_plane:
        watched = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                watched.append(await one_job(control_plane, Path(folder), bytecode, outside=outside))
        return watched


def summary(watched: list[Watched], first: str) -> dict[str, float]:
    """Medians and maxima over all runs."""
    peaks = [one.peak / MEGABYTE for one in watched]
    cpu = [one.cpu_at[first] for one in watched]
    secret_manager = [one.cpu_at["TestIamPermissions"] for one in watched]
    return {
        "runs": len(watched),
        "peak_rss_mb_median": round(statistics.median(peaks), 1),
        "peak_rss_mb_max": round(max(peaks), 1),
        "cpu_before_first_google_call_s_median": round(statistics.median(cpu), 3),
        "cpu_before_first_google_call_s_max": round(max(cpu), 3),
        "cpu_before_first_secret_manager_call_s_median": round(statistics.median(secret_manager), 3),
    }


def main() -> None:
    """Print one JSON line for each way to sign in, and a table of what imports cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--imports", action="store_true", help="also measure what imports cost")
    parser.add_argument("--uncompiled", action="store_true", help="measure without compiled modules")
    add_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        measure(arguments, None if arguments.uncompiled else compile_modules(Path(folder)))


def measure(arguments: argparse.Namespace, bytecode: Path | None) -> None:
    """Measure what ``arguments`` ask for, print it, and write it to a file if they name one."""
    sign_ins, imports = [], []
    for outside, first in ((False, "MetadataToken"), (True, "ExchangeToken")):
        watched = asyncio.run(jobs(arguments.runs, bytecode, outside=outside))
        signed_in = "token exchange" if outside else "metadata server"
        sign_ins.append({"sign_in": signed_in, **summary(watched, first)})
        print(json.dumps(sign_ins[-1]), flush=True)
    if arguments.imports:
        for name, code in STAGES.items():
            measured = [stage(code, bytecode) for _ in range(arguments.runs)]
            peak = statistics.median(one[0] for one in measured)
            cpu = statistics.median(one[1] for one in measured)
            imports.append({"imported": name, "peak_rss_mb": round(peak, 1), "cpu_seconds": round(cpu, 3)})
            print(f"{name:38} {peak:6.1f} MB {cpu:6.3f} s", flush=True)
    if arguments.json:
        write_result(arguments.json, "Footprint of a job", {"jobs": sign_ins, "imports": imports})


if __name__ == "__main__":
    main()
