"""MXNet's helpers for tests, by what its own tests expect of them."""

import os
import sys

import numpy as np
import pytest

import symc as mx
from symc import test_utils
from symc.errors import SymcError
from symc.frontend.test_utils_random import chi_square_tail
from symc.test_utils import *  # noqa: F403
from symc.test_utils import (
    assert_almost_equal,
    assert_almost_equal_ignore_nan,
    assert_almost_equal_with_err,
    check_consistency,
    check_numeric_gradient,
    check_symbolic_backward,
    check_symbolic_forward,
)

F = np.float32


def product() -> mx.Symbol:
    return mx.sym.FullyConnected(mx.sym.tanh(mx.sym.Variable("x")), num_hidden=3, no_bias=True, name="fc")


def failure(function, *args, **kwargs) -> str:
    with pytest.raises(AssertionError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# ---- comparing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "passes", "fails"), [
    ("float16", 1.1, 1.2), ("float32", 1.001, 1.002), ("float64", 1.000009, 1.00002), ("int32", 1, 2)])
def test_tolerances_follow_the_dtype(dtype, passes, fails):
    one = np.ones(2, dtype)
    assert_almost_equal(one, np.full(2, passes, dtype))
    failure(assert_almost_equal, one, np.full(2, fails, dtype))


def test_the_wider_tolerance_of_two_dtypes_counts():
    assert_almost_equal(np.ones(2, np.float64), np.full(2, 1.1, np.float16))


def test_tolerances_by_dtype():
    assert_almost_equal(np.ones(2, F), np.full(2, 1.5, F), rtol={np.dtype(F): 1}, atol=0)
    with pytest.raises(SymcError, match="no tolerance is known for arrays of dtype int16"):
        assert_almost_equal(np.ones(2, "int16"), np.ones(2, "int16"))


@pytest.mark.parametrize("a", [1.0, [1.0, 1.0], np.ones(2), mx.nd.ones(2)])
def test_what_can_be_compared(a):
    assert_almost_equal(np.asarray(a) if isinstance(a, list) else a, mx.nd.ones(2))


def test_the_message_names_the_worst_elements():
    a, b = np.zeros((2, 3), F), np.array([[0, 5, 0], [0, 0, -7]], F)
    text = failure(assert_almost_equal, a, b, names=("left", "right"))
    assert "exceeds tolerance rtol=1.000000e-04, atol=1.000000e-03 (mismatch 33.333333%)" in text
    assert "maximum error: (1, 2), left=0.00000000, right=-7.00000000" in text
    assert text.index("(1, 2)") < text.index("(0, 1)")


def test_infinities_and_nans():
    special = np.array([np.inf, -np.inf, np.nan], F)
    assert_almost_equal(special, special, equal_nan=True)
    assert "(2,)" in failure(assert_almost_equal, special, special)
    assert_almost_equal_ignore_nan(special, np.array([np.inf, -np.inf, 0], F))


def test_booleans_must_be_equal():
    failure(assert_almost_equal, np.array([True]), np.array([False]), rtol=9, atol=9)


def test_a_part_may_differ():
    a, b = np.zeros(10, F), np.eye(10, dtype=F)[0]
    assert_almost_equal_with_err(a, b, etol=0.1)
    failure(assert_almost_equal_with_err, a, b, etol=0.05)


def test_shapes_are_compared_when_asked():
    assert_almost_equal(np.ones((2, 1)), np.ones(2))
    failure(assert_almost_equal, np.ones((2, 1)), np.ones(2), use_broadcast=False)


def test_same_array():
    array = mx.nd.arange(4)
    assert test_utils.same_array(array, array[:]) and not test_utils.same_array(array, array.copy())
    assert array.asnumpy().tolist() == [0, 1, 2, 3]


# ---- symbols ---------------------------------------------------------------------------------------------------

X, W = np.linspace(-1, 1, 8, dtype=F).reshape(2, 4), np.linspace(-1, 1, 12, dtype=F).reshape(3, 4)


def test_forward():
    check_symbolic_forward(product(), [X, W], [np.tanh(X) @ W.T])
    check_symbolic_forward(product(), {"x": X, "fc_weight": W}, {"fc_output": np.tanh(X) @ W.T})
    text = failure(check_symbolic_forward, product(), [X, W], [np.tanh(X) @ W.T + 1])
    assert "EXPECTED_fc_output=" in text
    with pytest.raises(ValueError, match="do not match"):
        check_symbolic_forward(product(), {"x": X}, [])


