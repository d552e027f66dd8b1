"""_linalg_syevd: eigenvalues and eigenvectors of symmetric matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.row_kernels import at_row, dot, largest, reflection, subtract_rows
from symc.ops.families.stacks import MatrixOperator, check_square, flipped, multiplied, stacked, transposed
from symc.ops.operator import operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show

SWEEPS = 50                                                         # at most, for one eigenvalue
PRECISION = {DType.float32: 2.0 ** -24, DType.float64: 2.0 ** -53}  # half the distance of 1 from the next number
SAFE = {DType.float32: (1e-10, 1e10), DType.float64: (1e-100, 1e100)}   # matrices that need no scaling
NEAREST = {DType.float32: 1e-30, DType.float64: 1e-100}             # distance that equal eigenvalues count as


@operator("_symmetric_eigen", hidden=True)
class SymmetricEigen(MatrixOperator):
    """Eigenvectors, as rows, and ascending eigenvalues of the lower triangles of a stack (count, n, n), by reflections
    to a tridiagonal matrix and implicit QL iterations; the third output is scratch.

    The largest element of a vector, the first of them, is positive.
    """

    outputs = ("vectors", "values", "scratch")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        count, extent, _ = s.A.shape
        s.outputs[0].unify(s.A.shape)
        s.outputs[1].unify((count, extent))
        s.outputs[2].unify((count, extent + 2, extent))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        with k.jobs(inputs[0].shape[0]) as matrix:
            Eigensolver(k, inputs[0], outputs, matrix).solve()

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        """NaN where there are some in a matrix."""
        count, extent, _ = a.shape
        fine = np.isfinite(np.tril(a)).all((-1, -2))
        values, vectors = np.linalg.eigh(np.where(fine[:, None, None], a, 0), "L")
        rows = flipped(vectors).copy()
        first = np.take_along_axis(rows, np.abs(rows).argmax(-1)[..., None], -1) if extent else rows
        rows = np.where(first < 0, -rows, rows)
        rows[~fine], values[~fine] = np.nan, np.nan
        return rows, values, np.zeros((count, extent + 2, extent), a.dtype)


class Eigensolver:
    """Writes the kernel for one matrix of a stack.

    Rows 0 to n - 1 of the scratch hold the matrix, and the vectors of reflections; row n the elements beside the
    diagonal, row n + 1 a vector.
    """

    def __init__(self, k: Any, a: Any, outputs: list[Any], matrix: Any) -> None:
        self.k, self.a, self.matrix = k, a, matrix
        self.vectors, self.values, self.work = outputs
        self.extent: int = a.shape[-1]

    def solve(self) -> None:
        scale, finite = self._copy()
        with self.k.when(finite):
            self._solve_finite(scale)
        with self.k.when(~finite), self.k.loop(self.extent) as row:
            self.set_diagonal(row, math.nan)
            with self.k.loop(self.extent) as column:
                self.k.store(self.vectors, (self.matrix, row, column), math.nan)

    def _solve_finite(self, scale: Any) -> None:
        with self.k.loop(max(self.extent - 1, 0)) as step:
            self._reduce(step)
        if self.extent:
            self.set_diagonal(self.extent - 1, self.at(self.extent - 1, self.extent - 1))
            self.set_beside(self.extent - 1, 0)
        self._form()
        with self.k.loop(self.extent) as first:
            self._iterate(first)
        self._sort()
        with self.k.loop(self.extent) as row:
            self._finish(row, scale)

    # ---- the parts of the memory -------------------------------------------------------------------------

    def row(self, row: Any) -> Any:
        return at_row(self.matrix, row)

    def at(self, row: Any, column: Any) -> Any:
        return self.work[self.matrix, row, column]

    def put(self, row: Any, column: Any, value: Any) -> None:
        self.k.store(self.work, (self.matrix, row, column), value)

    def diagonal(self, i: Any) -> Any:
        return self.values[self.matrix, i]

    def set_diagonal(self, i: Any, value: Any) -> None:
        self.k.store(self.values, (self.matrix, i), value)

    def beside(self, i: Any) -> Any:
        return self.work[self.matrix, self.extent, i]

    def set_beside(self, i: Any, value: Any) -> None:
        self.put(self.extent, i, value)

    # ---- to a tridiagonal matrix -------------------------------------------------------------------------

    def _copy(self) -> tuple[Any, Any]:
        """The matrix into the scratch, divided by the first result, which is 1 unless its elements are huge or tiny;
        whether they are finite, the second."""
        k, extent = self.k, self.extent
        top = k.cell(self.a.dtype, 0)
        with k.loop(extent) as row, k.loop(row + 1) as column:
            top.set(k.F.max_nan(top.get(), k.F.abs(self.a[self.matrix, row, column])))
        low, high = SAFE[self.a.dtype]
        size, one = top.get(), k.number(1, self.a.dtype)
        scale = k.select(size == 0, one, k.select(size < low, size, k.select(size > high, size, one)))
        with k.loop(extent) as row, k.loop(row + 1) as column:
            value = self.a[self.matrix, row, column] / scale
            self.put(row, column, value)
            self.put(column, row, value)
        return scale, size < math.inf

    def _reduce(self, step: Any) -> None:
        """Take the elements of row and column `step` beyond the diagonal and its neighbour to zero."""
        k, extent, vector = self.k, self.extent, self.extent + 1
        first, columns = step + 1, (step + 1, extent)
        tau, beta = reflection(k, self.work, self.row(step), first, extent)
        self.set_diagonal(step, self.at(step, step))
        self.set_beside(step, beta)
        self.put(step, step, tau)
        self.put(step, first, 1)
        with k.when(tau != 0):
            self._product(step, columns, tau)
            inner = dot(k, columns, self.work.dtype, lambda c: self.at(vector, c), lambda c: self.at(step, c))
            half = tau * inner * -0.5
            with k.loop(columns) as c:
                self.put(vector, c, self.at(vector, c) + half * self.at(step, c))
            with k.loop(columns) as row:
                left, right = self.at(step, row), self.at(vector, row)
                with k.loop(columns) as c:
                    self.put(row, c, self.at(row, c) - left * self.at(vector, c) - right * self.at(step, c))

    def _product(self, step: Any, columns: Any, tau: Any) -> None:
        """tau·A·v into the vector; A is symmetric, so it is a sum of rows."""
        k, vector = self.k, self.extent + 1
        with k.loop(columns) as c:
            self.put(vector, c, 0)
        subtract_rows(k, self.work, self.row(vector), columns, self.extent - 1 - step,
                      lambda j: -tau * self.at(step, step + 1 + j), self.work, lambda j: self.row(step + 1 + j))

    def _form(self) -> None:
        """The product of the reflections, transposed, into the vectors."""
        k, extent = self.k, self.extent
        with k.loop(extent) as row, k.loop(extent) as column:
            k.store(self.vectors, (self.matrix, row, column), k.select(
                k.all(row == column), k.number(1, self.a.dtype), k.number(0, self.a.dtype)))
        with k.loop(max(extent - 1, 0)) as count:
            self._reflect(extent - 2 - count)
        with k.loop(extent) as row, k.loop(row) as column:
            above, below = (self.vectors[self.matrix, column, row], self.vectors[self.matrix, row, column])
            k.store(self.vectors, (self.matrix, column, row), below)
            k.store(self.vectors, (self.matrix, row, column), above)

    def _reflect(self, step: Any) -> None:
        """The reflection of a step, of the rows of the vectors behind it."""
        k, vector, columns = self.k, self.extent + 1, (step + 1, self.extent)
        with k.loop(columns) as c:
            self.put(vector, c, 0)
        subtract_rows(k, self.work, self.row(vector), columns, self.extent - 1 - step,
                      lambda j: self.at(step, step + 1 + j), self.vectors, lambda j: self.row(step + 1 + j))
        with k.loop(columns) as row:
            factor = self.at(step, step) * self.at(step, row)
            with k.loop(columns) as c:
                value = self.vectors[self.matrix, row, c] + factor * self.at(vector, c)
                k.store(self.vectors, (self.matrix, row, c), value)

    # ---- to a diagonal one -------------------------------------------------------------------------------

    def _iterate(self, first: Any) -> None:
        """QL iterations until element `first` of the diagonal is an eigenvalue."""
        k = self.k
        going = k.cell(DType.bool, k.all(first < self.extent - 1))
        with k.repeat(going, SWEEPS):
            end = self._end_of_block(first)
            more = k.all(end > first)
            with k.when(more):
                self._sweep(first, end)
            going.set(more)

    def _end_of_block(self, first: Any) -> Any:
        """The first place from `first` on beside which there is nothing left, as an index."""
        k = self.k
        end = k.cell(DType.int32, self.extent - 1)
        with k.loop(self.extent - 1 - first) as back:
            at = self.extent - 2 - back
            sizes = k.F.abs(self.diagonal(at)) + k.F.abs(self.diagonal(at + 1))
            is_small = k.F.abs(self.beside(at)) <= sizes * PRECISION[self.a.dtype]
            end.set(k.select(is_small, k.value(at, DType.int32), end.get()))
        return k.index(end.get())

    def _sweep(self, first: Any, end: Any) -> None:
        """One implicit QL step, shifted towards an eigenvalue of the first two by two elements (EISPACK's tql2)."""
        k, dtype = self.k, self.a.dtype
        origin, edge = self.diagonal(first), self.beside(first)
        slope = (self.diagonal(first + 1) - origin) / (2 * edge)
        root = k.F.hypot(slope, k.number(1, dtype))
        shift = k.cell(dtype, self.diagonal(end) - origin + edge / (slope + k.select(slope < 0, -root, root)))
        sine, cosine, moved = k.cell(dtype, 1), k.cell(dtype, 1), k.cell(dtype, 0)
        with k.loop(end - first) as back:
            self._rotate(end - 1 - back, shift, sine, cosine, moved)
        self.set_diagonal(first, self.diagonal(first) - moved.get())
        self.set_beside(first, shift.get())
        self.set_beside(end, 0)

    def _rotate(self, i: Any, shift: Any, sine: Any, cosine: Any, moved: Any) -> None:
        """Rotate rows and columns i and i + 1, and the vectors with them."""
        k, one, zero = self.k, self.k.number(1, self.a.dtype), self.k.number(0, self.a.dtype)
        f, b = sine.get() * self.beside(i), cosine.get() * self.beside(i)
        length = k.F.hypot(f, shift.get())
        self.set_beside(i + 1, length)
        s, c = k.select(length == 0, zero, f / length), k.select(length == 0, one, shift.get() / length)
        start = self.diagonal(i + 1) - moved.get()
        r = (self.diagonal(i) - start) * s + 2 * c * b
        moved.set(s * r)
        self.set_diagonal(i + 1, start + moved.get())
        shift.set(c * r - b)
        sine.set(s)
        cosine.set(c)
        with k.loop(self.extent) as column:
            upper, lower = self.vectors[self.matrix, i, column], self.vectors[self.matrix, i + 1, column]
            k.store(self.vectors, (self.matrix, i, column), c * upper - s * lower)
            k.store(self.vectors, (self.matrix, i + 1, column), s * upper + c * lower)

    def _sort(self) -> None:
        """Eigenvalues ascending, and their vectors with them."""
        k = self.k
        with k.loop(self.extent) as place:
            least = k.cell(DType.int32, k.value(place, DType.int32))
            value = k.cell(self.a.dtype, self.diagonal(place))
            with k.loop((place + 1, self.extent)) as other:
                smaller = self.diagonal(other) < value.get()
                least.set(k.select(smaller, k.value(other, DType.int32), least.get()))
                value.set(k.select(smaller, self.diagonal(other), value.get()))
            self._exchange(place, k.index(least.get()))

    def _exchange(self, place: Any, other: Any) -> None:
        k = self.k
        with k.when(other != place):
            left, right = self.diagonal(place), self.diagonal(other)
            self.set_diagonal(place, right)
            self.set_diagonal(other, left)
            with k.loop(self.extent) as column:
                upper, lower = self.vectors[self.matrix, place, column], self.vectors[self.matrix, other, column]
                k.store(self.vectors, (self.matrix, place, column), lower)
                k.store(self.vectors, (self.matrix, other, column), upper)

    def _finish(self, row: Any, scale: Any) -> None:
        """Scale an eigenvalue back, and give its vector its sign."""
        k = self.k
        self.set_diagonal(row, self.diagonal(row) * scale)
        _, place = largest(k, (0, self.extent), self.vectors, self.row(row))
        with k.when(self.vectors[self.matrix, row, k.index(place)] < 0), k.loop(self.extent) as column:
            k.store(self.vectors, (self.matrix, row, column), -self.vectors[self.matrix, row, column])


@operator("_linalg_syevd")
class EigenDecomposition(MatrixOperator):
    """U (..., n, n) and eigenvalues L (..., n), ascending, of symmetric A = Uᵀ·diag(L)·U, of which the lower triangle
    is read.  The largest element of each row of U is positive.  MXNet: _linalg_syevd.
    """

    outputs = ("output0", "output1")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        if s.A.rank is not None:
            s.outputs[0].unify(s.A.shape)
            s.outputs[1].unify(s.A.shape[:-1])

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        vectors, values, _ = g.node(SymmetricEigen(), [stacked(g, a)]).outputs
        return [g.reshape(vectors, a.type.dims), g.reshape(values, a.type.dims[:-1])]

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        vectors, values, _ = SymmetricEigen().reference(a.reshape(-1, *a.shape[-2:]))
        return vectors.reshape(a.shape), values.reshape(a.shape[:-1])

    def gradient(self, g: Any, node: Node, du: Value | None, dl: Value | None) -> list[Value | None]:
        """Uᵀ·(diag(dL) + G∘(M - Mᵀ))·U, M = dU·Uᵀ, and G the halved inverse distances of the eigenvalues."""
        u, values = node.outputs
        parts = [] if dl is None else [g._linalg_makediag(dl)]
        if du is not None:
            product = multiplied(g, du, u, transpose_b=True)
            skew = g.broadcast_sub(product, transposed(g, product))
            parts.append(g.broadcast_mul(skew, g._inverse_distances(values)))
        if not parts:
            return [None]
        inner = parts[0] if len(parts) == 1 else g.broadcast_add(*parts)
        return [multiplied(g, multiplied(g, u, inner, transpose_a=True), u)]


@operator("_inverse_distances", hidden=True)
class InverseDistances(MatrixOperator):
    """1 / 2(x[i] - x[j]) of ascending numbers (..., n), 0 for i = j; equal ones count as 1e-100 (1e-30) apart."""

    inputs = ("values",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.values.rank == 0:
            raise Conflict(f"values is {show(s.values.shape)}, expected a line of numbers")
        if s.values.rank is not None:
            s.output.unify((*s.values.shape, s.values[-1]))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (values,) = inputs
        least, one = te.number(NEAREST[values.dtype], values.dtype), te.number(1, values.dtype)

        def element(*i: Any) -> Any:
            distance = te.F.abs(values[i[:-1]] - values[(*i[:-2], i[-1])])
            inverse = one / (2 * te.select(distance < least, least, distance))
            return te.select(te.all(i[-2] == i[-1]), 0 * one, te.select(te.all(i[-2] > i[-1]), inverse, -inverse))
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, values: np.ndarray) -> np.ndarray:
        distance = np.abs(values[..., :, None] - values[..., None, :])
        least = np.asarray(NEAREST[DType.of(values.dtype)], values.dtype)
        inverse = 1 / (2 * np.where(distance < least, least, distance))
        return np.tril(inverse, -1) - np.triu(inverse, 1)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """dx[i] = -2·Σ y[i, j]²·(dy[i, j] - dy[j, i])."""
        skew = g.broadcast_sub(dy, transposed(g, dy))
        terms = g.broadcast_mul(g.square(Value(node)), skew)
        return [g._mul_scalar(g.sum(terms, axis=(-1,)), scalar=-2.0)]
