"""dot and batch_dot against MXNet's recorded results, and for all ranks."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative, distinct, node_of
from tests.golden import Case, differences, each_case
from tests.inference import shapes

PRODUCTS = [((3,), (3,), (1,)), ((3,), (3, 4), (4,)), ((2, 3), (3,), (2,)), ((2, 3), (3, 4), (2, 4)),
            ((2, 3, 4), (4, 5, 2), (2, 3, 5, 2))]
TRANSPOSED = [(False, False), (True, False), (False, True), (True, True)]


@each_case("matrix", ["dot", "batch_dot"])
def test_recorded(case: Case) -> None:
    assert not differences(case)


def turned(shape: tuple[int, ...], transpose: bool, contracted: int) -> tuple[int, ...]:
    """The shape of an operand whose contracted axis (0 or -1) lies at the other end when it is transposed."""
    if not transpose or len(shape) == 1:
        return shape
    return (*shape[1:], shape[0]) if contracted == 0 else (shape[-1], *shape[:-1])


@pytest.mark.parametrize(("left", "right", "expected"), PRODUCTS)
@pytest.mark.parametrize(("transpose_a", "transpose_b"), TRANSPOSED)
def test_dot(left, right, expected, transpose_a, transpose_b) -> None:
    if len(left) == len(right) == 1 and (transpose_a or transpose_b):
        pytest.skip("vectors cannot be transposed")
    op = make("dot", transpose_a=transpose_a, transpose_b=transpose_b)
    a, b = distinct(*turned(left, transpose_a, -1)), distinct(*turned(right, transpose_b, 0))
    product = np.tensordot(a, b, (0 if transpose_a else -1, -1 if transpose_b else 0)).reshape(expected)
    np.testing.assert_allclose(run_reference(op, [a, b])[0], product)
    lowered = Legalize()(Graph(node_of(op, [a, b]).outputs))
    np.testing.assert_allclose(run(lowered, {"x0": a, "x1": b}).heads[0], product)
    check_derivative(op, a, b, wanted=(0, 1))


@pytest.mark.parametrize(("transpose_a", "transpose_b"), TRANSPOSED)
@pytest.mark.parametrize("stack", [(2,), (2, 3)])
def test_batch_dot(stack, transpose_a, transpose_b) -> None:
    op = make("batch_dot", transpose_a=transpose_a, transpose_b=transpose_b)
    a = distinct(*stack, *((4, 3) if transpose_a else (3, 4)))
    b = distinct(*stack, *((2, 4) if transpose_b else (4, 2)))
    product = (a.swapaxes(-1, -2) if transpose_a else a) @ (b.swapaxes(-1, -2) if transpose_b else b)
    np.testing.assert_allclose(run_reference(op, [a, b])[0], product)
    check_derivative(op, a, b, wanted=(0, 1))


@each_case("gemm2")
def test_gemm2(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), TRANSPOSED)
def test_rows_of_gemm2_lie_along_any_axis(transpose_a, transpose_b) -> None:
    op = make("_linalg_gemm2", axis=0, alpha=1.5, transpose_a=transpose_a, transpose_b=transpose_b)
    a, b = distinct(*((4, 2, 3) if transpose_a else (3, 2, 4))), distinct(*((5, 2, 4) if transpose_b else (4, 2, 5)))
    letters = ("kbm" if transpose_a else "mbk") + "," + ("nbk" if transpose_b else "kbn") + "->mbn"
    np.testing.assert_allclose(run_reference(op, [a, b])[0], 1.5 * np.einsum(letters, a, b))
    check_derivative(op, a, b, wanted=(0, 1))


@each_case("matrix", ["khatri_rao"])
def test_khatri_rao(case: Case) -> None:
    assert not differences(case)
    check_derivative(make("khatri_rao", num_args=2), distinct(2, 3), distinct(4, 3), wanted=(0, 1))


def test_inference() -> None:
    assert shapes("dot", [(None, 3), (None, 4)]) == [(None, 3), (3, 4), (None, 4)]
    assert shapes("dot", [(2, 3), None]) == [(2, 3), None, None]
    assert shapes("batch_dot", [(None, 3, 4), (2, 4, 5)]) == [(2, 3, 4), (2, 4, 5), (2, 3, 5)]
    assert shapes("batch_dot", [(None, 3, 4), (2, None, 5)]) == [(None, 3, 4), (2, None, 5), None]
    for name, inputs in [("dot", [(2, 3), (4, 5)]), ("batch_dot", [(1, 3, 4), (2, 4, 5)]),
                         ("batch_dot", [(3, 4), (4, 5)])]:
        with pytest.raises(InferenceError, match="node 'y'"):
            shapes(name, inputs)
