"""Arithmetic with a number: what integers and truth values become."""

import numpy as np
import pytest

import symc as mx


@pytest.mark.parametrize(("dtype", "is_int", "expected"), [
    ("bool", True, "int64"), ("bool", False, "float64"), ("int32", True, "int32"), ("int32", False, "float64"),
    ("uint8", False, "float64"), ("float16", False, "float16")])
def test_dtype_of_result(dtype, is_int, expected):
    data = mx.nd.array([0, 1, 1], dtype=dtype)
    result = mx.nd._internal._plus_scalar(data, scalar=2.5, is_int=is_int)
    assert result.dtype == np.dtype(expected)
    assert result.asnumpy().tolist() == [2, 3, 3] if is_int and expected != "float16" else [2.5, 3.5, 3.5]


def test_truth_values_have_differences_to_a_number():
    assert mx.nd._internal._rminus_scalar(mx.nd.array([0, 1], dtype="bool"), scalar=3).asnumpy().tolist() == [3, 2]


def test_gradient_passes_through_the_promotion():
    x = mx.sym.Variable("x", dtype="float32")
    whole = mx.sym.cast(x, dtype="int32")
    y = mx.sym._internal._mul_scalar(whole, scalar=2.5, is_int=False)
    executor = y.simple_bind(mx.cpu(), x=(3,), grad_req="write")
    executor.arg_dict["x"][:] = np.array([1.5, 2, 3])
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [2.5, 5, 7.5]
    executor.backward([mx.nd.array([2, 2, 2], dtype="float64")])
    assert executor.grad_dict["x"].asnumpy().tolist() == [5, 5, 5]
