"""Resource names of Secret Manager, global and regional."""

import re

import attrs

from pullsecret.testing.gcp.status import ApiError, invalid_argument

_PROJECT = r"projects/(?P<project>[a-z0-9:.-]+)"
_PARENT = re.compile(rf"{_PROJECT}(?:/locations/(?P<location>[a-z0-9-]+))?\Z")
_SECRET = re.compile(rf"{_PROJECT}(?:/locations/(?P<location>[a-z0-9-]+))?/secrets/(?P<secret>[^/]+)\Z")
_VERSION = re.compile(
    rf"{_PROJECT}(?:/locations/(?P<location>[a-z0-9-]+))?/secrets/(?P<secret>[^/]+)/versions/(?P<version>[^/]+)\Z"
)


@attrs.frozen
class ParentName:
    """``projects/*`` or ``projects/*/locations/*``; ``project`` is an id or a number, as written."""

    project: str
    location: str | None = None

    def __str__(self) -> str:
        return f"projects/{self.project}" + (f"/locations/{self.location}" if self.location else "")


@attrs.frozen
class SecretName:
    """``{parent}/secrets/*``."""

    parent: ParentName
    secret: str

    def __str__(self) -> str:
        return f"{self.parent}/secrets/{self.secret}"


@attrs.frozen
class VersionName:
    """``{secret}/versions/*``; ``version`` is a number, ``latest`` or an alias."""

    of: SecretName
    version: str

    def __str__(self) -> str:
        return f"{self.of}/versions/{self.version}"


def parse_parent(text: str) -> ParentName:
    """Raises ApiError (INVALID_ARGUMENT) if ``text`` is no parent name."""
    found = _PARENT.match(text)
    if not found:
        raise _malformed("parent", text)
    return ParentName(found["project"], found["location"])


def parse_secret(text: str) -> SecretName:
    """Raises ApiError (INVALID_ARGUMENT) if ``text`` is no secret name."""
    found = _SECRET.match(text)
    if not found:
        raise _malformed("name", text)
    return SecretName(ParentName(found["project"], found["location"]), found["secret"])


def parse_version(text: str) -> VersionName:
    """Raises ApiError (INVALID_ARGUMENT) if ``text`` is no version name."""
    found = _VERSION.match(text)
    if not found:
        raise _malformed("name", text)
    parent = ParentName(found["project"], found["location"])
    return VersionName(SecretName(parent, found["secret"]), found["version"])


def _malformed(field: str, text: str) -> ApiError:
    return invalid_argument(field, f"Invalid resource field value in the request: {field} [{text}].")
