"""Identifiers that come from outside and are checked once, where they enter."""

import re
from typing import NewType

import attrs

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason

MAX_CLUSTER_ID_CHARACTERS = 253
MAX_GENERATION = 2**63 - 1
"""Kubernetes and JSON APIs written in Go count generations in 64 bits."""

_CLUSTER_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
# https://cloud.google.com/resource-manager/docs/creating-managing-projects; legacy ids have a domain prefix.
_PROJECT_ID = re.compile(r"(?:[a-z0-9.-]{1,100}:)?[a-z][-a-z0-9]{4,28}[a-z0-9]\Z")

Generation = NewType("Generation", int)
"""A cluster's generation as the HyperFleet API counts it: 1 or more, growing with each change of the spec."""


@attrs.frozen(order=True)
class ClusterId:
    """A cluster's id: 1 to 253 letters, digits, ``-``, ``_`` or ``.``, starting and ending with one of the
    first two kinds. Anything else raises :class:`PermanentError` (``InvalidCluster``): such an id could
    leave its place in a path or a label."""

    value: str = attrs.field()

    @value.validator
    def _check(self, _attribute: object, value: str) -> None:
        if len(value) > MAX_CLUSTER_ID_CHARACTERS or not _CLUSTER_ID.match(value):
            raise _invalid("cluster id", value, "1 to 253 letters, digits, '-', '_' or '.'")

    def __str__(self) -> str:
        return self.value


def generation(value: object) -> Generation:
    """Return ``value`` as a generation.

    Raises :class:`PermanentError` unless it is a whole number from 1 to :data:`MAX_GENERATION`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise _invalid("generation", str(value), "a whole number of 1 or more")
    if not 1 <= value <= MAX_GENERATION:
        # In hexadecimal where it is long: Python refuses to write thousands of decimal digits.
        shown = str(value) if abs(value) <= MAX_GENERATION else hex(value)
        raise _invalid("generation", shown, "a whole number from 1 to 2**63 - 1")
    return Generation(value)


def namespace(value: str) -> str:
    """Return ``value`` if it is a Kubernetes namespace name (RFC 1123 label), else raise PermanentError."""
    if not _NAMESPACE.match(value):
        raise _invalid("namespace", value, "an RFC 1123 label of at most 63 characters")
    return value


def project_id(value: str) -> str:
    """Return ``value`` if it can be a Google Cloud project id, else raise PermanentError."""
    if not _PROJECT_ID.match(value):
        raise _invalid("project id", value, "6 to 30 lower-case letters, digits or '-'")
    return value


def _invalid(what: str, value: str, allowed: str) -> PermanentError:
    shown = value if len(value) <= 80 else value[:80] + "..."
    return PermanentError(
        "read-cluster", "cluster", Reason.INVALID_CLUSTER, f"The {what} {shown!r} is not {allowed}."
    )
