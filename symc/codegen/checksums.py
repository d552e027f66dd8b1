"""Checksums of the members of a package, taken by threads beside what else is done: hashing holds no lock of Python."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from symc.passes.threads import Beside

LARGE = 2**20       # bytes that take longer to hash than threads to start


class Checked:
    """Bytes, in pieces that lie one behind the other, whose checksums are taken: from now on if there are many."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self.pieces = tuple(pieces)
        self.size = sum(map(len, self.pieces))
        self._taken: tuple[Beside[int], Beside[str]] | None = None
        if self.size >= LARGE:
            self._taken = Beside(self._take_crc32), Beside(self._take_sha256)

    @cached_property
    def sums(self) -> dict[str, Any]:
        """Size in bytes and checksums, as a manifest has them."""
        crc32, sha256 = ((self._take_crc32(), self._take_sha256()) if self._taken is None else
                         (one.result() for one in self._taken))
        return {"bytes": self.size, "crc32": crc32, "sha256": sha256}

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
