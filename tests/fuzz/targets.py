"""What is fuzzed: each target makes an input of a random generator and reads it.

A reader may raise `SymcError` alone.  What it accepts is looked at: a plan whose pointers leave their blocks, or a
symbol that does not read back what it prints, is a finding too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.frontend import archive, params, reader, symbol_json
from symc.frontend.declared_shapes import declared_shapes
from symc.frontend.limits import Limits, limits
from symc.passes.pipeline import inferred
from symc.runtime.archive import write_archive
from symc.runtime.device import DeviceProgram
from symc.runtime.images import ALIGNMENT, pack_images, unpack_images
from symc.runtime.manifest import describe
from symc.runtime.package import check_everything, package_of
from symc.runtime.plan import HostStep, LoopStep, Plan, steps_within, storage_dtype
from symc.runtime.program import Program
from tests.cuda.emulator import GUARD, EmulatedDriver
from tests.fuzz.mutations import NUMBERS, byte_mutant, json_mutant, sums, tar_mutant, zip_mutant

DATA = Path(__file__).parents[1] / "data"
LIMITS = Limits(members=50, bytes=1 << 20, unchecked=1 << 16)
MOST_RUN = 1 << 20              # bytes of blocks up to which an accepted plan is run


@dataclass(frozen=True)
class Target:
    """make: an input of a generator.  read: reads it, SymcError if it is refused."""

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes], None]

    def run(self, data: bytes) -> bool:
        """Whether the input was accepted."""
        try:
            self.read(data)
        except SymcError as refused:
            assert str(refused).strip(), "an error without words"
            return False
        return True


# ---- symbols -------------------------------------------------------------------------------------------------------

SYMBOLS = ("mlp", "np_shape", "lenet", "lstm_fused_lm", "multi_output", "foreach", "text_cnn")


@cache
def symbols() -> tuple[str, ...]:
    texts = [(DATA / "json" / f"{name}-symbol.json").read_text() for name in SYMBOLS]
    return tuple(json.dumps(json.loads(text)) for text in texts)


def make_symbol(choose: random.Random) -> bytes:
    seeds = symbols()
    text = seeds[min(choose.randrange(len(seeds)), choose.randrange(len(seeds)))]
    mutant = json_mutant(choose, text).encode() if choose.random() < 0.8 else text.encode()
    return byte_mutant(choose, mutant) if choose.random() < 0.3 else mutant


def read_symbol(data: bytes) -> None:
    raw = symbol_json.parse(data)
    assert all(entry.node < position for position, node in enumerate(raw.nodes) for entry in node.inputs)


def read_graph(data: bytes) -> None:
    text = reader.print_graph(reader.parse_graph(data))
    assert reader.print_graph(reader.parse_graph(text)) == text


def read_shapes(data: bytes) -> None:
    inferred(reader.parse_graph(data), {}, {})


# ---- parameters ----------------------------------------------------------------------------------------------------

MAGICS = (params.V1_MAGIC, params.V2_MAGIC, params.V3_MAGIC, 0, 1, 2, 5, 33, 2**32 - 1)


@cache
def saved(ending: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((DATA / "params").glob(f"*.{ending}")))


def make_params(choose: random.Random) -> bytes:
    data = _made_params(choose)
    return byte_mutant(choose, gzip.compress(data, 1)) if choose.random() < 0.1 else data


def _made_params(choose: random.Random) -> bytes:
    if choose.random() < 0.5:
        return byte_mutant(choose, choose.choice(saved("params")))
    arrays = b"".join(_array(choose) for _ in range(choose.randrange(4)))
    names = b"".join(struct.pack("<Q", _odd(choose, 3, 64)) + b"arg" for _ in range(choose.randrange(4)))
    return (struct.pack("<QQQ", _odd(choose, 0x112, 64), 0, _odd(choose, 1, 64)) + arrays
            + struct.pack("<Q", _odd(choose, 1, 64)) + names)


def _odd(choose: random.Random, usual: int, bits: int, share: float = 0.15) -> int:
    return choose.choice(NUMBERS) % (1 << bits) if choose.random() < share else usual


def _array(choose: random.Random) -> bytes:
    magic = choose.choice(MAGICS) if choose.random() < 0.5 else params.V2_MAGIC
    rank = _odd(choose, choose.randrange(4), 32, 0.1)
    extents = [_odd(choose, choose.randrange(3), 64) for _ in range(min(rank, 40))]
    storage = struct.pack("<I", _odd(choose, 0, 32)) if magic != params.V1_MAGIC else b""
    return (struct.pack("<I", magic) + storage + struct.pack("<I", rank) + struct.pack(f"<{len(extents)}Q", *extents)
            + struct.pack("<III", 1, 0, _odd(choose, choose.randrange(8), 32)) + bytes(choose.randrange(40)))


def read_params(data: bytes) -> None:
    found = params.read(data)
    is_larger = data.startswith(params.GZIP_MAGIC) or any("dense now" in note for note in found.notes)
    size = limits().unpacked(len(data)) if is_larger else len(data)
    assert sum(array.nbytes for array in found.arrays) <= 8 * size
    params.split(found)


def make_npz(choose: random.Random) -> bytes:
    data = choose.choice(saved("npz"))
    return choose.choice((zip_mutant, byte_mutant))(choose, _npz(choose) if choose.random() < 0.4 else data)


def _npz(choose: random.Random) -> bytes:
    """Members whose headers say what they like."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", choose.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for name in choose.choices(("a.npy", "b.npy", "../x.npy", "arg:w.npy"), k=choose.randrange(1, 3)):
            shape = tuple(_odd(choose, choose.randrange(3), 70) for _ in range(choose.randrange(4)))
            kind = choose.choice(("<f4", "|O", "<U9", "<i8", "<c8", "|V99999999999", "<f4', ('x", ">f4"))
            header = f"{{'descr': '{kind}', 'fortran_order': {choose.choice((True, False, 3))}, 'shape': {shape}, }}"
            text = (byte_mutant(choose, header.encode()) if choose.random() < 0.2 else header.encode()) + b"\n"
            file.writestr(zipfile.ZipInfo(name), b"\x93NUMPY" + choose.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
                          + struct.pack("<H", len(text)) + text + bytes(choose.randrange(40)))
    return made.getvalue()


