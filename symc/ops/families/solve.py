"""Triangular systems and Cholesky factors: _linalg_trsm, _linalg_potrf, _linalg_potri."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.ir.graph import Node, Value
from symc.ops.families.matrix_products import TriangularOperator
from symc.ops.families.row_kernels import at_row, parts, subtract_rows
from symc.ops.families.stacks import (
    MatrixKernel,
    MatrixOperator,
    SquareOperator,
    flipped,
    identities,
    multiplied,
    scaled,
    stacked,
    transposed,
)
from symc.ops.families.triangles import mirrored
from symc.ops.operator import operator
from symc.ops.slots import ShapeSlot, Slots

COLUMNS = 32        # of the right-hand side that a job of a triangular system solves for


@operator("_triangular_solve", hidden=True)
class TriangularSolve(MatrixOperator):
    """X of op(A)·X = B for stacks (count, n, n) and (count, n, k).

    unit: the diagonal of A counts as ones.  strict: a zero on it is a failure.
    """

    transpose: bool = False
    lower: bool = True
    unit: bool = False
    strict: bool = False
    inputs = ("A", "B")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.B.unify(s.output.shape)
        s.output.unify(s.B.shape)

    @property
    def failure(self) -> str:
        return "a triangular matrix has a zero on its diagonal, and no inverse" if self.strict else ""

    @property
    def forward(self) -> bool:
        """Whether rows are solved from the first one on."""
        return self.lower != self.transpose

    def element(self, a: Any, matrix: Any, row: Any, column: Any) -> Any:
        """An element of op(A)."""
        return a[(matrix, column, row) if self.transpose else (matrix, row, column)]

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (a, b), (x,) = inputs, outputs
        count, extent, width = b.shape
        with parts(k, count, width, COLUMNS) as (matrix, columns), k.loop(extent) as step:
            row = self.row(step, extent)
            first = 0 if self.forward else row + 1      # of the rows that are solved
            with k.each(columns) as column:
                k.store(x, (matrix, row, column), b[matrix, row, column])
            subtract_rows(k, x, at_row(matrix, row), columns, step,
                          lambda j: self.element(a, matrix, row, first + j), x, lambda j: at_row(matrix, first + j))
            if not self.unit:
                pivot = self.element(a, matrix, row, row)
                if self.strict:
                    k.fail_when(pivot == 0)
                with k.each(columns) as column:
                    k.store(x, (matrix, row, column), x[matrix, row, column] / pivot)

    def row(self, step: Any, extent: int) -> Any:
        """The row that is solved in a step."""
        return step if self.forward else extent - 1 - step

    def reference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.strict and not np.diagonal(a, 0, -2, -1).all():
            raise MXNetError(self.failure)
        a, x, extent = flipped(a) if self.transpose else a, b.copy(), b.shape[-2]
        for step in range(extent):
            row = self.row(step, extent)
            solved = slice(0, row) if self.forward else slice(row + 1, extent)
            x[..., row, :] -= (a[..., row, None, solved] @ x[..., solved, :])[..., 0, :]
            if not self.unit:
                x[..., row, :] /= a[..., row, row, None]
        return x


@operator("_linalg_trsm", aliases=("linalg_trsm",))
class TriangularSystem(TriangularOperator, MatrixOperator):
    """X of op(A)·X = alpha·B, or of X·op(A) = alpha·B if `rightside`, A being the lower or upper triangle of a square
    matrix, whose other elements are not read.  A zero on its diagonal gives infinities.  MXNet: _linalg_trsm.
    """

    transpose: bool = False
    rightside: bool = False
    lower: bool = True
    alpha: float = 1.0
    inputs = ("A", "B")

    @property
    def solver(self) -> TriangularSolve:
        """The system with the unknown on the right."""
        return TriangularSolve(self.transpose != self.rightside, self.lower)

    def rewrite(self, g: Any, a: Value, b: Value) -> list[Value]:
        right = transposed(g, b) if self.rightside else b
        solved = Value(g.node(self.solver, [stacked(g, a), stacked(g, right)]))
        x = g.reshape(solved, right.type.dims)
        return [scaled(g, transposed(g, x) if self.rightside else x, self.alpha)]

    def reference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        x = self.solver.reference(a, flipped(b) if self.rightside else b)
        return (flipped(x) if self.rightside else x) * np.asarray(self.alpha, a.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """dB = alpha·op(A)⁻ᵀ·dX; dA is the triangle of -op(dB·Xᵀ) / alpha."""
        a, x = node.inputs[0], Value(node)
        db = g.op(self.name, a, dy, transpose=not self.transpose, rightside=self.rightside, lower=self.lower,
                  alpha=self.alpha)
        left, right = (db, x) if self.transpose == self.rightside else (x, db)
        product = multiplied(g, left, right, self.rightside, not self.rightside)
        return [g._triangle(g._div_scalar(product, scalar=-self.alpha), lower=self.lower), db]


@operator("_linalg_potrf", aliases=("linalg_potrf",))
class Cholesky(MatrixKernel, SquareOperator):
    """L of A = L·Lᵀ, or U of A = Uᵀ·U unless `lower`, of symmetric positive definite matrices, of which that triangle
    alone is read.  MXNetError: a matrix is not positive definite; a factor with NaN where it has NaN is no error.
    MXNet: _linalg_potrf.
    """

    failure = "a matrix is not positive definite, and has no Cholesky factor"

    lower: bool = True

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """By rows of U, each less the rows above it; L is its transpose at the end, in place."""
        (a,), (u,) = inputs, outputs
        count, extent, _ = a.shape
        with k.jobs(count, width=extent) as matrix:
            with k.loop(extent) as row:
                self._row(k, a, u, matrix, row)
            if self.lower:
                with k.each(extent) as row, k.loop(row) as column:
                    k.store(u, (matrix, row, column), u[matrix, column, row])
            with k.each(extent) as row, k.loop((row + 1, extent) if self.lower else row) as column:
                k.store(u, (matrix, row, column), 0)

    def _row(self, k: Any, a: Any, u: Any, matrix: Any, row: Any) -> None:
        """Row `row` of U, from those above it."""
        columns = (row, a.shape[-1])
        with k.each(columns) as column:
            k.store(u, (matrix, row, column), a[(matrix, column, row) if self.lower else (matrix, row, column)])
        subtract_rows(k, u, at_row(matrix, row), columns, row, lambda j: u[matrix, j, row],
                      u, lambda j: at_row(matrix, j))
        pivot = u[matrix, row, row]
        k.fail_when(pivot <= 0)
        root = k.F.sqrt(k.select(pivot > 0, pivot, k.number(math.nan, a.dtype)))
        k.store(u, (matrix, row, row), root)
        with k.each((row + 1, a.shape[-1])) as column:
            k.store(u, (matrix, row, column), u[matrix, row, column] / root)

    def reference(self, a: np.ndarray) -> np.ndarray:
        u = np.triu(flipped(a) if self.lower else a)
        for row in range(a.shape[-1]):
            above = u[..., :row, row, None]
            u[..., row, row:] -= (flipped(above) @ u[..., :row, row:])[..., 0, :]
            pivot = u[..., row, row]
            if (pivot <= 0).any():
                raise MXNetError(self.failure)
            root = np.sqrt(pivot)
            u[..., row, row:] /= root[..., None]
            u[..., row, row] = root
        return flipped(u).copy() if self.lower else u

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """½·L⁻ᵀ·S·L⁻¹, where S is symmetric with the lower triangle of Lᵀ·dL."""
        factor = Value(node)
        inner = mirrored(g, multiplied(g, factor, dy, self.lower, not self.lower))
        half = g._linalg_trsm(factor, inner, transpose=self.lower, lower=self.lower)
        return [g._linalg_trsm(factor, half, rightside=True, transpose=not self.lower, lower=self.lower, alpha=0.5)]


@operator("_linalg_potri", aliases=("linalg_potri",))
class InverseOfCholesky(SquareOperator):
    """(L·Lᵀ)⁻¹ of lower triangles L, or (Uᵀ·U)⁻¹ of upper ones unless `lower`; the other triangle is not read.

    MXNetError: a triangle has a zero on its diagonal.  MXNet: _linalg_potri.
    """

    lower: bool = True

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        solver = TriangularSolve(lower=self.lower, strict=True)
        inverse = g.reshape(Value(g.node(solver, [stacked(g, a), identities(g, a)])), a.type.dims)
        return [multiplied(g, inverse, inverse, self.lower, not self.lower)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        ones = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
        inverse = TriangularSolve(lower=self.lower, strict=True).reference(a, ones)
        return flipped(inverse) @ inverse if self.lower else inverse @ flipped(inverse)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """The triangle of -A⁻¹·(dY + dYᵀ)·L⁻ᵀ, or of -U⁻ᵀ·(dY + dYᵀ)·A⁻¹."""
        factor, inverse = node.inputs[0], Value(node)
        both = g.broadcast_add(dy, transposed(g, dy))
        product = multiplied(g, inverse, both) if self.lower else multiplied(g, both, inverse)
        solved = g._linalg_trsm(factor, product, transpose=True, rightside=self.lower, lower=self.lower, alpha=-1.0)
        return [g._triangle(solved, lower=self.lower)]
