"""CRC32C (Castagnoli), the checksum Secret Manager keeps of every payload (RFC 3720, appendix B.4)."""

_REFLECTED_POLYNOMIAL = 0x82F63B78


def _table_entry(index: int) -> int:
    remainder = index
    for _ in range(8):
        remainder = (remainder >> 1) ^ (_REFLECTED_POLYNOMIAL if remainder & 1 else 0)
    return remainder


_TABLE = tuple(_table_entry(index) for index in range(256))


def crc32c(data: bytes) -> int:
    """Return the CRC32C of ``data``, 0 to 2**32 - 1."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = _TABLE[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder ^ 0xFFFFFFFF
