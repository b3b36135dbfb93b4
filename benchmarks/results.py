"""A benchmark's figures as a JSON file, with the command, the commit and the machine that gave them.

``benchmarks/results/*.json`` holds the results that the documents' tables and plots come from.
"""

import json
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OPTION = "--json"


def add_option(parser: ArgumentParser) -> None:
    """Let the benchmark's caller name the file: ``parse_args().json`` is its path, or None."""
    parser.add_argument(OPTION, type=Path, metavar="FILE", help="write the figures to FILE too")


def write_result(path: Path, name: str, figures: Mapping[str, Any]) -> None:
    """Write ``figures`` to ``path``; the folder is made. ``name`` says what was measured.

    ``figures`` are of JSON's types; a key ends with its unit (``delay_p95_seconds``, ``peak_rss_bytes``).
    """
    result = {
        "name": name,
        "command": command(),
        "figures": figures,
        "machine": machine(),
        "commit": commit(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    """What it ran on. The load is that of the last minute, the benchmark's own included."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that was checked out; ``+`` behind it where the sources differ from it."""
    root = Path(__file__).parents[1]
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    return f"{head}+" if changed else head


def command() -> str:
    """How the benchmark was called, without the option that names the file."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"-m {spec.name}" if spec else f"benchmarks/{Path(sys.argv[0]).name}"
    given = iter(sys.argv[1:])
    kept = []
    for argument in given:
        if argument == OPTION:
            next(given, None)
        elif not argument.startswith(f"{OPTION}="):
            kept.append(argument)
    return " ".join(["python", program, *kept])


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"
