"""Completes the bill of materials that uv writes: Debian's packages, and nothing that a rebuild would change.

``sbom.py UV_BILL DEBIAN_PACKAGES`` writes CycloneDX JSON; the second file has lines of name, version and
architecture. Its time is SOURCE_DATE_EPOCH, its serial number follows from its content.
"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote


def component(name: str, version: str, architecture: str) -> dict[str, Any]:
    """A Debian package as CycloneDX has it."""
    purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def complete(bill: dict[str, Any], debian: str, epoch: int) -> dict[str, Any]:
    """The bill with Debian's packages, dated ``epoch``, with a serial number of its content."""
    metadata = bill["metadata"] | {
        "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    }
    parts = [*bill["components"], *(component(*line.split()) for line in debian.splitlines())]
    completed = bill | {"metadata": metadata, "components": parts}
    del completed["serialNumber"]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(completed, sort_keys=True))
    return completed | {"serialNumber": serial.urn}


if __name__ == "__main__":
    given, packages = (Path(argument).read_text() for argument in sys.argv[1:])
    done = complete(json.loads(given), packages, int(os.environ["SOURCE_DATE_EPOCH"]))
    sys.stdout.write(json.dumps(done, indent=2) + "\n")
