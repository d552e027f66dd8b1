"""Diagonals and triangles of matrices: _linalg_extractdiag, makediag, extracttrian, maketrian, sumlogdiag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import Shape
from symc.ops.families.stacks import MatrixOperator, SquareOperator, check_square, count_of
from symc.ops.operator import operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@operator("_triangle", hidden=True)
class Triangle(SquareOperator):
    """The elements [i, j] with j - i ≤ offset (lower) or j - i ≥ offset (upper), zeros elsewhere."""

    lower: bool = True
    offset: int = 0

    def compute(self, te: Any, inputs: list[Any], outputs: list[Any]) -> list[Any]:
        def element(*i: Any) -> Any:
            kept = i[-1] - i[-2] <= self.offset if self.lower else i[-1] - i[-2] >= self.offset
            return te.select(te.all(kept), inputs[0][i], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        return np.tril(a, self.offset) if self.lower else np.triu(a, self.offset)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.op(self.name, dy, lower=self.lower, offset=self.offset)]


def mirrored(g: Any, value: Value) -> Value:
    """The symmetric matrices whose lower triangles are those of `value`."""
    rank = len(value.type.dims)
    below = g._triangle(value, lower=True, offset=-1)
    return g.broadcast_add(g._triangle(value), g.transpose(below, axes=(*range(rank - 2), rank - 1, rank - 2)))  # type: ignore[no-any-return]


class DiagonalOperator(MatrixOperator):
    """Base of those that take the diagonal j - i = offset."""

    offset: int

    def length(self, extent: int) -> int:
        """Elements of the diagonal of an (extent, extent) matrix.  Conflict when it lies outside."""
        if abs(self.offset) > max(extent - 1, 0):
            raise Conflict(f"offset {self.offset} lies outside matrices of {extent} rows")
        return extent - abs(self.offset)

    def place(self, row: Any, column: Any) -> tuple[Any, Any]:
        """Where element [row, column] of the square matrix behind the diagonal stands in the whole one."""
        return row + max(-self.offset, 0), column + max(self.offset, 0)


@operator("_linalg_extractdiag", aliases=("linalg_extractdiag",))
class ExtractDiagonal(DiagonalOperator):
    """The diagonals j - i = offset of matrices (..., n, n), as (..., n - |offset|).  MXNet: _linalg_extractdiag."""

    offset: int = 0

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        if s.A.rank is not None:
            s.output.unify((*s.A.shape[:-2], None if s.A[-1] is None else self.length(s.A[-1])))

    def compute(self, te: Any, inputs: list[Any], outputs: list[Any]) -> list[Any]:
        return [te.tensor(outputs[0].dims, lambda *i: inputs[0][(*i[:-1], *self.place(i[-1], i[-1]))])]

    def reference(self, a: np.ndarray) -> np.ndarray:
        return np.diagonal(a, self.offset, -2, -1).copy()

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._linalg_makediag(dy, offset=self.offset)]


@operator("_linalg_makediag", aliases=("linalg_makediag",))
class MakeDiagonal(DiagonalOperator):
    """Zero matrices (..., n + |offset|, n + |offset|) with (..., n) on the diagonal j - i = offset.

    MXNet: _linalg_makediag.
    """

    offset: int = 0

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        if s.A.rank == 0:
            raise Conflict("A is one number, which is no diagonal")
        extent = None if s.A[-1] is None else s.A[-1] + abs(self.offset)
        s.output.unify((*s.A.shape[:-1], extent, extent))

    def compute(self, te: Any, inputs: list[Any], outputs: list[Any]) -> list[Any]:
        (a,) = inputs

        def element(*i: Any) -> Any:
            at = te.clamp(i[-1] - max(self.offset, 0), 0, max(a.shape[-1] - 1, 0))
            return te.select(te.all(i[-1] - i[-2] == self.offset), a[(*i[:-2], at)], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        extent = a.shape[-1] + abs(self.offset)
        result = np.zeros((*a.shape[:-1], extent, extent), a.dtype)
        at = np.arange(a.shape[-1])
        result[(..., *self.place(at, at))] = a
        return result

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._linalg_extractdiag(dy, offset=self.offset)]


class TriangleOperator(DiagonalOperator):
    """Base of those that take the triangle from the diagonal j - i = offset to a corner.

    That is the lower left corner for an offset below 0, and for 0 if `lower`.  Of a lower triangle elements are counted
    by rows, of an upper one by columns.
    """

    lower: bool

    @property
    def is_low(self) -> bool:
        return self.offset < 0 or self.offset == 0 and self.lower

    def place(self, row: Any, column: Any) -> tuple[Any, Any]:
        """Where element [row, column ≤ row] of the lower triangle that is stored stands in the matrix."""
        return super().place(*((row, column) if self.is_low else (column, row)))

    def places(self, extent: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the elements of a triangle of `extent` rows."""
        rows, columns = np.tril_indices(extent)
        return self.place(rows, columns)


