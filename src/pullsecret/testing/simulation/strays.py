"""Messages on the queue that are of no use to the service."""

import json
from collections.abc import Mapping


def _event(**data: object) -> bytes:
    attributes = {"specversion": "1.0", "id": "stray", "source": "stranger", "type": "cluster.update"}
    return json.dumps({**attributes, "datacontenttype": "application/json", "data": data}).encode()


STRAYS: Mapping[str, bytes] = {
    "is no JSON": b'{"specversion": "1.0", ',
    "is no object": b"[]",
    "has no type": b'{"specversion": "1.0", "id": "stray", "source": "it", "data": {"clusterId": "c1"}}',
    "names no cluster": _event(provider="gcp"),
    "names a cluster by a number": _event(clusterId=1, provider="gcp"),
    "names a cluster by a path": _event(clusterId="../../c1", provider="gcp"),
    "names a cluster at length": _event(clusterId="c" * 300, provider="gcp"),
    "is about another kind": _event(kind="NodePool", id="c1", provider="gcp"),
    "is of an unknown cluster": _event(clusterId="ghost", provider="gcp", generation=3),
    "is of an unknown generation": _event(clusterId="c1", provider="gcp", generation=99),
    "is of another cloud": _event(clusterId="c1", provider="aws"),
}
"""Bodies by what is the matter with them."""
HARMLESS = {"is of an unknown cluster", "is of an unknown generation", "is of another cloud"}
"""Those that are well formed and may be acknowledged."""
