"""What kernels of TIR run on: what a job is, how wide vectors are, and what code walks the jobs.

A CPU walks jobs of some kilobytes by vectors.  A GPU has a thread for each job, which is one element; or a block of
threads, where jobs are few and have work for many.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import tvm
from tvm import tirx

from symc.codegen.cuda_source import ATOMIC
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_memory import Buffer
from symc.frontend.te_math import Expr, Scalar
from symc.ir.types import DType

JOB_BYTES = 16384       # that a job of an elementwise kernel writes, about; never depends on the number of threads
MOST_LANES = 16
CHAINS = 4              # vectors that accumulate side by side, to hide the latency of adding
FEW_REGISTERS = 15      # with so few, half as many: beside the constants of exp, LLVM would put sums on the stack
THREADS = 256           # of a block, unless a kernel has its own number
MOST_THREADS = 1024
WARP = 32
ENOUGH_JOBS = 1 << 14   # with so many, each is done by a single thread
FEW_JOBS = 64           # so few have larger blocks


@dataclass(frozen=True, slots=True)
class Jobs:
    """The bounds, i64, of the jobs that a call of a CPU's kernel does."""

    begin: Any
    end: Any


@dataclass(frozen=True, slots=True)
class Launch:
    """Blocks of a GPU's kernel, and threads in each."""

    blocks: int
    threads: int


@dataclass(frozen=True, slots=True)
class Team:
    """The threads that do a job together, and which of them this one is."""

    threads: int
    thread: Any


class Work(NamedTuple):
    """What walks the jobs, the number of the job that is done, and by whom, if by several."""

    bounds: Jobs | Launch
    job: Any
    team: Team | None = None


class Machine(Protocol):
    """job_bytes: what a job of an elementwise kernel writes.  turns: whether tiles are transposed in registers.
    chains: how many vectors of a long reduction accumulate side by side, a power of two."""

    @property
    def job_bytes(self) -> int: ...

    @property
    def turns(self) -> bool: ...

    @property
    def chains(self) -> int: ...

    def lanes(self, dtypes: Sequence[DType]) -> int:
        """Elements in a vector that holds any of the dtypes."""

    def jobs(self, emitter: Emitter, count: int, width: int = 1) -> contextlib.AbstractContextManager[Work]:
        """The outermost statement of a kernel: what is written within is done for each job.

        width: how many threads have something to do in a job, about.
        """

    def add(self, emitter: Emitter, buffer: Buffer, index: Expr, value: Scalar) -> None:
        """Add `value`, which has been through `settle`, to an element; `k.add` says whose."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU of one of LEVELS: a call of a kernel walks a range of jobs."""

    level: str
    job_bytes = JOB_BYTES
    turns = True

    @property
    def chains(self) -> int:
        return CHAINS // 2 if LEVELS[self.level].core.registers <= FEW_REGISTERS else CHAINS

    def lanes(self, dtypes: Sequence[DType]) -> int:
        """As many elements of the widest dtype as fill a register, at most 16."""
        widest = max((4 if dtype in (DType.float16, DType.bfloat16) else dtype.itemsize for dtype in dtypes),
                     default=4)
        return min(LEVELS[self.level].core.vector_bytes // widest, MOST_LANES)

    @contextlib.contextmanager
    def jobs(self, emitter: Emitter, count: int, width: int = 1) -> Iterator[Work]:
        begin, end = tirx.Var("begin", "int64"), tirx.Var("end", "int64")
        with emitter.job_loop(begin, end, count) as job:
            yield Work(Jobs(begin, end), job)

    def add(self, emitter: Emitter, buffer: Buffer, index: Expr, value: Scalar) -> None:
        before = emitter.load_flat(buffer, index)
        emitter.settle([before])
        emitter.store(buffer, index, before + value)


@dataclass(frozen=True, slots=True)
class Grid:
    """A GPU: each job is a thread.  One job, one element, so that neighbouring threads touch neighbouring memory.
    Jobs of some width are blocks of threads, unless they are many."""

    threads: int = THREADS
    job_bytes = 1
    turns = False
    chains = CHAINS

    def lanes(self, dtypes: Sequence[DType]) -> int:
        return 1

    @contextlib.contextmanager
    def jobs(self, emitter: Emitter, count: int, width: int = 1) -> Iterator[Work]:
        if width > WARP or width > 1 and count < ENOUGH_JOBS:
            launch = Launch(count, _team_size(count, width))
            with launched(emitter, launch) as (block, thread):
                yield Work(launch, block, Team(launch.threads, thread))
            return
        launch = Launch(-(-count // self.threads), self.threads)
        with launched(emitter, launch) as (block, thread):
            number = block * self.threads + thread
            if count % self.threads == 0:
                yield Work(launch, emitter.name_index("j", number, count))
                return
            with emitter.when(tirx.LT(number, emitter.constant(count))):
                yield Work(launch, emitter.name_index("j", number, count))

    def add(self, emitter: Emitter, buffer: Buffer, index: Expr, value: Scalar) -> None:
        """At once with other threads, in any order."""
        place = tirx.address_of(tirx.BufferLoad(buffer.var, [emitter.simplify(index)]))
        emitter.add(tirx.Evaluate(tirx.call_extern("int32", ATOMIC, place, value.expr)))


def _team_size(count: int, width: int) -> int:
    """Whole warps, as many as the width takes, in powers of two."""
    most = MOST_THREADS if count < FEW_JOBS else THREADS
    return min(max(1 << (width - 1).bit_length(), WARP), most)


@contextlib.contextmanager
def launched(emitter: Emitter, launch: Launch) -> Iterator[tuple[Any, Any]]:
    """The root of a GPU's kernel; yields the number of the block and that of the thread in it, as indices."""
    with emitter.root() as body:
        named = {name: tirx.Var(name, "int32") for name in ("blockIdx.x", "threadIdx.x")}
        extents = dict(zip(named, (launch.blocks, launch.threads), strict=True))
        yield tuple(emitter.name_index(name[0], tirx.Cast(emitter.index_dtype, var), extents[name])
                    if emitter.index_dtype != "int32" else emitter.known(var, extents[name])
                    for name, var in named.items())
    for name, var in reversed(named.items()):
        over = tirx.IterVar(tvm.ir.Range(0, extents[name]), var, tirx.IterVar.ThreadIndex, name)
        body.append(tirx.AttrStmt(over, "thread_extent", tirx.const(extents[name], "int32"), body.pop()))

