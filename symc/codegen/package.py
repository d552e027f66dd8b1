"""Writes `model.symc`: a zip of stored, aligned members that the runtime maps and never unpacks.

    manifest.json   what it is, for which machines, and the size and checksums of every other member
    plan.json       the plan, or the first of several: others are plan-1.json and so on
    network.json    the network it was compiled from, as the MXNet Symbol JSON
    graph.txt       the graph after all passes, as text (optional); graph-1.txt and so on for further fixed shapes
    lib-LEVEL.so    one library for each CPU level
    weights.bin     folded and packed weights, unless they are a file of their own
What is there for GPUs: cuda_package.py.
Equal contents give equal bytes, which docs/package-format.md describes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any, BinaryIO

from symc.codegen import cache
from symc.codegen.checksums import Checked
from symc.codegen.cuda_package import ForGpus
from symc.codegen.elf import read_symbols
from symc.codegen.llvm_checksum import ASKED_FOR
from symc.codegen.plan import Plan, check
from symc.errors import SymcError
from symc.ops.record import Record, record
from symc.runtime.archive import MANIFEST, WEIGHTS, is_member_name, map_file, place_of_last, write_archive
from symc.runtime.manifest import (
    FORMAT,
    FORMAT_FOR_GPUS,
    KINDS,
    MEMORY,
    cuda_plan_member,
    describe,
    graph_member,
    image_member,
    plan_member,
)
from symc.runtime.package import heads_of

_V3 = ("ssse3", "sse4_1", "sse4_2", "popcnt", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe",
       "pclmulqdq")
_V4 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
# CPU levels, the best first, and what their code may use, under the names of /proc/cpuinfo.
LEVELS: dict[str, tuple[str, ...]] = {
    "x86-64-v4-amx": (*_V4, "avx512_bf16", "amx_tile", "amx_bf16"),
    "x86-64-v4-bf16": (*_V4, "avx512_bf16"),
    "x86-64-v4": _V4,
    "x86-64-v3": _V3,
    "x86-64": (),
    "aarch64": ("asimd", "fp"),
}
PACKAGE_LEVELS = {"fp32": ("x86-64-v3", "x86-64-v4"),      # by precision, if none is named
                  "bf16": ("x86-64-v3", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx")}

LONGEST_SUMS = {"crc32": 2**32 - 1, "sha256": 64 * "0"}     # with the most digits


@record
class Contents(Record):
    """What a package holds.

    plans: one for each set of shapes, over one weight block; libraries, by level of LEVELS, run them all.
    network: its Symbol JSON.  graphs: texts of the graphs after all passes, of the first plans.
    weights: the block, in pieces.
    symbols, shapes, batch: extents that are open, the arrays that have some, and where outputs have the batch, as
    docs/package-format.md has them.
    versions: of what made it.  options: of compiling.  tuned: groups with a tuned schedule by level.
    verification: what was compared, and how it differed.
    weights_file: name of the file beside the package that holds the weights, for other packages too.
    gpus: plans and code for GPUs; where there are no libraries `plans` are these.
    """

    plans: Sequence[Plan]
    network: str
    weights: Checked
    libraries: Mapping[str, bytes]
    graphs: Sequence[str] = ()
    symbols: Sequence[Mapping[str, Any]] = ()
    shapes: Mapping[str, Sequence[int | str]] = field(default_factory=dict)
    batch: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, int] = field(default_factory=dict)
    verification: Mapping[str, Any] | None = None
    weights_file: str | None = None
    gpus: ForGpus | None = None

    def check(self) -> None:
        """Assert that the parts belong together."""
        for plan in self.plans:
            check(plan)
            assert plan.weights_bytes == self.weights.size, "weights that are not those of the plan"
        assert (self.libraries or self.gpus) and self.plans
        if self.gpus is not None:
            self._check_gpus(self.gpus)
        assert set(self.libraries) <= set(LEVELS), f"unknown CPU level among {sorted(self.libraries)}"

    def _check_gpus(self, gpus: ForGpus) -> None:
        """Assert that plans for GPUs have the inputs and outputs of those for CPUs, and their weights at the end."""
        for number, (plan, other) in enumerate(zip(gpus.plans, self.plans, strict=True)):
            check(plan)
            own, common = describe(plan, number), describe(other, number)
            assert all(own[key] == common[key] for key in (*KINDS, "entries")), "plans for GPUs have other arrays"
            assert plan.weights_bytes <= self.weights.size

    @property
    def levels(self) -> list[str]:
        """The levels of the libraries, the best first."""
        return [level for level in LEVELS if level in self.libraries]


def write(path: Path, contents: Contents) -> None:
    """Write a package at `path`, whole or not at all.  SymcError: the file system refuses."""
    contents.check()
    members = {plan_member(number): Checked([_json(plan.to_json())]) for number, plan in enumerate(contents.plans)}
    members["network.json"] = Checked([contents.network.encode()])
    members |= {graph_member(number): Checked([text.encode()]) for number, text in enumerate(contents.graphs)}
    members |= {_library_name(level): Checked([contents.libraries[level]]) for level in contents.levels}
    if contents.gpus is not None:
        members |= _members_for_gpus(contents.gpus, not contents.libraries)
    if contents.weights_file is None:
        members[WEIGHTS] = contents.weights
    else:
        _write_weights(path, contents.weights_file, contents.weights)
    with _replacing(path) as file:
        _write_members(file, contents, members)


def _write_members(file: BinaryIO, contents: Contents, members: Mapping[str, Checked]) -> None:
    """Write the weights while their checksums are taken, and the rest around them when these are known."""
    sums = {name: LONGEST_SUMS | {"bytes": member.size} if name == WEIGHTS else member.sums
            for name, member in members.items()}
    manifest = _manifest(contents, sums)
    written = _write_weights_first(file, [(MANIFEST, len(_json(manifest))), *((name, member.size)
                                   for name, member in members.items())], members.get(WEIGHTS))
    manifest["members"] = {name: member.sums for name, member in members.items()}
    members = {MANIFEST: Checked([_json(manifest)]), **members}
    write_archive(file, [(name, member.pieces, member.sums["crc32"]) for name, member in members.items()], written)


def _write_weights_first(file: BinaryIO, sizes: Sequence[tuple[str, int]], weights: Checked | None) -> int | None:
    """Write the last member of an archive; where.  sizes: of all members.

    It need not be moved if the manifest turns out a little shorter: what lies in front is filled up to whole pages.
    """
    if weights is None:
        return None
    place = place_of_last(sizes)
    # all at once: faster than page by page, and such a file is not written to the disk when it replaces another
    os.posix_fallocate(file.fileno(), 0, place + weights.size)
    file.seek(place)
    file.writelines(weights.pieces)
    file.seek(0)
    return place


def _members_for_gpus(gpus: ForGpus, alone: bool) -> dict[str, Checked]:
    """alone: there is no code for CPUs, and the plans are members already."""
    plans = {} if alone else {cuda_plan_member(number, alone): Checked([_json(plan.to_json())])
                              for number, plan in enumerate(gpus.plans)}
    return plans | {image_member(name): Checked([data]) for name, data in gpus.images.items()}


def _library_name(level: str) -> str:
    return f"lib-{level}.so"


def _json(data: Mapping[str, Any]) -> bytes:
    """A line for each field, and for each item of its list; json's own line breaks are not written in C."""
    fields = (f" {json.dumps(key)}: {_field(value)}" for key, value in sorted(data.items()))
    return ("{\n" + ",\n".join(fields) + "\n}\n").encode()


