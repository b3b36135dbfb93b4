"""Which versions of a secret are old."""

from collections.abc import Iterator, Sequence
from typing import Any

from pullsecret.infrastructure.gcp.messages import SecretVersion


def versions_to_retire(versions: Sequence[Any], keep: int, protect: str, *, destroy: bool) -> Iterator[Any]:
    """Of ``versions``, newest first and none destroyed, yield those beyond the ``keep`` newest enabled ones.

    Disabled ones are yielded only to be destroyed, and only if older than what is kept: a newer one was
    disabled by somebody else, for a reason of theirs. The version numbered ``protect`` is never yielded.
    """
    enabled = 0
    for version in versions:
        if version.state == SecretVersion.State.ENABLED:
            enabled += 1
            old = enabled > keep
        else:
            old = destroy and enabled >= keep
        if old and version.name.rpartition("/")[2] != protect:
            yield version
