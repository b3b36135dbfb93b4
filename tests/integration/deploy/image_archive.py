"""The built image as an archive: what is in it, without running it."""

import json
import tarfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import attrs


@attrs.frozen(slots=False)
class BuiltImage:
    """A folder that ``build-scratch.sh`` wrote."""

    name: ClassVar[str] = "pullsecret.test/pullsecret:1"
    folder: Path

    @property
    def archive(self) -> Path:
        """What engines load."""
        return self.folder / "image.tar"

    @property
    def bill(self) -> Any:
        """The bill of materials."""
        return json.loads((self.folder / "sbom.json").read_text())

    @cached_property
    def files(self) -> dict[str, tarfile.TarInfo]:
        """Every file and folder by its path, without a leading slash."""
        return {
            member.name.removeprefix("./"): member
            for layer in self._layers()
            for member in layer
            if member.name != "."
        }

    def read(self, path: str) -> bytes:
        """A file's content. Raises :class:`KeyError` if the image does not have it."""
        for layer in self._layers():
            if f"./{path}" in layer.getnames():
                found = layer.extractfile(f"./{path}")
                assert found is not None
                return found.read()
        raise KeyError(path)

    def document(self, name: str) -> Any:
        """A JSON document of the archive itself."""
        with tarfile.open(self.archive) as archive:
            found = archive.extractfile(name)
            assert found is not None
            return json.load(found)

    def _layers(self) -> Iterator[tarfile.TarFile]:
        (manifest,) = self.document("manifest.json")
        with tarfile.open(self.archive) as archive:
            for name in manifest["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                    yield layer
