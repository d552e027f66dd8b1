"""Operators on arrays, run at once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError, MXNetError, ParameterError

nd = mx.nd
X = nd.array([[1.0, -2.0], [3.0, -4.0]])


def test_outputs_are_arrays() -> None:
    y = nd.FullyConnected(X, nd.ones((3, 2)), no_bias=True, num_hidden=3)
    assert isinstance(y, nd.NDArray) and y.asnumpy().tolist() == [[-1] * 3, [-1] * 3]
    parts = nd.split(X, num_outputs=2, axis=1)
    assert [part.shape for part in parts] == [(2, 1), (2, 1)]
    assert nd.concat(X, X, dim=0).shape == (4, 2)
    assert nd.cast(X, dtype="int32").dtype == np.int32
    assert nd.zeros((2, 3)).shape == (2, 3) and nd.eye(2).asnumpy().tolist() == [[1, 0], [0, 1]]
    assert nd.linspace(0, 1, 3, dtype="float64").asnumpy().tolist() == [0, 0.5, 1]
    assert [part.shape for part in nd.split_v2(X, (1,), axis=1)] == [(2, 1), (2, 1)]
    assert nd.moveaxis(nd.zeros((2, 3, 4)), 0, -1).shape == (3, 4, 2)


def test_operators_mean_what_they_do_outside_training() -> None:
    assert nd.Dropout(X, p=0.5).asnumpy().tolist() == X.asnumpy().tolist()
    ones, gamma = nd.ones((2,)), nd.full((2,), 5)
    y = nd.BatchNorm(X, gamma, nd.zeros((2,)), nd.zeros((2,)), ones, eps=1e-10)
    np.testing.assert_allclose(y.asnumpy(), X.asnumpy(), rtol=1e-6)
    assert gamma.asnumpy().tolist() == [1, 1]       # fix_gamma writes to it


def test_out() -> None:
    target = nd.zeros((2, 2))
    assert nd.relu(X, out=target) is target and target.asnumpy().tolist() == [[1, 0], [3, 0]]
    left, right = nd.zeros((2, 1)), nd.zeros((2, 1))
    nd.split(X, num_outputs=2, axis=1, out=[left, right])
    assert right.asnumpy().tolist() == [[-2], [-4]]
    with pytest.raises(MXNetError, match="out has shapes"):
        nd.relu(X, out=nd.zeros((3,)))


@pytest.mark.parametrize(("call", "error"), [
    (lambda: nd.relu(5), TypeError), (lambda: nd.concat(X, 5), TypeError),
    (lambda: nd.softmax(X, foo=3), ParameterError),
    (lambda: nd.FullyConnected(X, num_hidden=2), MXNetError), (lambda: nd.nothing, AttributeError),
    (lambda: nd.FullyConnected(X, nd.ones((2, 4)), num_hidden=2, no_bias=True), InferenceError),
    (lambda: nd.FullyConnected(X, X, nd.ones((2,)), num_hidden=2, no_bias=True), MXNetError),
])
def test_wrong_calls(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_missing_inputs_are_named() -> None:
    with pytest.raises(MXNetError, match="input weight is missing; input bias is missing"):
        nd.FullyConnected(X, num_hidden=2)


def test_methods() -> None:
    assert X.sum().asnumpy().tolist() == [-2] and X.max(axis=1).asnumpy().tolist() == [1, 3]
    assert X.transpose().asnumpy().tolist() == [[1, 3], [-2, -4]]
    assert X.expand_dims(axis=0).shape == (1, 2, 2) and X.flatten().shape == (2, 2)
    assert X.clip(-2, 2).asnumpy().tolist() == [[1, -2], [2, -2]]


@pytest.mark.parametrize(("name", "expected"), [("add", 5), ("subtract", -1), ("multiply", 6), ("divide", 2 / 3),
                                                ("modulo", 2), ("power", 8), ("maximum", 3), ("minimum", 2),
                                                ("equal", 0), ("not_equal", 1), ("greater", 0), ("lesser_equal", 1),
                                                ("logical_and", 1), ("hypot", 13 ** 0.5)])
def test_two_arrays_or_numbers(name: str, expected: float) -> None:
    function, two, three = getattr(nd, name), nd.full((1,), 2), nd.full((2, 1), 3)
    for a, b in ((two, three), (two, 3), (2, three)):
        np.testing.assert_allclose(function(a, b).asnumpy(), expected, rtol=1e-6)
    assert function(2, 3) == pytest.approx(expected)
    with pytest.raises(TypeError):
        function(two, "3")


@pytest.mark.parametrize("data", [[X, nd.ones((3,), dtype="int32")], {"x": X, "y": nd.zeros((1,))}])
def test_files(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "arrays.params"
    nd.save(path, data)
    for loaded in (nd.load(path), nd.load_frombuffer(path.read_bytes())):
        assert type(loaded) is type(data)
        pairs = zip(data.items(), loaded.items(), strict=True) if isinstance(data, dict) else zip(
            enumerate(data), enumerate(loaded), strict=True)
        for (name, expected), (key, array) in pairs:
            assert name == key and array.dtype == expected.dtype
            assert array.asnumpy().tolist() == expected.asnumpy().tolist()


def test_random_functions_take_shape_and_dtype_from_out() -> None:
    target = nd.zeros((2, 3), dtype="float64")
    assert nd.uniform(1, 2, out=target) is target
    assert target.dtype is np.float64 and (target.asnumpy() >= 1).all()
