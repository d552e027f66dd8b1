"""Products of matrices: dot, batch_dot, _linalg_gemm2, khatri_rao."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape, Shape, TensorType
from symc.ops.contraction import Contraction, evaluator, matrix_product
from symc.ops.operator import HAS_GRADIENT, NUMBERS, Operator, Variadic, operator
from symc.ops.record import record
from symc.ops.shapes import axis_in, product, with_extent
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@record
class MatrixProduct(Operator):
    """Base: op(lhs)·op(rhs) on matrices, or on stacks of them; other ranks are views of those, see `folded`."""

    transpose_a: bool = False
    transpose_b: bool = False
    inputs = ("lhs", "rhs")

    def folded(self, lhs: Shape, rhs: Shape) -> tuple[Shape, Shape, Shape]:
        """The matrices, or stacks, that lhs and rhs are read as, and the shape of the result."""
        raise NotImplementedError

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.inputs[0].known and s.inputs[1].known:
            s.output.unify(self.folded(s.inputs[0].dims, s.inputs[1].dims)[2])

    def spec(self, lhs: Shape, rhs: Shape) -> Contraction:
        """The contraction of two matrices or two stacks."""
        batch = lhs[0] if len(lhs) == 3 else None
        (*_, p, q), (*_, r, t) = lhs, rhs
        return matrix_product(batch, q if self.transpose_a else p, r if self.transpose_b else t,
                              p if self.transpose_a else q, self.transpose_a, self.transpose_b)

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        return self.spec(inputs[0].dims, inputs[1].dims)

    def rewrite(self, g: Any, lhs: Value, rhs: Value) -> list[Value] | None:
        a, b, result = self.folded(lhs.type.dims, rhs.type.dims)
        if (a, b) == (lhs.type.dims, rhs.type.dims):
            return None
        return [g.reshape(g.op(self.name, g.reshape(lhs, a), g.reshape(rhs, b), transpose_a=self.transpose_a,
                               transpose_b=self.transpose_b), result)]

    def prepared(self, lhs: np.ndarray, rhs: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return _prepared(self, lhs.shape, rhs.shape)

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        return self.prepared(lhs, rhs)(lhs, rhs)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shapes = [value.type.dims for value in node.inputs]
        a_shape, b_shape, _ = self.folded(*shapes)
        a, b = g.reshape(node.inputs[0], a_shape), g.reshape(node.inputs[1], b_shape)
        spec = self.spec(a_shape, b_shape)
        d = g.reshape(dy, tuple(spec.sizes[name] for name in spec.parallel))
        ta, tb = self.transpose_a, self.transpose_b
        da = (g.op(self.name, b, d, transpose_a=tb, transpose_b=True) if ta
              else g.op(self.name, d, b, transpose_b=not tb))
        db = (g.op(self.name, d, a, transpose_a=True, transpose_b=ta) if tb
              else g.op(self.name, a, d, transpose_a=not ta))
        return [g.reshape(da, shapes[0]), g.reshape(db, shapes[1])]


@functools.lru_cache(1024)
def _prepared(op: MatrixProduct, lhs: Shape, rhs: Shape) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The product of operands of these shapes."""
    a, b, result = op.folded(lhs, rhs)
    evaluate, is_folded = evaluator(op.spec(a, b)), (a, b) != (lhs, rhs)
    return lambda x, y: evaluate(x.reshape(a), y.reshape(b), result) if is_folded else evaluate(x, y, result)


@operator("dot", aliases=("_sparse_dot",))
class Dot(MatrixProduct):
    """Product over the last axis of lhs (the first if transpose_a) and the first axis of rhs (the last if
    transpose_b); the other axes stay in order.  Two vectors give shape (1,).  MXNet: dot.
    """

    forward_stype: str | None = None

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        a, b = s.lhs, s.rhs
        if a.rank is None or b.rank is None:
            return
        if a.rank == b.rank == 1 and (self.transpose_a or self.transpose_b):
            raise Conflict("vectors cannot be transposed")
        first, second = self._contracted(a.rank, b.rank)
        if None not in (a[first], b[second]) and a[first] != b[second]:
            raise Conflict(f"lhs {show(a.shape)} and rhs {show(b.shape)} differ in the extent summed over")
        a.unify_axis(first, b[second])
        b.unify_axis(second, a[first])
        s.output.unify(self._result(a.shape, b.shape))

    def _contracted(self, lhs_rank: int, rhs_rank: int) -> tuple[int, int]:
        return 0 if self.transpose_a else lhs_rank - 1, rhs_rank - 1 if self.transpose_b else 0

    def _result(self, lhs: PartialShape, rhs: PartialShape) -> PartialShape:
        rows = lhs[1:] if self.transpose_a else lhs[:-1]
        return (*rows, *(rhs[:-1] if self.transpose_b else rhs[1:])) or (1,)

    def folded(self, lhs: Shape, rhs: Shape) -> tuple[Shape, Shape, Shape]:
        first, second = self._contracted(len(lhs), len(rhs))
        depth = lhs[first]
        rows, columns = (math.prod(with_extent(shape, axis % len(shape), 1))  # type: ignore[arg-type]
                         for shape, axis in ((lhs, first), (rhs, second)))
        return ((depth, rows) if self.transpose_a else (rows, depth),
                (columns, depth) if self.transpose_b else (depth, columns),
                self._result(lhs, rhs))  # type: ignore[return-value]


