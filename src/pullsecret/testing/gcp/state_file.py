"""Keeping the fake's secrets in a file between runs. It holds payloads in clear: for tests only."""

import base64
import json
import os
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from pullsecret.testing.gcp.messages import Secret, SecretVersion
from pullsecret.testing.gcp.resource_names import parse_secret
from pullsecret.testing.gcp.secret_records import SecretRecord, VersionRecord
from pullsecret.testing.gcp.world import World


def save(world: World, path: Path) -> None:
    """Write every secret to ``path``, readable by its owner only, and never half."""
    with world.lock:
        document = [_dump(record) for record in world.secrets.values()]
    partial = path.with_name(path.name + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"secrets": document}, file)
    partial.replace(path)


def load(world: World, path: Path) -> None:
    """Read what :func:`save` wrote. Raises ValueError if the file is not of that form."""
    try:
        records = [_load(one) for one in json.loads(path.read_text())["secrets"]]
    except (ValueError, KeyError, TypeError, json_format.ParseError) as error:
        raise ValueError(f"{path} is not a state file of the fake") from error
    with world.lock:
        world.secrets = {str(record.name): record for record in records}
        for record in records:
            world.foresee(record)


def _dump(record: SecretRecord) -> dict[str, Any]:
    return {
        "secret": json_format.MessageToDict(record.message),
        "created": record.created,
        "versions": [
            {
                "version": json_format.MessageToDict(one.message),
                "payload": None if one.payload is None else base64.b64encode(one.payload).decode(),
                "checksum": one.checksum,
                "keys": list(one.keys),
            }
            for one in record.versions
        ],
    }


def _load(document: dict[str, Any]) -> SecretRecord:
    message = json_format.ParseDict(document["secret"], Secret())
    versions = [
        VersionRecord(
            json_format.ParseDict(one["version"], SecretVersion()),
            None if one["payload"] is None else base64.b64decode(one["payload"]),
            int(one["checksum"]),
            tuple(one["keys"]),
        )
        for one in document["versions"]
    ]
    return SecretRecord(parse_secret(message.name), message, versions, int(document["created"]))
