"""A `Driver` that runs CUDA C++ on the host: kernels are compiled with `emulation.h`.

Allocations lie between guards; what is beyond an array is NaN, so that reading there shows, and writing there is found.
"""

from __future__ import annotations

import atexit
import copy
import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from symc.codegen.cuda_source import functions_of
from symc.runtime.calls import Call
from symc.runtime.devices import SOURCE, OutOfDeviceMemory
from symc.runtime.libraries import LibraryProblem, MathLibrary, Ready

HEADER = Path(__file__).with_name("emulation.h")
GUARD = 1024        # bytes before and behind each allocation
POISON = 0xFF       # of which every float is NaN
KERNEL = re.compile(r'extern "C" __global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\([^)]*\) \{(.*?)^\}', re.M | re.S)
LOCK = threading.Lock()     # kernels share the state of the emulation
FOLDER = Path(tempfile.mkdtemp(prefix="emulated-"))     # what is loaded by `EmulatedDriver.load`
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
OPTIONS = ("-O1", "-std=c++17", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing")


class EmulatedDriver:
    """A stream of a device.

    order: 1 or -1, the direction in which the threads of a block take turns.  memory: bytes of the device.  Every call
    is counted in `calls`, by its name, for all streams.  libraries: those that there are, by name.
    """

    name, architecture, number = "the emulator", SOURCE, None

    def __init__(self, order: int = 1, memory: int = 1 << 30) -> None:
        self.order, self.memory = order, memory
        self.calls: Counter[str] = Counter()
        self.libraries: dict[str, MathLibrary] = {}
        self._blocks: dict[int, np.ndarray] = {}

    def stream(self) -> EmulatedDriver:
        twin = copy.copy(self)
        self.calls["stream"] += 1
        return twin

    def memory_info(self) -> tuple[int, int]:
        return self.memory - sum(block.size - 2 * GUARD for block in list(self._blocks.values())), self.memory

    def empty_cache(self) -> None:
        self.calls["empty_cache"] += 1

    def load(self, images: Sequence[bytes]) -> Mapping[str, EmulatedKernel]:
        self.calls["load"] += 1
        return emulated([image.decode() for image in images], FOLDER) if images else {}

    def allocate(self, size: int, purpose: str) -> int:
        self.calls["allocate"] += 1
        if size > self.memory_info()[0]:
            raise OutOfDeviceMemory(f"{purpose} needs {size} bytes, which the emulator has not", "give it more")
        block = np.full(size + 2 * GUARD, POISON, np.uint8)
        pointer = block.ctypes.data + GUARD
        self._blocks[pointer] = block
        return pointer

    def release(self, pointer: int) -> None:
        self.check(pointer)
        del self._blocks[pointer]

    def check(self, pointer: int | None = None) -> None:
        """Assert that nothing was written beside an allocation, or beside any."""
        for found in self._blocks if pointer is None else [pointer]:
            block = self._blocks[found]
            assert (block[:GUARD] == POISON).all() and (block[-GUARD:] == POISON).all(), "written beside an array"

    def write(self, target: int, source: np.ndarray) -> None:
        self.calls["write"] += 1
        assert source.flags.c_contiguous
        ctypes.memmove(target, source.ctypes.data, source.nbytes)

    def read(self, target: np.ndarray, source: int) -> None:
        self.calls["read"] += 1
        ctypes.memmove(target.ctypes.data, source, target.nbytes)

    def copy(self, target: int, source: int, size: int) -> None:
        self.calls["copy"] += 1
        ctypes.memmove(target, source, size)

    def fetch(self, target: int, other: EmulatedDriver, source: int, size: int) -> None:
        self.calls["fetch"] += 1
        assert other is not self
        ctypes.memmove(target, source, size)

    def fill(self, target: int, size: int, element: bytes = b"\0") -> None:
        assert len(element) in (1, 2, 4) and size % len(element) == 0
        ctypes.memmove(target, element * (size // len(element)), size)

    def launch(self, function: EmulatedKernel, blocks: int, threads: int, pointers: Sequence[int]) -> None:
        self.calls["launch"] += 1
        function(blocks, threads, pointers, self.order)

    def ready(self, call: Call) -> Ready:
        if call.library not in self.libraries:
            raise LibraryProblem(f"the emulator has no {call.library}")
        return self.libraries[call.library].ready(call)

    def call(self, work: Callable[[int | None], None], name: str) -> None:
        work(self.number)
        self.calls["call"] += 1

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.calls["record"] += 1
        return work

    def wait(self) -> None:
        pass

    def settle(self) -> None:
        self.calls["settle"] += 1


class EmulatedKernel:
    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.library, self.name = library, name
        self.run = getattr(library, f"emulate_{name}")

    def __call__(self, blocks: int, threads: int, pointers: Sequence[int], order: int) -> None:
        with LOCK:
            ctypes.c_int.in_dll(self.library, "emulation_order").value = order
            self.run(ctypes.c_int(blocks), ctypes.c_int(threads), (ctypes.c_void_p * len(pointers))(*pointers))
        assert not ctypes.c_int.in_dll(self.library, "emulation_diverged").value, f"{self.name}: barriers diverge"


def emulated(texts: Sequence[str], folder: Path) -> Mapping[str, EmulatedKernel]:
    """The kernels of texts of `cuda_text` by name; folder: where what was compiled is kept."""
    found: dict[str, EmulatedKernel] = {}
    source = host_source(texts)
    path = folder / (hashlib.sha256(source.encode() + HEADER.read_bytes()).hexdigest() + ".so")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            (Path(work) / "kernels.cpp").write_text(source)
            subprocess.run(["g++", *OPTIONS, "-I", str(HEADER.parent), "-o", "kernels.so", "kernels.cpp"], cwd=work,
                           check=True)
            (Path(work) / "kernels.so").replace(path)
    library = ctypes.CDLL(str(path))
    for name, _ in kernels_of(texts):
        found[name] = EmulatedKernel(library, name)
    return found


def kernels_of(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Name and body of each kernel."""
    return [match.groups() for text in texts for match in KERNEL.finditer(text)]


def host_source(texts: Sequence[str]) -> str:
    runners = []
    for name, body in kernels_of(texts):
        together = str("__syncthreads" in body or "__shfl" in body or "symc_multiply_" in body).lower()
        runners.append(f'extern "C" void emulate_{name}(int blocks, int threads, void **p) {{\n'
                       f"  auto kernel = [](void **p) {{ emulation::call({name}, p); }};\n"
                       f"  emulation::run<{together}>(kernel, blocks, threads, p);\n}}\n")
    return '#include "emulation.h"\n' + functions_of("".join(texts)) + "".join(texts) + "".join(runners)