@operator("_linalg_extracttrian", aliases=("linalg_extracttrian",))
class ExtractTriangle(TriangleOperator):
    """A triangle of matrices (..., n, n) as (..., m·(m + 1)/2), m = n - |offset|.  MXNet: _linalg_extracttrian."""

    offset: int = 0
    lower: bool = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        if s.A.rank is not None:
            rows = None if s.A[-1] is None else self.length(s.A[-1])
            s.output.unify((*s.A.shape[:-2], None if rows is None else rows * (rows + 1) // 2))

    def rewrite(self, g: Any, a: Value) -> list[Value] | None:
        shape = a.type.dims
        if len(shape) == 3:
            return None
        packed = g.op(self.name, g.reshape(a, (count_of(shape), *shape[-2:])), offset=self.offset, lower=self.lower)
        return [g.reshape(packed, (*shape[:-2], packed.type.dims[-1]))]

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (a,), (result,) = inputs, outputs
        with k.jobs(a.shape[0]) as matrix, k.loop(self.length(a.shape[-1])) as row, k.loop(row + 1) as column:
            k.store(result, (matrix, row * (row + 1) // 2 + column), a[(matrix, *self.place(row, column))])

    def reference(self, a: np.ndarray) -> np.ndarray:
        return a[(..., *self.places(self.length(a.shape[-1])))]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._linalg_maketrian(dy, offset=self.offset, lower=self.lower)]


@operator("_linalg_maketrian", aliases=("linalg_maketrian",))
class MakeTriangle(TriangleOperator):
    """Zero matrices with a triangle of (..., m·(m + 1)/2), the inverse of extracttrian.  MXNet: _linalg_maketrian."""

    offset: int = 0
    lower: bool = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        if s.A.rank == 0:
            raise Conflict("A is one number, which is no triangle")
        extent = None if s.A[-1] is None else self.rows(s.A.shape) + abs(self.offset)
        s.output.unify((*s.A.shape[:-1], extent, extent))

    def rows(self, shape: Shape) -> int:
        """Rows of a triangle.  Conflict when there is none with so many elements."""
        rows = (math.isqrt(8 * shape[-1] + 1) - 1) // 2
        if rows * (rows + 1) // 2 != shape[-1]:
            raise Conflict(f"A is {show(shape)}, and no triangle has {shape[-1]} elements")
        return rows

    def compute(self, te: Any, inputs: list[Any], outputs: list[Any]) -> list[Any]:
        (a,), last = inputs, self.rows(inputs[0].shape) - 1
        down, right = max(-self.offset, 0), max(self.offset, 0)

        def element(*i: Any) -> Any:
            row, column = (i[-2] - down, i[-1] - right)[::1 if self.is_low else -1]
            inside = te.all(column >= 0, column <= row, row <= last)
            row, column = te.clamp(row, 0, max(last, 0)), te.clamp(column, 0, max(last, 0))
            at = te.clamp(row * (row + 1) // 2 + column, 0, max(a.shape[-1] - 1, 0))
            return te.select(inside, a[(*i[:-2], at)], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        rows = self.rows(a.shape)
        result = np.zeros((*a.shape[:-1], rows + abs(self.offset), rows + abs(self.offset)), a.dtype)
        result[(..., *self.places(rows))] = a
        return result

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._linalg_extracttrian(dy, offset=self.offset, lower=self.lower)]


@operator("_linalg_sumlogdiag", aliases=("linalg_sumlogdiag",))
class SumOfLogarithmsOfDiagonal(MatrixOperator):
    """Σ ln A[i, i] of matrices (..., n, n), as (...), or (1,) of one.  MXNet: _linalg_sumlogdiag."""

    takes_empty = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        if s.A.rank is not None:
            s.output.unify(s.A.shape[:-2] or (1,))

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        total = g.sum(g.log(g._linalg_extractdiag(a)), axis=(-1,), keepdims=len(a.type.dims) == 2)
        return [g.reshape(total, a.type.dims[:-2] or (1,))]

    def reference(self, a: np.ndarray) -> np.ndarray:
        return np.log(np.diagonal(a, 0, -2, -1)).sum(-1, dtype=a.dtype).reshape(a.shape[:-2] or (1,))
