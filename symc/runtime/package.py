"""Reads `model.symc`.  No code is mapped before it is checked: a damaged file never reaches the loader.

`open_package` checks all but the weights, whose CRC-32 is taken when they are first asked for.  `check_everything`
takes every checksum there is.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symc.errors import PackageError
from symc.runtime.archive import MANIFEST, WEIGHTS, Entry, damaged, map_file, read_archive, sound_parts
from symc.runtime.library import Library
from symc.runtime.machine import Machine, permits
from symc.runtime.manifest import describe, image_member, read_manifest, run_name
from symc.runtime.memory import address_of
from symc.runtime.plan import Plan
from symc.runtime.sha256 import sha256

if TYPE_CHECKING:
    from symc.runtime.images import Image

Members = Mapping[str, tuple[Entry, memoryview]]
REBUILD = "rebuild it on this machine, or for it, with symc compile"


class Target(NamedTuple):
    """A library of the package: its CPU level, the features its code uses (names of /proc/cpuinfo), its member."""

    level: str
    platform: tuple[str, str, int]      # architecture, system, bits of a pointer
    features: tuple[str, ...]
    library: str


class Package:
    """A checked package.  `members` are copies but for the weights, which are a view of the mapped file."""

    def __init__(self, path: str, manifest: Mapping[str, Any], members: Mapping[str, memoryview],
                 targets: tuple[Target, ...], other_weights: str | None = None, is_signed: bool = False) -> None:
        """other_weights: where to look for a file of weights.  is_signed: its signature was asked for, and is good."""
        self.path, self.manifest, self.members, self.targets = path, manifest, members, targets
        self.other_weights, self.is_signed = other_weights, is_signed
        self._plans: dict[int, Plan] = {}
        self._weights: np.ndarray | None = None

    @property
    def plan(self) -> Plan:
        """The first plan, which is the only one unless the package is for several shapes."""
        return self.read_plan(0)

    def read_plan(self, number: int) -> Plan:
        """Plan `number` of `manifest["plans"]`.  PackageError: malformed, or not as the manifest describes it."""
        if number not in self._plans:
            described = self.manifest["plans"][number]
            plan = _read_plan(self.path, described["member"], self.members[described["member"]])
            if describe(plan, number) != {key: described[key] for key in describe(plan, number)}:
                raise damaged(self.path, f"{described['member']} is not what manifest.json says of it")
            self._plans[number] = plan
        return self._plans[number]

    @property
    def architectures(self) -> list[str]:
        """Of GPUs, for which it has code; compute_90 is PTX for these and later ones."""
        cuda = self.manifest.get("cuda")
        return [image["architecture"] for image in cuda["images"]] if cuda is not None else []

    def read_cuda_plan(self, number: int) -> Plan:
        """Plan `number` for GPUs.  PackageError: malformed, or not as the manifest describes it."""
        described, own = self.manifest["plans"][number], self.manifest["cuda"]["plans"][number]
        plan = _read_plan(self.path, own["member"], self.members[own["member"]])
        expected = {**described, **own}
        if {key: expected[key] for key in describe(plan, number)} != {**describe(plan, number),
                                                                      "member": own["member"]}:
            raise damaged(self.path, f"{own['member']} is not what manifest.json says of it")
        return plan

    def images(self, architecture: str) -> list[Image]:
        """The code for an architecture of GPUs that it has.  PackageError: damaged."""
        from symc.runtime.images import unpack_images  # most packages are for CPUs, and load without

        return unpack_images(f"package {self.path}", self.members[image_member(architecture)])

    def weights(self, library: Library | None = None) -> np.ndarray:
        """The weight block, uint8, read-only, mapped.  PackageError: missing, or its CRC-32 is wrong; if the package
        is signed and they are a file of their own, its SHA-256.

        library: of this package, which takes the CRC-32 faster than zlib.
        """
        if self._weights is None:
            title, data, sums = self._find_weights()
            block = np.frombuffer(data, np.uint8)
            part, sound = (address_of(block), len(block), sums["crc32"]), sound_parts(data)
            if len(block) != sums["bytes"] or (part not in sound and _crc32(block, library) != sums["crc32"]):
                raise damaged(title, f"the checksum of {WEIGHTS} is wrong")
            if self.is_signed and title != self.path and sha256(data) != sums["sha256"]:
                raise damaged(title, "it is not the file of weights that the signed package names")
            sound.add(part)
            self._weights = block
        return self._weights

    def cuda_weights(self) -> np.ndarray:
        """The end of the block, which is that of the plans for GPUs."""
        block = self.weights()
        return block[len(block) - self.manifest["cuda"]["plans"][0]["weights_bytes"]:]

    def _find_weights(self) -> tuple[str, memoryview, Mapping[str, Any]]:
        """The file that they lie in, for messages; the block, and its checksums."""
        described = self.manifest["weights"]
        if "member" in described:
            return self.path, self.members[WEIGHTS], self.manifest["members"][WEIGHTS]
        path = self.other_weights or os.path.join(os.path.dirname(self.path), described["file"])
        if not os.path.exists(path):
            raise PackageError(f"package {self.path} needs its weights, {described['file']}, and there is no {path}",
                               "put the file beside the package, or say where it is: load(..., weights=PATH)")
        return path, map_file(path, "weights"), described

    def text(self, name: str) -> str:
        """A member as text, as 'network.json' or 'graph.txt'.  PackageError: the package has no such member."""
        if name not in self.members:
            raise PackageError(f"package {self.path} has no member {name}")
        return str(self.members[name], "utf-8")

    def target_for(self, machine: Machine, level: str | None = None) -> Target:
        """The best target that the machine can run, or that of `level`.  PackageError: none."""
        if not self.targets:
            raise PackageError(f"package {self.path} has code for GPUs alone ({', '.join(self.architectures)})",
                               "rebuild it for CPUs too: symc compile --target llvm,cuda")
        here = (machine.architecture, machine.system, machine.pointer_bits)
        native = [target for target in self.targets if target.platform == here]
        if not native:
            built = sorted({_platform(target.platform) for target in self.targets})
            raise PackageError(f"package {self.path} is built for {' and '.join(built)}, "
                               f"this machine is {_platform(here)}", REBUILD)
        named = [target for target in native if level in (None, target.level)]
        fitting = (target for target in named if machine.features.issuperset(target.features))
        found = next((target for target in fitting if permits(target.features)), None)
        if found is None:
            raise PackageError(f"package {self.path} needs {self._needs(named, machine)}", REBUILD)
        return found

    def _needs(self, targets: Sequence[Target], machine: Machine) -> str:
        if not targets:
            return f"no library for the level asked for; it has {', '.join(target.level for target in self.targets)}"
        least = targets[-1]
        missing = sorted(set(least.features) - machine.features)
        if not missing:
            return f"the tiles of AMX for level {least.level}, which the system does not let this process use"
        return f"a CPU of level {least.level}; this one lacks {', '.join(missing)}"

    def library(self, target: Target, number: int = 0) -> Library:
        """The code of a target that runs plan `number`, mapped into this process."""
        return Library.from_image(self.members[target.library], f"package {self.path}", run_name(number),
                                  self.manifest["members"][target.library]["sha256"])


def _crc32(block: np.ndarray, library: Library | None) -> int:
    return zlib.crc32(block.data) if library is None else library.crc32(block)


def _platform(values: Sequence[object]) -> str:
    architecture, system, bits = values
    return f"{system} on {architecture} ({bits} bit)"


def open_package(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None,
                 trust: str | os.PathLike[str] | None = None) -> Package:
    """Map and check a package.  PackageError: not a package, damaged, of another format, or not signed as asked for.

    weights: where its file of weights is, if it has one that is not beside it.  trust: a file with the public key
    that must have signed it.
    """
    title = os.fspath(path)
    return package_of(title, map_file(title), None if weights is None else os.fspath(weights), trust)


def package_of(title: str, image: memoryview, weights: str | None = None,
               trust: str | os.PathLike[str] | None = None) -> Package:
    """The package whose file holds these bytes, as `open_package`; title: what errors call it."""
    archive = _copied(read_archive(title, image))
    if trust is not None:
        _check_signature(title, image, archive, trust)
    entry, data = archive[MANIFEST]
    if zlib.crc32(data) != entry.crc32:
        raise damaged(title, "the checksum of manifest.json is wrong")
    manifest = read_manifest(title, data)
    _check_members(title, manifest, archive)
    targets = tuple(Target(item["level"], (item["architecture"], item["system"], item["pointer_bits"]),
                           tuple(item["features"]), item["library"]) for item in manifest["targets"])
    members = {name: data for name, (_, data) in archive.items()}
    found = Package(title, manifest, members, targets, weights, trust is not None)
    own = manifest["members"][WEIGHTS] if "member" in manifest["weights"] else manifest["weights"]
    if {found.plan.weights_bytes, manifest["memory"]["weights_bytes"]} != {own["bytes"]}:
        raise damaged(title, f"weights.bin has {own['bytes']} bytes, the plans {manifest['memory']['weights_bytes']}")
    return found


def _copied(archive: Members) -> Members:
    """The same in memory of this process, but for the weights: what is checked is what is used, whoever writes into the
    file meanwhile."""
    return {name: (entry, data if name == WEIGHTS else memoryview(bytes(data)))
            for name, (entry, data) in archive.items()}


def _check_signature(title: str, image: memoryview, archive: Members, trust: str | os.PathLike[str]) -> None:
    """Of the members, and of what lies between them in the file."""
    import hashlib  # which takes longer to import than this module

    from symc.runtime.signature import check_signature

    digest, end = hashlib.sha256(), 0
    for entry, data in archive.values():
        digest.update(image[end:entry.data])
        digest.update(data)
        end = entry.data + entry.size
    digest.update(image[end:])
    check_signature(title, digest.hexdigest(), trust)


def _check_members(title: str, manifest: Mapping[str, Any], archive: Members) -> None:
    """Compare what is listed with what is there, and all SHA-256 but that of the weights, which may be huge."""
    listed = manifest["members"]
    cuda = manifest.get("cuda") or {"plans": [], "images": []}
    needed = ["network.json", *(plan["member"] for plan in (*manifest["plans"], *cuda["plans"], *cuda["images"])),
              *(target["library"] for target in manifest["targets"]), *manifest["weights"].get("member", "").split()]
    for name in (*needed, *listed):
        if name not in archive or name not in listed:
            raise damaged(title, f"member {name} is missing")
    for name, (entry, data) in archive.items():
        if name == MANIFEST:
            continue
        if name not in listed:
            raise damaged(title, f"member {name} is not in the manifest")
        expected = listed[name]
        if (entry.size, entry.crc32) != (expected["bytes"], expected["crc32"]) or not (
                name == WEIGHTS or sha256(data) == expected["sha256"]):
            raise damaged(title, f"the checksum of {name} is wrong")


def _read_plan(title: str, name: str, data: memoryview) -> Plan:
    try:
        return Plan.from_json(json.loads(bytes(data)))
    except (ValueError, RecursionError) as error:
        raise damaged(title, f"{name} is not JSON ({error})") from error
    except PackageError as error:
        raise PackageError(f"package {title}: {error.message}", "compile the network again") from error


def check_everything(package: Package) -> None:
    """Take every checksum of the package and of its weights, and read all that it holds.  PackageError: damaged."""
    for name, expected in package.manifest["members"].items():
        _check_sums(package.path, name, package.members[name], expected)
    title, data, expected = package._find_weights()
    _check_sums(title, WEIGHTS, data, expected)
    for number in range(len(package.manifest["plans"])):
        package.read_plan(number)
        if package.architectures:
            package.read_cuda_plan(number)
    for architecture in package.architectures:
        package.images(architecture)
    heads = _heads(package)
    if heads != package.manifest["heads"] or package.manifest["members"]["network.json"]["sha256"] != \
            package.manifest["source"]:
        raise damaged(package.path, "network.json is not what manifest.json says of it")


def _check_sums(title: str, name: str, data: memoryview, expected: Mapping[str, Any]) -> None:
    if (len(data), zlib.crc32(data), sha256(data)) != \
            (expected["bytes"], expected["crc32"], expected["sha256"]):
        raise damaged(title, f"the checksum of {name} is wrong")


def _heads(package: Package) -> list[dict[str, Any]]:
    try:
        network = json.loads(package.text("network.json"))
        return heads_of(network)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError) as error:
        raise damaged(package.path, f"network.json is no network ({error})") from error


def heads_of(network: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The heads of a Symbol JSON as the manifest lists them."""
    return [{"node": network["nodes"][number]["name"], "output": output} for number, output, *_ in network["heads"]]
