"""What a client trusts and shows over TLS, from the files that a section of the configuration names."""

import ssl
from pathlib import Path
from typing import Protocol

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason


class TlsFiles(Protocol):
    """PEM files, as settings name them."""

    @property
    def ca_bundle(self) -> Path | None:
        """Authorities to trust instead of the system's."""

    @property
    def client_certificate(self) -> Path | None:
        """Our certificate."""

    @property
    def client_key(self) -> Path | None:
        """Its key."""


def client_tls(operation: str, section: str, files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or later. Raises what :func:`unusable_file` makes for a key of ``section``."""
    try:
        context = ssl.create_default_context(cafile=files.ca_bundle)
    except OSError as fault:
        raise unusable_file(operation, f"{section}.caBundle", str(files.ca_bundle), fault) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.client_certificate is not None:
        try:
            context.load_cert_chain(files.client_certificate, files.client_key)
        except OSError as fault:
            keys = f"{section}.clientCertificate or {section}.clientKey"
            named = f"{files.client_certificate}, {files.client_key}"
            raise unusable_file(operation, keys, named, fault) from None
    return context


def unusable_file(operation: str, key: str, file: str, fault: Exception) -> PermanentError:
    """``WrongConfiguration``, naming the key and the file."""
    # OpenSSL's text names a line of its own source, and nothing of the file.
    why = type(fault).__name__
    if isinstance(fault, OSError) and not isinstance(fault, ssl.SSLError):
        why = fault.strerror or why
    cause = f"{key} cannot be used ({why})."
    return PermanentError(operation, file, Reason.WRONG_CONFIGURATION, cause, f"Correct {key}.")
