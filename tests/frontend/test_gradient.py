"""Symbol.gradient: bound, evaluated, composed, differentiated again."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError

X = np.array([0.5, -1.5, 2], np.float32)
W = np.array([4, 5, 6], np.float32)


def evaluate(symbol, **arrays):
    return [out.asnumpy() for out in symbol.eval(**{name: mx.nd.array(value) for name, value in arrays.items()})]


@pytest.fixture
def product():
    """Σ w·sin(x), and the symbols x and w."""
    x, w = mx.sym.var("x"), mx.sym.var("w")
    return mx.sym.sum(mx.sym.sin(x) * w), x, w


def test_lists_and_inference(product):
    gradient = product[0].gradient(["w", "x"])
    assert gradient.list_arguments() == ["x", "w"]
    assert [name.split("_")[1] for name in gradient.list_outputs()] == ["w", "x"]
    assert gradient.infer_shape(x=(3,)) == ([(3,), (3,)], [(3,), (3,)], [])
    assert gradient.infer_type(x="float64")[1] == [np.float64, np.float64]


def test_values_and_those_of_the_gradient_of_the_gradient(product):
    dx, dw = evaluate(product[0].gradient(["x", "w"]), x=X, w=W)
    np.testing.assert_allclose(dx, W * np.cos(X), rtol=1e-6)
    np.testing.assert_allclose(dw, np.sin(X), rtol=1e-6)
    second = product[0].gradient("x").gradient(["x", "w"])
    np.testing.assert_allclose(evaluate(second, x=X, w=W)[0], -W * np.sin(X), rtol=1e-6)
    np.testing.assert_allclose(evaluate(second.gradient(["x"]), x=X, w=W)[0], -W * np.cos(X) - np.sin(X), rtol=1e-5)


def test_a_gradient_penalty_trains(product):
    loss, x, _ = product
    penalized = loss + mx.sym.sum(mx.sym.square(loss.gradient(["x"])))
    executor = penalized.bind(mx.cpu(), {"x": mx.nd.array(X), "w": mx.nd.array(W)},
                              {"x": mx.nd.zeros(3), "w": mx.nd.zeros(3)})
    value, = executor.forward(is_train=True)
    executor.backward(mx.nd.ones(1))
    slope = W * np.cos(X)
    np.testing.assert_allclose(value.asnumpy(), [(W * np.sin(X)).sum() + (slope**2).sum()], rtol=1e-6)
    np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), slope - 2 * slope * W * np.sin(X), rtol=1e-5)
    np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), np.sin(X) + 2 * slope * np.cos(X), rtol=1e-5)


def test_agrees_with_backward_of_a_network_with_states():
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    net = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(net, fix_gamma=False, name="bn"), name="softmax")
    gradient = net.gradient(["fc_weight", "bn_gamma"])
    assert gradient.list_auxiliary_states() == net.list_auxiliary_states()
    assert gradient.list_arguments() == net.list_arguments()
    own, other = (symbol.simple_bind(mx.cpu(), grad_req=request, data=(5, 3))
                  for symbol, request in ((net, "write"), (gradient, "null")))
    generator = np.random.default_rng(0)
    for name in own.arg_dict:
        value = generator.normal(size=own.arg_dict[name].shape) if name != "softmax_label" else np.arange(5) % 4
        own.arg_dict[name][:] = other.arg_dict[name][:] = value
    for is_train in (True, False):
        own.forward(is_train=is_train)
        own.backward(is_train=is_train)
        for name, value in zip(("fc_weight", "bn_gamma"), other.forward(is_train=is_train), strict=True):
            np.testing.assert_allclose(value.asnumpy(), own.grad_dict[name].asnumpy(), rtol=1e-4, atol=1e-6)
        own.aux_dict["bn_moving_var"][:] = other.aux_dict["bn_moving_var"][:] = 1
        own.aux_dict["bn_moving_mean"][:] = other.aux_dict["bn_moving_mean"][:] = 0


def test_variables_are_replaced_by_composing(product):
    loss, _, _ = product
    composed = loss.gradient(["x"])(x=2 * mx.sym.var("z"))
    assert composed.list_arguments() == ["z", "w"]
    np.testing.assert_allclose(evaluate(composed, z=X, w=W)[0], W * np.cos(2 * X), rtol=1e-6)
    np.testing.assert_allclose(evaluate(copy.deepcopy(composed), z=X, w=W)[0], W * np.cos(2 * X), rtol=1e-6)


# MXNet's test_higher_order_grad: functions of one operand, and their second derivatives
SECOND = {
    "sin": lambda x: -np.sin(x), "cos": lambda x: -np.cos(x), "tan": lambda x: 2 * np.tan(x) / np.cos(x)**2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": lambda x: -2 * np.tanh(x) * (1 - np.tanh(x)**2),
    "arcsin": lambda x: x / (1 - x * x)**1.5, "arccos": lambda x: -x / (1 - x * x)**1.5,
    "arctan": lambda x: -2 * x / (1 + x * x)**2, "arcsinh": lambda x: -x / (x * x + 1)**1.5,
    "arctanh": lambda x: 2 * x / (1 - x * x)**2, "radians": lambda x: 0 * x, "relu": lambda x: 0 * x,
    "log": lambda x: -1 / x**2, "log2": lambda x: -1 / (x**2 * np.log(2)),
    "log10": lambda x: -1 / (x**2 * np.log(10)), "square": lambda x: 2 + 0 * x, "expm1": np.exp,
    "log1p": lambda x: -1 / (1 + x)**2, "reciprocal": lambda x: 2 / x**3, "abs": lambda x: 0 * x,
    "sqrt": lambda x: -0.25 * x**-1.5, "cbrt": lambda x: -2 / 9 * x**(-5 / 3), "rsqrt": lambda x: 0.75 * x**-2.5,
    "rcbrt": lambda x: 4 / 9 * x**(-7 / 3), "sigmoid": lambda x: np.exp(-x) * (np.exp(-x) - 1) / (1 + np.exp(-x))**3,
}


def test_second_derivatives_in_kernels():
    """All in one graph: the kernels are compiled at once."""
    x, values = mx.sym.var("x"), np.linspace(0.1, 0.9, 12, dtype=np.float32)
    seconds = mx.sym.Group([getattr(mx.sym, name)(x).gradient(["x"]).gradient(["x"]) for name in SECOND])
    for (name, expected), found in zip(SECOND.items(), evaluate(seconds, x=values), strict=True):
        np.testing.assert_allclose(found, expected(values.astype(np.float64)), rtol=2e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("flatten", [True, False])
def test_dense_layers_second_order(flatten):
    """The gradient of Σ square(dense(x)) by x is 2·(x·Wᵀ + b)·W; of that, by the weight, two products."""
    dense = mx.sym.FullyConnected(mx.sym.var("x"), mx.sym.var("w"), no_bias=True, num_hidden=2, flatten=flatten)
    x, w = np.arange(12, dtype=np.float32).reshape(3, 4) / 10, np.arange(8, dtype=np.float32).reshape(2, 4) / 10
    dx = mx.sym.sum(mx.sym.square(dense)).gradient(["x"])
    np.testing.assert_allclose(evaluate(dx, x=x, w=w)[0], 2 * x @ w.T @ w, rtol=1e-5)
    total = np.ones((3, 4), np.float32)
    expected = 2 * ((total @ w.T).T @ x + (x @ w.T).T @ total)
    np.testing.assert_allclose(evaluate(dx.gradient(["w"]), x=x, w=w)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("wrt, error, message", [
    (["y"], MXNetError, "no argument 'y'"), (["x", "x"], MXNetError, "more than once"),
    ([], TypeError, "list of names"), ([1], TypeError, "list of names"),
    (["bn_moving_mean"], MXNetError, "auxiliary state")])
def test_what_is_refused(wrt, error, message):
    with pytest.raises(error, match=message):
        mx.sym.BatchNorm(mx.sym.var("x"), name="bn").gradient(wrt)


def test_operators_without_second_gradients_are_named(product):
    pooled = mx.sym.Pooling(mx.sym.var("x"), kernel=(2, 2), pool_type="max")
    second = mx.sym.square(pooled).gradient(["x"]).gradient(["x"])
    with pytest.raises(MXNetError, match="_backward_pool_max has no gradient"):
        evaluate(second, x=np.ones((1, 1, 3, 3), np.float32))


def test_saving_is_refused(product):
    gradient = product[0].gradient(["x"]) + 1
    for save in (lambda: gradient.tojson(), lambda: pickle.dumps(gradient)):
        with pytest.raises(MXNetError, match="symbol.json has no operator"):
            save()
    assert "Op:_gradient" in gradient.debug_str()
