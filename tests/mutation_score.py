"""Prints the share of mutants that the tests noticed, and fails if it is too small: see ``make mutation``."""

import argparse
import json
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")


def main() -> int:
    """Read what ``mutmut export-cicd-stats`` wrote; the exit code is 1 if too few were noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-least", type=float, required=True, help="percent of all mutants")
    wanted = parser.parse_args().at_least
    stats = json.loads(STATS.read_text())
    # A mutant that makes the tests run for ever, or crashes them, is noticed too.
    noticed = stats["killed"] + stats.get("timeout", 0) + stats.get("segfault", 0)
    total = stats["total"] - stats.get("skipped", 0)
    score = 100 * noticed / total if total else 0.0
    sys.stdout.write(f"{noticed} of {total} mutants noticed: {score:.1f} %\n")
    return 0 if score >= wanted else 1


if __name__ == "__main__":
    sys.exit(main())
