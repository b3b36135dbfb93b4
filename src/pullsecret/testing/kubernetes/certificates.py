"""The control plane's own certificate authority, made anew for each run."""

from pathlib import Path

import attrs
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@attrs.frozen
class KeyPair:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class Certificates:
    """Files under ``folder``, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA(organization_name="pullsecret test control plane")
        self.ca = folder / "ca.crt"
        self._ca.cert_pem.write_to_path(self.ca)

    def server(self, name: str, *hosts: str) -> KeyPair:
        """A server's certificate for these host names and addresses."""
        return self._write(name, self._ca.issue_cert(*hosts))

    def client(self, user: str, group: str) -> KeyPair:
        """A client's certificate: Kubernetes reads the user from the common name, the group from the
        organization."""
        certificate = self._ca.issue_cert(
            f"{_file_name(user)}.test", common_name=user, organization_name=group
        )
        return self._write(_file_name(user), certificate)

    def signing_key(self) -> Path:
        """An RSA key for service-account tokens."""
        path = self._folder / "service-accounts.key"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write_private(
            path,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )
        return path

    def _write(self, name: str, certificate: trustme.LeafCert) -> KeyPair:
        pair = KeyPair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.certificate.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        _write_private(pair.key, certificate.private_key_pem.bytes())
        return pair


def _file_name(user: str) -> str:
    return user.replace(":", "-")


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
