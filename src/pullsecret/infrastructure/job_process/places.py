"""The places of a clean-up as one line of text, for an environment variable or an annotation."""

from pullsecret.domain.clean_up import Remains
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef

_SEPARATOR = ","


def cloud_secrets_text(places: Remains) -> str:
    """``projects/{project}/secrets/{name}``, with commas between; no name holds one."""
    return _SEPARATOR.join(ref.path for ref in places.cloud_secrets)


def cluster_secrets_text(places: Remains) -> str:
    """``{namespace}/{name}``, with commas between."""
    return _SEPARATOR.join(ref.path for ref in places.cluster_secrets)


def read_cloud_secrets(text: str) -> tuple[CloudSecretRef, ...]:
    """What :func:`cloud_secrets_text` wrote. Raises :class:`ValueError` naming what is no such path."""
    return tuple(_cloud_secret(part) for part in _parts(text))


def read_cluster_secrets(text: str) -> tuple[ClusterSecretRef, ...]:
    """What :func:`cluster_secrets_text` wrote. Raises :class:`ValueError` naming what is no such path."""
    return tuple(_cluster_secret(part) for part in _parts(text))


def _parts(text: str) -> list[str]:
    return text.split(_SEPARATOR) if text else []


def _cloud_secret(part: str) -> CloudSecretRef:
    ref = CloudSecretRef.at(part)
    if ref is None or ref.path != part:
        raise ValueError(f"{part[:80]!r} is not projects/PROJECT/secrets/NAME")
    return ref


def _cluster_secret(part: str) -> ClusterSecretRef:
    match part.split("/"):
        case [namespace, name] if namespace and name:
            return ClusterSecretRef(namespace, name)
    raise ValueError(f"{part[:80]!r} is not NAMESPACE/NAME")
