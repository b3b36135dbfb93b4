"""The file of further authorities to trust."""

import ssl
from pathlib import Path

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason


def trust(context: ssl.SSLContext, file: Path) -> None:
    """Let ``context`` trust the file's authorities. Raises :class:`PermanentError` (``WrongConfiguration``)
    naming the file if it cannot be read or holds none."""
    try:
        context.load_verify_locations(cafile=str(file))
    except OSError as fault:
        cause = "it holds no certificate in PEM" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise PermanentError(
            "open-secret-store",
            str(file),
            Reason.WRONG_CONFIGURATION,
            f"The trust file cannot be used: {cause}.",
            "Correct gcp.trustFile.",
        ) from None


def authorities(file: Path) -> bytes:
    """The file's certificates. Raises what :func:`trust` raises."""
    trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file)
    return file.read_bytes()
