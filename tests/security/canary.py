"""A password that is nowhere else in the world, and every form in which a piece of it could come to light."""

import base64
import json
import secrets
import string
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import attrs

_LETTERS: Final = string.ascii_letters + string.digits
_LENGTH: Final = 30
_PIECE: Final = 10
"""Characters of the password that are taken for a leak: more than chance would ever bring together."""


def _word() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


@attrs.frozen(slots=False)
class Canary:
    """Two passwords, one written in clear and one within a login in base64."""

    clear: str = attrs.field(factory=_word, repr=False)
    login: str = attrs.field(factory=_word, repr=False)

    def pull_secret(self) -> str:
        """A valid pull secret that holds both."""
        encoded = base64.b64encode(f"robot:{self.login}".encode()).decode()
        # What URLs and JSON would escape stands beside what they leave alone.
        plain = {"username": "robot@example.com", "password": f'{self.clear}/+& "ü'}
        return json.dumps({"auths": {"quay.io": {"auth": encoded}, "registry.example.com": plain}})

    def leaks(self, data: bytes | str) -> list[str]:
        """What of it is in ``data``: pieces in clear (so in URLs and escaped JSON too), in hexadecimal,
        reversed, and in base64 once or twice at any offset, so within the base64 of a whole document."""
        if isinstance(data, str):
            data = data.encode(errors="surrogatepass")
        return sorted(piece.decode() for piece in self._all_pieces if piece in data)

    @cached_property
    def _all_pieces(self) -> frozenset[bytes]:
        return frozenset(piece.encode() for word in (self.clear, self.login) for piece in _pieces(word))


def _pieces(word: str) -> Iterator[str]:
    forms = [word, word[::-1], word.encode().hex(), word.encode().hex().upper()]
    for once in _encoded(word):
        forms.append(once)
        forms.extend(_encoded(once))
    for form in forms:
        # Longer forms in steps, which finds whatever is a few characters longer than such a piece.
        plain = form in (word, word[::-1])
        length, step = (_PIECE, 1) if plain else (_PIECE + 2, 4)
        for start in range(0, len(form) - length + 1, step):
            piece = form[start : start + length]
            yield piece
            yield piece.replace("+", "-").replace("/", "_")


def _encoded(text: str) -> Iterator[str]:
    """Base64 of ``text`` within something longer, at each of the three offsets, without its neighbours."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + text.encode()).decode()
        yield encoded[4 if offset else 0 : -4]
