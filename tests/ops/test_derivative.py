"""Gradients of gradients: elementwise operators by their expressions, reductions and products by their parts."""

from __future__ import annotations

import numpy as np
import pytest

from symc.ops.families.unary import TABLE
from symc.ops.operator import make
from tests.derivatives import check_second_derivative, distinct

X, Y = distinct(2, 3), 0.2 + distinct(2, 3)[::-1]
SMALL = X / 4                       # within the domain of every function but arccosh
NOISY = ("gamma", "gammaln")        # their derivative holds a logarithm rounded to float32


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row[2] is not None and name not in NOISY])
def test_functions(name):
    check_second_derivative(make(name), SMALL + 1 if name == "arccosh" else SMALL)


@pytest.mark.parametrize("name", ["_mul", "_div", "_power", "_hypot", "_maximum", "_minimum", "_mod", "broadcast_mul",
                                  "broadcast_div", "broadcast_power", "broadcast_hypot"])
def test_binary(name):
    check_second_derivative(make(name), X, Y)


@pytest.mark.parametrize("name", ["broadcast_mul", "broadcast_div", "broadcast_power"])
def test_broadcasts_are_summed_again(name):
    check_second_derivative(make(name), X[:, :1], Y)


@pytest.mark.parametrize("name", ["_power_scalar", "_rpower_scalar", "_rdiv_scalar", "_hypot_scalar", "smooth_l1"])
def test_scalars(name):
    check_second_derivative(make(name, scalar=1.7), X)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "hard_sigmoid", "_contrib_quadratic"])
def test_activations(name):
    check_second_derivative(make(name, **({"a": 2.0, "b": 1.0} if name == "_contrib_quadratic" else {})), X)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "nansum", "nanprod", "max", "min", "norm", "_square_sum"])
@pytest.mark.parametrize("axis", [None, (1,)])
def test_reductions(name, axis):
    check_second_derivative(make(name, axis=axis), X)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax(name):
    check_second_derivative(make(name, axis=0, temperature=1.5), X)


@pytest.mark.parametrize("name, parameters, shapes", [
    ("dot", {}, [(2, 3), (3, 2)]), ("batch_dot", {"transpose_a": True}, [(2, 3, 2), (2, 3, 2)]),
    ("FullyConnected", {"num_hidden": 2}, [(2, 3), (2, 3), (2,)]),
    ("FullyConnected", {"num_hidden": 2, "flatten": False}, [(2, 2, 3), (2, 3), (2,)]),
    ("Convolution", {"kernel": (2, 2), "num_filter": 2, "no_bias": True}, [(1, 2, 3, 3), (2, 2, 2, 2)])])
def test_products_are_linear_in_each_operand(name, parameters, shapes):
    check_second_derivative(make(name, **parameters), *(distinct(*shape) for shape in shapes))


def test_third_order():
    from symc.interpreter import run
    from symc.ir.graph import Graph
    from tests.derivatives import gradient_of, node_of

    graph = Graph(node_of(make("log"), [X]).outputs)
    for order in "abc":
        graph = gradient_of(graph, order)
    values = {node.name: np.ones(X.shape) for node in graph.variables} | {"x0": X}
    np.testing.assert_allclose(run(graph, values).heads[0], 2 / X**3)
