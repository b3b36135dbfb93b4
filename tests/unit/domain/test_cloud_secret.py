"""Versions are counted as numbers."""

import pytest

from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.secret_payload import SecretPayload


@pytest.mark.parametrize(
    ("mine", "other", "older"),
    [("1", "2", True), ("2", "2", False), ("3", "2", False), ("9", "10", True), ("10", "9", False)],
)
def test_a_version_is_older_if_its_number_is_less(mine: str, other: str, older: bool) -> None:
    assert SecretVersion(mine, SecretPayload(b""), 0).is_older_than(other) is older


def test_nothing_is_older_than_no_version() -> None:
    assert SecretVersion("1", SecretPayload(b""), 0).is_older_than(None) is False
