"""contrib.foreach, while_loop and cond: their JSON as MXNet 1.9.1 writes it, their results, their errors."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import symc as mx
from symc.frontend.attribute import AttrScope

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "json" / "control_flow_1.9.1.json").read_text())
contrib = mx.sym.contrib


def variables(*names):
    return [mx.sym.var(name) for name in names]


def same_out():
    x, s, w = variables("x", "s", "w")
    fc = mx.sym.FullyConnected(w, num_hidden=3, name="fc")

    def body(d, state):
        h = mx.sym.broadcast_add(d * fc, state)
        return h, h
    return contrib.foreach(body, x, s)


def lists():
    x, y, s, a = variables("x", "y", "s", "a")
    outputs, states = contrib.foreach(
        lambda d, st: ([d[0] + st[0], [d[1] * st[1][0]]], [st[0] + 1, [st[1][0] + d[1]]]), [x, y], [s, [a]])
    return outputs[0], outputs[1][0], states[0], states[1][0]


def cuts():
    x, s, a = variables("x", "s", "a")
    parts = mx.sym.split(x, num_outputs=2, name="sp")
    return contrib.foreach(lambda d, st: (mx.sym.broadcast_add(d, parts[1].sum() * a), st + 1), parts[0], s)


def nested():
    x, s, w = variables("x", "s", "w")
    e = mx.sym.exp(w, name="e")

    def outer(d, state):
        f = mx.sym.exp(d, name="f")
        return contrib.foreach(lambda dd, ss: (mx.sym.broadcast_add(dd * e, f.sum()), ss + dd + w), d, state,
                               name="inner")
    return contrib.foreach(outer, x, s, name="outer")


def innervar():
    x, s = variables("x", "s")

    def body(d, state):
        z = mx.sym.var("z", shape=(2,))
        return d * z, state + z
    return contrib.foreach(body, x, s)


def whiles():
    i, t, w = variables("i", "t", "w")
    outputs, final = contrib.while_loop(lambda i, t: i < w, lambda i, t: ([i * 2, t + w], [i + 1, t * 2]), [i, t],
                                        max_iterations=4)
    return outputs + final


def while_cut():
    i, w = variables("i", "w")
    e = mx.sym.exp(w, name="e")
    outputs, final = contrib.while_loop(lambda i: mx.sym.sum(i) < mx.sym.sum(e), lambda i: ([i * e], [i + e]), [i],
                                        max_iterations=4, name="wl")
    return outputs + final


def cond2():
    a, b, c = variables("a", "b", "c")
    e = mx.sym.exp(a, name="e")
    return contrib.cond(c, lambda: [e + b, a], lambda: [a - b, e])


def cond_in_loop():
    x, s = variables("x", "s")

    def body(d, state):
        r = contrib.cond(mx.sym.sum(d) > 0, lambda: d + state, lambda: d - state)
        return r, r * 0.5
    return contrib.foreach(body, x, s)


def loop_in_cond():
    x, s, p = variables("x", "s", "p")
    return contrib.cond(p, lambda: list(contrib.foreach(lambda d, st: (d + st, st + d), x, s)),
                        lambda: [x * 2, s * 3])


@pytest.mark.parametrize("program", [same_out, lists, cuts, nested, innervar, whiles, while_cut, cond2, cond_in_loop,
                                     loop_in_cond], ids=lambda program: program.__name__)
def test_json_is_that_of_mxnet(program, monkeypatch):
    monkeypatch.setattr(AttrScope, "_subgraph_names", defaultdict(int))
    with mx.name.NameManager():
        symbol = mx.sym.Group(list(program()))
    assert symbol.tojson() == RECORDED[program.__name__]
    assert mx.sym.load_json(symbol.tojson()).tojson() == symbol.tojson()


def evaluate(symbol, train=False, **arrays):
    given = {name: mx.nd.array(value) for name, value in arrays.items()}
    gradients = {name: mx.nd.zeros(value.shape) for name, value in given.items()} if train else None
    executor = symbol.bind(mx.cpu(), given, args_grad=gradients)
    return executor, [output.asnumpy() for output in executor.forward(is_train=train)]


def test_foreach_and_its_gradients():
    x, s = variables("x", "s")
    outputs, final = contrib.foreach(lambda d, state: (d * state, state + d), x, s)
    data = np.float32([[1, 2], [3, 4], [5, 6]])
    executor, (stacked, last) = evaluate(mx.sym.Group([outputs, final]), train=True, x=data, s=[1, 1])
    np.testing.assert_array_equal(stacked, data * [[1, 1], [2, 3], [5, 7]])
    np.testing.assert_array_equal(last, [10, 13])
    executor.backward([mx.nd.ones((3, 2)), mx.nd.zeros((2,))])
    np.testing.assert_array_equal(executor.grad_dict["s"].asnumpy(), data.sum(0))
    np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), [[9, 11], [7, 9], [5, 7]])


def test_while_loop_pads_with_zeros():
    (i,) = variables("i")
    outputs, final = contrib.while_loop(lambda i: i < 3, lambda i: ([i * 2 + 1], [i + 1]), [i], max_iterations=6)
    group = mx.sym.Group(outputs + final)
    executor, (stacked, last) = evaluate(group, train=True, i=[0])
    assert stacked.ravel().tolist() == [1, 3, 5, 0, 0, 0] and last.tolist() == [3]
    executor.backward([mx.nd.ones((6, 1)), mx.nd.ones((1,))])
    assert executor.grad_dict["i"].asnumpy().tolist() == [7]
    assert evaluate(group, i=[9])[1][0].ravel().tolist() == [0] * 6


@pytest.mark.parametrize("predicate, expected", [(1, 5), (0, -1), (0.25, 5), (np.nan, 5)])
def test_cond(predicate, expected):
    p, a, b = variables("p", "a", "b")
    chosen = contrib.cond(p, lambda: a + b, lambda: a - b)
    assert chosen.list_outputs() == [f"{chosen.name}_output"]
    assert evaluate(chosen, p=[predicate], a=[2], b=[3])[1][0].tolist() == [expected]


def test_dropout_draws_anew_in_each_step_and_backward_sees_the_same():
    (x,) = variables("x")
    outputs, _ = contrib.foreach(lambda d, states: (mx.sym.Dropout(d, p=0.5), states), x, [])
    executor, (kept,) = evaluate(outputs, train=True, x=np.ones((4, 200)))
    assert 300 < (kept == 2).sum() < 500 and not (kept[0] == kept[1]).all()
    executor.backward([mx.nd.ones((4, 200))])
    np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), kept)
    assert (evaluate(outputs, x=np.ones((4, 200)))[1][0] == 1).all()


def test_slices_of_a_vector_have_one_element():
    x, s = variables("x", "s")
    outputs, _ = contrib.foreach(lambda d, state: (d * state, state), x, s)
    assert outputs.infer_shape(x=(3,), s=(1,))[1] == [(3, 1)]
    assert evaluate(outputs, x=[1, 2, 3], s=[2])[1][0].tolist() == [[2], [4], [6]]


def test_shapes_follow_through_subgraphs():
    x, s = variables("x", "s")
    outputs, _ = contrib.foreach(lambda d, state: (mx.sym.FullyConnected(d, num_hidden=4, name="fc"), state + 1), x, s)
    arguments, shapes, _ = outputs.infer_shape(x=(3, 2, 5), s=(2,))
    assert dict(zip(outputs.list_arguments(), arguments, strict=True))["fc_weight"] == (4, 5)
    assert shapes == [(3, 2, 4)]


@pytest.mark.parametrize("make, kind, message", [
    (lambda x, s: contrib.foreach(lambda d, st: (st, st), x, s), AssertionError, "data arrays have to be used"),
    (lambda x, s: contrib.foreach(lambda d, st: (d, d), x, s), AssertionError, "state arrays have to be used"),
    (lambda x, s: contrib.foreach(lambda d, st: (d, [st]), x, s), AssertionError, "different format"),
    (lambda x, s: contrib.foreach(lambda d, st: (d, st), 3, s), AssertionError, "foreach input must be"),
    (lambda x, s: contrib.foreach(lambda d, st: (d, st), x, [s, s]), AssertionError, "unique names"),
    (lambda x, s: contrib.while_loop(lambda i: i < 3, lambda i: ([i], [i]), [x]), ValueError, "max_iterations"),
    (lambda x, s: contrib.while_loop(lambda: x, lambda: ([], []), [], 3), ValueError, "at least one element"),
    (lambda x, s: contrib.while_loop(lambda i, j: i, lambda i, j: ([i], [i]), [x, s], 3), ValueError, "consistent"),
    (lambda x, s: contrib.while_loop(lambda i, j: i, lambda i, j: ([i], [i, i]), [x, s], 3), ValueError, "2-th"),
    (lambda x, s: contrib.while_loop(lambda i: i, lambda i: (i, i), x, "three"), ValueError, "python int"),
    (lambda x, s: contrib.while_loop(lambda i: 3, lambda i: (i, i), x, 3), ValueError, "must be a Symbol"),
    (lambda x, s: contrib.cond(x, lambda: [x, s], lambda: [x]), ValueError, "Number of outputs differs")])
def test_errors(make, kind, message):
    with pytest.raises(kind, match=message):
        make(*variables("x", "s"))


def test_loops_of_arrays():
    data, state = mx.nd.array([[1, 2], [3, 4]]), mx.nd.array([10, 10])
    outputs, final = mx.nd.contrib.foreach(lambda d, s: (d + s, s * 2), data, state)
    assert outputs.asnumpy().tolist() == [[11, 12], [23, 24]] and final.asnumpy().tolist() == [40, 40]
    outputs, (count, total) = mx.nd.contrib.while_loop(
        lambda i, t: i < 3, lambda i, t: ([t], [i + 1, t + i]), [mx.nd.array([0]), mx.nd.array([5])], max_iterations=5)
    assert outputs[0].asnumpy().ravel().tolist() == [5, 5, 6, 0, 0] and total.asscalar() == 8 and count.asscalar() == 3
    assert mx.nd.contrib.cond(mx.nd.array([0]), lambda: 1, lambda: 2) == 2
    with pytest.raises(ValueError, match="max_iterations"):
        mx.nd.contrib.while_loop(lambda i: i, lambda i: (i, i), mx.nd.array([1]))


@pytest.mark.parametrize("changes, message", [
    ({"subgraphs": []}, "has 0 subgraphs, needs 1"), ({"in_data_locs": "[0]"}, "from 0, each once"),
    ({"num_args": "9"}, "has 4 inputs, but needs 8"), ({"num_out_data": "5"}, "has 2 states")])
def test_damaged_files(changes, message):
    data = json.loads(RECORDED["lists"])
    (node,) = [node for node in data["nodes"] if node["op"] == "_foreach"]
    for key, value in changes.items():
        (node if key in node else node["attrs"])[key] = value
    with pytest.raises(mx.SymcError, match=message):
        mx.sym.load_json(json.dumps(data)).infer_shape(x=(3, 2), y=(3, 2), s=(2,), a=(2,))
