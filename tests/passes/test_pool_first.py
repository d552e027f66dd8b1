"""Costly functions are computed of maxima, not in front of them."""

import numpy as np
import pytest

from symc.interpreter import run
from symc.passes.pool_first import RISING, PoolFirst
from tests.conftest import parse

NETWORK = """
    %x: f32[2,3,8,6]
    %t = {}(%x){}
    %p = _pool(%t) kernel=(3,3) stride=(2,2) pad=(1,{}) extent=({},3) pool_type={}
    heads {}
"""


def network(function="tanh", parameters="", pad=1, windows=4, pool_type="max", heads="%p"):
    return NETWORK.format(function, parameters, pad, windows, pool_type, heads)


def test_the_function_moves_behind_the_maximum(check):
    check(PoolFirst(), network(), """
        %t: f32[2,3,4,3] = _pool(%x) kernel=(3,3) stride=(2,2) pad=(1,1) extent=(4,3) pool_type=max  # from p
        %p: f32[2,3,4,3] = tanh(%t)  # from t, p
        heads %p
    """)


@pytest.mark.parametrize("function", sorted(RISING))
def test_the_result_stays_the_same(function):
    """Of infinities too."""
    before = parse(network(function, " slope=0.7" if function == "_elu" else ""))
    after = PoolFirst()(before)
    assert after is not before
    x = (4 * np.random.RandomState(0).randn(2, 3, 8, 6)).astype(np.float32)
    x[0, 0, :2, 0], x[0, 0, 4, 4] = -np.inf, np.inf
    with np.errstate(all="ignore"):
        results = [run(graph, {"x": x}).heads[0] for graph in (before, after)]
    np.testing.assert_array_equal(*results)


def test_a_last_window_that_meets_only_the_last_line():
    """It starts at line 7 of 8, by its padding."""
    before = parse(network(windows=5))
    after = PoolFirst()(before)
    assert after.heads[0].node.op.name == "tanh"
    x = -np.random.RandomState(0).rand(2, 3, 8, 6).astype(np.float32)
    np.testing.assert_array_equal(*(run(graph, {"x": x}).heads[0] for graph in (before, after)))


def test_the_maximum_of_a_constant_stays(check, unchanged):
    check(PoolFirst(), """
        %k: f32[1,1,4] = const
        %p = _pool(%k) kernel=(2,) stride=(2,) pad=(0,) extent=(2,) pool_type=max
        heads %p
    """, unchanged)


@pytest.mark.parametrize("network_text", [
    network(pool_type="avg"), network("_elu", " slope=-0.5"), network("sin"), network("relu"), network(windows=6),
    network(heads="%p, %t"),
    network(heads="%p, %q").replace("    heads", "    %q = abs(%t)\n    heads")])
def test_others_stay(check, unchanged, network_text):
    check(PoolFirst(), network_text, unchanged)
