"""What follows from a matrix's LU factors: _linalg_det, _linalg_slogdet, _linalg_inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.row_kernels import AT_ONCE, at_row, largest, subtract_rows
from symc.ops.families.solve import TriangularSolve
from symc.ops.families.stacks import (
    MatrixKernel,
    MatrixOperator,
    SquareOperator,
    check_precision,
    check_square,
    count_of,
    identities,
    multiplied,
    stacked,
)
from symc.ops.operator import Operator, operator
from symc.ops.parameters import internal
from symc.ops.slots import ShapeSlot, Slots, TypeSlot


class Pivoted(Operator):
    """Base of what has among its outputs the dtype of A, but for the last one, int32."""

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in t.outputs[:-1]:
            slot.unify(t.A.dtype)
            t.A.unify(slot.dtype)
        t.outputs[-1].unify(DType.int32)
        check_precision(t.A)


@operator("_lu", hidden=True)
class LUFactors(MatrixKernel, Pivoted):
    """L and U of A·P = L·U, U having ones on its diagonal, in one matrix, and the columns swapped: in step i column i
    with `pivots[i]` - 1, that of the largest element.

    strict: a singular matrix is a failure.  Read by columns these are the factors of Aᵀ that LAPACK's getrf finds,
    which are what MXNet computes.
    """

    strict: bool = False
    inputs = ("A",)
    outputs = ("factors", "pivots")

    @property
    def failure(self) -> str:
        return "a matrix is singular, and has no inverse" if self.strict else ""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        s.outputs[0].unify(s.A.shape)
        s.outputs[1].unify(None if s.A.shape is None else s.A.shape[:-1])

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (a,), (lu, pivots) = inputs, outputs
        count, extent, _ = a.shape
        with k.jobs(count, width=extent) as matrix:
            with k.loop(extent) as row, k.each(extent) as column:
                k.store(lu, (matrix, row, column), a[matrix, row, column])
            with k.loop(extent) as row:
                self._eliminate(k, lu, matrix, row)
                _, pivot = largest(k, (row, extent), lu, at_row(matrix, row))
                k.store(pivots, (matrix, row), pivot + 1)
                self._swap(k, lu, matrix, row, k.index(pivot))
                if self.strict:
                    k.fail_when(lu[matrix, row, row] == 0)
                factor = 1 / lu[matrix, row, row]
                with k.when(lu[matrix, row, row] != 0), k.each((row + 1, extent)) as column:
                    k.store(lu, (matrix, row, column), lu[matrix, row, column] * factor)

    def _eliminate(self, k: Any, lu: Any, matrix: Any, row: Any) -> None:
        """Take the rows above out of a row."""
        groups = row // AT_ONCE
        with k.loop(groups) as group:
            self._take_out(k, lu, matrix, row, [group * AT_ONCE + i for i in range(AT_ONCE)])
        with k.loop((groups * AT_ONCE, row)) as above:
            self._take_out(k, lu, matrix, row, [above])

    def _take_out(self, k: Any, lu: Any, matrix: Any, row: Any, above: list[Any]) -> None:
        """Take neighbouring rows out of a row in one go, after what each of them adds to the factors of the next."""
        for i, column in enumerate(above):
            value = lu[matrix, row, column]
            for other in above[:i]:
                value = value - lu[matrix, row, other] * lu[matrix, other, column]
            k.store(lu, (matrix, row, column), value)
        subtract_rows(k, lu, at_row(matrix, row), (above[-1] + 1, lu.shape[-1]), len(above),
                      lambda j: lu[matrix, row, above[0] + j], lu, lambda j: at_row(matrix, above[0] + j))

    def _swap(self, k: Any, lu: Any, matrix: Any, first: Any, second: Any) -> None:
        """Exchange two columns."""
        with k.when(second != first), k.each(lu.shape[-1]) as row:
            left, right = lu[matrix, row, first], lu[matrix, row, second]
            k.store(lu, (matrix, row, first), right)
            k.store(lu, (matrix, row, second), left)

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lu, pivots = a.copy(), np.zeros(a.shape[:-1], np.int32)
        for place in np.ndindex(a.shape[:-2]):
            _factorise(lu[place], pivots[place])
        if self.strict and not np.diagonal(lu, 0, -2, -1).all():
            raise MXNetError(self.failure)
        return lu, pivots


def _factorise(lu: np.ndarray, pivots: np.ndarray) -> None:
    """`LUFactors` of one matrix, in place."""
    for row in range(len(lu)):
        pivot = row + int(np.argmax(np.nan_to_num(np.abs(lu[row, row:]), nan=-1)))
        pivots[row] = pivot + 1
        lu[:, [row, pivot]] = lu[:, [pivot, row]]
        if lu[row, row] != 0:
            lu[row, row + 1:] *= 1 / lu[row, row]
        lu[row + 1:, row + 1:] -= lu[row + 1:, row, None] * lu[row, row + 1:]


@operator("_pivot_signs", hidden=True)
class PivotSigns(Operator):
    """The sign of the permutation of each row of `pivots` (count, n), as `dtype` (count,)."""

    dtype: str
    inputs = ("pivots",)
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(None if s.pivots.shape is None else s.pivots.shape[:-1])

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (pivots,), one = inputs, te.number(1, outputs[0].element)

        def sign(row: Any, i: Any) -> Any:
            return te.select(pivots[row, i] == te.value(i, DType.int32) + 1, one, -one)
        return [te.tensor(outputs[0].dims, lambda row: te.prod(pivots.shape[1:], lambda i: sign(row, i)))]

    def reference(self, pivots: np.ndarray) -> np.ndarray:
        swaps = (pivots != np.arange(1, pivots.shape[-1] + 1)).sum(-1)
        return (1 - 2 * (swaps % 2)).astype(DType[self.dtype].numpy)


@operator("_undo_swaps", hidden=True)
class UndoSwaps(Operator):
    """The matrices whose rows were swapped in the order of `pivots`, as they were before."""

    inputs = ("data", "pivots")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.data.dtype)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, pivots), (result,) = inputs, outputs
        count, rows, columns = data.shape
        with k.jobs(count, width=columns) as matrix:
            with k.loop(rows) as row, k.each(columns) as column:
                k.store(result, (matrix, row, column), data[matrix, row, column])
            with k.loop(rows) as step:
                row = rows - 1 - step
                other = k.index(pivots[matrix, row] - 1)
                with k.when(other != row), k.each(columns) as column:
                    above, below = result[matrix, row, column], result[matrix, other, column]
                    k.store(result, (matrix, row, column), below)
                    k.store(result, (matrix, other, column), above)

    def reference(self, data: np.ndarray, pivots: np.ndarray) -> np.ndarray:
        result = data.copy()
        for place in np.ndindex(pivots.shape[:-1]):
            for row in range(pivots.shape[-1])[::-1]:
                other = pivots[(*place, row)] - 1
                result[(*place, [row, other])] = result[(*place, [other, row])]
        return result


@operator("_linalg_inverse", aliases=("linalg_inverse",))
class Inverse(SquareOperator):
    """A⁻¹ of square matrices.  MXNetError: a matrix is singular.  MXNet: _linalg_inverse."""

    strict: bool = internal(True)

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        """A⁻¹ = P·U⁻¹·L⁻¹."""
        factors, pivots = g.node(LUFactors(self.strict), [stacked(g, a)]).outputs
        first = Value(g.node(TriangularSolve(), [factors, identities(g, a)]))
        second = Value(g.node(TriangularSolve(lower=False, unit=True), [factors, first]))
        return [g.reshape(g._undo_swaps(second, pivots), a.type.dims)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        factors, pivots = LUFactors(self.strict).reference(a)
        first = TriangularSolve().reference(factors, np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape))
        second = TriangularSolve(lower=False, unit=True).reference(factors, first)
        return UndoSwaps().reference(second, pivots)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """-A⁻ᵀ·dY·A⁻ᵀ."""
        inverse = Value(node)
        return [g.negative(multiplied(g, multiplied(g, inverse, dy, True), inverse, False, True))]


class DeterminantOperator(Pivoted):
    """Base of det and slogdet: numbers for each matrix, and the LU factors of A and their pivots, hidden."""

    takes_empty = True

    inputs = ("A",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_square(s.A)
        if s.A.rank is None:
            return
        for slot in s.outputs[:-2]:
            slot.unify(s.A.shape[:-2] or (1,))
        s.outputs[-2].unify(s.A.shape)
        s.outputs[-1].unify(s.A.shape[:-1])

    @property
    def visible_count(self) -> int:
        return self.output_count - 2

    def numbers(self, g: Any, diagonal: Value, signs: Value) -> list[Value]:
        """The visible outputs from the diagonals of L (count, n) and the signs of the permutations (count,)."""
        raise NotImplementedError

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        shape = a.type.dims
        factors, pivots = g.node(LUFactors(), [stacked(g, a)]).outputs
        signs = g._pivot_signs(pivots, dtype=a.type.element.name)
        numbers = self.numbers(g, g._linalg_extractdiag(factors), signs)
        return [*(g.reshape(number, shape[:-2] or (1,)) for number in numbers), g.reshape(factors, shape),
                g.reshape(pivots, shape[:-1])]

    def factors_of(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """In NumPy: the diagonals of L, the signs of the permutations, the factors, and the pivots."""
        factors, pivots = LUFactors().reference(a)
        return np.diagonal(factors, 0, -2, -1), PivotSigns(a.dtype.name).reference(pivots), factors, pivots

    def inverses(self, g: Any, node: Node, determinant: Value, weight: Value) -> Value:
        """weight·A⁻ᵀ for each matrix, zeros where its determinant is 0."""
        a = node.inputs[0]
        count = count_of(a.type.dims)
        inverse = Value(g.node(Inverse(strict=False), [stacked(g, a)]))
        inverse = g._unless_zero(inverse, g.reshape(determinant, (count,)))
        product = g.broadcast_mul(g.transpose(inverse, axes=(0, 2, 1)), g.reshape(weight, (count, 1, 1)))
        return g.reshape(product, a.type.dims)  # type: ignore[no-any-return]


@operator("_unless_zero", hidden=True)
class UnlessZero(MatrixOperator):
    """The matrices of a stack (count, n, n) whose `condition` (count,) is not 0, and zero matrices for the others."""

    inputs = ("A", "condition")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.A.shape)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        a, condition = inputs
        return [te.tensor(outputs[0].dims, lambda *i: te.select(condition[i[0]] != 0, a[i], 0))]

    def reference(self, a: np.ndarray, condition: np.ndarray) -> np.ndarray:
        return np.where(condition[:, None, None] != 0, a, np.zeros((), a.dtype))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._unless_zero(dy, node.inputs[1]), None]


@operator("_linalg_det", aliases=("linalg_det",))
class Determinant(DeterminantOperator):
    """The determinants of matrices (..., n, n), as (...), or (1,) of one.  The gradient of a singular matrix is 0.

    MXNet: _linalg_det.
    """

    outputs = ("output0", "output1", "output2")

    def numbers(self, g: Any, diagonal: Value, signs: Value) -> list[Value]:
        return [g.broadcast_mul(g.prod(diagonal, axis=(-1,)), signs)]

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        diagonal, signs, factors, pivots = self.factors_of(a)
        return (diagonal.prod(-1) * signs).reshape(a.shape[:-2] or (1,)), factors, pivots

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None]
        return [self.inverses(g, node, Value(node), g.broadcast_mul(dy, Value(node)))]


@operator("_linalg_slogdet", aliases=("linalg_slogdet",))
class SignAndLogarithmOfDeterminant(DeterminantOperator):
    """The signs of the determinants of matrices (..., n, n), and ln |det A|, as (...), or (1,) of one.

    Of a singular matrix these are 0 and -inf, and the gradient is 0.  MXNet: _linalg_slogdet.
    """

    outputs = ("output0", "output1", "output2", "output3")

    def numbers(self, g: Any, diagonal: Value, signs: Value) -> list[Value]:
        sign = g.broadcast_mul(g.prod(g.sign(diagonal), axis=(-1,)), signs)
        return [sign, g.sum(g.log(g.abs(diagonal)), axis=(-1,))]

    def reference(self, a: np.ndarray) -> tuple[np.ndarray, ...]:
        diagonal, signs, factors, pivots = self.factors_of(a)
        shape = a.shape[:-2] or (1,)
        logarithm = np.log(np.abs(diagonal)).sum(-1, dtype=a.dtype)
        sign = np.where(np.isnan(diagonal), 0, np.sign(diagonal)).prod(-1) * signs
        return sign.reshape(shape), logarithm.reshape(shape), factors, pivots

    def gradient(self, g: Any, node: Node, sign: Value | None, dy: Value | None,
                 *_: Value | None) -> list[Value | None]:
        return [None if dy is None else self.inverses(g, node, Value(node), dy)]
