"""A stand-in for `cuda.bindings.driver` that keeps everything in this process, and is strict.

Handles must be its own and alive, a context must be current, pointers must lie in allocations; work on a stream is done
when the stream is waited for, so that what is read too early is found.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from typing import Any

import numpy as np


class CUresult(enum.IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_NO_BINARY_FOR_GPU = 209
    CUDA_ERROR_NOT_FOUND = 500
    CUDA_ERROR_ILLEGAL_ADDRESS = 700


class CUdevice_attribute(enum.IntEnum):
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76
    CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115


class CUmemPool_attribute(enum.IntEnum):
    CU_MEMPOOL_ATTR_RELEASE_THRESHOLD = 4


class CUstreamCaptureMode(enum.IntEnum):
    CU_STREAM_CAPTURE_MODE_RELAXED = 2


class cuuint64_t(int):
    pass


OK = CUresult.CUDA_SUCCESS


class Handle:
    """What the package gives for a stream, an event, ...: a number, of a kind."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number = kind, number

    def __int__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"<{self.kind} {self.number}>"


class Bindings:
    """pools: whether devices allocate in the order of streams.  kernels: functions of pointers, by their names."""

    CUresult, CUdevice_attribute, CUstreamCaptureMode = CUresult, CUdevice_attribute, CUstreamCaptureMode
    CUmemPool_attribute, cuuint64_t = CUmemPool_attribute, cuuint64_t

    def __init__(self, devices: int = 1, memory: int = 1 << 24, pools: bool = True) -> None:
        self.devices, self.memory, self.pools = devices, memory, pools
        self.kernels: dict[str, Callable[[list[int]], None]] = {}
        self.calls: list[str] = []
        self.pushed: list[Handle] = []
        self.alive: dict[Handle, Any] = {}
        self.blocks: dict[int, np.ndarray] = {}
        self.pinned: dict[int, np.ndarray] = {}
        self.queues: dict[Handle, list[Callable[[], object]]] = {}
        self.captures: dict[Handle, list[Callable[[], object]]] = {}
        self.failing: dict[str, CUresult] = {}
        self.initialised = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("cu") or name.startswith("cuuint"):
            return found

        def called(*arguments: Any) -> Any:
            self.calls.append(name)
            assert self.initialised or name in ("cuInit", "cuGetErrorString"), f"{name} before cuInit"
            if name in self.failing:
                return (self.failing[name], *[None] * (name in RESULTS))
            return found(*arguments)
        return called

    # ---- what is checked -------------------------------------------------------------------------------------

    def make(self, kind: str, value: Any = None) -> Handle:
        handle = Handle(kind, 0x1000 + 16 * len(self.calls))
        self.alive[handle] = value
        return handle

    def expect(self, kind: str, handle: Any) -> Any:
        assert isinstance(handle, Handle) and handle.kind == kind, f"{handle!r} is no {kind}"
        assert handle in self.alive, f"{handle!r} is destroyed"
        return self.alive[handle]

    def end(self, kind: str, handle: Any) -> tuple[CUresult]:
        self.expect(kind, handle)
        del self.alive[handle]
        return (OK,)

    def inside(self, address: int, size: int, blocks: dict[int, np.ndarray]) -> None:
        assert type(address) is int and type(size) is int
        assert any(start <= address and address + size <= start + block.size for start, block in blocks.items()), \
            f"{size} bytes at {address} are not allocated"

    def in_context(self) -> None:
        assert self.pushed, "no context is current"

    def do(self, stream: Any, work: Callable[[], object]) -> tuple[CUresult]:
        self.in_context()
        self.expect("stream", stream)
        (self.captures if stream in self.captures else self.queues)[stream].append(work)
        return (OK,)

    # ---- devices and contexts --------------------------------------------------------------------------------

    def cuInit(self, flags: int) -> Any:
        self.initialised = True
        return (OK,)

    def cuGetErrorString(self, status: CUresult) -> Any:
        return OK, status.name.lower().encode()

    def cuDriverGetVersion(self) -> Any:
        return OK, 13000

    def cuDeviceGetCount(self) -> Any:
        return OK, self.devices

    def cuDeviceGet(self, ordinal: int) -> Any:
        assert 0 <= ordinal < self.devices
        return OK, self.make("device", ordinal)

    def cuDeviceGetName(self, length: int, device: Any) -> Any:
        self.expect("device", device)
        return OK, b"Card of Tests\0".ljust(length)

    def cuDeviceGetAttribute(self, attribute: CUdevice_attribute, device: Any) -> Any:
        self.expect("device", device)
        return OK, {75: 9, 76: 0, 115: int(self.pools)}[CUdevice_attribute(attribute)]

    def cuDeviceTotalMem(self, device: Any) -> Any:
        self.expect("device", device)
        return OK, self.memory

    def cuDevicePrimaryCtxRetain(self, device: Any) -> Any:
        self.expect("device", device)
        return OK, self.make("context", self.expect("device", device))

    def cuCtxPushCurrent(self, context: Any) -> Any:
        self.expect("context", context)
        self.pushed.append(context)
        return (OK,)

    def cuCtxPopCurrent(self) -> Any:
        self.in_context()
        return OK, self.pushed.pop()

    def cuCtxSynchronize(self) -> Any:
        self.in_context()
        assert not self.captures, "a stream is waited for while it is captured"
        for stream in self.queues:
            self.run(stream)
        return (OK,)

    def cuDeviceGetDefaultMemPool(self, device: Any) -> Any:
        self.expect("device", device)
        return OK, self.make("pool")

    def cuMemPoolSetAttribute(self, pool: Any, attribute: Any, value: Any) -> Any:
        self.expect("pool", pool)
        assert isinstance(attribute, CUmemPool_attribute) and isinstance(value, cuuint64_t)
        return (OK,)

    def cuMemPoolTrimTo(self, pool: Any, kept: int) -> Any:
        self.expect("pool", pool)
        return (OK,)

    # ---- memory ----------------------------------------------------------------------------------------------

    def cuMemAlloc(self, size: int) -> Any:
        self.in_context()
        assert not self.captures and size > 0
        if size > self.free:
            return CUresult.CUDA_ERROR_OUT_OF_MEMORY, None
        block = np.full(size, 0xFF, np.uint8)
        self.blocks[block.ctypes.data] = block
        return OK, Handle("pointer", block.ctypes.data)

    @property
    def free(self) -> int:
        return self.memory - sum(block.size for block in self.blocks.values())

    def cuMemAllocAsync(self, size: int, stream: Any) -> Any:
        assert self.pools
        self.expect("stream", stream)
        return Bindings.cuMemAlloc(self, size)

    def cuMemFree(self, pointer: int) -> Any:
        self.in_context()
        del self.blocks[pointer]
        return (OK,)

    def cuMemFreeAsync(self, pointer: int, stream: Any) -> Any:
        assert self.pools and pointer in self.blocks
        return self.do(stream, lambda: self.blocks.pop(pointer))

    def cuMemGetInfo(self) -> Any:
        self.in_context()
        return OK, self.free, self.memory

    def cuMemHostAlloc(self, size: int, flags: int) -> Any:
        self.in_context()
        block = np.zeros(size, np.uint8)
        self.pinned[block.ctypes.data] = block
        return OK, block.ctypes.data

    def cuMemcpyHtoDAsync(self, target: int, source: int, size: int, stream: Any) -> Any:
        assert stream not in self.captures, "what is recorded would read memory of the host when it is replayed"
        self.inside(target, size, self.blocks)
        self.inside(source, size, self.pinned)
        return self.do(stream, lambda: ctypes.memmove(target, source, size))

    def cuMemcpyDtoHAsync(self, target: int, source: int, size: int, stream: Any) -> Any:
        self.inside(target, size, self.pinned)
        self.inside(source, size, self.blocks)
        return self.do(stream, lambda: ctypes.memmove(target, source, size))

    def cuMemcpyDtoDAsync(self, target: int, source: int, size: int, stream: Any) -> Any:
        self.inside(target, size, self.blocks)
        self.inside(source, size, self.blocks)
        return self.do(stream, lambda: ctypes.memmove(target, source, size))

    def cuMemcpyPeerAsync(self, target: int, context: Any, source: int, other: Any, size: int, stream: Any) -> Any:
        assert self.expect("context", context) != self.expect("context", other), "both are the same device's"
        return Bindings.cuMemcpyDtoDAsync(self, target, source, size, stream)

    def cuMemsetD8Async(self, target: int, value: int, count: int, stream: Any) -> Any:
        return self.fill(target, value, count, 1, stream)

    def cuMemsetD16Async(self, target: int, value: int, count: int, stream: Any) -> Any:
        return self.fill(target, value, count, 2, stream)

    def cuMemsetD32Async(self, target: int, value: int, count: int, stream: Any) -> Any:
        return self.fill(target, value, count, 4, stream)

    def fill(self, target: int, value: int, count: int, width: int, stream: Any) -> Any:
        self.inside(target, count * width, self.blocks)
        assert target % width == 0
        elements = value.to_bytes(width, "little") * count
        return self.do(stream, lambda: ctypes.memmove(target, elements, count * width))

    # ---- streams, events, graphs -----------------------------------------------------------------------------

    def cuStreamCreate(self, flags: int) -> Any:
        self.in_context()
        stream = self.make("stream")
        self.queues[stream] = []
        return OK, stream

    def cuStreamDestroy(self, stream: Any) -> Any:
        self.run(stream)
        return self.end("stream", stream)

    def run(self, stream: Any) -> None:
        while self.queues[stream]:
            self.queues[stream].pop(0)()

    def cuStreamSynchronize(self, stream: Any) -> Any:
        self.in_context()
        self.expect("stream", stream)
        assert stream not in self.captures, "a stream is waited for while it is captured"
        self.run(stream)
        return (OK,)

    def cuEventCreate(self, flags: int) -> Any:
        self.in_context()
        return OK, self.make("event", [])

    def cuEventRecord(self, event: Any, stream: Any) -> Any:
        self.expect("event", event)[:] = [stream]
        return (OK,)

    def cuEventSynchronize(self, event: Any) -> Any:
        for stream in self.expect("event", event):
            if stream in self.alive:
                self.run(stream)
        return (OK,)

    def cuStreamBeginCapture(self, stream: Any, mode: Any) -> Any:
        assert isinstance(mode, CUstreamCaptureMode)
        self.expect("stream", stream)
        self.captures[stream] = []
        return (OK,)

    def cuStreamEndCapture(self, stream: Any) -> Any:
        return OK, self.make("graph", self.captures.pop(stream))

    def cuGraphInstantiate(self, graph: Any, flags: int) -> Any:
        return OK, self.make("graph exec", self.expect("graph", graph))

    def cuGraphDestroy(self, graph: Any) -> Any:
        return self.end("graph", graph)

    def cuGraphExecDestroy(self, graph: Any) -> Any:
        return self.end("graph exec", graph)

    def cuGraphLaunch(self, graph: Any, stream: Any) -> Any:
        for work in self.expect("graph exec", graph):
            self.do(stream, work)
        return (OK,)

    # ---- kernels ---------------------------------------------------------------------------------------------

    def cuModuleLoadData(self, image: bytes) -> Any:
        self.in_context()
        assert isinstance(image, bytes) and image.endswith(b"\0")
        return OK, self.make("module", image)

    def cuModuleUnload(self, module: Any) -> Any:
        return self.end("module", module)

    def cuModuleGetFunction(self, module: Any, name: bytes) -> Any:
        if name not in self.expect("module", module):
            return CUresult.CUDA_ERROR_NOT_FOUND, None
        return OK, self.make("function", (name.decode(), module))

    def cuLaunchKernel(self, function: Any, *rest: Any) -> Any:
        gx, gy, gz, bx, by, bz, shared, stream, (values, types), extra = rest
        name, module = self.expect("function", function)
        self.expect("module", module)
        assert min(gx, gy, gz, bx, by, bz) >= 1 and bx <= 1024 and (shared, extra) == (0, 0)
        assert len(values) == len(types) and set(types) <= {ctypes.c_void_p}
        assert all(type(value) is int for value in values)
        return self.do(stream, lambda: self.kernels[name](list(values)))


# functions that give something besides the status
RESULTS = {"cuDeviceGetCount", "cuMemAlloc", "cuMemAllocAsync", "cuModuleLoadData", "cuStreamEndCapture"}
