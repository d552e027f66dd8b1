"""Matrices that have no factor or inverse: MXNetError where MXNet raises it, in every way of running a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.runtime.module import load

INDEFINITE = np.array([[1, 2], [2, 1.0]])
SINGULAR = np.array([[1, 2], [2, 4.0]])
NOT_A_NUMBER = np.array([[1, np.nan], [np.nan, 4]])
FAILURES = [("potrf", INDEFINITE, "not positive definite"), ("potrf", SINGULAR, "not positive definite"),
            ("inverse", SINGULAR, "singular"), ("inverse", np.zeros((3, 2, 2)), "singular"),
            ("potri", np.diag([1.0, 0]), "zero on its diagonal")]


def executor(symbol: Any, value: np.ndarray) -> Any:
    return symbol.bind(mx.cpu(), {"A": mx.nd.array(value, dtype="float64")},
                       args_grad={"A": mx.nd.zeros(value.shape, dtype="float64")})


def network(name: str) -> Any:
    return getattr(mx.sym.linalg, name)(mx.sym.Variable("A"), name="factor")


@pytest.mark.parametrize(("name", "value", "message"), FAILURES)
@pytest.mark.parametrize("is_train", [False, True])
def test_executor(name: str, value: np.ndarray, message: str, is_train: bool) -> None:
    made = executor(network(name), value)
    for _ in range(2):
        with pytest.raises(mx.MXNetError, match=f"node 'factor': .*{message}"):
            made.forward(is_train=is_train)
    (result,) = made.forward(is_train=is_train, A=np.broadcast_to(np.eye(2), value.shape))
    np.testing.assert_array_equal(result.asnumpy(), np.broadcast_to(np.eye(2), value.shape))


@pytest.mark.parametrize(("name", "value", "message"), FAILURES)
def test_arrays(name: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(mx.MXNetError, match=message):
        getattr(mx.nd.linalg, name)(mx.nd.array(value, dtype="float64")).wait_to_read()


@pytest.mark.parametrize("name", ["potrf", "inverse", "potri"])
def test_nan_is_no_failure(name: str) -> None:
    (result,) = executor(network(name), NOT_A_NUMBER).forward()
    assert np.isnan(result.asnumpy()).any()


def test_gradients_of_singular_determinants_are_zero() -> None:
    for name in ("det", "slogdet"):
        made = executor(network(name), np.stack([SINGULAR, np.zeros((2, 2)), np.eye(2)]))
        outputs = made.forward(is_train=True)
        made.backward([mx.nd.ones((3,), dtype="float64")] * len(outputs))
        np.testing.assert_array_equal(made.grad_dict["A"].asnumpy(), [0 * SINGULAR, 0 * SINGULAR, np.eye(2)])


def test_constants_fail_in_the_run() -> None:
    made = network("potrf")(A=mx.sym.zeros((2, 2), dtype="float64")).bind(mx.cpu(), {})
    with pytest.raises(mx.MXNetError, match="positive definite"):
        made.forward()


def test_loops() -> None:
    def step(matrix: Any, state: Any) -> Any:
        return mx.sym.linalg.potrf(matrix), state
    outputs, _ = mx.sym.contrib.foreach(step, mx.sym.Variable("A"), mx.sym.Variable("s"))
    given = {"A": mx.nd.array(np.stack([np.eye(2), INDEFINITE, np.eye(2)])), "s": mx.nd.zeros((1,))}
    with pytest.raises(mx.MXNetError, match="positive definite"):
        outputs.bind(mx.cpu(), given).forward()


def test_packages(tmp_path: Path) -> None:
    path = tmp_path / "factor.symc"
    mx.compile_package(path, network("potrf"), shapes={"A": (2, 2)}, levels=["x86-64"])
    module = load(path)
    np.testing.assert_array_equal(module.forward(A=np.eye(2, dtype=np.float32))[0].asnumpy(), np.eye(2))
    with pytest.raises(mx.MXNetError, match="node 'factor': a matrix is not positive definite"):
        module.forward(A=INDEFINITE.astype(np.float32))
