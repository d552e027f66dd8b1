"""Reads `model.symc`.  Everything is checked before any code is mapped: a damaged file never reaches the loader."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.errors import PackageError
from symc.runtime.library import Library
from symc.runtime.machine import Machine, this_machine
from symc.runtime.plan import Plan

FORMAT = 1
REBUILD = "rebuild it on this machine, or for it, with symc compile"
MEMBER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
# What a damaged archive can make `zipfile` raise.
ARCHIVE_ERRORS = (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True)
class Target:
    """A library of the package: its CPU level, the features it needs (names of /proc/cpuinfo), its member."""

    level: str
    features: tuple[str, ...]
    library: str


@dataclass(frozen=True, slots=True)
class Package:
    """A checked package.  `members` are views of the mapped file; `weights` are not copied."""

    path: str
    manifest: Mapping[str, Any]
    members: Mapping[str, memoryview]
    plan: Plan
    targets: tuple[Target, ...]

    @property
    def weights(self) -> np.ndarray:
        """The weight block, uint8, read-only."""
        return np.frombuffer(self.members["weights.bin"], np.uint8)

    def text(self, name: str) -> str:
        """A member as text, as 'network.json' or 'graph.txt'.  PackageError: the package has no such member."""
        if name not in self.members:
            raise PackageError(f"package {self.path} has no member {name}")
        return str(self.members[name], "utf-8")

    def target_for(self, machine: Machine, level: str | None = None) -> Target:
        """The best target that the machine can run, or that of `level`.  PackageError: none."""
        here = (machine.architecture, machine.system, machine.pointer_bits)
        built = tuple(self.manifest[key] for key in ("architecture", "system", "pointer_bits"))
        if here != built:
            raise PackageError(f"package {self.path} is built for {_platform(built)}, "
                               f"this machine is {_platform(here)}", REBUILD)
        named = [target for target in self.targets if level in (None, target.level)]
        fitting = [target for target in named if machine.features.issuperset(target.features)]
        if not fitting:
            raise PackageError(f"package {self.path} needs {self._needs(named, machine)}", REBUILD)
        return fitting[0]

    def _needs(self, targets: Sequence[Target], machine: Machine) -> str:
        if not targets:
            return f"no library for the level asked for; it has {', '.join(target.level for target in self.targets)}"
        least = targets[-1]
        missing = sorted(set(least.features) - machine.features)
        return f"a CPU of level {least.level}; this one lacks {', '.join(missing)}"

    def library(self, target: Target) -> Library:
        """The code of a target, mapped into this process."""
        return Library.from_image(bytes(self.members[target.library]), f"package {self.path}")


def _platform(values: Sequence[object]) -> str:
    architecture, system, bits = values
    return f"{system} on {architecture} ({bits} bit)"


def open_package(path: str | os.PathLike[str]) -> Package:
    """Map and check a package.  PackageError: not a package, damaged, or of another format."""
    title = os.fspath(path)
    members = _map_members(title)
    if "manifest.json" not in members:
        raise PackageError(f"{title} is not a symc package: it has no manifest.json")
    manifest = _read_manifest(title, members["manifest.json"])
    _check_members(title, manifest["members"], members)
    targets = tuple(Target(item["level"], tuple(item["features"]), item["library"]) for item in manifest["targets"])
    plan = _read_plan(title, members)
    for name in ("weights.bin", "network.json", *(target.library for target in targets)):
        if name not in members:
            raise _damaged(title, f"member {name} is missing")
    if len(members["weights.bin"]) != plan.weights_bytes:
        raise _damaged(title, f"weights.bin has {len(members['weights.bin'])} bytes, the plan {plan.weights_bytes}")
    return Package(title, manifest, members, plan, targets)


def _damaged(title: str, problem: str) -> PackageError:
    return PackageError(f"package {title} is damaged: {problem}", "copy or build it again")


def _map_members(title: str) -> dict[str, memoryview]:
    """Every member by name, as a view of the mapped file."""
    try:
        with open(title, "rb") as file:
            image = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            with zipfile.ZipFile(file) as archive:
                listed = archive.infolist()
    except OSError as error:
        raise PackageError(f"cannot read package {title}: {error.strerror}") from error
    except ARCHIVE_ERRORS as error:
        raise _damaged(title, f"not a zip archive that can be read ({error})") from error
    members = {item.filename: _member(title, image, item) for item in listed}
    if len(members) != len(listed):
        raise _damaged(title, "two members have the same name")
    return members


def _member(title: str, image: memoryview, item: zipfile.ZipInfo) -> memoryview:
    """The bytes of one member, which must be stored as it is."""
    if not MEMBER_NAME.fullmatch(item.filename):
        raise _damaged(title, f"a member has the name {item.filename!r}")
    if item.compress_type != zipfile.ZIP_STORED or item.compress_size != item.file_size or item.flag_bits & 1:
        raise _damaged(title, f"member {item.filename} is not stored plainly")
    if not 0 <= item.header_offset <= len(image) - LOCAL_HEADER.size:
        raise _damaged(title, f"member {item.filename} lies outside of the file")
    header = LOCAL_HEADER.unpack_from(image, item.header_offset)
    signature, name_bytes, extra_bytes = header[0], header[9], header[10]
    name_at = item.header_offset + LOCAL_HEADER.size
    start = name_at + name_bytes + extra_bytes
    if signature != b"PK\3\4" or image[name_at:name_at + name_bytes] != item.filename.encode():
        raise _damaged(title, f"member {item.filename} is not where the archive says")
    if start + item.file_size > len(image):
        raise _damaged(title, f"member {item.filename} is cut off")
    data = image[start:start + item.file_size]
    if item.filename == "manifest.json" and zlib.crc32(data) != item.CRC:
        raise _damaged(title, "the checksum of manifest.json is wrong")
    return data


_SCHEMA: dict[str, type] = {"format": int, "architecture": str, "system": str, "pointer_bits": int, "targets": list,
                            "inputs": list, "outputs": list, "members": dict, "metadata": dict}
_TARGET_SCHEMA: dict[str, type] = {"level": str, "features": list, "library": str}
_MEMBER_SCHEMA: dict[str, type] = {"bytes": int, "crc32": int, "sha256": str}


def _read_manifest(title: str, data: memoryview) -> dict[str, Any]:
    try:
        manifest = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise _damaged(title, f"manifest.json is not JSON ({error})") from error
    if isinstance(manifest, dict) and manifest.get("format", FORMAT) != FORMAT:
        raise PackageError(f"package {title} has format {manifest['format']}, this symc reads format {FORMAT}",
                           "load it with the version of symc that wrote it, or compile the network again")
    _check_record(title, "manifest.json", manifest, _SCHEMA)
    for target in manifest["targets"]:
        _check_record(title, "a target of manifest.json", target, _TARGET_SCHEMA)
    for name, member in manifest["members"].items():
        _check_record(title, f"{name} in manifest.json", member, _MEMBER_SCHEMA)
    return manifest


def _check_record(title: str, what: str, record: Any, schema: Mapping[str, type]) -> None:
    found = record if isinstance(record, dict) else {}
    wrong = [key for key, kind in schema.items() if not isinstance(found.get(key), kind)]
    if wrong:
        raise _damaged(title, f"{what} lacks a sound '{wrong[0]}'")


def _check_members(title: str, listed: Mapping[str, Mapping[str, Any]], members: Mapping[str, memoryview]) -> None:
    """Compare sizes and checksums: SHA-256, but of the weights, which may be huge, CRC-32."""
    unlike = sorted(set(listed) ^ (set(members) - {"manifest.json"}))
    if unlike:
        raise _damaged(title, f"member {unlike[0]} is {'missing' if unlike[0] in listed else 'not in the manifest'}")
    for name, expected in listed.items():
        data = members[name]
        sound = zlib.crc32(data) == expected["crc32"] if name == "weights.bin" \
            else hashlib.sha256(data).hexdigest() == expected["sha256"]
        if len(data) != expected["bytes"] or not sound:
            raise _damaged(title, f"the checksum of {name} is wrong")


def _read_plan(title: str, members: Mapping[str, memoryview]) -> Plan:
    if "plan.json" not in members:
        raise _damaged(title, "member plan.json is missing")
    try:
        return Plan.from_json(json.loads(bytes(members["plan.json"])))
    except (ValueError, RecursionError) as error:
        raise _damaged(title, f"plan.json is not JSON ({error})") from error
    except PackageError as error:
        raise PackageError(f"package {title}: {error.message}", "compile the network again") from error


def load_target(package: Package, level: str | None = None) -> Library:
    """The library of the best level that this machine runs, or of `level`."""
    return package.library(package.target_for(this_machine(), level))
