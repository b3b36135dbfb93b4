"""CRC32C against the published vectors and against Google's own library."""

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.checksum import crc32c

ISCSI_READ_10 = bytes.fromhex(
    "01c00000" "00000000" "00000000" "00000000" "14000000" "00000400"
    "00000014" "00000018" "28000000" "00000000" "02000000" "00000000"
)  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (ISCSI_READ_10, 0xD9963A56),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_vectors_of_rfc_3720(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@given(st.binary(max_size=4096))
def test_it_agrees_with_googles_library(data: bytes) -> None:
    assert crc32c(data) == google_crc32c.value(data)
