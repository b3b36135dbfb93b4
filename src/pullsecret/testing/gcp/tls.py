"""A throw-away certificate authority for the served fakes."""

import ssl
from pathlib import Path

import attrs
import trustme


@attrs.frozen
class ServerIdentity:
    """A server certificate with its key, in PEM."""

    private_key: bytes = attrs.field(repr=False)
    certificate_chain: bytes


class TestAuthority:
    """Issues certificates for local names; clients trust :attr:`certificate`."""

    __test__ = False

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="pullsecret test authority")

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, in PEM."""
        return self._authority.cert_pem.bytes()

    def write_certificate(self, path: Path) -> Path:
        """Write :attr:`certificate` to ``path`` and return it."""
        path.write_bytes(self.certificate)
        return path

    def issue(self, *names: str) -> ServerIdentity:
        """A certificate for these host names and addresses."""
        issued = self._authority.issue_cert(*names)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return ServerIdentity(issued.private_key_pem.bytes(), chain)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A TLS context for a server of these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context
