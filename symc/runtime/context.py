"""Contexts: on which device an NDArray lies, and what is computed from it."""

from __future__ import annotations

import threading
from typing import ClassVar

from symc.runtime import devices

DEVICE_TYPES = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}
GPU = DEVICE_TYPES["gpu"]


class _DefaultContext(type):
    """Lets `Context.default_ctx` be read and assigned on the class."""

    @property
    def default_ctx(cls) -> Context:
        """The context of new arrays in this thread; MXNet's older name for what `current_context` gives."""
        return current_context()

    @default_ctx.setter
    def default_ctx(cls, context: Context) -> None:
        _entered.stack[-1] = context


class Context(metaclass=_DefaultContext):
    """A device by type name and number.  Within a `with` block it is the default of new arrays.  MXNet: Context."""

    devtype2str: ClassVar[dict[int, str]] = {number: name for name, number in DEVICE_TYPES.items()}
    devstr2type: ClassVar[dict[str, int]] = DEVICE_TYPES

    def __init__(self, device_type: str | Context, device_id: int = 0) -> None:
        self.device_typeid: int
        self.device_id: int
        if isinstance(device_type, Context):
            self.device_typeid, self.device_id = device_type.device_typeid, device_type.device_id
        else:
            if device_type not in DEVICE_TYPES:
                raise KeyError(f"there is no device type {device_type!r}, only {', '.join(DEVICE_TYPES)}")
            self.device_typeid, self.device_id = DEVICE_TYPES[device_type], device_id

    @property
    def device_type(self) -> str:
        return self.devtype2str[self.device_typeid]

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Context) and self.device_typeid == other.device_typeid
                and self.device_id == other.device_id)

    def __hash__(self) -> int:
        return hash((self.device_typeid, self.device_id))

    def __str__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    __repr__ = __str__

    def __enter__(self) -> Context:
        _entered.stack.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _entered.stack.pop()

    def empty_cache(self) -> None:
        """Give back the memory of a GPU that is kept for later; of others none is."""
        if self.device_typeid == GPU and self.device_id < num_gpus():
            devices.driver_of(self.device_id).empty_cache()


class _Entered(threading.local):
    """Contexts entered by each thread, the innermost last."""

    def __init__(self) -> None:
        self.stack = [Context("cpu")]


_entered = _Entered()


def current_context() -> Context:
    """The context of the innermost `with` block of this thread; cpu(0) outside of any."""
    return _entered.stack[-1]


def set_default_context(context: Context) -> None:
    """Make `context` the one that this thread has outside of any `with` block."""
    _entered.stack[0] = context


def cpu(device_id: int = 0) -> Context:
    """A CPU context."""
    return Context("cpu", device_id)


def gpu(device_id: int = 0) -> Context:
    """A GPU context."""
    return Context("gpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    """A CPU context whose memory MXNet would pin for transfers to a GPU."""
    return Context("cpu_pinned", device_id)


def host_context() -> Context:
    """The current context where that is on the host, else cpu(0)."""
    current = current_context()
    return cpu() if current.device_typeid == GPU else current


def num_gpus() -> int:
    """GPUs that arrays can lie on; 0 where none can be used, be it for want of a driver or of cuda-bindings."""
    return devices.count()


def gpu_memory_info(device_id: int = 0) -> tuple[int, int]:
    """Bytes of a GPU's memory that are free, and all.  MXNetError: there is no such GPU, and why."""
    return devices.driver_of(device_id).memory_info()
