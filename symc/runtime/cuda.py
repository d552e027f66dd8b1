"""GPUs through CUDA's driver API, as NVIDIA's package cuda-bindings has it; neither a compiler nor a toolkit is needed.

Contexts are the primary ones, which other libraries of the process use too; each call leaves the thread's context as it
was.  With CUDA_LAUNCH_BLOCKING=1 kernels run one by one, so that the one that fails can be named.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from symc.errors import MXNetError
from symc.runtime.calls import Call
from symc.runtime.devices import KernelFailure, OutOfDeviceMemory, Pointer
from symc.runtime.libraries import LibraryProblem, MathLibrary, Ready, open_on_device

HALF = 2 << 20      # bytes of a half of the pinned memory through which copies go
NON_BLOCKING = 1    # CU_STREAM_NON_BLOCKING: no waiting for the legacy default stream
NO_TIMES = 2        # CU_EVENT_DISABLE_TIMING
OTHER_CARD = {"CUDA_ERROR_NO_BINARY_FOR_GPU", "CUDA_ERROR_INVALID_PTX", "CUDA_ERROR_INVALID_IMAGE",
              "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "CUDA_ERROR_INVALID_SOURCE", "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"}
FAILED = {"CUDA_ERROR_ILLEGAL_ADDRESS", "CUDA_ERROR_LAUNCH_FAILED", "CUDA_ERROR_LAUNCH_TIMEOUT", "CUDA_ERROR_ASSERT",
          "CUDA_ERROR_MISALIGNED_ADDRESS", "CUDA_ERROR_ILLEGAL_INSTRUCTION", "CUDA_ERROR_INVALID_PC",
          "CUDA_ERROR_HARDWARE_STACK_ERROR", "CUDA_ERROR_INVALID_ADDRESS_SPACE", "CUDA_ERROR_ECC_UNCORRECTABLE",
          "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"}
KERNELS = re.compile(rb"\.nv\.constant0\.(\w+)\0|\.entry\s+(\w+)")     # arguments in a cubin; entries of PTX


class NoDevice(MXNetError):
    """There is no GPU to be used, and why."""


class CudaError(MXNetError):
    """A function of CUDA failed.  name: of the error, as CUDA has it."""

    def __init__(self, function: str, name: str, text: str) -> None:
        super().__init__(f"{function} failed: {name}{f' ({text})' if text else ''}")
        self.name, self.text = name, text


class Device(NamedTuple):
    """What a GPU is.  architecture: as kernels are compiled for it, 'sm_90'; memory: in bytes."""

    number: int
    name: str
    architecture: str
    memory: int


class _Api:
    """The functions of the package; each raises CudaError, or NoDevice in a process forked from one that used CUDA."""

    def __init__(self, module: Any) -> None:
        self.module, self.process = module, os.getpid()

    def __call__(self, function: str, *arguments: Any) -> Any:
        """The one result of a function, a tuple of several, None of none."""
        if self.process != os.getpid():
            raise NoDevice("this process was forked from one that used CUDA, which then works in that one alone",
                           "start processes afresh: multiprocessing.set_start_method('spawn')")
        status, *results = getattr(self.module, function)(*arguments)
        if int(status):
            raise self.error(function, status)
        return results[0] if len(results) == 1 else tuple(results) or None

    def error(self, function: str, status: Any) -> CudaError:
        _, text = self.module.cuGetErrorString(status)
        return CudaError(function, status.name, text.decode() if text else "")

    def drop(self, function: str, *arguments: Any) -> bool:
        """Call what gives something back; whether it did: else its context is gone, and all that it held."""
        return self.process == os.getpid() and not int(getattr(self.module, function)(*arguments)[0])


@functools.cache
def _api() -> _Api:
    """NoDevice: CUDA cannot be used here."""
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise NoDevice("GPUs need NVIDIA's package cuda-bindings, which is not installed",
                       "pip install 'symc[cuda]', or use symc.cpu()") from error
    api = _Api(driver)
    try:
        api("cuInit", 0)
    except RuntimeError as error:
        raise NoDevice(f"CUDA finds no GPU that it can use: {_first_line(error)}",
                       "install NVIDIA's driver, or use symc.cpu()") from error
    return api


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def count() -> int:
    """How many GPUs CUDA shows; 0 where it cannot be used."""
    try:
        return int(_api()("cuDeviceGetCount"))
    except NoDevice:
        return 0


def driver_version() -> str:
    """The newest CUDA that the driver knows: '13.0'.  NoDevice: CUDA cannot be used here."""
    major, minor = divmod(int(_api()("cuDriverGetVersion")), 1000)
    return f"{major}.{minor // 10}"


def devices() -> list[Device]:
    """The GPUs, by their numbers.  NoDevice: CUDA cannot be used here."""
    return [_describe(number) for number in range(_api()("cuDeviceGetCount"))]


def _describe(number: int) -> Device:
    api = _api()
    handle, known = api("cuDeviceGet", number), api.module.CUdevice_attribute
    major, minor = (api("cuDeviceGetAttribute", attribute, handle)
                    for attribute in (known.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                                      known.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR))
    name = api("cuDeviceGetName", 256, handle).split(b"\0")[0].decode()
    return Device(number, name, f"sm_{major}{minor}", int(api("cuDeviceTotalMem", handle)))


def open_device(number: int = 0) -> CudaDriver:
    """A stream of a GPU.  NoDevice: there is none, or none of this number."""
    try:
        found = _api()("cuDeviceGetCount")
    except NoDevice as problem:
        raise NoDevice(f"there is no gpu({number}): {problem.message}", problem.hint) from problem
    if not 0 <= number < found:
        raise NoDevice(f"there is no gpu({number}): CUDA shows {found} GPU{'s' if found > 1 else ''}",
                       "symc.num_gpus() says how many there are")
    return CudaDriver(_card(number))


@functools.cache
def _card(number: int) -> _Card:
    return _Card(number)


class _Card:
    """A device with its primary context: what all its streams share."""

    _is_ending = staticmethod(sys.is_finalizing)    # of the process, when modules are gone

    def __init__(self, number: int) -> None:
        self.api, self.device = _api(), _describe(number)
        self.handle = self.api("cuDeviceGet", number)
        self.context = self.api("cuDevicePrimaryCtxRetain", self.handle)
        self.blocking = os.environ.get("CUDA_LAUNCH_BLOCKING") == "1"
        known = self.api.module.CUdevice_attribute
        self.pool = None
        if self.api("cuDeviceGetAttribute", known.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, self.handle):
            self.pool = self.api("cuDeviceGetDefaultMemPool", self.handle)
            keep = self.api.module.CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
            self.api("cuMemPoolSetAttribute", self.pool, keep, self.api.module.cuuint64_t(2**64 - 1))
        self.libraries: dict[str, MathLibrary | LibraryProblem] = {}
        self.lock = threading.Lock()
        with self.current():
            self.staging = _Staging(self.api)

    def library(self, name: str) -> MathLibrary:
        """One of NVIDIA's libraries, opened when it is first asked for, in the device's context.

        LibraryProblem: as `open_on_device`.
        """
        with self.lock:
            if name not in self.libraries:
                self.libraries[name] = _opened(name)
            found = self.libraries[name]
        if isinstance(found, LibraryProblem):
            raise found
        return found

    @contextmanager
    def current(self) -> Iterator[None]:
        """Within, the context is that of the calling thread."""
        self.api("cuCtxPushCurrent", self.context)
        try:
            yield
        finally:
            self.api("cuCtxPopCurrent")

    def give_back(self, function: str, *arguments: Any) -> None:
        """Call what ends the life of something; when the process ends, so does all that it holds."""
        if not self._is_ending() and self.api.drop("cuCtxPushCurrent", self.context):
            self.api.drop(function, *arguments)
            self.api.drop("cuCtxPopCurrent")


def _opened(name: str) -> MathLibrary | LibraryProblem:
    """A library on the device of the current context, or why there is none."""
    try:
        return open_on_device(name)
    except LibraryProblem as problem:
        return problem


class _Staging:
    """Two halves of pinned memory, so that one is filled while the device reads the other.  Use it under `lock`."""

    def __init__(self, api: _Api) -> None:
        self.api, self.lock = api, threading.Lock()
        self.halves = [_Half(api) for _ in range(2)]

    def next(self) -> _Half:
        """The half that was used less recently, once the copies from and to it are done."""
        self.halves.reverse()
        self.halves[0].wait()
        return self.halves[0]


class _Half:
    def __init__(self, api: _Api) -> None:
        self.api = api
        self.address = int(api("cuMemHostAlloc", HALF, 0))
        self.bytes = np.ctypeslib.as_array((ctypes.c_uint8 * HALF).from_address(self.address))
        self.event = api("cuEventCreate", NO_TIMES)

    def mark(self, stream: Any) -> None:
        """To be called behind a copy."""
        self.api("cuEventRecord", self.event, stream)

    def wait(self) -> None:
        self.api("cuEventSynchronize", self.event)


class CudaFunction(NamedTuple):
    """A kernel of a module that stays loaded as long as this lives."""

    name: str
    handle: Any
    module: _Module


class _Module:
    def __init__(self, card: _Card, image: bytes) -> None:
        self.card = card
        self.handle = card.api("cuModuleLoadData", image + b"\0")       # PTX ends with one

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self.card.give_back("cuModuleUnload", self.handle)


class CudaDriver:
    """A stream of a GPU, and the memory and kernels of all its streams.  See `devices.Driver`."""

    def __init__(self, card: _Card) -> None:
        self.card, self.api = card, card.api
        self.name, self.architecture = card.device.name, card.device.architecture
        self._launched: list[str] = []      # since the stream was last waited for
        with card.current():
            self.handle = self.api("cuStreamCreate", NON_BLOCKING)
        self.number: int | None = int(self.handle)

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self.card.give_back("cuStreamDestroy", self.handle)

    def stream(self) -> CudaDriver:
        return CudaDriver(self.card)

    # ---- memory ----------------------------------------------------------------------------------------------

    def allocate(self, size: int, purpose: str) -> Pointer:
        with self._working():
            try:
                if self.card.pool is None:
                    return int(self.api("cuMemAlloc", size))
                pointer = int(self.api("cuMemAllocAsync", size, self.handle))
                self._synchronize()     # other streams may use it from now on
                return pointer
            except CudaError as error:
                if error.name != "CUDA_ERROR_OUT_OF_MEMORY":
                    raise
                raise self._too_large(size, purpose) from error

    def _too_large(self, size: int, purpose: str) -> OutOfDeviceMemory:
        free, total = self.memory_info()
        return OutOfDeviceMemory(f"{purpose} needs {size / 2**20:.1f} MiB of memory on gpu({self.card.device.number}), "
                                 f"of whose {total / 2**20:.0f} MiB {free / 2**20:.0f} are free",
                                 "use a smaller batch, or end what else uses the GPU")

    def release(self, pointer: Pointer) -> None:
        if self.card.pool is None:
            self.card.give_back("cuMemFree", pointer)
        else:
            self.card.give_back("cuMemFreeAsync", pointer, self.handle)

    def memory_info(self) -> tuple[int, int]:
        with self.card.current():
            free, total = self.api("cuMemGetInfo")
        return free, total

    def empty_cache(self) -> None:
        if self.card.pool is not None:
            self.wait()
            self.api("cuMemPoolTrimTo", self.card.pool, 0)

    # ---- copies ----------------------------------------------------------------------------------------------

    def write(self, target: Pointer, source: np.ndarray) -> None:
        values, staging = source.reshape(-1).view(np.uint8), self.card.staging
        with self._working(), staging.lock:
            for start in range(0, values.size, HALF):
                part, half = values[start:start + HALF], staging.next()
                half.bytes[:part.size] = part
                self.api("cuMemcpyHtoDAsync", target + start, half.address, part.size, self.handle)
                half.mark(self.handle)

    def read(self, target: np.ndarray, source: Pointer) -> None:
        values, staging = target.reshape(-1).view(np.uint8), self.card.staging
        arriving: tuple[np.ndarray, _Half] | None = None
        with self._working(), staging.lock:
            for start in range(0, values.size, HALF):
                part, half = values[start:start + HALF], staging.next()
                self.api("cuMemcpyDtoHAsync", half.address, source + start, part.size, self.handle)
                half.mark(self.handle)
                _arrive(arriving)
                arriving = part, half
            _arrive(arriving)
            self._synchronize()

    def copy(self, target: Pointer, source: Pointer, size: int) -> None:
        with self._working():
            self.api("cuMemcpyDtoDAsync", target, source, size, self.handle)

    def fetch(self, target: Pointer, other: CudaDriver, source: Pointer, size: int) -> None:
        """Directly where the devices are connected so, else CUDA goes by way of the host."""
        with self._working():
            self.api("cuMemcpyPeerAsync", target, self.card.context, source, other.card.context, size, self.handle)

    def fill(self, target: Pointer, size: int, element: bytes = b"\0") -> None:
        with self._working():
            self.api(f"cuMemsetD{8 * len(element)}Async", target, int.from_bytes(element, "little"),
                     size // len(element), self.handle)

    # ---- kernels ---------------------------------------------------------------------------------------------

    def load(self, images: Sequence[bytes]) -> Mapping[str, CudaFunction]:
        """SymcError: the images are for other GPUs."""
        found: dict[str, CudaFunction] = {}
        with self.card.current():
            for image in images:
                try:
                    module = _Module(self.card, image)
                except CudaError as error:
                    if error.name not in OTHER_CARD:
                        raise
                    raise self._not_for_this(error) from error
                for name in names_in(image):
                    found[name] = CudaFunction(name, self.api("cuModuleGetFunction", module.handle, name.encode()),
                                               module)
        return found

    def _not_for_this(self, error: CudaError) -> MXNetError:
        device = self.card.device
        return MXNetError(f"the kernels were not compiled for gpu({device.number}), {device.name} "
                          f"({device.architecture}): {error.name}",
                          f"compile with --arch {device.architecture}, or update NVIDIA's driver if they are newer")

    def launch(self, function: CudaFunction, blocks: int, threads: int, pointers: Sequence[Pointer]) -> None:
        arguments = tuple(pointers), (ctypes.c_void_p,) * len(pointers)
        with self._working():
            self._launched.append(function.name)
            self.api("cuLaunchKernel", function.handle, blocks, 1, 1, threads, 1, 1, 0, self.handle, arguments, 0)
            if self.card.blocking:
                self._synchronize()

    def ready(self, call: Call) -> Ready:
        with self.card.current():
            return self.card.library(call.library).ready(call)

    def call(self, work: Callable[[int | None], None], name: str) -> None:
        with self._working():
            work(self.number)
            self._launched.append(name)
            if self.card.blocking:
                self._synchronize()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        if self.card.blocking:
            return work
        kept, self._launched = self._launched, []
        # relaxed: memory that happens to be given back meanwhile is not part of the recording
        mode = self.api.module.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
        with self._working():
            self.api("cuStreamBeginCapture", self.handle, mode)
            try:
                work()
            except BaseException:
                self.api.drop("cuStreamEndCapture", self.handle)
                raise
            finally:
                recorded, self._launched = self._launched, kept
            graph = self.api("cuStreamEndCapture", self.handle)
            try:
                return _Recording(self, self.api("cuGraphInstantiate", graph, 0), recorded)
            finally:
                self.api("cuGraphDestroy", graph)

    def replay(self, graph: Any, kernels: Sequence[str]) -> None:
        """Launch a graph that has these kernels."""
        with self._working():
            self._launched += kernels
            self.api("cuGraphLaunch", graph, self.handle)

    def wait(self) -> None:
        with self._working():
            self._synchronize()

    def settle(self) -> None:
        with self._working():
            self.api("cuCtxSynchronize")

    def _synchronize(self) -> None:
        self.api("cuStreamSynchronize", self.handle)
        self._launched.clear()

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Within, the context is current, and errors that come of kernels are raised as such."""
        try:
            with self.card.current():
                yield
        except CudaError as error:
            if error.name not in FAILED:
                raise
            few = len(set(self._launched)) == 1
            raise KernelFailure(self._launched, f"{error.name}{f' ({error.text})' if error.text else ''}",
                                "start a new process, in which the GPU can be used again" if few else
                                "CUDA_LAUNCH_BLOCKING=1 in a new process finds out which") from error


def _arrive(arriving: tuple[np.ndarray, _Half] | None) -> None:
    """Take what a half has received."""
    if arriving is not None:
        part, half = arriving
        half.wait()
        part[:] = half.bytes[:part.size]


class _Recording:
    """A graph that can be launched again and again."""

    def __init__(self, driver: CudaDriver, graph: Any, kernels: Sequence[str]) -> None:
        self.driver, self.graph, self.kernels = driver, graph, kernels

    def __call__(self) -> None:
        self.driver.replay(self.graph, self.kernels)

    def __del__(self) -> None:
        self.driver.card.give_back("cuGraphExecDestroy", self.graph)


def names_in(image: bytes) -> list[str]:
    """The kernels of a cubin or of PTX."""
    return sorted({(section or entry).decode() for section, entry in KERNELS.findall(image)})
