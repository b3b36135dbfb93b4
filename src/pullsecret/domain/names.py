"""Every name the service gives, valid within the real limits for every cluster id (DDR phases 3 to 5).

A name that fits is exactly the design's. One that does not (too long, or characters the place forbids) is
lower-cased, cleaned and shortened, and the cluster's part ends in ``--`` and 16 hexadecimal digits of the
SHA-256 of the cluster id. A cluster id that already ends like that is treated the same, so that none can be
chosen to meet another's name: two clusters share a name only if their hashes do.
"""

import hashlib
import re

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.reasons import Reason

MAX_CLOUD_SECRET_NAME = 255
MAX_LABEL_VALUE = 63
MAX_KUBERNETES_NAME = 253
MAX_JOB_NAME = 63
"""A Job's name becomes a label of its pods, hence a label's length."""

_HASH_DIGITS = 16
_LOOKS_SHORTENED = re.compile(r".*--[0-9a-f]{16}\Z")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create
_CLOUD_SECRET_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements; also a valid Kubernetes value.
_LABEL_VALUE = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\Z")


def cloud_secret_name(cluster_id: ClusterId, override: str | None = None) -> str:
    """``hyperfleet-{cluster-id}-pull-secret``, or ``override`` (DDR decision 5, spec.pullSecret.secretName).

    Raises :class:`PermanentError` (``InvalidCluster``) if the override is no valid secret id.
    """
    if override is None:
        return _name("hyperfleet-", cluster_id, "-pull-secret", MAX_CLOUD_SECRET_NAME, _CLOUD_SECRET_NAME)
    if not _CLOUD_SECRET_NAME.match(override):
        raise PermanentError(
            "read-cluster",
            f"cluster {cluster_id}",
            Reason.INVALID_CLUSTER,
            f"The secret name {override[:80]!r} is not 1 to 255 letters, digits, '-' or '_'.",
            "Correct spec.pullSecret.secretName.",
        )
    return override


def temporary_secret_name(cluster_id: ClusterId) -> str:
    """``cluster-{cluster-id}-pullsecret-data``: the Kubernetes secret a job takes its input from."""
    return _name("cluster-", cluster_id, "-pullsecret-data", MAX_KUBERNETES_NAME, _DNS_SUBDOMAIN)


def job_name(cluster_id: ClusterId, generation: Generation, attempt: int = 1) -> str:
    """``pullsecret-{cluster-id}-gen{generation}``; later attempts end in ``-try{attempt}``."""
    suffix = f"-gen{generation}" if attempt == 1 else f"-gen{generation}-try{attempt}"
    return _name("pullsecret-", cluster_id, suffix, MAX_JOB_NAME, _DNS_LABEL)


def clean_up_job_name(cluster_id: ClusterId, generation: Generation, attempt: int = 1) -> str:
    """``pullsecret-{cluster-id}-del{generation}``; later attempts end in ``-try{attempt}``."""
    suffix = f"-del{generation}" if attempt == 1 else f"-del{generation}-try{attempt}"
    return _name("pullsecret-", cluster_id, suffix, MAX_JOB_NAME, _DNS_LABEL)


def cluster_secret_name(cluster_id: ClusterId) -> str:
    """``{cluster-id}-pull-secret``: the Kubernetes secret HyperShift uses."""
    return _name("", cluster_id, "-pull-secret", MAX_KUBERNETES_NAME, _DNS_SUBDOMAIN)


def cluster_label(cluster_id: ClusterId) -> str:
    """The value of the ``cluster-id`` ownership label, valid both in Google Cloud and in Kubernetes."""
    return _name("", cluster_id, "", MAX_LABEL_VALUE, _LABEL_VALUE)


def _name(prefix: str, cluster_id: ClusterId, suffix: str, limit: int, allowed: re.Pattern[str]) -> str:
    plain = f"{prefix}{cluster_id.value}{suffix}"
    if len(plain) <= limit and allowed.match(plain) and not _LOOKS_SHORTENED.match(cluster_id.value):
        return plain
    digest = "--" + hashlib.sha256(cluster_id.value.encode()).hexdigest()[:_HASH_DIGITS]
    room = limit - len(prefix) - len(suffix) - len(digest)
    cleaned = re.sub(r"[^a-z0-9-]+", "-", cluster_id.value.lower())[:room].strip("-")
    return f"{prefix}{cleaned}{digest}{suffix}"
