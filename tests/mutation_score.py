"""Which share of the mutants of ``make mutation`` the tests noticed, by layer; fails if it is too small."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from benchmarks.results import add_option, write_result

MUTANTS = Path("mutants/src")
SURVIVED = {0, 5, 33}
"""What mutmut notes of a mutant with which all tests pass, or that no test reaches."""


def scores(folder: Path) -> dict[str, dict[str, float]]:
    """By layer. A mutant that makes the tests run for ever, or crashes them, is noticed too.

    Raises ValueError if mutmut has not come to its end.
    """
    mutants: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for file in folder.rglob("*.meta"):
        for name, code in json.loads(file.read_text())["exit_code_by_key"].items():
            if code is None:
                raise ValueError(f"{name} was not tried yet: run mutmut to its end")
            layer = name.split(".")[1]
            mutants[layer] += 1
            noticed[layer] += code not in SURVIVED
    return {
        layer: {
            "mutants": count,
            "noticed": noticed[layer],
            "noticed percent": round(100 * noticed[layer] / count, 1),
        }
        for layer, count in sorted(mutants.items())
    }


def main() -> int:
    """0 if at least the wanted share was noticed in each layer."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--at-least", type=float, default=0.0, help="percent of each layer's mutants")
    add_option(parser)
    options = parser.parse_args()
    layers = scores(MUTANTS)
    for layer, score in layers.items():
        share = f"{score['noticed']} of {score['mutants']} mutants noticed, {score['noticed percent']} %"
        sys.stdout.write(f"{layer}: {share}\n")
    if options.json:
        write_result(options.json, "Mutation score of domain and application (`make mutation`)", layers)
    return 0 if all(score["noticed percent"] >= options.at_least for score in layers.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