@pytest.mark.parametrize("request_", ["write", "add", "null"])
def test_backward(request_):
    head = np.ones((2, 3), F)
    gradient = head.T @ np.tanh(X)
    check_symbolic_backward(product(), [X, W], [head], {"fc_weight": gradient}, grad_req=request_)
    if request_ != "null":
        failure(check_symbolic_backward, product(), [X, W], [head], {"fc_weight": gradient + 1}, grad_req=request_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numeric_gradient(dtype):
    check_numeric_gradient(product(), [X, W], dtype=dtype, rtol=1e-2, atol=1e-3)
    check_numeric_gradient(product(), [X, W], dtype=dtype, rtol=1e-2, atol=1e-3, grad_nodes={"x": "add"})


def test_a_wrong_gradient_is_found():
    x = mx.sym.Variable("x")
    net = mx.sym.BlockGrad(x) * x
    assert "NUMERICAL_x" in failure(check_numeric_gradient, net, [X])


def test_auxiliary_states():
    net = mx.sym.BatchNorm(mx.sym.Variable("x"), name="bn", fix_gamma=False, use_global_stats=True)
    values = [np.ones(4, F), np.full(4, 2, F)]
    check_numeric_gradient(net, [X, *values], [np.zeros(4, F), np.ones(4, F)], rtol=1e-2, atol=1e-3)


def test_consistency(capsys):
    kinds = [{"ctx": mx.cpu(), "x": (2, 4), "type_dict": {"x": dtype, "fc_weight": dtype}}
             for dtype in (np.float64, np.float32, np.float16)]
    truth = check_consistency(product(), kinds)
    assert truth["fc_output"].dtype == np.float64 and set(truth) == {"fc_output", "x", "fc_weight"}
    other = mx.sym.FullyConnected(mx.sym.sin(mx.sym.Variable("x")), num_hidden=3, no_bias=True, name="fc")
    assert "ctx 1 vs ctx 0 at fc_output" in failure(check_consistency, [product(), other], kinds[:2], scale=3)
    check_consistency([product(), other], kinds[:2], scale=3, raise_on_err=False)
    assert "Train Err" in capsys.readouterr().out


def test_simple_forward_and_speed():
    assert test_utils.simple_forward(product(), x=X, fc_weight=W).shape == (2, 3)
    assert 0 < test_utils.check_speed(product(), x=(2, 4), N=2) < 1
    assert 0 < test_utils.check_speed(product(), {"x": X, "fc_weight": W}, typ="forward", N=2) < 1


def test_structure():
    assert test_utils.same_symbol_structure(product(), product())
    assert not test_utils.same_symbol_structure(product(), mx.sym.sin(mx.sym.Variable("x")))


# ---- random ----------------------------------------------------------------------------------------------------


def test_random_shapes_and_arrays():
    assert all(1 <= extent <= 3 for extent in test_utils.rand_shape_nd(20, 3))
    assert len(test_utils.rand_shape_2d()) == 2 and len(test_utils.rand_shape_3d()) == 3
    assert test_utils.random_arrays(()).shape == () and len(test_utils.random_arrays((2,), (3,))) == 2
    assert test_utils.rand_ndarray((2, 3), dtype="float16").dtype == np.float16
    with pytest.raises(SymcError, match="'csr' is not supported"):
        test_utils.rand_ndarray((2, 3), "csr")
    assert sorted(test_utils.random_sample(list(range(5)), 5)) == [0, 1, 2, 3, 4]


def test_reductions():
    data = np.arange(24.0).reshape(2, 3, 4)
    assert test_utils.np_reduce(data, (0, 2), True, np.sum).shape == (1, 3, 1)
    assert test_utils.np_reduce(data, -1, True, np.sum).shape == (2, 3, 1)
    assert test_utils.collapse_sum_like(data, (3, 1)).tolist() == data.sum((0, 2)).reshape(3, 1).tolist()


def test_matrices():
    assert np.allclose(np.linalg.eigvals(test_utils.new_matrix_with_real_eigvals_nd((2, 3, 3))).imag, 0)
    symmetric = test_utils.new_sym_matrix_with_real_eigvals_nd((4, 3, 3))
    assert np.allclose(symmetric, symmetric.swapaxes(1, 2))


def test_generators():
    draw = np.random.default_rng(0)
    buckets, probs = test_utils.gen_buckets_probs_with_ppf(lambda p: p, 4)
    test_utils.verify_generator(lambda n: draw.random(n), buckets, probs, nsamples=10000)
    with pytest.raises(AssertionError, match="Generator test fails"):
        test_utils.verify_generator(lambda n: draw.random(n) ** 2, buckets, probs, nsamples=10000)
    test_utils.verify_generator(lambda n: draw.integers(0, 3, n), [0, 1, 2], [1 / 3] * 3, nsamples=10000)
    assert test_utils.mean_check(lambda n: draw.normal(0, 1, n), 0, 1, 10000)
    assert not test_utils.var_check(lambda n: draw.normal(0, 2, n), 1, 10000)


@pytest.mark.parametrize(("statistic", "degrees", "probability"), [
    (3.841459, 1, 0.05), (5.991465, 2, 0.05), (9.487729, 4, 0.05), (18.307038, 10, 0.05), (149.449, 100, 0.001)])
def test_chi_square_table(statistic, degrees, probability):
    assert chi_square_tail(statistic, degrees) == pytest.approx(probability, rel=1e-4)


# ---- surroundings ----------------------------------------------------------------------------------------------


def test_environment(monkeypatch):
    monkeypatch.setenv("SYMC_A", "1")
    monkeypatch.delenv("SYMC_B", raising=False)
    with pytest.raises(KeyError), test_utils.environment({"SYMC_A": None, "SYMC_B": "2"}):
        assert "SYMC_A" not in os.environ and os.environ["SYMC_B"] == "2"
        raise KeyError
    assert os.environ["SYMC_A"] == "1" and "SYMC_B" not in os.environ
    with test_utils.EnvManager("SYMC_A", "3"):
        assert test_utils.set_env_var("SYMC_A", "4") == "3"
    assert os.environ["SYMC_A"] == "1"


def test_discard_stderr(capfd):
    with test_utils.discard_stderr():
        os.write(2, b"lost")
    print("kept", file=sys.stderr)
    assert capfd.readouterr().err == "kept\n"


def test_default_context():
    before = test_utils.default_context()
    test_utils.set_default_context(mx.cpu(3))
    assert mx.current_context() == test_utils.default_context() == mx.cpu(3)
    test_utils.set_default_context(before)


def test_retry_and_exceptions():
    calls = []

    @test_utils.retry(3)
    def flaky():
        calls.append(1)
        assert len(calls) == 3
    flaky()
    test_utils.assert_exception(int, ValueError, "x")
    failure(test_utils.assert_exception, int, ValueError, "1")


def test_what_lies_outside_can_be_imported():
    assert "download" in test_utils.__all__
    with pytest.raises(SymcError, match="test_utils.download lies outside"):
        test_utils.download("http://localhost/file")
