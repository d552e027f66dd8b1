"""Imperative kernels: the builder `k` that an operator's `imperative` writes its loops with.

Statements take effect in the order in which they are written; an element read before a store keeps its old value.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symc.codegen.tir_emit import Emitter, typed
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_machine import Machine
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel
from symc.codegen.tir_monoid import monoid
from symc.codegen.tir_schedule import pieces, ramp, vectors
from symc.codegen.tir_team import TeamWork
from symc.frontend.te import Tensor, TensorExpressions
from symc.frontend.te_math import Expr, Indices, Scalar, TensorMath, as_expr, cast, condition, evaluating, literal
from symc.frontend.te_random import TensorDraws
from symc.ir.types import DType, TensorType
from symc.ops.random import Step

Extent = Any        # an int or an index expression


class InOrder(Emitter):
    """Evaluates every element where it is asked for, and again each time.

    status: where kernels say that they failed.
    """

    def __init__(self, index_dtype: str, status: Buffer) -> None:
        super().__init__(index_dtype)
        self.status = status
        self.has_read = False   # since the last barrier, if there are any
        self.section = 0        # which `each` is being written, 0 outside of them

    def element(self, tensor: Tensor, indices: Indices) -> Scalar:
        value = self._evaluate(tensor, tuple(self.constant(i) if isinstance(i, int) else i for i in indices))
        assert isinstance(value, Scalar)
        self.settle([value])
        return value

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """A loop or a branch: at its ends other threads may have read anything."""
        self.has_read = True
        yield
        self.has_read = True

    def load_flat(self, buffer: Buffer, index: Expr, depth: int = 0) -> Scalar:
        self.has_read = True
        return super().load_flat(buffer, index, len(self.levels) - 1)

    def shared(self, value: Scalar) -> Scalar:
        return self.now(value)

    def select(self, chosen: Scalar, a: Scalar, b: Scalar) -> Scalar:
        return self.now(TensorMath.where(chosen, a, b))


@dataclass(frozen=True)
class Cell:
    """A variable of a kernel: one element, or a vector of `lanes`."""

    emitter: InOrder
    cells: Cells
    lanes: int = 1
    section: int = 0

    def get(self) -> Scalar:
        return self.emitter.read(self.cells, 0, self.lanes)

    def set(self, value: Any) -> None:
        assert self.section == self.emitter.section, "steps of `each` set no variable that they share"
        value = typed(value, self.cells.dtype)
        self.emitter.write(self.cells, 0, value, self.lanes)


@dataclass(frozen=True)
class Array:
    """Elements in memory of a job's own."""

    emitter: InOrder
    cells: Cells

    def get(self, index: Any) -> Scalar:
        self.emitter.has_read = True
        return self.emitter.read(self.cells, index, 1)

    def put(self, index: Any, value: Any) -> None:
        self.emitter.write(self.cells, index, typed(value, self.cells.dtype), 1)


