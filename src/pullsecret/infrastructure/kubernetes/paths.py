"""Where objects are in the Kubernetes API.

Every name is quoted, so that none can leave its place.
"""

from typing import Final
from urllib.parse import quote

NAMESPACES: Final = "/api/v1/namespaces"
ALL_SECRETS: Final = "/api/v1/secrets"
"""The secrets of every namespace."""


def namespace_path(name: str) -> str:
    """A namespace."""
    return f"{NAMESPACES}/{quote(name, safe='')}"


def secret_path(namespace: str, name: str = "") -> str:
    """A secret, or the namespace's secrets."""
    return _path("/api/v1", namespace, "secrets", name)


def pod_path(namespace: str, name: str = "") -> str:
    """A pod, or the namespace's pods."""
    return _path("/api/v1", namespace, "pods", name)


def event_path(namespace: str) -> str:
    """The namespace's events."""
    return _path("/api/v1", namespace, "events", "")


def job_path(namespace: str, name: str = "") -> str:
    """A job, or the namespace's jobs."""
    return _path("/apis/batch/v1", namespace, "jobs", name)


def _path(group: str, namespace: str, resource: str, name: str) -> str:
    collection = f"{group}/namespaces/{quote(namespace, safe='')}/{resource}"
    return f"{collection}/{quote(name, safe='')}" if name else collection
