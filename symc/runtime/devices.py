"""The GPUs of this machine: what a device does (`Driver`), and where each is found.

Whoever has called a function of an array or a program that lies on a device finds everything done when it returns:
what overlaps is within a program, and between programs of several threads, each of which has a stream of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symc.errors import MXNetError

if TYPE_CHECKING:
    from symc.runtime.calls import Call
    from symc.runtime.libraries import Ready

Pointer = int
Function = Any      # of a driver: a kernel that can be launched
SOURCE = "source"   # architecture of a device that takes CUDA C++ as it is


class Driver(Protocol):
    """A stream of a device, which does what it is told in that order; `read` and `wait` end when all before is done.

    Its memory and functions are those of all streams of the device.
    """

    name: str
    """Of the device, for people."""
    architecture: str
    """What kernels are compiled for: 'sm_90', or SOURCE."""
    number: int | None
    """The stream, as other libraries are told of it by DLPack."""

    def allocate(self, size: int, purpose: str) -> Pointer:
        """Memory on the device, `size` bytes.  OutOfDeviceMemory: there is not as much."""

    def release(self, pointer: Pointer) -> None: ...

    def memory_info(self) -> tuple[int, int]:
        """Bytes of the device's memory that are free, and all."""

    def empty_cache(self) -> None:
        """Give memory back that is kept for later."""

    def write(self, target: Pointer, source: np.ndarray) -> None:
        """Copy a contiguous array to the device; it may change as soon as this returns."""

    def read(self, target: np.ndarray, source: Pointer) -> None:
        """Copy from the device into a contiguous array."""

    def copy(self, target: Pointer, source: Pointer, size: int) -> None: ...

    def fetch(self, target: Pointer, other: Any, source: Pointer, size: int) -> None:
        """Copy from another device, to this one, what is there already; `other` is a driver of the same kind."""

    def fill(self, target: Pointer, size: int, element: bytes = b"\0") -> None:
        """Let `size` bytes be one element of 1, 2 or 4 bytes, again and again."""

    def load(self, images: Sequence[bytes]) -> Mapping[str, Function]:
        """The kernels of images (cubin or PTX) by name."""

    def launch(self, function: Function, blocks: int, threads: int, pointers: Sequence[Pointer]) -> None: ...

    def ready(self, call: Call) -> Ready:
        """What begins a call of a library.  LibraryProblem: the library is not there, or does not compute this."""

    def call(self, work: Callable[[int | None], None], name: str) -> None:
        """Have a library begin what it does on the stream, by its number; name: of a kernel in whose place it does.

        LibraryProblem: it refuses, and has begun nothing.
        """

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What `work` tells the device, not done yet, as one piece that can be repeated."""

    def wait(self) -> None:
        """KernelFailure: one of the kernels failed."""

    def settle(self) -> None:
        """Wait for all that was begun on the device, on whatever stream, by other libraries too."""

    def stream(self) -> Driver:
        """Another stream of the same device."""


class OutOfDeviceMemory(MXNetError):
    """A device has less memory than is asked for."""


class KernelFailure(MXNetError):
    """One of these kernels failed on a device."""

    def __init__(self, kernels: Sequence[str], what: str, hint: str = "") -> None:
        shown = ", ".join(dict.fromkeys(kernels)) or "unknown"
        super().__init__(f"a kernel failed on the GPU: {what}; it is one of: {shown}", hint)
        self.kernels, self.what = tuple(kernels), what


_registered: dict[int, Driver] = {}
_lock = threading.Lock()


def register(number: int, driver: Driver | None) -> None:
    """Let `driver` be gpu(number), in place of CUDA's; with None it is CUDA's again."""
    with _lock:
        if driver is None:
            _registered.pop(number, None)
        else:
            _registered[number] = driver


def driver_of(number: int) -> Driver:
    """The stream of gpu(number) that arrays use.  MXNetError: there is no such device, and why."""
    with _lock:
        if number not in _registered:
            from symc.runtime import cuda  # few programs have a GPU

            _registered[number] = cuda.open_device(number)
        return _registered[number]


def count() -> int:
    """How many devices there are; 0 where none can be used, whatever the reason."""
    from symc.runtime import cuda

    return max([cuda.count(), *(number + 1 for number in _registered)])
