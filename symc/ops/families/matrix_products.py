"""Products of matrices with triangles, with themselves and with sums: _linalg_gemm, _linalg_syrk, _linalg_trmm.

All are batched products with what is elementwise before and behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Value
from symc.ops.families.matrix import Gemm2
from symc.ops.families.stacks import MatrixOperator, check_square, flipped, scaled
from symc.ops.operator import Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@operator("_linalg_gemm", aliases=("linalg_gemm",))
class Gemm(MatrixOperator):
    """alpha·op(A)·op(B) + beta·C for stacks of matrices, whose rows lie along `axis` and whose columns along the last
    axis.  Of beta = 0 C is not read, whatever it holds.  MXNet: _linalg_gemm.
    """

    takes_empty = True

    transpose_a: bool = False
    transpose_b: bool = False
    alpha: float = 1.0
    beta: float = 1.0
    axis: int = -2
    inputs = ("A", "B", "C")

    @property
    def product(self) -> Gemm2:
        """The operator without C."""
        return Gemm2(self.transpose_a, self.transpose_b, self.alpha, self.axis)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        product = Slots([s.A, s.B], [s.output])
        s.C.unify(s.output.shape)
        s.output.unify(s.C.shape)
        self.product.infer_shape(product)

    def rewrite(self, g: Any, a: Value, b: Value, c: Value) -> list[Value]:
        product = Value(g.node(self.product, [a, b]))
        return [g.broadcast_add(product, scaled(g, c, self.beta))] if self.beta else [product]

    def reference(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        product = self.product.reference(a, b)
        return product + np.asarray(self.beta, c.dtype) * c if self.beta else product


@operator("_linalg_syrk", aliases=("linalg_syrk",))
class SymmetricProduct(MatrixOperator):
    """alpha·A·Aᵀ, or alpha·Aᵀ·A if `transpose`, of each matrix of a stack.  MXNet: _linalg_syrk."""

    transpose: bool = False
    alpha: float = 1.0

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        if s.A.rank < 2:
            raise Conflict(f"A is {show(s.A.shape)}, which is no matrix")
        extent = s.A[-1 if self.transpose else -2]
        s.output.unify((*s.A.shape[:-2], extent, extent))

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        return [g._linalg_gemm2(a, a, transpose_a=self.transpose, transpose_b=not self.transpose, alpha=self.alpha)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        product = flipped(a) @ a if self.transpose else a @ flipped(a)
        return product * np.asarray(self.alpha, a.dtype)


class TriangularOperator(Operator):
    """Base of trmm and trsm: a triangle A (..., n, n) and B (..., n, k), or (..., k, n) if `rightside`."""

    transpose: bool
    rightside: bool
    lower: bool
    alpha: float

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        """As in MXNet: from A and B together, or from the output."""
        check_square(s.A)
        s.B.unify(s.output.shape)
        if s.B.rank is None or s.A.rank is None and s.output.rank is None:
            return
        if s.B.rank < 2:
            raise Conflict(f"B is {show(s.B.shape)}, which is no matrix")
        rows = s.B[-1 if self.rightside else -2]
        s.A.unify((*s.B.shape[:-2], rows, rows))
        s.B.unify((*s.A.shape[:-2], *((None, s.A[-1]) if self.rightside else (s.A[-1], None))))
        s.output.unify(s.B.shape)


@operator("_linalg_trmm", aliases=("linalg_trmm",))
class TriangularProduct(TriangularOperator, MatrixOperator):
    """alpha·op(A)·B, or alpha·B·op(A) if `rightside`, A being the lower or upper triangle of a square matrix, whose
    other elements are not read.  MXNet: _linalg_trmm.
    """

    transpose: bool = False
    rightside: bool = False
    lower: bool = True
    alpha: float = 1.0
    inputs = ("A", "B")

    def rewrite(self, g: Any, a: Value, b: Value) -> list[Value]:
        triangle = g._triangle(a, lower=self.lower)
        if self.rightside:
            return [g._linalg_gemm2(b, triangle, transpose_b=self.transpose, alpha=self.alpha)]
        return [g._linalg_gemm2(triangle, b, transpose_a=self.transpose, alpha=self.alpha)]

    def reference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        triangle = np.tril(a) if self.lower else np.triu(a)
        triangle = flipped(triangle) if self.transpose else triangle
        product = b @ triangle if self.rightside else triangle @ b
        return product * np.asarray(self.alpha, a.dtype)
