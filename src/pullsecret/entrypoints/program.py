"""The ``pullsecret`` program: a job starts at once, every other command through the command line."""

import sys


def main() -> None:
    """Run the command given on the command line and exit with its code."""
    if sys.argv[1:] == ["job"]:
        # A job reads no arguments, and the parser would cost it memory and time (docs/job-footprint.md).
        from pullsecret.entrypoints.job import main as job

        sys.exit(job())
    from pullsecret.entrypoints.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
