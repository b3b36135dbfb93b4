"""What the service is made of: pinned by hash, from one index, under licences that are allowed, and without a
credential in the repository's history."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from tests.security import secret_scan

ROOT: Final = secret_scan.ROOT
INDEX: Final = "https://pypi.org/simple"
ALLOWED_LICENCES: Final = {
    "0BSD",
    "APACHE 2.0",
    "APACHE SOFTWARE",
    "APACHE SOFTWARE LICENSE",
    "APACHE-2.0",
    "BSD",
    "BSD LICENSE",
    "BSD-2-CLAUSE",
    "BSD-3-CLAUSE",
    "CC0-1.0",
    "CNRI-PYTHON",
    "3-CLAUSE BSD LICENSE",
    "ISC",
    "MIT",
    "MIT LICENSE",
    "MIT-0",
    "MIT-CMU",
    "MOZILLA PUBLIC LICENSE 2.0",
    "MPL-2.0",
    "PSF-2.0",
    "PYTHON SOFTWARE FOUNDATION LICENSE",
    "UNLICENSE",
    "ZLIB",
}
"""Permissive ones, and the Mozilla licence, whose terms end at its own files. Another one is a question for a
person, and its answer stands here."""


def locked_packages() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return packages


def test_every_locked_file_has_a_hash_and_comes_from_one_index() -> None:
    packages = [package for package in locked_packages() if package["name"] != "pullsecret"]
    assert len(packages) > 100
    for package in packages:
        assert package["source"] == {"registry": INDEX}, package["name"]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]), package["name"]
            assert file["url"].startswith("https://files.pythonhosted.org/"), package["name"]


def test_images_install_by_hash() -> None:
    for file in ("Containerfile", "build-scratch.sh"):
        text = (ROOT / "deploy" / "image" / file).read_text()
        assert "--locked" in text
        assert "--require-hashes" in text


def parts(requirement: str, seen: set[str]) -> Iterator[Distribution]:
    """The distribution that fulfils ``requirement`` and all that it needs, where it is needed here."""
    wanted = Requirement(requirement)
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        return
    extras = {"", *wanted.extras}
    if f"{wanted.name} {sorted(extras)}" in seen:
        return
    seen.add(f"{wanted.name} {sorted(extras)}")
    yield found
    for text in found.requires or []:
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            yield from parts(text, seen)


def licences(of: Distribution) -> list[str]:
    """What a distribution says of itself, in parts: its expression, else its classifiers, else its text."""
    metadata = of.metadata
    named = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License :: ")]
    names = [value.rpartition(" :: ")[2] for value in named]
    classifiers = " AND ".join(name for name in names if name != "OSI Approved")
    text = (metadata["License"] or "").strip().partition("\n")[0]
    told = metadata["License-Expression"] or classifiers or text or "none"
    told = told.replace("(MPL 2.0)", "")
    return [part.strip(" ()").upper() for part in re.split(r"\b(?:AND|OR|WITH)\b", told)]


def test_every_licence_is_allowed() -> None:
    shipped = list(parts("pullsecret[all]", set()))
    assert len(shipped) > 50
    unknown = {
        f"{one.metadata['Name']}: {licence}"
        for one in shipped
        for licence in licences(one)
        if licence not in ALLOWED_LICENCES and one.metadata["Name"] != "pullsecret"
    }
    assert unknown == set()


def test_the_history_holds_no_credential() -> None:
    found = secret_scan.findings()
    assert {each for each in found if each.digest not in secret_scan.allowed()} == set()
    # One that is gone from the history is gone from the list.
    assert secret_scan.allowed() <= {each.digest for each in found}


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "QYLPMN5HFIQR7XYA",
        "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
    ],
    ids=["AWS", "GitHub", "private key"],
)
def test_one_that_was_removed_again_is_found(text: str, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    file = tmp_path / "notes.txt"
    for content, message in ((f"key: {text}  # pragma: allowlist secret\n", "Add"), ("", "Remove")):
        file.write_text(content)
        git("add", "notes.txt")
        git("commit", "-q", "-m", message)
    (found,) = secret_scan.findings(tmp_path)
    assert text not in repr(found)
    assert found.where.endswith("notes.txt")
