"""Jobs of imperative kernels that a team of threads does together: the blocks of a GPU.

Outside of `shared`, `turns` and `running` all threads do the same.  Barriers stand behind what is written, and in front
of it if something was read since the last one: another thread may still have to read the value before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_grid_merge import Lanes, Split, synchronise
from symc.codegen.tir_machine import Team
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_monoid import Monoid
from symc.frontend.te_math import Expr, Scalar, literal

if TYPE_CHECKING:
    from symc.codegen.tir_imperative import InOrder


class TeamWork:
    """The threads of a block, at work on one job."""

    def __init__(self, emitter: InOrder, team: Team) -> None:
        self.emitter, self.threads, self.thread = emitter, team.threads, team.thread
        self._stores: list[tuple[Buffer, Expr, Scalar]] | None = None

    def barrier(self) -> None:
        synchronise(self.emitter)
        self.emitter.has_read = False

    def _barrier_if_read(self) -> None:
        if self.emitter.has_read:
            self.barrier()

    def store(self, buffer: Buffer, index: Expr, value: Scalar) -> None:
        """One thread writes what all have computed."""
        if self._stores is not None:
            self._stores.append((buffer, index, value))
            return
        self._barrier_if_read()
        with self.emitter.when(tirx.EQ(self.thread, self.emitter.constant(0))):
            self.emitter.store(buffer, index, value)
        self.barrier()

    def vectors(self, extent: int, body: Callable[[Any], None]) -> None:
        """`body` of each thread's step at once, in ascending order: all have read before one stores."""
        emitter, last = self.emitter, self.emitter.constant(extent - 1)
        with emitter.loop("t", -(-extent // self.threads)) as turn:
            step = emitter.simplify(turn * self.threads + self.thread)
            self._stores = []
            body(emitter.name_index("e", tirx.min(step, last), extent))
            stores, self._stores = self._stores, None
            self.barrier()
            with emitter.when(tirx.LE(step, last)):
                for buffer, index, value in stores:
                    emitter.store(buffer, index, value)
            self.barrier()

    @contextlib.contextmanager
    def shared(self, low: Expr, high: Expr) -> Iterator[Any]:
        """Steps low to high - 1, of which each thread takes some; the results are seen by all."""
        self._barrier_if_read()
        with self.turns(low, high) as step:
            yield step
        self.barrier()

    @contextlib.contextmanager
    def turns(self, low: Expr, high: Expr) -> Iterator[Any]:
        """Steps low to high - 1 that are this thread's."""
        emitter, one = self.emitter, self.threads - 1
        count = emitter.simplify(tirx.floordiv(high - low + one, emitter.constant(self.threads)))
        with emitter.span(emitter.constant(0), tirx.max(count, emitter.constant(0))) as turn:
            step = emitter.simplify(low + turn * self.threads + self.thread)
            with emitter.when(tirx.LT(step, high)):
                yield emitter.name_between("e", step, low, high)

    def merge(self, kind: Monoid, cells: Sequence[Cells]) -> None:
        """Give each thread the state of all."""
        self._barrier_if_read()
        lanes = Lanes(self.emitter, Split(self.threads, 1, along=True), self.emitter.constant(0), self.thread)
        self.emitter.write_all(cells, lanes.merged(kind, cells))
        self.emitter.has_read = True

    @contextlib.contextmanager
    def running(self, total: Cells, extent: Expr, element: Callable[[Any], Scalar]) -> Iterator[tuple[Any, Scalar]]:
        """Steps with the sums up to them, added to `total`, which holds the sum of all steps of a turn afterwards."""
        emitter, dtype = self.emitter, total.dtype
        halves = [emitter.cells(dtype, self.threads, "shared") for _ in range(2)]
        turns = emitter.simplify(tirx.floordiv(extent + self.threads - 1, emitter.constant(self.threads)))
        with emitter.span(emitter.constant(0), turns) as turn:
            at = emitter.simplify(turn * self.threads + self.thread)
            self.barrier()
            emitter.write(halves[0], self.thread, literal(0, dtype), 1)
            with emitter.when(tirx.LT(at, extent)):
                value = element(emitter.name_between("e", at, emitter.constant(0), extent))
                emitter.write(halves[0], self.thread, value, 1)
            self.barrier()
            own, whole = self._sums(halves)
            before = emitter.read(total, 0, 1)
            emitter.write_all([total], [before + whole])
            with emitter.when(tirx.LT(at, extent)):
                now = before + own
                emitter.settle([now])
                yield emitter.name_between("e", at, emitter.constant(0), extent), emitter.now(now)
        self.barrier()

    def _sums(self, halves: list[Cells]) -> tuple[Scalar, Scalar]:
        """Of the elements of the threads up to this one, and of all (Hillis and Steele, 1986)."""
        emitter, (source, target), distance = self.emitter, halves, 1
        while distance < self.threads:
            own = emitter.read(source, self.thread, 1)
            emitter.write(target, self.thread, own, 1)
            with emitter.when(tirx.GE(self.thread, emitter.constant(distance))):
                other = emitter.read(source, emitter.simplify(self.thread - distance), 1)
                emitter.write(target, self.thread, own + other, 1)
            self.barrier()
            source, target, distance = target, source, distance * 2
        return emitter.read(source, self.thread, 1), emitter.read(source, self.threads - 1, 1)
