"""Stands in for ``gcloud``: notes each call and answers from a file what is there already."""

import json
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    folder = Path(os.environ["GCLOUD_STUB"])
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    there = json.loads((folder / "there.json").read_text())
    if "describe" not in arguments:
        return 0
    about = " ".join(arguments[: arguments.index("describe")])
    if about not in there:
        sys.stderr.write("ERROR: NOT_FOUND\n")
        return 1
    sys.stdout.write(f"{there[about]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
