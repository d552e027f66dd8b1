"""The kernel cache on disk: one file a group and level, under a key made without loading TVM or llvmlite.

`SYMC_CACHE_DIR` names the folder (default: symc/ in the user's cache folder).  Files appear whole or not at all, so
concurrent processes may share it; a damaged file counts as absent.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import symc
from symc.codegen.group_code import GroupCode, KernelCode
from symc.errors import SymcError
from symc.ir.graph import Graph, Node, Value
from symc.ir.text import print_graph

MAGIC = b"symc0003"
GENERATORS = ("ir", "ops", "codegen", "frontend/te.py", "frontend/te_math.py",
              "frontend/te_random.py")  # what decides what a kernel becomes


def folder() -> Path:
    base = os.environ.get("SYMC_CACHE_DIR")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "symc"


def canonical_text(graph: Graph) -> str:
    """The text of a group's graph without names or sources: equal computations have equal texts."""
    new: dict[Value, Value] = {}
    for i, node in enumerate(graph.nodes):
        inputs = tuple(new[value] for value in node.inputs)
        moved = Node(f"v{i}", node.op, inputs, node.types, value=node.value)
        new.update(zip(node.outputs, moved.outputs, strict=True))
    return print_graph(replace(graph, heads=tuple(new[head] for head in graph.heads)), sources=False)


def key_of(text: str, level: str, choice: str = "") -> str:
    """The name under which the code of a group (its canonical text) for a CPU level is kept.  choice: as in GroupCode.
    """
    return hashlib.sha256("\0".join((text, level, choice, *_versions())).encode()).hexdigest()


KERNELS, IMAGES = "kernels", "images"      # kinds of files: with code of groups, with code for GPUs


def image_key(*parts: str) -> str:
    """The name under which code for GPUs is kept; parts: its source file, and all that its compiler is told."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def _versions() -> tuple[str, ...]:
    """Hash of the generating sources, and the versions of what they are pinned to."""
    return (_sources_hash(Path(symc.__file__).parent), *(f"{name} {version}" for name, version in pins()))


def _sources_hash(root: Path) -> str:
    """Hash of what GENERATORS name.  It is remembered by the places and states of the files, for reading them takes
    longer than all else that finds a network's kernels here.  Of times only those of the inodes change with whatever
    is written: installers set others."""
    files = sorted(file for part in GENERATORS for file in _python_files(str(root / part)))
    known_by = image_key(*(f"{file} {status.st_size} {status.st_ino} {status.st_ctime_ns}"
                           for file, status in zip(files, map(os.stat, files), strict=True)))
    found = read_bytes("sources", known_by)
    if found is None:
        digest = hashlib.sha256()
        for file in files:
            digest.update(Path(file).read_bytes())
        found = digest.hexdigest().encode()
        with suppress(SymcError):       # what keeps kernels says so
            write_bytes("sources", known_by, found)
    return found.decode()


def _python_files(path: str) -> Iterator[str]:
    """A file, or those in a folder."""
    if path.endswith(".py"):
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))


PINNED = {"apache-tvm": "tvm", "llvmlite": "llvmlite"}     # what makes the code: packages, and their modules


@functools.cache
def pins() -> tuple[tuple[str, str], ...]:
    """The packages that make the code, with their versions.  SymcError: one is not installed."""
    return tuple((name, _version(name, module)) for name, module in PINNED.items())


def _version(package: str, module: str) -> str:
    """By the name of the folder beside the module, where installers describe a package, if it is there: reading the
    description takes 40 ms."""
    found = importlib.util.find_spec(module)
    for place in found.submodule_search_locations or () if found else ():
        for folder in Path(place).parent.glob(f"{package.replace('-', '_')}-*.dist-info"):
            return folder.name.removesuffix(".dist-info").split("-")[1]
    return _described_version(package)


def _described_version(package: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as missing:
        raise SymcError(f"compiling needs the package {missing.name}, which is not installed",
                        "pip install 'symc[compile]'; packages run without it") from missing


# ---- the code of groups --------------------------------------------------------------------------------------------


def write(key: str, code: GroupCode) -> None:
    """Keep the code of a group."""
    header = json.dumps({"kernels": [[k.symbol, k.parameters, k.jobs, k.flops, k.threads] for k in code.kernels],
                         "scratch": code.scratch, "choice": code.choice}).encode()
    write_bytes(KERNELS, key, struct.pack("<Q", len(header)) + header + code.object)


def read(key: str) -> GroupCode | None:
    """The code kept under `key`, None when there is none or its file is damaged."""
    data = read_bytes(KERNELS, key)
    if data is None:
        return None
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    kernels = tuple(KernelCode(symbol, tuple((kind, position) for kind, position in parameters), *numbers)
                    for symbol, parameters, *numbers in header["kernels"])
    return GroupCode(kernels, tuple(header["scratch"]), data[start:], header["choice"])


# ---- files ---------------------------------------------------------------------------------------------------------


def holds(kind: str) -> bool:
    """Whether anything of a kind is kept."""
    return os.path.isdir(folder() / kind)


def path_of(kind: str, key: str) -> Path:
    return folder() / kind / key[:2] / key[2:]


def read_bytes(kind: str, key: str) -> bytes | None:
    """What `write_bytes` kept, None when there is nothing, or nothing that can be read whole."""
    try:
        data = path_of(kind, key).read_bytes()
    except OSError:
        return None
    sound = data[:8] == MAGIC and len(data) >= 12 and struct.unpack_from("<I", data, 8)[0] == zlib.crc32(data[12:])
    return data[12:] if sound else None


def write_bytes(kind: str, key: str, data: bytes) -> None:
    """Keep `data`: in a temporary file, then renamed.  SymcError: the folder cannot be written."""
    path = path_of(kind, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, MAGIC + struct.pack("<I", zlib.crc32(data)) + data)
    except OSError as problem:
        raise SymcError(f"the kernel cache {folder()} cannot be written: {problem.strerror}",
                        "name another folder in SYMC_CACHE_DIR") from problem


def _replace(path: Path, data: bytes) -> None:
    import tempfile  # most that is compiled is there

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