# ---- archives ------------------------------------------------------------------------------------------------------

NAMES = ("net-symbol.json", "net-0000.params", "../up.json", "/etc/x", "a/../../b", "a//b", "./net-symbol.json",
         "a\\..\\b", "signature.json", "hyperparams.json", "model-shapes.json", "MANIFEST.json",
         "x" * 300, "é.json", "__MACOSX/x", "nul\0.json", "", "x.tar")
CONTENTS = (b"{}", b"", bytes(100), bytes(70_000), b"[" * 3000,
            b'{"inputs": [{"data_name": "d", "data_shape": [0, 3]}]}', b'{"Model": {"Symbol": "net-symbol.json"}}',
            b'[{"name": "data", "shape": [1, 3, 224]}]', b'{"image_shape": "3,224,224"}')


def content(choose: random.Random) -> bytes:
    """Of a member; documents are changed more often than not."""
    text = choose.choice(CONTENTS)
    is_document = text.endswith((b"}", b"]"))
    return json_mutant(choose, text.decode()).encode() if is_document and choose.random() < 0.6 else text


def make_zip(choose: random.Random) -> bytes:
    made = io.BytesIO()
    method = choose.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(made, "w", method) as file:
        for _ in range(choose.choice((0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 60))):
            info = zipfile.ZipInfo(choose.choice(NAMES))
            info.external_attr = choose.choice((0, 0o100644, 0o120777, 0o040755, 0o060000)) << 16
            file.writestr(info, content(choose))
    data = made.getvalue()
    return choose.choice((zip_mutant, byte_mutant, lambda _, same: same))(choose, data)


