"""Clusters and events from files, as commands take them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import ClusterDocumentPaths, read_cluster
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import ClusterEvent
from pullsecret.entrypoints.wrong_use import WrongUseError
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse


def read_documents(path: Path) -> list[Mapping[str, Any]]:
    """The JSON objects in ``path``: one object, an array, a list as the API gives it (``items``), or one
    object a line. Raises :class:`WrongUseError`."""
    found = _parsed(path, _read(path))
    if isinstance(found, dict) and isinstance(found.get("items"), list):
        found = found["items"]
    documents = found if isinstance(found, list) else [found]
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict):
            raise WrongUseError(f"{path}: entry {number} is not a JSON object")
    return documents


def read_clusters(path: Path, where: ClusterDocumentPaths) -> list[tuple[Cluster, Mapping[str, Any]]]:
    """The clusters in ``path`` with their documents, which still hold the pull secrets."""
    clusters = []
    for number, document in enumerate(read_documents(path), 1):
        try:
            clusters.append((read_cluster(document, where)[0], document))
        except PermanentError as error:
            raise WrongUseError(f"{path}: cluster {number}: {error.cause}") from None
    return clusters


def read_event_lines(path: Path) -> list[bytes]:
    """The lines of ``path`` that are not empty, each one message's body."""
    return [line.encode() for _, line in _lines(_read(path))]


def read_event(path: Path) -> ClusterEvent:
    """The one CloudEvent in ``path``."""
    event = parse({}, _read(path).encode())
    if isinstance(event, Malformed):
        raise WrongUseError(f"{path}: {event.reason}")
    return event


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongUseError(f"{path}: not UTF-8 text") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Only at line feeds: JSON's texts may hold the other characters at which Python splits.
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    return [_line(path, number, line) for number, line in _lines(text)]


def _line(path: Path, number: int, line: str) -> Any:
    # Raised outside of the handler: the parser's error holds the line, and so perhaps a pull secret.
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
    except ValueError:
        reason = "a number has too many digits"
    except RecursionError:
        reason = "nested too deeply"
    raise WrongUseError(f"{path}: line {number}: not JSON: {reason}")