def _field(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, sort_keys=True)
    return "[\n  " + ",\n  ".join([json.dumps(item, sort_keys=True) for item in value]) + "\n ]"


def _manifest(contents: Contents, sums: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """sums: of each member, as `Checked.sums`."""
    plans = [describe(plan, number) for number, plan in enumerate(contents.plans)]
    cuda = {} if contents.gpus is None else {"cuda": contents.gpus.record(not contents.libraries)}
    return cuda | {
        "format": FORMAT if contents.libraries else FORMAT_FOR_GPUS, "inputs": _arrays(contents, plans[0]["inputs"]),
        "outputs": _arrays(contents, plans[0]["outputs"]),
        "heads": heads_of(json.loads(contents.network)), "symbols": [dict(symbol) for symbol in contents.symbols],
        "entries": plans[0]["entries"], "plans": plans, "batch": contents.batch,
        "targets": [_target(contents, level) for level in contents.levels],
        "memory": {key: max(plan[key] for plan in plans) for key in MEMORY},
        "source": sums["network.json"]["sha256"], "versions": dict(contents.versions),
        "options": dict(contents.options), "tuned_groups": dict(contents.tuned),
        "verification": contents.verification, "weights": _weights(contents),
        "members": sums}


def _arrays(contents: Contents, arrays: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Inputs or outputs with their open extents."""
    return [{**array, "shape": list(contents.shapes.get(array["name"], array["shape"]))} for array in arrays]


def _weights(contents: Contents) -> dict[str, Any]:
    return {"member": WEIGHTS} if contents.weights_file is None else \
        {"file": contents.weights_file, **contents.weights.sums}


def _target(contents: Contents, level: str) -> dict[str, Any]:
    return {"level": level, "architecture": read_symbols(contents.libraries[level]).architecture, "system": "linux",
            "pointer_bits": 64, "features": _features(contents.libraries[level], level),
            "library": _library_name(level)}


def _features(library: bytes, level: str) -> list[str]:
    """The CPU features that the code uses, remembered in the cache: decoding takes longer than linking.

    Those of the level where not every instruction is known.
    """
    own = sorted(LEVELS[level])
    if level == "aarch64":
        return own
    key = cache.key_of(hashlib.sha256(library).hexdigest(), level)
    found = cache.read_bytes("features", key)
    if found is None:
        found = " ".join(_decoded_features(library, own)).encode()
        cache.write_bytes("features", key, found)
    return found.decode().split()


def _decoded_features(library: bytes, own: list[str]) -> list[str]:
    from symc.codegen.x86_instructions import Unknown, used_features  # tables for libraries that are new

    try:
        used = sorted(used_features(library) - ASKED_FOR)
    except Unknown:
        return own
    assert set(used) <= set(own), f"the code for {own} uses {used}"
    return used


def _write_weights(package: Path, name: str, weights: Checked) -> None:
    """Write the file of weights unless it is there.  SymcError: it holds others, which other packages may need."""
    if not is_member_name(name) or name == package.name:
        raise SymcError(f"the file of weights of {package} cannot be named {name!r}",
                        "give a name of letters, digits, '.', '-' and '_'; it lies beside the package")
    path = package.with_name(name)
    if path.exists():
        if Checked([map_file(str(path), "weights")]).sums != weights.sums:
            raise SymcError(f"{path} holds other weights, which other packages may need",
                            "choose another name, or delete it")
        return
    with _replacing(path) as file:
        file.writelines(weights.pieces)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears at `path` whole or not at all.  SymcError: the file system refuses."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(path)
    except OSError as problem:
        raise SymcError(f"cannot write {path}: {problem.strerror}") from problem
    finally:
        beside.unlink(missing_ok=True)
