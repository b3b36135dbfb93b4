"""The ``pullsecret`` program: a job starts at once, every other command through the command line."""

import os
import sys


def main() -> None:
    """Run the command given on the command line and exit with its code."""
    # Imported here, as everything else is: only the process that is the program needs it.
    from pullsecret.infrastructure.crash_report import forbid_memory_dumps, forbid_wire_logs, report_crashes

    forbid_memory_dumps()
    forbid_wire_logs()
    if sys.argv[1:] == ["job"]:
        # A job reads no arguments, and the parser would cost it memory and time (docs/job-footprint.md).
        sys.exit(_job())
    report_crashes(lambda line: sys.stderr.write(f"{line}\n"))
    from pullsecret.entrypoints.standard_output import standard_output

    with standard_output():
        from pullsecret.entrypoints.cli import main as command_line

        command_line()


def _job() -> int:
    from pullsecret.entrypoints.job import main
    from pullsecret.infrastructure.crash_report import report_crashes
    from pullsecret.infrastructure.job_process.json_log import JsonLog
    from pullsecret.infrastructure.logs.library_logs import library_logs

    log = JsonLog(os.environ.get("CLUSTER_ID"), os.environ.get("GCP_PROJECT_ID"))
    report_crashes(lambda line: log.write("error", "crash", line))
    with library_logs(lambda level, line, library: log.write(level, "library", f"{library}: {line}")):
        return main()


if __name__ == "__main__":
    main()