def make_tar(choose: random.Random) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=choose.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))) as file:
        for _ in range(choose.choice((0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 60))):
            info = tarfile.TarInfo(choose.choice(NAMES))
            info.type = choose.choice((tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
                                       tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE))
            info.linkname = "../x" if info.issym() or info.islnk() else ""
            data = content(choose) if info.isreg() else b""
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    data = made.getvalue()
    data = choose.choice((tar_mutant, tar_mutant, byte_mutant, lambda _, same: same))(choose, data)
    return byte_mutant(choose, gzip.compress(data, 1)) if choose.random() < 0.2 else data


def read_any_archive(data: bytes) -> None:
    found = archive.looked_through("it", data, LIMITS)
    for name in found.members:
        assert ".." not in name.split("/") and not name.startswith("/")
    total = sum(len(found.read(name)) for name in found.members)
    assert total <= LIMITS.unpacked(len(data)), f"{total} bytes of {len(data)}"
    declared_shapes(found, list(found.members))


# ---- packages ------------------------------------------------------------------------------------------------------

PACKAGES = ("mlp", "training", "gpu")


@cache
def packages() -> tuple[dict[str, bytes], ...]:
    """Members of small packages, code in them cut to little, and one of two plans with loops and a branch."""
    found = []
    for name in PACKAGES:
        with zipfile.ZipFile(DATA / "packages" / f"{name}.symc") as file:
            members = {info.filename: file.read(info) for info in file.infolist()}
        found.append({key: data[:64] if key.endswith(".so") else with_less_code(data) if key.startswith("cuda-")
                      else data for key, data in members.items()})
    return tuple(sealed(dict(members)) for members in [*found, _with_loops(found[0])])


def with_less_code(member: bytes) -> bytes:
    """A member with images whose code is cut."""
    return pack_images([image._replace(code=image.code[:32]) for image in unpack_images("it", member)])


def _with_loops(members: dict[str, bytes]) -> dict[str, bytes]:
    """Two plans, the second for another shape, with steps of every kind."""
    plan = json.loads(members["plan.json"])
    first = len(plan["buffers"])
    plan["buffers"] += [{"kind": "arena", "name": "flag", "dtype": "int64", "shape": [], "bytes": 8, "offset": 0},
                        {"kind": "slice", "name": "part", "dtype": "float32", "shape": [2], "bytes": 8}]
    steps = len(plan["steps"])
    whole = next(i for i, buffer in enumerate(plan["buffers"]) if buffer["kind"] == "arena")
    plan["steps"] += [{"do": "loop", "trip": 2, "body": [steps + 2, steps + 3], "phase": 90, "index": first,
                       "slices": [[first + 1, whole, 8]], "clear": [whole]},
                      {"do": "branch", "predicate": first, "then": [steps + 3, steps + 4],
                       "else": [steps + 4, steps + 4], "phase": 91},
                      {"do": "host", "name": "nothing", "inputs": [first + 1], "outputs": [whole], "phase": 0},
                      {"do": "host", "name": "nothing", "inputs": [], "outputs": [whole], "phase": 0}]
    entry = next(name for name in plan["entries"] if name != "backward")
    plan["entries"][entry] = [plan["entries"][entry][0], steps + 2]
    other = json.loads(json.dumps(plan))
    for buffer in other["buffers"]:
        if buffer["name"] == "data":
            buffer["shape"][0], buffer["bytes"] = buffer["shape"][0] + 1, buffer["bytes"] + 4 * buffer["shape"][1]
    manifest = json.loads(members["manifest.json"])
    manifest["plans"] = [describe(Plan.from_json(one), number) for number, one in enumerate((plan, other))]
    return {**members, "manifest.json": json.dumps(manifest).encode(), "plan.json": json.dumps(plan).encode(),
            "plan-1.json": json.dumps(other).encode()}