class StackedProduct(MatrixProduct):
    """Base of the products of stacks of matrices: the axes before the last two number the matrices."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        a, b = s.inputs
        if a.rank is None or b.rank is None:
            return
        if a.rank != b.rank or a.rank < 3:
            raise Conflict(f"{a.name} {show(a.shape)} and {b.name} {show(b.shape)} are not stacks of matrices alike")
        if None in (a[-2 if self.transpose_a else -1], b[-1 if self.transpose_b else -2]):   # as in MXNet
            return
        for axis in range(a.rank - 2):
            a.unify_axis(axis, b[axis])
            b.unify_axis(axis, a[axis])
        a.unify_axis(-2 if self.transpose_a else -1, b[-1 if self.transpose_b else -2])
        b.unify_axis(-1 if self.transpose_b else -2, a[-2 if self.transpose_a else -1])
        s.output.unify((*a.shape[:-2], a[-1 if self.transpose_a else -2], b[-2 if self.transpose_b else -1]))

    def folded(self, lhs: Shape, rhs: Shape) -> tuple[Shape, Shape, Shape]:
        result = (*lhs[:-2], lhs[-1 if self.transpose_a else -2], rhs[-2 if self.transpose_b else -1])
        count = math.prod(lhs[:-2])
        return (count, *lhs[-2:]), (count, *rhs[-2:]), result


@operator("batch_dot")
class BatchDot(StackedProduct):
    """op(lhs)·op(rhs) for each pair of matrices of two stacks (..., m, k) and (..., k, n).  MXNet: batch_dot."""

    forward_stype: str | None = None


@operator("_linalg_gemm2", aliases=("linalg_gemm2",))
class Gemm2(Operator):
    """alpha·op(A)·op(B) for each pair of matrices, whose rows lie along `axis` and whose columns along the last axis.

    MXNet: _linalg_gemm2.
    """

    dtypes = NUMBERS

    takes_empty = True

    transpose_a: bool = False
    transpose_b: bool = False
    alpha: float = 1.0
    axis: int = -2
    inputs = ("A", "B")

    def order(self, rank: int) -> Shape:
        """The axes with those of the matrix last."""
        if rank < 2 or axis_in(self.axis, rank) == rank - 1:
            raise Conflict(f"axis {self.axis} and the last of {rank} dimensions make no matrix")
        rows = axis_in(self.axis, rank)
        return (*(i for i in range(rank - 1) if i != rows), rows, rank - 1)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        a, b = s.A.shape, s.B.shape
        if a is None or b is None:
            return
        if len(a) != len(b):
            raise Conflict(f"A {show(a)} and B {show(b)} differ in rank")
        *stack, rows, columns = self.order(len(a))
        for axis in stack:
            s.A.unify_axis(axis, b[axis])
            s.B.unify_axis(axis, s.A[axis])
        s.A.unify_axis(rows if self.transpose_a else columns, b[columns if self.transpose_b else rows])
        s.B.unify_axis(columns if self.transpose_b else rows, s.A[rows if self.transpose_a else columns])
        result = with_extent(s.A.shape, rows, s.A[columns if self.transpose_a else rows])
        s.output.unify(with_extent(result, columns, s.B[rows if self.transpose_b else columns]))

    def rewrite(self, g: Any, a: Value, b: Value) -> list[Value]:
        order = self.order(len(a.type.dims))
        product = g.op("dot" if len(order) == 2 else "batch_dot", g.transpose(a, axes=order),
                       g.transpose(b, axes=order), transpose_a=self.transpose_a, transpose_b=self.transpose_b)
        back = tuple(order.index(i) for i in range(len(order)))
        return [g._mul_scalar(g.transpose(product, axes=back), scalar=self.alpha)]

    def reference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        left, right = (np.moveaxis(x, self.axis, -2) for x in (a, b))
        product = ((left.swapaxes(-1, -2) if self.transpose_a else left)
                   @ (right.swapaxes(-1, -2) if self.transpose_b else right))
        return np.moveaxis(product * np.asarray(self.alpha, a.dtype), -2, self.axis)


@operator("khatri_rao")
class KhatriRao(Operator):
    """For matrices (mᵢ, n) the matrix (∏ mᵢ, n) whose columns are the Kronecker products of theirs.

    MXNet: khatri_rao.
    """

    num_args: int
    inputs = (Variadic("arg"),)
    deviations = (HAS_GRADIENT,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        columns = next((slot[1] for slot in s.inputs if slot.rank == 2 and slot[1] is not None), None)
        for slot in s.inputs:
            slot.unify((None, columns))
        s.output.unify((product(tuple(slot[0] for slot in s.inputs)), columns))

    def rewrite(self, g: Any, *matrices: Value) -> list[Value]:
        result = g._copy(matrices[0])
        for matrix in matrices[1:]:
            (m, columns), (n, _) = result.type.dims, matrix.type.dims
            rows = g.broadcast_mul(g.reshape(result, (m, 1, columns)), g.reshape(matrix, (1, n, columns)))
            result = g.reshape(rows, (m * n, columns))
        return [result]

    def reference(self, *matrices: np.ndarray) -> np.ndarray:
        return functools.reduce(lambda a, b: (a[:, None] * b).reshape(-1, a.shape[1]), matrices)
