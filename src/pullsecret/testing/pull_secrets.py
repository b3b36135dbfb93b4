"""Valid pull secrets for tests. It needs no test framework."""

import base64
import itertools
import json

CANARY = "c4n4ry-8f1d2e"
"""Part of every password, so that a test can search for a leak."""

_numbers = itertools.count(1)


def pull_secret_text() -> str:
    """The text of a valid pull secret unlike any before."""
    login = base64.b64encode(f"robot:{CANARY}-{next(_numbers)}".encode()).decode()
    return json.dumps({"auths": {"registry.redhat.io": {"auth": login}, "quay.io": {"auth": login}}})
