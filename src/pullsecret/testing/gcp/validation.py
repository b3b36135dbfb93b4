"""Field rules of Secret Manager, as its reference states them.

https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
"""

import re
import unicodedata
from collections.abc import Mapping

from pullsecret.testing.gcp.messages import Message
from pullsecret.testing.gcp.status import invalid_argument

MAX_PAYLOAD_BYTES = 65_536
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
_ANNOTATION_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z")
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+\Z")
_KEY = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+\Z")
_LOCATION = re.compile(r"[a-z]+(?:-[a-z]+)+\d+\Z")
_MIN_ROTATION_PERIOD = 3_600
_MIN_DESTROY_DELAY, _MAX_DESTROY_DELAY = 86_400, 1_000 * 86_400


def check_secret_id(secret_id: str) -> None:
    """1 to 255 letters, digits, ``-`` or ``_``."""
    if not _SECRET_ID.match(secret_id):
        raise invalid_argument(
            "secret_id",
            f"The provided Secret ID [{secret_id}] does not match the expected format [[a-zA-Z_0-9]+].",
        )


def check_secret(secret: Message, *, regional: bool) -> None:
    """Every rule that one Secret message can break by itself."""
    check_labels(secret.labels)
    _check_annotations(secret.annotations)
    if len(secret.topics) > 10:
        raise invalid_argument("secret.topics", "A secret has at most 10 topics.")
    for topic in secret.topics:
        if not _TOPIC.match(topic.name):
            raise invalid_argument("secret.topics", f"Topic [{topic.name}] is not projects/*/topics/*.")
    _check_rotation(secret)
    _check_aliases(secret.version_aliases)
    if secret.HasField("version_destroy_ttl") and not (
        _MIN_DESTROY_DELAY <= secret.version_destroy_ttl.seconds <= _MAX_DESTROY_DELAY
    ):
        raise invalid_argument("secret.version_destroy_ttl", "The delay must be 1 to 1000 days.")
    if regional:
        _check_regional(secret)
    else:
        _check_replication(secret)


def check_labels(labels: Mapping[str, str]) -> None:
    """At most 64; keys start with a lower-case or uncased letter; each at most 63 characters."""
    if len(labels) > 64:
        raise invalid_argument("secret.labels", "A secret has at most 64 labels.")
    for key, value in labels.items():
        if not key or not _label_text(key) or unicodedata.category(key[0]) not in ("Ll", "Lo"):
            raise invalid_argument("secret.labels", f"Label key [{key}] is invalid.")
        if not _label_text(value):
            raise invalid_argument("secret.labels", f"Label value [{value}] is invalid.")


def _label_text(text: str) -> bool:
    allowed = all(
        sign in "_-" or unicodedata.category(sign) in ("Ll", "Lo", "Nd", "Nl", "No") for sign in text
    )
    return allowed and len(text) <= 63 and len(text.encode()) <= 128


def _check_annotations(annotations: Mapping[str, str]) -> None:
    for key in annotations:
        if not _ANNOTATION_KEY.match(key):
            raise invalid_argument("secret.annotations", f"Annotation key [{key}] is invalid.")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) >= 16_384:
        raise invalid_argument("secret.annotations", "Annotations must total less than 16 KiB.")


def _check_rotation(secret: Message) -> None:
    if not secret.HasField("rotation"):
        return
    rotation = secret.rotation
    if not secret.topics:
        raise invalid_argument("secret.rotation", "Rotation needs at least one topic.")
    if rotation.HasField("rotation_period"):
        if not rotation.HasField("next_rotation_time"):
            raise invalid_argument("secret.rotation", "A rotation period needs next_rotation_time.")
        if rotation.rotation_period.seconds < _MIN_ROTATION_PERIOD:
            raise invalid_argument("secret.rotation", "The rotation period is at least 3600 seconds.")


def _check_aliases(aliases: Mapping[str, int]) -> None:
    if len(aliases) > 50:
        raise invalid_argument("secret.version_aliases", "A secret has at most 50 aliases.")
    for alias in aliases:
        if not _ALIAS.match(alias) or alias in ("latest", "NEW"):
            raise invalid_argument("secret.version_aliases", f"Version alias [{alias}] is invalid.")


def _check_regional(secret: Message) -> None:
    if secret.HasField("replication"):
        raise invalid_argument("secret.replication", "A regional secret has no replication policy.")


def _check_replication(secret: Message) -> None:
    if secret.HasField("customer_managed_encryption"):
        raise invalid_argument(
            "secret.customer_managed_encryption", "Only regional secrets carry this field; use replication."
        )
    policy = secret.replication.WhichOneof("replication")
    if policy is None:
        raise invalid_argument("secret.replication", "The replication policy must be set.")
    if policy == "user_managed" and not secret.replication.user_managed.replicas:
        raise invalid_argument("secret.replication", "At least one replica must be given.")
    seen: set[str] = set()
    for location, key in replicas(secret):
        if policy == "user_managed":
            if not _LOCATION.match(location):
                raise invalid_argument("secret.replication", f"Location [{location}] is unknown.")
            if location in seen:
                raise invalid_argument("secret.replication", f"Location [{location}] is given twice.")
            seen.add(location)
        if key:
            check_key(key, location)
    keyed = [bool(key) for _, key in replicas(secret)]
    if any(keyed) and not all(keyed):
        raise invalid_argument("secret.replication", "Either every replica has a key or none has.")


def check_key(key: str, location: str) -> None:
    """A key is ``projects/*/locations/*/keyRings/*/cryptoKeys/*`` in the location of what it encrypts."""
    found = _KEY.match(key)
    if not found:
        raise invalid_argument("kms_key_name", f"KMS key name [{key}] is malformed.")
    if found["location"] != location:
        raise invalid_argument("kms_key_name", f"KMS key [{key}] is not in location [{location}].")


def replicas(secret: Message) -> list[tuple[str, str]]:
    """(location, key or '') of every replica; ``global`` for automatic replication."""
    replication = secret.replication
    if replication.WhichOneof("replication") == "user_managed":
        return [
            (one.location, one.customer_managed_encryption.kms_key_name)
            for one in replication.user_managed.replicas
        ]
    return [("global", replication.automatic.customer_managed_encryption.kms_key_name)]
