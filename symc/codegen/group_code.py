"""The compiled form of a group, as the cache keeps it and the plan uses it."""

from __future__ import annotations

from symc.ops.record import Record, record

# ("input" | "output" | "scratch", position); ("status", 0): an int32 that the kernel sets to 1 when it fails
Parameter = tuple[str, int]
GRID_LEVEL = "cuda"     # among the levels of CPUs: kernels for GPUs, whose object is their text in CUDA C++


@record
class KernelCode(Record):
    """One kernel: linker symbol, parameters in ABI order, number of jobs, nominal floating-point operations.

    threads: 0 for CPUs; for GPUs, where a job is a block, the threads of a block.
    """

    symbol: str
    parameters: tuple[Parameter, ...]
    jobs: int
    flops: int = 0
    threads: int = 0


@record
class GroupCode(Record):
    """Kernels run one after the other, a barrier between; bytes of their scratch buffers; their object code.

    choice: by which they were scheduled (`choice.Choice`), '' where that was the model's.
    """

    kernels: tuple[KernelCode, ...]
    scratch: tuple[int, ...]
    object: bytes
    choice: str = ""
