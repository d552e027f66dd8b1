"""Checksums of the members of a package, taken by threads beside what else is done: hashing holds no lock of Python."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any


class Checked:
    """Bytes, in pieces that lie one behind the other, whose checksums are being taken from now on."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self.pieces = tuple(pieces)
        self.size = sum(map(len, self.pieces))
        beside = ThreadPoolExecutor(2)
        self._crc32, self._sha256 = beside.submit(self._take_crc32), beside.submit(self._take_sha256)
        beside.shutdown(wait=False)

    @cached_property
    def sums(self) -> dict[str, Any]:
        """Size in bytes and checksums, as a manifest has them."""
        return {"bytes": self.size, "crc32": self._crc32.result(), "sha256": self._sha256.result()}

    def _take_crc32(self) -> int:
        total = 0
        for piece in self.pieces:
            total = zlib.crc32(piece, total)
        return total

    def _take_sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(piece)
        return digest.hexdigest()
