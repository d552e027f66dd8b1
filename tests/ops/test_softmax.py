"""softmax and its relatives: recorded cases, gradients, special values."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative
from tests.golden import Case, differences, each_case


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@each_case("nn", ("softmax", "log_softmax", "softmin", "SoftmaxActivation"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("parameters", [{}, {"axis": 0}, {"axis": 1, "temperature": 2.5}])
def test_gradients(name: str, parameters: dict) -> None:
    check_derivative(make(name, **parameters), normal(3, 4, 2))


@pytest.mark.parametrize("axis", [-1, 1])
def test_elements_beyond_length_are_nothing(axis: int) -> None:
    op = make("softmax", axis=axis, use_length=True)
    data, length = normal(2, 3, 4), np.array([[3, 0, 9, 1], [2, 2, 1, 3]], np.int32)
    length = length if axis == 1 else length[:, :3]
    (y,) = run_reference(op, [data, length])
    valid = np.arange(data.shape[axis]) < length[..., None]
    rows = np.where(valid, np.exp(np.moveaxis(data, axis, -1)), 0)
    expected = rows / np.maximum(rows.sum(-1, keepdims=True), 1e-30)
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), expected)
    check_derivative(op, data, length)


def test_large_values_do_not_overflow() -> None:
    data = np.array([[1e30, 1, -np.inf], [3e4, 3e4, 0]], np.float32)
    (y,) = run_reference(make("softmax"), [data])
    np.testing.assert_allclose(y, [[1, 0, 0], [0.5, 0.5, 0]])
    (logarithm,) = run_reference(make("log_softmax"), [data])
    np.testing.assert_allclose(logarithm[1, :2], np.log([0.5, 0.5]), rtol=1e-6)


def test_dtype_is_that_of_the_output() -> None:
    data = normal(2, 3).astype(np.float16)
    (y,) = run_reference(make("softmax", dtype="float32"), [data])
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)


def test_integers_are_refused(graph) -> None:
    with pytest.raises(InferenceError, match="data is int32, expected a floating point type"):
        graph("%x: i32[2,3]\n%y = softmax(%x)\nheads %y")
