"""How much a file may hold that nobody vouches for: all limits of networks, parameters and archives.

The environment variable SYMC_LIMITS sets some of them by name: SYMC_LIMITS=nodes=2000000,bytes=64G.  docs/safety.md
lists them beside those that formats have.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import fields

from symc.errors import SymcError, did_you_mean
from symc.ops.record import Record, record

VARIABLE = "SYMC_LIMITS"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@record
class Limits(Record):
    """What is accepted.

    json_bytes: of a symbol.json.  nodes: of a graph in it.  subgraphs: how deep they are nested.
    members: files, folders and links of an archive.  bytes: all of them unpacked, the arrays of a .npz file, and what
    gzip compressed of a .params file.
    ratio: of the bytes unpacked to those of the archive, which counts only beyond `unchecked` bytes, since new weights
    are zeros and small files pack well.
    """

    json_bytes: int = 1 << 28
    nodes: int = 1_000_000
    subgraphs: int = 32
    members: int = 10_000
    bytes: int = 16 << 30
    ratio: int = 100
    unchecked: int = 256 << 20

    def unpacked(self, packed: int) -> int:
        """The most bytes that an archive of so many may unpack to."""
        return min(self.bytes, max(self.unchecked, self.ratio * packed))


def limits() -> Limits:
    """Those that hold now.  SymcError: SYMC_LIMITS names another, or is no number."""
    return _set(os.environ.get(VARIABLE, ""))


def way_out(name: str) -> str:
    """The hint of an error that says that a limit was exceeded."""
    return f"if you trust it, {VARIABLE}={name}=... sets another limit"


@functools.cache
def _set(text: str) -> Limits:
    known = [field.name for field in fields(Limits)]
    values = {}
    for item in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*(\w+)\s*=\s*([0-9]{1,18})([KMGT]?)\s*", item, re.ASCII)
        if not match or match[1] not in known:
            near = did_you_mean(match[1], known, "; ") if match else ""
            raise SymcError(f"environment variable {VARIABLE}: {item!r} is not LIMIT=NUMBER{near}",
                            f"limits are {', '.join(known)}; numbers may end in K, M, G or T")
        values[match[1]] = int(match[2]) * UNITS[match[3]]
    return Limits(**values)
