"""Checksums of the members of a package; those of large ones are taken by a thread beside what else is done, for
hashing holds no lock of Python."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache, partial
from typing import Any

from symc.passes.threads import Beside

LARGE = 2**20       # bytes that take longer to hash than threads to start
LONG = 2**12        # bytes of a piece whose CRC-32 takes longer than to join it to another
POLYNOMIAL, ONE, X = 0xEDB88320, 1 << 31, 1 << 30       # of CRC-32; bits reflected, the highest is that of x^0


class Checked:
    """Bytes, in pieces that lie one behind the other, and their checksums.

    If there are many, SHA-256 is taken from now on, CRC-32 from `take_crc32` on.
    """

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self.pieces = tuple(pieces)
        self.size = sum(map(len, self.pieces))
        self._sha256 = Beside(self._find_sha256) if self.size >= LARGE else None
        self._crc32: Beside[int] | None = None

    def take_crc32(self, function: Callable[[bytes | memoryview], int]) -> None:
        """function: the CRC-32 of a piece, faster than zlib's."""
        if self.size >= LARGE:
            self._crc32 = Beside(partial(self._find_crc32, function))

    @cached_property
    def sums(self) -> dict[str, Any]:
        """Size in bytes and checksums, as a manifest has them."""
        return {"bytes": self.size,
                "crc32": self._find_crc32() if self._crc32 is None else self._crc32.result(),
                "sha256": self._find_sha256() if self._sha256 is None else self._sha256.result()}

    def _find_crc32(self, function: Callable[[bytes | memoryview], int] = zlib.crc32) -> int:
        found = 0
        for piece in self.pieces:
            found = joined(found, function(piece), len(piece)) if len(piece) > LONG else zlib.crc32(piece, found)
        return found

    def _find_sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(piece)
        return digest.hexdigest()


def joined(first: int, second: int, size: int) -> int:
    """The CRC-32 of bytes, of two parts' CRC-32; size: bytes of the second part.  Bytes behind others multiply what
    these leave by powers of x (as zlib's crc32_combine)."""
    return _product(_power(8 * size), first) ^ second


@lru_cache
def _power(exponent: int) -> int:
    """x^exponent modulo the polynomial."""
    found, square = ONE, X
    while exponent:
        found = _product(found, square) if exponent & 1 else found
        square, exponent = _product(square, square), exponent >> 1
    return found


def _product(a: int, b: int) -> int:
    """Of two polynomials modulo the polynomial."""
    found = 0
    while a:
        found ^= b if a & ONE else 0
        a, b = a << 1 & 0xFFFFFFFF, b >> 1 ^ (POLYNOMIAL if b & 1 else 0)
    return found
