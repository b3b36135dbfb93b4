"""Writes name, version and licence of every distribution in the given folders, one a line."""

import sys
from importlib.metadata import Distribution, distributions


def licence(distribution: Distribution) -> str:
    """What the distribution says of itself: its expression, else its classifiers, else its free text."""
    metadata = distribution.metadata
    named = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License :: ")]
    classifiers = ", ".join(value.rpartition(" :: ")[2] for value in named)
    text = (metadata["License"] or "").strip().partition("\n")[0]
    return metadata["License-Expression"] or classifiers or text or "unknown"


if __name__ == "__main__":
    lines = {f"{d.metadata['Name']} {d.version}: {licence(d)}" for d in distributions(path=sys.argv[1:])}
    sys.stdout.write("".join(f"{line}\n" for line in sorted(lines)))
