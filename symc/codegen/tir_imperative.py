"""Imperative kernels: the builder `k` that an operator's `imperative` writes its loops with.

Statements take effect in the order in which they are written; an element read before a store keeps its old value.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symc.codegen.tir_emit import Emitter, typed
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_machine import Machine
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel
from symc.codegen.tir_schedule import pieces, ramp, vectors
from symc.frontend.te import Tensor, TensorExpressions
from symc.frontend.te_math import Expr, Indices, Scalar, TensorMath, as_expr, condition, evaluating, literal
from symc.frontend.te_random import TensorDraws
from symc.ir.types import DType
from symc.ops.random import Step

Extent = Any        # an int or an index expression


class InOrder(Emitter):
    """Evaluates every element where it is asked for, and again each time.

    status: where kernels say that they failed.
    """

    def __init__(self, index_dtype: str, status: Buffer) -> None:
        super().__init__(index_dtype)
        self.status = status

    def element(self, tensor: Tensor, indices: Indices) -> Scalar:
        value = self._evaluate(tensor, tuple(self.constant(i) if isinstance(i, int) else i for i in indices))
        assert isinstance(value, Scalar)
        self.settle([value])
        return value

    def load_flat(self, buffer: Buffer, index: Expr, depth: int = 0) -> Scalar:
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

    def get(self) -> Scalar:
        return self.emitter.read(self.cells, 0, self.lanes)

    def set(self, value: Any) -> None:
        value = typed(value, self.cells.dtype)
        self.emitter.write(self.cells, 0, value, self.lanes)


class KernelBuilder(TensorExpressions):
    """`te`, and statements.  Each `jobs` block is a kernel, with a barrier behind it."""

    def __init__(self, emitter: Callable[[], InOrder], buffers: dict[Tensor, Buffer],
                 finish: Callable[..., TirKernel], machine: Machine) -> None:
        self._make, self._buffers, self._finish, self._machine = emitter, buffers, finish, machine
        self._emitter: InOrder | None = None
        self.kernels: list[TirKernel] = []

    @property
    def emitter(self) -> InOrder:
        assert self._emitter is not None, "statements stand inside `with k.jobs(...)`"
        return self._emitter

    @contextlib.contextmanager
    def jobs(self, count: int) -> Iterator[Expr]:
        """The loop whose steps are the jobs: no two may write the same element."""
        assert self._emitter is None, "jobs do not nest"
        self._emitter = emitter = self._make()
        with evaluating(emitter), self._machine.jobs(emitter, count) as (bounds, job):
            yield job
        self._emitter = None
        self.kernels.append(self._finish(len(self.kernels), emitter, count, bounds))

    @contextlib.contextmanager
    def loop(self, extent: Extent | tuple[Extent, Extent]) -> Iterator[Expr]:
        """Steps 0 to `extent` - 1, or low to high - 1 of (low, high), one after the other."""
        low, high = extent if isinstance(extent, tuple) else (0, extent)
        with self.emitter.span(self._index(low), self._index(high)) as step:
            yield step

    def vectors(self, extent: int, dtype: DType, body: Callable[[Any], None]) -> None:
        """`body` of the indices below `extent`, of as many at once as a register has elements of `dtype`.

        Each vector is loaded whole before it is stored, in ascending order; indices may not be conditions of `when`.
        """
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
        with self.emitter.repetition(going.cells, count.cells, at_most):
            number = count.get()
            yield self.index(number)
            count.set(number + 1)

    @contextlib.contextmanager
    def when(self, chosen: Any) -> Iterator[None]:
        with self.emitter.when(condition(chosen).expr):
            yield

    def store(self, tensor: Tensor, indices: Sequence[Any] | Any, value: Any) -> None:
        """Set an element of an output."""
        places = tuple(map(self._index, indices if isinstance(indices, (tuple, list)) else (indices,)))
        value = typed(value, tensor.dtype)
        buffer = self._buffers[tensor]
        self.emitter.store(buffer, flat_index(buffer.type, places, self.emitter.constant(0)), value)

    def fail_when(self, chosen: Any) -> None:
        """Say that the operator fails if the condition holds; the kernel goes on.  Its `failure` says why."""
        status = self.emitter.status
        self.emitter.used[status] = None
        with self.when(chosen):
            self.emitter.store(status, self.emitter.constant(0), literal(1, DType.int32))

    def cell(self, dtype: DType, initial: Any, lanes: int = 1) -> Cell:
        """A variable that starts as `initial`, in all `lanes`."""
        made = Cell(self.emitter, self.emitter.cells(dtype, lanes), lanes)
        made.set(initial if isinstance(initial, Scalar) else literal(initial, dtype))
        return made

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
