"""Operators of NDArrays behave as MXNet 1.9.1's do; the expected values were recorded there."""

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError

nd = mx.nd
INTEGERS = nd.array([-7, -5, 7, 5], dtype="int32")
SIGNS = nd.array([3, -3, 3, -3], dtype="int32")
FLOATS = nd.array([-7, -5, 7, 5])
BYTES = nd.array([1, 2, 3], dtype="uint8")
SMALL = nd.array([1, 2, 3], dtype="int32")


def same(made, expected, dtype):
    assert made.dtype == np.dtype(dtype).type
    np.testing.assert_array_equal(made.asnumpy(), np.array(expected, dtype))


@pytest.mark.parametrize("made, expected, dtype", [
    (SMALL + 0.5, [1, 2, 3], "int32"), (SMALL / 2, [0, 1, 1], "int32"), (7 - SMALL, [6, 5, 4], "int32"),
    (2 / SMALL, [2, 1, 0], "int32"), (2.9 ** SMALL, [2, 4, 8], "int32"), (SMALL ** 2.9, [1, 4, 9], "int32"),
    (SMALL == 1.5, [1, 0, 0], "int32"), (SMALL >= 2.5, [0, 1, 1], "int32"), (INTEGERS / SIGNS, [-2, 1, 2, -1], "int32"),
    (INTEGERS / 2, [-3, -2, 3, 2], "int32"), (INTEGERS % SIGNS, [2, -2, 1, -1], "int32"),
    (FLOATS % -3, [-1, -2, -2, -1], "float32"), (FLOATS % 0, [0, 0, 0, 0], "float32"),
    (3 % FLOATS, [-4, -2, 3, 3], "float32"), (FLOATS / 0, [-np.inf, -np.inf, np.inf, np.inf], "float32"),
    (BYTES + 300, [45, 46, 47], "uint8"), (BYTES - 3, [254, 255, 0], "uint8"), (-BYTES, [255, 254, 253], "uint8"),
    (BYTES < 300, [1, 1, 1], "uint8"), (BYTES / 2.5, [0, 1, 1], "uint8"), (abs(FLOATS), [7, 5, 7, 5], "float32"),
    (nd.array([1, 0], dtype="bool") + 1, [2, 1], "int64"), (SMALL == 2, [0, 1, 0], "int32"),
    (nd.array([np.nan]) == nd.array([np.nan]), [0], "float32"), (FLOATS > FLOATS / 0, [1, 1, 0, 0], "float32"),
    (nd.array([2**40], dtype="int64") + 1, [2**40 + 1], "int64"), (SMALL / 0, [0, 0, 0], "int32")])
def test_arithmetic_keeps_the_dtype(made, expected, dtype):
    same(made, expected, dtype)


def test_operands_must_agree():
    for other in (nd.array([1, 2, 3], dtype="float64"), nd.zeros((2,))):
        with pytest.raises(MXNetError, match="add"):
            nd.array([1, 2, 3]) + other
    for other in (None, np.ones(3), "x"):
        with pytest.raises(TypeError, match="not supported"):
            nd.array([1, 2, 3]) + other
    with pytest.raises(TypeError, match="not supported"):
        assert nd.array([1, 2, 3]) == None  # noqa: E711


def test_in_place():
    alias = made = nd.zeros((3,), dtype="int32")
    made += 1.7
    made *= 3
    same(alias, [3, 3, 3], "int32")
    with pytest.raises(MXNetError, match="in place"):
        made += nd.zeros((2, 3), dtype="int32")