def sealed(members: dict[str, bytes]) -> dict[str, bytes]:
    """With the checksums that the manifest should have."""
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {name: sums(data, hashlib.sha256(data).hexdigest()) for name, data in members.items()
                           if name != "manifest.json"}
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def packed(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    write_archive(made, [(name, [data], zlib.crc32(data)) for name, data in members.items()])
    return made.getvalue()


def make_package(choose: random.Random) -> bytes:
    members = dict(choose.choice(packages()))
    kind = choose.randrange(10)
    if kind < 4:
        members["manifest.json"] = json_mutant(choose, members["manifest.json"].decode()).encode()
    elif kind < 7:
        members = _with_other_plan(choose, members)
    elif kind == 7:
        members = _shuffled(choose, members)
    data = packed(members)
    return choose.choice((zip_mutant, byte_mutant))(choose, data) if kind > 6 else data


def _with_other_plan(choose: random.Random, members: dict[str, bytes]) -> dict[str, bytes]:
    """A changed plan whose checksums are right, and mostly what the manifest repeats of it too."""
    name = choose.choice([name for name in members if name.startswith("plan")])
    members[name] = json_mutant(choose, members[name].decode()).encode()
    manifest = json.loads(members["manifest.json"])
    try:
        number = [plan["member"] for plan in manifest["plans"]].index(name)
        manifest["plans"][number] = describe(Plan.from_json(json.loads(members[name])), number)
    except (SymcError, ValueError, RecursionError):
        return sealed(members)
    for key in ("arena_bytes", "weights_bytes"):
        manifest["memory"][key] = max(plan[key] for plan in manifest["plans"])
    return sealed({**members, "manifest.json": json.dumps(manifest).encode()})


def _shuffled(choose: random.Random, members: dict[str, bytes]) -> dict[str, bytes]:
    names = list(members)
    choose.shuffle(names)
    changed = {name: members[name] for name in names[choose.randrange(2):]}
    changed[choose.choice(("more.txt", "plan.json", "a-b.so"))] = choose.choice((b"", b"{}", b"x" * 99))
    return changed


def read_package(data: bytes) -> None:
    package = package_of("it", memoryview(data))
    numbers, weights = range(len(package.manifest["plans"])), package.weights()
    plans = [package.read_plan(number) for number in numbers]
    of_gpus = [package.read_cuda_plan(number) for number in numbers if package.architectures]
    for plan in plans:
        look_at(plan, len(weights))
        run_without_code(plan, weights)
    for plan in of_gpus:
        look_at(plan, plan.weights_bytes)
        run_without_kernels(plan, weights[len(weights) - plan.weights_bytes:])
    check_everything(package)


def make_plan(choose: random.Random) -> bytes:
    members = choose.choice(packages())
    text = json_mutant(choose, members["plan.json"].decode()).encode()
    return byte_mutant(choose, text) if choose.random() < 0.05 else text


def read_plan(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    plan = Plan.from_json(value)
    look_at(plan, plan.weights_bytes)
    run_without_code(plan, None)


def look_at(plan: Plan, weights_bytes: int) -> None:
    """Assert what native code relies on, by other words than the plan's own checks."""
    blocks = {"weight": weights_bytes, "arena": plan.arena_bytes}
    for buffer in plan.buffers:
        if buffer.offset is not None:
            assert 0 <= buffer.offset <= buffer.offset + buffer.bytes <= blocks.get(buffer.kind, weights_bytes)
        extents = [extent or 1 for extent in buffer.shape]
        assert np.multiply.reduce(np.array(extents or [1], object)) * storage_dtype(buffer.dtype).itemsize < 2**63
    for first, last in plan.entries.values():
        seen: set[int] = set()
        for step in steps_within(plan, (first, last)):
            assert id(step) not in seen, "a step within itself"
            seen.add(id(step))


class NoCode:
    """Stands for a library: it runs nothing."""

    team_version = 0

    def run(self, *_: Any) -> int:
        return 0

    def team_create(self) -> None:
        return None

    def team_resize(self, *_: Any) -> int:
        return 1


def run_without_code(plan: Plan, weights: np.ndarray | None) -> None:
    """Run an accepted plan of little memory, host steps and the loops around them included, with kernels left out."""
    if is_little(plan):
        run_all(Program(plan, NoCode(), weights, no_hosts(plan)))  # type: ignore[arg-type]


def run_without_kernels(plan: Plan, weights: np.ndarray) -> None:
    """The same on a device."""
    if is_little(plan):
        run_all(DeviceProgram(plan, NoKernels(), {kernel.name: None for kernel in plan.kernels}, weights,
                              no_hosts(plan)))


class NoKernels(EmulatedDriver):
    """A device that launches nothing, and whose addresses all lie in allocations."""

    def expect(self, pointer: int, size: int = 0) -> None:
        assert any(start <= pointer <= pointer + size <= start + block.size - 2 * GUARD
                   for start, block in self._blocks.items()), f"{size} bytes at {pointer} are not allocated"

    def write(self, target: int, source: np.ndarray) -> None:
        self.expect(target, source.nbytes)
        super().write(target, source)

    def read(self, target: np.ndarray, source: int) -> None:
        self.expect(source, target.nbytes)
        super().read(target, source)

    def copy(self, target: int, source: int, size: int) -> None:
        self.expect(target, size)
        self.expect(source, size)
        super().copy(target, source, size)

    def clear(self, target: int, size: int) -> None:
        self.expect(target, size)
        super().clear(target, size)

    def launch(self, function: Any, blocks: int, threads: int, pointers: Sequence[int]) -> None:
        for pointer in filter(None, pointers):
            self.expect(pointer)


def is_little(plan: Plan) -> bool:
    """Whether it is run in little time and memory."""
    total = plan.arena_bytes + plan.weights_bytes + sum(buffer.bytes for buffer in plan.buffers)
    trips = [step.trip for step in plan.steps if isinstance(step, LoopStep)]
    return total <= MOST_RUN and not any(trip is None or trip > 100 for trip in trips)


def no_hosts(plan: Plan) -> dict[str, Callable[..., None]]:
    return {step.name: lambda *_: None for step in plan.steps if isinstance(step, HostStep)}


def run_all(program: Program) -> None:
    """Run all entries on arrays of zeros."""
    plan = program.plan
    for number, buffer in enumerate(plan.buffers):
        if buffer.kind not in ("arena", "weight", "slice", "status"):
            program.bind(number, np.zeros(buffer.shape, storage_dtype(buffer.dtype)))
    for entry in plan.entries:
        program.run(entry)


# ---- code for GPUs -------------------------------------------------------------------------------------------------


@cache
def image_members() -> tuple[tuple[int, bytes], ...]:
    """Members of the package for GPUs, and where their images begin."""
    found = [data for name, data in packages()[PACKAGES.index("gpu")].items() if name.startswith("cuda-")]
    return tuple((struct.unpack_from("<Q", data)[0] + 8, data) for data in found)


def make_images(choose: random.Random) -> bytes:
    """A member with another index, or other bytes."""
    end, data = choose.choice(image_members())
    if choose.random() < 0.3:
        return byte_mutant(choose, data)
    text = json_mutant(choose, data[8:end].decode()).encode()
    return struct.pack("<Q", _odd(choose, len(text), 64, 0.1)) + text + bytes(-(len(text) + 8) % ALIGNMENT) + \
        data[-(-end // ALIGNMENT) * ALIGNMENT:]


def read_images(data: bytes) -> None:
    images = unpack_images("it", data)
    assert sum(len(image.code) for image in images) <= len(data)
    assert unpack_images("it", pack_images(images)) == images


TARGETS = {"symbol": Target(make_symbol, read_symbol), "graph": Target(make_symbol, read_graph),
           "shapes": Target(make_symbol, read_shapes), "params": Target(make_params, read_params),
           "npz": Target(make_npz, read_params), "zip": Target(make_zip, read_any_archive),
           "tar": Target(make_tar, read_any_archive), "plan": Target(make_plan, read_plan),
           "package": Target(make_package, read_package), "images": Target(make_images, read_images)}
