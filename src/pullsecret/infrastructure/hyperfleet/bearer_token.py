"""A bearer token from a file that is replaced now and then, as Kubernetes does with projected tokens."""

import re
from pathlib import Path

import httpx

from pullsecret.domain.errors import TransientError
from pullsecret.domain.reasons import Reason

# RFC 6750, section 2.1
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


class BearerTokenFile:
    """Gives the token, read again whenever the file has changed. ``repr`` shows the path only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._token = ""

    def headers(self) -> httpx.Headers:
        """The ``Authorization`` header; httpx never shows it.

        Raises :class:`TransientError` naming the file if it cannot be read or holds no token: the next
        rotation may mend it.
        """
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_ino, found.st_size)
            if version != self._version:
                self._token = self._checked(self._path.read_text())
                self._version = version
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(f"It cannot be read ({type(error).__name__}).") from None
        return httpx.Headers({"authorization": f"Bearer {self._token}"})

    def _checked(self, text: str) -> str:
        token = text.strip()
        if not _TOKEN.match(token):
            raise self._unusable("It does not hold a bearer token.")
        return token

    def _unusable(self, cause: str) -> TransientError:
        return TransientError(
            "read-api-credential",
            str(self._path),
            Reason.HYPERFLEET_UNAVAILABLE,
            cause,
            f"Put the token for the HyperFleet API into {self._path}.",
        )

    def __repr__(self) -> str:
        return f"BearerTokenFile({str(self._path)!r})"
