"""Writes `model.symc`: a zip of stored, aligned members that the runtime maps and never unpacks.

    manifest.json   what it is, for which machines, and the size and checksums of every other member
    plan.json       the plan
    network.json    the network it was compiled from, as the MXNet Symbol JSON
    graph.txt       the graph after all passes, as text (optional)
    weights.bin     folded and packed weights
    lib-LEVEL.so    one library for each CPU level
Equal contents give equal bytes.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from symc.codegen.checksums import Checked
from symc.codegen.elf import read_symbols
from symc.codegen.plan import Plan, check
from symc.errors import SymcError
from symc.runtime.package import FORMAT
from symc.runtime.random import SEED

_V3 = ("ssse3", "sse4_1", "sse4_2", "popcnt", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe")
_V4 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
# CPU levels, the best first, and what they need under the names of /proc/cpuinfo.
LEVELS: dict[str, tuple[str, ...]] = {
    "x86-64-v4-bf16": (*_V4, "avx512_bf16"),
    "x86-64-v4": _V4,
    "x86-64-v3": _V3,
    "x86-64": (),
    "aarch64": ("asimd", "fp"),
}
ALIGNMENT, WEIGHTS_ALIGNMENT = 64, 4096


def write(path: Path, *, plan: Plan, network: str, weights: Checked, libraries: Mapping[str, bytes],
          graph: str | None = None, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a package at `path`, whole or not at all.  SymcError: the file system refuses.

    `weights` is the weight block (`weights_member`); `libraries` the shared library of each level of LEVELS;
    `metadata` goes into the manifest as it is (versions, options; strings, numbers, lists and dicts).
    """
    check(plan)
    assert libraries
    assert weights.size == plan.weights_bytes, "weights that are not those of the plan"
    levels = [level for level in LEVELS if level in libraries]
    assert len(levels) == len(libraries), f"unknown CPU level among {sorted(libraries)}"
    texts = {"plan.json": _json(plan.to_json()), "network.json": network.encode()}
    if graph is not None:
        texts["graph.txt"] = graph.encode()
    members = {name: Checked([text]) for name, text in texts.items()}
    members |= {_library_name(level): Checked([libraries[level]]) for level in levels}
    members["weights.bin"] = weights
    manifest = _manifest(plan, members, levels, libraries, metadata or {})
    _write_zip(path, {"manifest.json": Checked([_json(manifest)]), **members})


def weights_member(pieces: Iterable[np.ndarray]) -> Checked:
    """The weight block, of pieces that are uint8, its checksums taken while the rest of the package is made."""
    return Checked(np.ascontiguousarray(piece, np.uint8).data for piece in pieces)


def _library_name(level: str) -> str:
    return f"lib-{level}.so"


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def _manifest(plan: Plan, members: Mapping[str, Checked], levels: list[str], libraries: Mapping[str, bytes],
              metadata: Mapping[str, Any]) -> dict[str, Any]:
    architectures = {read_symbols(libraries[level]).architecture for level in levels}
    assert len(architectures) == 1, "libraries for several architectures"
    return {
        "format": FORMAT, "architecture": architectures.pop(), "system": "linux", "pointer_bits": 64,
        "targets": [{"level": level, "features": list(LEVELS[level]), "library": _library_name(level)}
                    for level in levels],
        "inputs": _descriptions(plan, "input"), "outputs": _descriptions(plan, "output"),
        "entries": sorted(plan.entries),
        "memory": {"arena_bytes": plan.arena_bytes, "weights_bytes": plan.weights_bytes},
        "source": members["network.json"].sums["sha256"], "metadata": dict(metadata),
        "members": {name: member.sums for name, member in members.items()}}


def _descriptions(plan: Plan, kind: str) -> list[dict[str, Any]]:
    buffers = [plan.buffers[number] for number in plan.of_kind(kind)]
    return [{"name": buffer.name, "shape": list(buffer.shape), "dtype": buffer.dtype} for buffer in buffers
            if buffer.name != SEED]


def _write_zip(path: Path, members: Mapping[str, Checked]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, member in members.items():
                _write_member(archive, file, name, member)
        beside.replace(path)
    except OSError as problem:
        raise SymcError(f"cannot write {path}: {problem.strerror}") from problem
    finally:
        beside.unlink(missing_ok=True)


def _write_member(archive: zipfile.ZipFile, file: BinaryIO, name: str, member: Checked) -> None:
    """Store a member with an extra field as long as it takes for the data to begin at a multiple of the alignment.

    Not by `ZipFile.open`, which would take the CRC-32 of the weights once more.
    """
    information = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    information.external_attr = 0o644 << 16
    information.create_system = 3
    information.file_size = information.compress_size = member.size
    information.CRC, information.header_offset = member.sums["crc32"], file.tell()
    large = information.file_size >= zipfile.ZIP64_LIMIT // 2
    start = file.tell() + len(information.FileHeader(zip64=large)) + 4
    padding = -start % (WEIGHTS_ALIGNMENT if name == "weights.bin" else ALIGNMENT)
    # an extra field of an identifier of our own, "sy", its length, and zeros
    information.extra = b"sy" + padding.to_bytes(2, "little") + bytes(padding)
    file.write(information.FileHeader(zip64=large))
    file.writelines(member.pieces)
    information.extra = b""
    archive.filelist.append(information)
    archive.start_dir = file.tell()
