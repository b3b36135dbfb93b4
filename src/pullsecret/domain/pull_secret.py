"""A registry pull secret: a secret payload known to be a usable ``dockerconfigjson`` document."""

import base64
import binascii
import json
from typing import Any, NoReturn

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload

MAX_PULL_SECRET_BYTES = 65_536
"""Secret Manager's limit for one version's payload (https://cloud.google.com/secret-manager/quotas)."""

_SHOWN_REGISTRY_CHARACTERS = 100


class PullSecret(SecretPayload):
    """A validated pull secret.

    Guaranteed: UTF-8 JSON (RFC 8259), an object with a non-empty ``auths`` object, each entry an object with
    a base64 ``auth`` or with ``username`` and ``password``, at most :data:`MAX_PULL_SECRET_BYTES` bytes, no
    key given twice. Credentials are not tried (DDR NG1).
    """

    __slots__ = ()

    def __init__(self, data: bytes) -> None:
        """Raise :class:`PermanentError` (``InvalidPullSecret``) naming the registry entry, never a value."""
        fault = _fault(data)
        # Raised outside of any handler and with the bytes forgotten, so that neither a parser error nor a
        # frame of the traceback still holds the document.
        if fault:
            del data
            raise PermanentError("validate-pull-secret", "pull secret", Reason.INVALID_PULL_SECRET, fault)
        super().__init__(data)


class _DuplicateKeyError(ValueError):
    pass


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON (RFC 8259, section 6).


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise _DuplicateKeyError
    return entries


def _fault(data: bytes) -> str | None:
    if len(data) > MAX_PULL_SECRET_BYTES:
        return f"It has {len(data)} bytes; Secret Manager takes at most {MAX_PULL_SECRET_BYTES}."
    try:
        document = json.loads(
            data.decode(),
            # As floats, since Python limits the digits of whole numbers and JSON does not.
            parse_int=float,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except UnicodeDecodeError:
        return "It is not UTF-8 text."
    except _DuplicateKeyError:
        return "It names the same key twice."
    except ValueError:
        return "It is not JSON."
    except RecursionError:
        return "It is nested too deeply."
    if not isinstance(document, dict):
        return "It is not a JSON object."
    registries = document.get("auths")
    if not isinstance(registries, dict):
        return "It has no 'auths' object."
    if not registries:
        return "Its 'auths' object names no registry."
    for registry, entry in registries.items():
        if problem := _entry_fault(entry):
            return f"Registry {_shown(registry)}: {problem}"
    return None


def _entry_fault(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "the entry is not an object."
    encoded = entry.get("auth")
    # Registry clients take an empty 'auth' for none and look at the other two.
    if encoded is not None and encoded != "":
        if not isinstance(encoded, str):
            return "'auth' is not a string."
        return None if _is_base64(encoded) else "'auth' is not base64."
    for field in ("username", "password"):
        value = entry.get(field)
        if not isinstance(value, str) or not value:
            return "it has neither 'auth' nor both 'username' and 'password'."
    return None


def _is_base64(text: str) -> bool:
    # The consumers' decoder (Go's encoding/base64) passes over line breaks and nothing else.
    unbroken = text.replace("\r", "").replace("\n", "")
    try:
        return bool(base64.b64decode(unbroken, validate=True))
    except (binascii.Error, ValueError):
        return False


def _shown(registry: str) -> str:
    # What stands before an '@' may be a user and a password.
    address = registry.rpartition("@")[2]
    printable = "".join(character if character.isprintable() else "?" for character in address)
    if len(printable) > _SHOWN_REGISTRY_CHARACTERS:
        printable = printable[:_SHOWN_REGISTRY_CHARACTERS] + "..."
    return f"'{printable}'"
