"""_linalg_gelqf: A = L·Q."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.families.row_kernels import at_row, dot, reflection
from symc.ops.families.stacks import MatrixOperator, flipped, multiplied, stacked
from symc.ops.families.triangles import mirrored
from symc.ops.operator import operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@operator("_householder_lq", hidden=True)
class HouseholderLQ(MatrixOperator):
    """Q and L of a stack (count, m, n), as LAPACK's gelqf and orglq find them; the third output is scratch."""

    outputs = ("q", "l", "scratch")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        count, rows, columns = s.A.shape
        for slot, shape in zip(s.outputs, [(count, rows, columns), (count, rows, rows), (count, rows)], strict=True):
            slot.unify(shape)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Row by row a reflection I - tau·v·vᵀ, v[row] = 1, takes what is right of the diagonal to zero.

        q holds A, and the vectors v in its rows; then Q is made in their place, from the last row on.
        """
        (a,), (q, low, scales) = inputs, outputs
        count, rows, columns = a.shape
        with k.jobs(count) as matrix:
            with k.loop(rows) as row, k.loop(columns) as column:
                k.store(q, (matrix, row, column), a[matrix, row, column])
            with k.loop(rows) as row:
                self._reflect(k, q, low, scales, matrix, row)
                with k.loop((row + 1, rows)) as below:
                    self._apply(k, q, matrix, row, below, scales[matrix, row])
            with k.loop(rows) as row, k.loop(rows) as column:
                k.store(low, (matrix, row, column), k.select(column < row, q[matrix, row, column], k.select(
                    k.all(column == row), low[matrix, row, column], 0)))
            with k.loop(rows) as step:
                self._form(k, q, scales, matrix, rows - 1 - step)

    def _reflect(self, k: Any, q: Any, low: Any, scales: Any, matrix: Any, row: Any) -> None:
        """Find v and tau of a row, and the element of L on the diagonal."""
        scale, beta = reflection(k, q, at_row(matrix, row), row, q.shape[-1])
        k.store(scales, (matrix, row), scale)
        k.store(low, (matrix, row, row), beta)

    def _apply(self, k: Any, q: Any, matrix: Any, row: Any, below: Any, scale: Any) -> None:
        """Reflect the row `below` by the vector in `row`."""
        columns = (row + 1, q.shape[-1])
        product = dot(k, columns, q.dtype, lambda c: q[matrix, below, c], lambda c: q[matrix, row, c])
        factor = scale * (q[matrix, below, row] + product)
        k.store(q, (matrix, below, row), q[matrix, below, row] - factor)
        with k.loop(columns) as column:
            k.store(q, (matrix, below, column), q[matrix, below, column] - factor * q[matrix, row, column])

    def _form(self, k: Any, q: Any, scales: Any, matrix: Any, row: Any) -> None:
        """Row `row` of Q in the place of its vector, by which the rows below, which are of Q already, are reflected."""
        scale = scales[matrix, row]
        with k.loop((row + 1, q.shape[-2])) as below:
            k.store(q, (matrix, below, row), 0)
            self._apply(k, q, matrix, row, below, scale)
        with k.loop(row) as column:
            k.store(q, (matrix, row, column), 0)
        k.store(q, (matrix, row, row), 1 - scale)
        with k.loop((row + 1, q.shape[-1])) as column:
            k.store(q, (matrix, row, column), -scale * q[matrix, row, column])

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        q, r = np.linalg.qr(flipped(a))
        return flipped(q).copy(), flipped(r).copy(), np.zeros(a.shape[:-1], a.dtype)


@operator("_linalg_gelqf", aliases=("linalg_gelqf",))
class LQFactors(MatrixOperator):
    """Q (..., m, n) and L (..., m, m) of A = L·Q, m ≤ n: Q has orthonormal rows, L is a lower triangle.

    Signs are those of LAPACK's reflections, as in MXNet: _linalg_gelqf.
    """

    outputs = ("output0", "output1")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.A.rank is None:
            return
        rows, columns = s.A.shape[-2:] if s.A.rank > 1 else (1, 0)
        if None not in (rows, columns) and rows > columns:
            raise Conflict(f"A is {show(s.A.shape)}, expected matrices with no more rows than columns")
        s.outputs[0].unify(s.A.shape)
        s.outputs[1].unify((*s.A.shape[:-2], rows, rows))

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        q, low, _ = g.node(HouseholderLQ(), [stacked(g, a)]).outputs
        shape = a.type.dims
        return [g.reshape(q, shape), g.reshape(low, (*shape[:-2], *low.type.dims[1:]))]

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        return HouseholderLQ().reference(a)[:2]

    def gradient(self, g: Any, node: Node, dq: Value | None, dl: Value | None) -> list[Value | None]:
        """L⁻ᵀ·(dQ + S·Q), where S is symmetric with the lower triangle of Lᵀ·dL - dQ·Qᵀ."""
        q, low = node.outputs
        parts = [] if dl is None else [multiplied(g, low, dl, transpose_a=True)]
        if dq is not None:
            parts.append(g.negative(multiplied(g, dq, q, transpose_b=True)))
        if not parts:
            return [None]
        inner = parts[0] if len(parts) == 1 else g.broadcast_add(*parts)
        total = multiplied(g, mirrored(g, inner), q)
        return [g._linalg_trsm(low, total if dq is None else g.broadcast_add(dq, total), transpose=True)]
