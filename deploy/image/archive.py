"""Writes an image's archive from the tar files of its layers: an OCI layout that ``docker load`` takes too.

The same layers, name and time give the same bytes.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
ENVIRONMENT: Final = {
    "PATH": "/usr/bin",
    "LANG": "C.UTF-8",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_MEDIA: Final = "application/vnd.oci.image"


class Archive:
    """A tar file whose members bear no time and no owner."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, content: bytes) -> None:
        """Add a small file."""
        self._tar.addfile(_member(name, len(content)), io.BytesIO(content))

    def add_blob(self, media: str, content: bytes) -> dict[str, Any]:
        """Add a blob; returns its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        self.add(f"blobs/sha256/{digest}", content)
        return _descriptor(media, digest, len(content))

    def add_layer(self, layer: Path) -> dict[str, Any]:
        """Add a layer's tar file as a blob; returns its descriptor."""
        with layer.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            self._tar.addfile(_member(f"blobs/sha256/{digest}", size), file)
        return _descriptor(f"{_MEDIA}.layer.v1.tar", digest, size)


def write(
    target: Path,
    name: str,
    layers: Sequence[Path],
    created: str,
    labels: Mapping[str, str],
    command: Sequence[str] = ("pullsecret", "--help"),
) -> None:
    """Write the archive of the image ``name`` (with its tag); it runs ``command`` unless told another."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        archive = Archive(tar)
        descriptors = [archive.add_layer(layer) for layer in layers]
        config = {
            "created": created,
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {
                "User": "1000:1000",
                "Env": [f"{key}={value}" for key, value in ENVIRONMENT.items()],
                "Cmd": list(command),
                "WorkingDir": "/",
                "Labels": dict(labels),
            },
            "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in descriptors]},
            "history": [{"created": created, "created_by": "build-scratch.sh"} for _ in layers],
        }
        config_blob = archive.add_blob(f"{_MEDIA}.config.v1+json", _json(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": config_blob,
            "layers": descriptors,
        }
        manifest_blob = archive.add_blob(f"{_MEDIA}.manifest.v1+json", _json(manifest))
        names = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        index = {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.index.v1+json",
            "manifests": [manifest_blob | {"annotations": names}],
        }
        archive.add("index.json", _json(index))
        archive.add("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        docker = {
            "Config": _blob_path(config_blob),
            "RepoTags": [name],
            "Layers": [_blob_path(each) for each in descriptors],
        }
        archive.add("manifest.json", _json([docker]))


def tagged(name: str) -> str:
    """The name with a tag: ``latest`` unless it has one."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    return member


def _descriptor(media: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": size}


def _blob_path(descriptor: Mapping[str, Any]) -> str:
    return f"blobs/{str(descriptor['digest']).replace(':', '/')}"


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def main() -> None:
    """Read the command line and write the archive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--name", type=tagged, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("layers", type=Path, nargs="+")
    given = parser.parse_args()
    created = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.title": "pullsecret",
        "org.opencontainers.image.version": given.version,
        "org.opencontainers.image.revision": given.revision,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    write(given.output, given.name, given.layers, created, labels)
    sys.stdout.write(f"{given.output}: {given.name}, {given.output.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