class KernelBuilder(TensorExpressions):
    """`te`, and statements.  Each `jobs` block is a kernel, with a barrier behind it.

    On a GPU a job may be done by a team of threads: these share the steps of `each`, the elements of `reduce` and those
    of `running`, and all of them do the rest, by the same values; what that stores is stored once.
    """

    def __init__(self, emitter: Callable[[], InOrder], buffers: dict[Tensor, Buffer],
                 finish: Callable[..., TirKernel], machine: Machine,
                 scratch: Callable[[TensorType], tuple[Tensor, Buffer]] | None = None) -> None:
        self._make, self._buffers, self._finish, self._machine = emitter, dict(buffers), finish, machine
        self._make_scratch = scratch
        self._emitter: InOrder | None = None
        self._team: TeamWork | None = None
        self._sections = itertools.count(1)
        self.kernels: list[TirKernel] = []

    @property
    def emitter(self) -> InOrder:
        assert self._emitter is not None, "statements stand inside `with k.jobs(...)`"
        return self._emitter

    def scratch(self, shape: Sequence[int], dtype: DType) -> Tensor:
        """A tensor for this operator alone, which one kernel may write for the next."""
        assert self._make_scratch is not None
        tensor, buffer = self._make_scratch(TensorType(tuple(shape), dtype))
        self._buffers[tensor] = buffer
        return tensor

    @contextlib.contextmanager
    def jobs(self, count: int, width: int = 1) -> Iterator[Expr]:
        """The loop whose steps are the jobs: no two may write the same element.

        width: how many steps the `each` of a job have, about; see `Machine.jobs`.
        """
        assert self._emitter is None, "jobs do not nest"
        self._emitter = emitter = self._make()
        with evaluating(emitter), self._machine.jobs(emitter, count, width) as (bounds, job, team):
            self._team = TeamWork(emitter, team) if team is not None else None
            yield job
        self._emitter = self._team = None
        self.kernels.append(self._finish(len(self.kernels), emitter, count, bounds))

    @property
    def _together(self) -> TeamWork | None:
        """The team of the job, where it is not each of its threads by itself."""
        return self._team if self.emitter.section == 0 else None

    @contextlib.contextmanager
    def each(self, extent: Extent | tuple[Extent, Extent]) -> Iterator[Expr]:
        """As `loop`, of steps in any order, or at once: none may read or write what another one writes."""
        team, (low, high) = self._together, self._bounds(extent)
        with self.loop((low, high)) if team is None else team.shared(low, high) as step, self._section():
            yield step

    @contextlib.contextmanager
    def _section(self) -> Iterator[None]:
        """What is written within is done by one thread."""
        outside, self.emitter.section = self.emitter.section, next(self._sections)
        yield
        self.emitter.section = outside

    def reduce(self, kind: str, dtype: DType, extent: Extent | tuple[Extent, Extent],
               element: Callable[[Any], Scalar]) -> Scalar:
        """The 'sum', 'prod', 'max', 'min', or the first step of them, 'argmax', 'argmin', of element(step)."""
        emitter, team = self.emitter, self._together
        rule = monoid(kind, dtype, emitter.place_dtype)
        cells = [emitter.cells(part, 1) for part in rule.dtypes]
        emitter.write_all(cells, rule.start(1))
        low, high = self._bounds(extent)
        with self.loop((low, high)) if team is None else team.turns(low, high) as step, self._section():
            value = cast(element(step), dtype)
            at = emitter.as_value(step, emitter.place_dtype)
            emitter.write_all(cells, rule.enter(emitter.read_all(cells), value, at))
        if team is not None:
            team.merge(rule, cells)
        result = rule.result(emitter.read_all(cells))
        emitter.settle([result])
        return emitter.now(result)

    @contextlib.contextmanager
    def running(self, dtype: DType, extent: int, element: Callable[[Any], Scalar]) -> Iterator[tuple[Expr, Scalar]]:
        """As `each`, with the sum of element(step) up to and including the step; on a GPU sums of floats are added in
        another order."""
        total, team = self.cell(dtype, 0), self._together
        if team is None:
            with self.loop(extent) as step:
                total.set(total.get() + element(step))
                yield step, total.get()
            return
        with team.running(total.cells, self.emitter.constant(extent), element) as found, self._section():
            yield found

    @contextlib.contextmanager
    def loop(self, extent: Extent | tuple[Extent, Extent]) -> Iterator[Expr]:
        """Steps 0 to `extent` - 1, or low to high - 1 of (low, high), one after the other."""
        with self.emitter.scope(), self.emitter.span(*self._bounds(extent)) as step:
            yield step

    def _bounds(self, extent: Extent | tuple[Extent, Extent]) -> tuple[Expr, Expr]:
        low, high = extent if isinstance(extent, tuple) else (0, extent)
        return self._index(low), self._index(high)

    def vectors(self, extent: int, dtype: DType, body: Callable[[Any], None]) -> None:
        """`body` of the indices below `extent`, of as many at once as a register has elements of `dtype`.

        Each vector is loaded whole before it is stored, in ascending order; indices may not be conditions of `when`.
        """
        if self._together is not None:
            self._together.vectors(extent, body)
        else:
            vectors(self.emitter, self.emitter.constant(0), extent, self._machine.lanes([dtype]), body)

    def pieces(self, start: Any, extent: int, dtype: DType) -> list[tuple[Any, int]]:
        """[start, start + extent) as vectors, side by side: each the indices of its elements, and how many they are."""
        lanes, first = self._machine.lanes([dtype]), self._index(start)
        return [(ramp(self.emitter, first + offset, size), size)
                for begin in range(0, extent, lanes)
                for offset, size in ((begin + o, n) for o, n in pieces(min(lanes, extent - begin), lanes))]

    @contextlib.contextmanager
    def repeat(self, going: Cell, at_most: int) -> Iterator[Expr]:
        """Steps 0, 1, ... below `at_most` as long as the cell `going`, a condition, holds."""
        count = self.cell(DType.int32, 0)
        with self.emitter.scope(), self.emitter.repetition(going.cells, count.cells, at_most):
            number = count.get()
            yield self.index(number)
            count.set(number + 1)

    @contextlib.contextmanager
    def when(self, chosen: Any) -> Iterator[None]:
        with self.emitter.scope(), self.emitter.when(condition(chosen).expr):
            yield

    def store(self, tensor: Tensor, indices: Sequence[Any] | Any, value: Any) -> None:
        """Set an element of an output."""
        places = tuple(map(self._index, indices if isinstance(indices, (tuple, list)) else (indices,)))
        value = typed(value, tensor.dtype)
        buffer = self._buffers[tensor]
        index = flat_index(buffer.type, places, self.emitter.constant(0))
        self.emitter.used[buffer] = None
        if self._together is not None:
            self._together.store(buffer, index, value)
        else:
            self.emitter.store(buffer, index, value)

    def add(self, tensor: Tensor, indices: Sequence[Any], value: Any) -> None:
        """Add to an element of an output.  On a CPU no two jobs may add to the same one; on a GPU all may, and steps of
        `each` too, in any order."""
        assert self._together is None, "a team adds in `each`"
        buffer = self._buffers[tensor]
        index = flat_index(buffer.type, tuple(map(self._index, indices)), self.emitter.constant(0))
        self.emitter.used[buffer] = None
        self._machine.add(self.emitter, buffer, index, typed(value, tensor.dtype))

    def fail_when(self, chosen: Any) -> None:
        """Say that the operator fails if the condition holds; the kernel goes on.  Its `failure` says why."""
        status = self.emitter.status
        self.emitter.used[status] = None
        with self.when(chosen):
            self.emitter.store(status, self.emitter.constant(0), literal(1, DType.int32))

    def cell(self, dtype: DType, initial: Any, lanes: int = 1) -> Cell:
        """A variable that starts as `initial`, in all `lanes`."""
        made = Cell(self.emitter, self.emitter.cells(dtype, lanes), lanes, self.emitter.section)
        made.set(initial if isinstance(initial, Scalar) else literal(initial, dtype))
        return made

    def shared(self, dtype: DType, count: int) -> Array:
        """Memory of a job: of a team, which writes it in `each`."""
        return Array(self.emitter, self.emitter.cells(dtype, max(count, 1), "shared" if self._team else "local"))

    def draws(self, seed: Scalar, salt: int, element: Any) -> TensorDraws:
        return TensorDraws(seed, salt, element, self._state_after)

    def _state_after(self, going: Any, state: Sequence[Scalar], step: Step, at_most: int) -> tuple[Scalar, ...]:
        """See `ops.random.Draws.repeat`."""
        cells = [self.cell(value.dtype, value) for value in state]
        goes_on = self.cell(DType.bool, condition(going))
        with self.repeat(goes_on, at_most) as number:
            still, made = step(number, (), [cell.get() for cell in cells])
            for cell, value in zip(cells, made, strict=True):
                cell.set(value)
            goes_on.set(still)
        return tuple(cell.get() for cell in cells)

    def _index(self, value: Any) -> Expr:
        return self.emitter.constant(value) if isinstance(value, int) else as_expr(value)
