"""Executors: what they compute, when they prepare, what they write, and MXNet's kinds of errors."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from symc import bound, compiler
from symc.errors import MXNetError, SymcError
from symc.runtime import random
from symc.runtime.context import cpu, gpu
from symc.runtime.ndarray import NDArray, array, from_dlpack, from_numpy, ones, zeros

# y = relu(x·wᵀ + b); weights are packed by `prepare`
DENSE = """
    %x: f32[2,4]    %w: f32[3,4]    %b: f32[3]
    %y = FullyConnected(%x, %w, %b) num_hidden=3
    %r = relu(%y)
    heads %r
"""
X = np.array([[1, 2, 3, 4], [-1, 0, 1, 0]], np.float32)
W = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, -1]], np.float32)
B = np.array([0.5, -1, 0], np.float32)
STATISTICS = """
    %x: f32[4,2]    %gamma, %beta, %mean, %var: f32[2]
    %n = BatchNorm(%x, %gamma, %beta, %mean, %var) fix_gamma=FIX momentum=0.5
    heads %n
"""


def dense(x, w=W, b=B):
    return np.maximum(x @ w.T + b, 0)


@pytest.fixture
def bind(graph):
    """`bind(text, request, **arrays)`: an executor with a gradient array for each argument that wants one.

    Names that begin with 'mean' or 'var' are auxiliary states.
    """
    def make(text, request="write", **values):
        bound = {name: value if isinstance(value, NDArray) else array(value) for name, value in values.items()}
        states = {name: value for name, value in bound.items() if name in ("mean", "var")}
        arguments = {name: value for name, value in bound.items() if name not in states}
        requests = request if isinstance(request, dict) else dict.fromkeys(arguments, request)
        gradients = {name: zeros(value.shape) for name, value in arguments.items()
                     if requests.get(name, "null") != "null"}
        return compiler.bind(graph(text), cpu(), arguments, gradients, requests, states)
    return make


@pytest.fixture
def prepared(monkeypatch):
    """The entries that programs ran."""
    ran = []
    from symc.runtime.program import Program

    original = Program.run
    monkeypatch.setattr(Program, "run", lambda self, entry: (ran.append(entry), original(self, entry))[1])
    return ran


# ---- forward and what it sees --------------------------------------------------------------------------------------


def test_forward_and_its_outputs(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    (output,) = executor.forward()
    np.testing.assert_allclose(output.asnumpy(), dense(X))
    assert executor.outputs[0] is output and list(executor.output_dict) == ["r_output"]
    again, = executor.forward(x=2 * X)
    assert again is output
    np.testing.assert_allclose(output.asnumpy(), dense(2 * X))
    np.testing.assert_array_equal(executor.arg_dict["x"].asnumpy(), 2 * X)


def test_training_computes_the_same_without_randomness(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    np.testing.assert_allclose(executor.forward(is_train=True)[0].asnumpy(), dense(X))


@pytest.mark.parametrize("name", ["x", "w", "b"])
@pytest.mark.parametrize("write", [
    lambda a, value: a.__setitem__(slice(None), value), lambda a, value: a.__setitem__(0, value[0]),
    lambda a, value: a[0].__setitem__(slice(None), value[0]), lambda a, value: a.reshape(-1).__setitem__(0, 9),
    lambda a, value: a.__iadd__(1), lambda a, value: array(value).copyto(a),
    lambda a, value: np.copyto(np.from_dlpack(a), value)], ids=[
    "[:]", "[0]", "slice", "reshape", "+=", "copyto", "dlpack"])
def test_every_write_is_seen(bind, name, write):
    arrays = {"x": array(X), "w": array(W), "b": array(B)}
    executor = bind(DENSE, **arrays)
    executor.forward()
    write(arrays[name], arrays[name].asnumpy() * 2 + 1)
    expected = dense(*(value.asnumpy() for value in arrays.values()))
    assert not np.allclose(expected, dense(X))
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), expected)


def test_memory_that_others_hold_is_read_every_time(bind):
    shared, borrowed = W.copy(), array(B)
    held = np.from_dlpack(borrowed)
    executor = bind(DENSE, x=X, w=from_numpy(shared[...]), b=from_dlpack(borrowed))
    for factor in (1, 2, 3):
        shared[...], held[...] = factor * W, factor * B
        np.testing.assert_allclose(executor.forward()[0].asnumpy(), dense(X, factor * W, factor * B))


def test_prepare_runs_when_a_parameter_was_written_and_only_then(bind, prepared):
    executor = bind(DENSE.replace("[2,4]", "[2,16]").replace("[3,4]", "[3,16]"), x=np.ones((2, 16)),
                    w=np.ones((3, 16)), b=B)
    for _ in range(2):
        executor.forward(x=np.zeros((2, 16), np.float32))
    executor.arg_dict["w"][:] = 2
    executor.forward()
    executor.forward()
    assert "prepare" in prepared, "the weight is not packed: take another network for this test"
    assert prepared == ["prepare", "infer", "infer", "prepare", "infer", "infer"]


def test_training_does_not_prepare(bind, prepared):
    executor = bind(DENSE.replace("[2,4]", "[2,16]").replace("[3,4]", "[3,16]"), x=np.ones((2, 16)),
                    w=np.ones((3, 16)), b=B)
    executor.forward(is_train=True)
    executor.backward(ones((2, 3)))
    assert prepared == ["forward", "backward"]


def test_arrays_keep_their_place(bind):
    w = array(W)
    executor = bind(DENSE, x=X, w=w, b=B)
    assert executor.arg_dict["w"] is w and executor.arg_arrays[1] is w
    assert executor.grad_arrays[1] is executor.grad_dict["w"] and executor.aux_arrays == []


def test_copy_params_from(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    executor.copy_params_from({"w": array(2 * W)}, {})
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), dense(X, 2 * W))
    executor.copy_params_from({"v": array(W)}, allow_extra_params=True)
    with pytest.raises(ValueError, match='Find name "v" that is not in the arguments'):
        executor.copy_params_from({"v": array(W)})
    with pytest.raises(ValueError, match='Find name "v" that is not in the auxiliary states'):
        executor.copy_params_from({}, {"v": array(W)})
    with pytest.raises(MXNetError, match=r"'w' is \(3, 4\), the value to be copied is \(1, 4\)"):
        executor.copy_params_from({"w": array(W[:1])})


# ---- backward ------------------------------------------------------------------------------------------------------


def gradients(x, w, b, dy):
    inner = np.where(x @ w.T + b > 0, dy, 0)
    return {"x": inner @ w, "w": inner.T @ x, "b": inner.sum(0)}


DY = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def test_requests(bind):
    executor = bind(DENSE, {"x": "write", "w": "add", "b": "null"}, x=X, w=W, b=B)
    expected = gradients(X, W, B, DY)
    executor.grad_dict["w"][:] = 10
    for count in (1, 2):
        executor.forward(is_train=True)
        executor.backward(array(DY))
        np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), expected["x"])
        np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), 10 + count * expected["w"])
    assert executor.grad_dict["b"] is None and executor.grad_dict["w"].writes > 2


def test_nothing_requested(bind):
    executor = bind(DENSE, "null", x=X, w=W, b=B)
    executor.forward(is_train=True)
    executor.backward(array(DY))
    assert executor.grad_arrays == [None, None, None]


@pytest.mark.parametrize("form", [lambda dy: dy, lambda dy: [dy], lambda dy: {"r_output": dy},
                                  lambda dy: array(dy.asnumpy(), dtype="float64")],
                         ids=["array", "list", "mapping", "float64"])
def test_forms_of_head_gradients(bind, form):
    executor = bind(DENSE, x=X, w=W, b=B)
    executor.forward(is_train=True)
    executor.backward(form(array(DY)))
    np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), gradients(X, W, B, DY)["w"])


def test_losses_need_no_head_gradient(bind):
    executor = bind("%x, %label: f32[2,3]\n%l = LinearRegressionOutput(%x, %label)\n%r = relu(%x)\nheads %l, %r",
                    {"x": "write"}, x=X[:, :3], label=np.zeros((2, 3)))
    executor.forward(is_train=True)
    executor.backward([None, zeros((2, 3))])
    np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), X[:, :3] / 3)


def test_backward_after_inference_is_the_gradient_of_what_was_computed(bind):
    executor = bind(STATISTICS.replace("FIX", "False"), x=X.reshape(4, 2), gamma=[2, 3], beta=[0, 1], mean=[0, 0],
                    var=[1, 1])
    dy = np.arange(8, dtype=np.float32).reshape(4, 2)
    before = executor.forward()[0].asnumpy()
    executor.backward(array(dy))
    scale = 1 / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), dy * [2, 3] * scale, rtol=1e-5)
    np.testing.assert_allclose(executor.grad_dict["gamma"].asnumpy(), (dy * X.reshape(4, 2)).sum(0) * scale, rtol=1e-5)
    np.testing.assert_array_equal(executor.outputs[0].asnumpy(), before)
    np.testing.assert_array_equal(executor.aux_dict["mean"].asnumpy(), [0, 0])


def test_backward_twice(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    executor.forward(is_train=True)
    for dy in (DY, 2 * DY):
        executor.backward(array(dy))
        np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), gradients(X, W, B, dy)["w"])


def test_modes_may_alternate(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    for factor in (1, 2):
        executor.forward(is_train=True, w=factor * W)
        executor.backward(array(DY))
        np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), gradients(X, factor * W, B, DY)["x"])
        np.testing.assert_allclose(executor.forward()[0].asnumpy(), dense(X, factor * W))


# ---- auxiliary states and written arguments ------------------------------------------------------------------------


def test_states_change_in_backward_only(bind):
    x = X.reshape(4, 2)
    executor = bind(STATISTICS.replace("FIX", "False"), x=x, gamma=[1, 1], beta=[0, 0], mean=[0, 0], var=[1, 1])
    executor.forward(is_train=True)
    np.testing.assert_array_equal(executor.aux_dict["mean"].asnumpy(), [0, 0])
    writes = executor.aux_dict["mean"].writes
    executor.backward(ones((4, 2)))
    np.testing.assert_allclose(executor.aux_dict["mean"].asnumpy(), x.mean(0) / 2, rtol=1e-6)
    np.testing.assert_allclose(executor.aux_dict["var"].asnumpy(), 0.5 + x.var(0) / 2, rtol=1e-5)
    assert executor.aux_dict["mean"].writes > writes
    mean, var = (executor.aux_dict[name].asnumpy() for name in ("mean", "var"))
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), (x - mean) / np.sqrt(var + 1e-3), rtol=1e-5)


def test_fix_gamma_sets_gamma(bind):
    executor = bind(STATISTICS.replace("FIX", "True"), x=X.reshape(4, 2), gamma=[5, 5], beta=[0, 0], mean=[0, 0],
                    var=[1, 1])
    executor.forward()
    np.testing.assert_array_equal(executor.arg_dict["gamma"].asnumpy(), [1, 1])


def test_states_that_nobody_wrote_are_not_prepared_again(bind, prepared):
    executor = bind(STATISTICS.replace("FIX", "False"), x=X.reshape(4, 2), gamma=[1, 1], beta=[0, 0], mean=[0, 0],
                    var=[1, 1])
    for _ in range(3):
        executor.forward()
    assert prepared.count("prepare") <= 1


# ---- random operators ----------------------------------------------------------------------------------------------


DROPOUT = "%x: f32[64]\n%d = Dropout(%x) p=0.5\nheads %d"


def test_each_forward_draws_anew_and_backward_knows_what(bind):
    executor = bind(DROPOUT, x=np.ones(64))
    random.seed(7)
    draws = []
    for _ in range(2):
        draws.append(executor.forward(is_train=True)[0].asnumpy())
        executor.backward(ones(64))
        np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), draws[-1])
    assert set(np.concatenate(draws)) == {0, 2} and (draws[0] != draws[1]).any()
    random.seed(7)
    np.testing.assert_array_equal(executor.forward(is_train=True)[0].asnumpy(), draws[0])
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), np.ones(64))


# ---- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, error, message", [
    ({"v": X}, TypeError, "Unknown argument v"), ({"x": X[:1]}, ValueError, r"need: \(2, 4\), received: \(1, 4\)"),
    ({"x": X.tolist()}, ValueError, "only accept"), ({"x": np.full((2, 4), "a")}, ValueError, "could not convert")])
def test_what_forward_refuses(bind, arguments, error, message):
    executor = bind(DENSE, x=X, w=W, b=B)
    with pytest.raises(error, match=message):
        executor.forward(**arguments)
    np.testing.assert_allclose(executor.forward()[0].asnumpy(), dense(X))


@pytest.mark.parametrize("head_gradients, error, message", [
    (None, MXNetError, "'r_output' is no loss"), ([], MXNetError, "no loss"), ({}, MXNetError, "no loss"),
    ([DY], TypeError, "must be NDArray"), (array(DY[:1]), MXNetError, r"shape \(1, 3\), its output has \(2, 3\)")])
def test_what_backward_refuses(bind, head_gradients, error, message):
    executor = bind(DENSE, x=X, w=W, b=B)
    executor.forward(is_train=True)
    with pytest.raises(error, match=message):
        executor.backward(head_gradients)


def test_backward_before_forward(bind):
    fresh, executor = (bind(DENSE, x=X, w=W, b=B) for _ in range(2))
    executor.forward(is_train=True)
    for either in (fresh, executor):
        either.backward(array(DY))
    np.testing.assert_array_equal(fresh.grad_dict["w"].asnumpy(), executor.grad_dict["w"].asnumpy())


def test_shapes_and_dtypes_that_contradict_the_graph(bind):
    with pytest.raises(MXNetError, match=r"node 'y' \(FullyConnected\): .*\n.*\n +weight \(3, 5\) .* from 'w'"):
        bind(DENSE.replace("[2,4]", "[*]").replace("[3,4]", "[*]"), x=X, w=np.zeros((3, 5)), b=B)
    with pytest.raises(MXNetError, match="float64"):
        bind(DENSE.replace("f32", "?"), x=X, w=array(W, dtype="float64"), b=B)


def test_no_gpu(graph):
    with pytest.raises(MXNetError, match=r"gpu\(7\)"):
        compiler.bind(graph(DENSE), gpu(7), {}, {}, {}, {})


def test_misaligned_memory_is_refused_by_name(bind):
    block = np.zeros(33, np.uint8)[1:].view(np.float32).reshape(2, 4)
    executor = bind(DENSE, x=from_numpy(block), w=W, b=B)
    with pytest.raises(SymcError, match="input 'x' is not contiguous and aligned"):
        executor.forward()


# ---- simple_bind ---------------------------------------------------------------------------------------------------


def test_simple_bind_makes_zeros(graph):
    g = graph(DENSE.replace("[2,4]", "[*]").replace("[3,4]", "[*]").replace("[3]", "[*]"))
    executor = compiler.simple_bind(g, cpu(), {"w": "write"}, {}, {"x": (2, 4)})
    assert {name: value.shape for name, value in executor.arg_dict.items()} == {"x": (2, 4), "w": (3, 4), "b": (3,)}
    assert all(not value.asnumpy().any() for value in executor.arg_arrays)
    assert executor.grad_dict["w"].shape == (3, 4) and executor.grad_dict["x"] is None
    with pytest.raises(MXNetError, match="'x'"):
        compiler.simple_bind(g, cpu(), {}, {}, {})


def test_arrays_are_freed_with_their_executor_without_the_collector(bind):
    executor = bind(DENSE, x=X.copy(), w=W, b=B)
    executor.forward()
    gone = weakref.ref(executor.outputs[0])
    gc.disable()
    try:
        del executor
        assert gone() is None
    finally:
        gc.enable()


def test_nothing_keeps_an_executor_alive(bind):
    executor = bind(DENSE, x=X, w=W, b=B)
    executor.forward(is_train=True)
    executor.backward(array(DY))
    executor.forward()
    gone = weakref.ref(executor), weakref.ref(executor._network.stages("inference").parts[0].program)
    del executor
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_outputs_of_one_name_have_no_dict(bind):
    executor = bind(DENSE.replace("heads %r", "heads %r, %r"), x=X, w=W, b=B)
    with pytest.raises(ValueError, match="Duplicate names detected"):
        _ = executor.output_dict
    assert len(executor.forward()) == 2


# ---- reshape -------------------------------------------------------------------------------------------------------


FREE = DENSE.replace("[2,4]", "[*]").replace("[3,4]", "[*]")


def test_reshape_shares_what_keeps_its_shape(bind):
    executor = bind(FREE, {"w": "write"}, x=X, w=W, b=B)
    small = executor.reshape(x=(1, 4))
    assert small.arg_dict["w"] is executor.arg_dict["w"] and small.grad_dict["w"] is executor.grad_dict["w"]
    np.testing.assert_allclose(small.forward(x=X[1:])[0].asnumpy(), dense(X[1:]))
    np.testing.assert_array_equal(executor.arg_dict["x"].asnumpy(), X[[1, 1]])
    np.testing.assert_allclose(executor.outputs[0].asnumpy()[:1], dense(X[1:]))
    executor.arg_dict["x"][:] = 2 * X
    np.testing.assert_allclose(small.forward()[0].asnumpy(), dense(2 * X[:1]))
    small.forward(is_train=True)
    small.backward(array(DY[:1]))
    np.testing.assert_allclose(executor.grad_dict["w"].asnumpy(), gradients(2 * X[:1], W, B, DY[:1])["w"])


def test_reshape_to_more(bind):
    executor = bind(FREE, x=X, w=W, b=B)
    with pytest.raises(MXNetError, match=r"'x' is larger than the original \(2, 4\)"):
        executor.reshape(x=(4, 4))
    large = executor.reshape(x=(4, 4), allow_up_sizing=True)
    np.testing.assert_allclose(large.forward(x=np.concatenate([X, -X]))[0].asnumpy(), dense(np.concatenate([X, -X])))
    np.testing.assert_array_equal(executor.arg_dict["x"].asnumpy(), X)


def test_shapes_met_before_are_not_compiled_again(bind, monkeypatch):
    lowered = []
    monkeypatch.setattr(bound, "lower", lambda graph, *rest, _lower=bound.lower, **more: lowered.append(graph) or
                        _lower(graph, *rest, **more))
    executor = bind(FREE, {"w": "write"}, x=X, w=W, b=B)
    for shapes in ({"x": (1, 4)}, {"x": (2, 4)}):
        for _ in range(2):
            executor = executor.reshape(**shapes, allow_up_sizing=True)
            x = X[:shapes["x"][0]]
            np.testing.assert_allclose(executor.forward(x=x)[0].asnumpy(), dense(x))
    assert len(lowered) == 2


def test_executors_of_one_shape_have_memory_of_their_own(bind):
    """What forward keeps for backward, and packed weights."""
    first = bind(FREE, {"w": "write"}, x=X, w=W, b=B)
    second = first.reshape(x=(1, 4)).reshape(x=(2, 4), allow_up_sizing=True)
    second.forward(is_train=True, x=X)
    first.forward(is_train=True, x=-X)
    second.backward(array(DY))
    np.testing.assert_allclose(second.grad_dict["w"].asnumpy(), gradients(X, W, B, DY)["w"])
    first.forward(x=X)
    second.arg_dict["w"][:] = -W
    np.testing.assert_allclose(second.forward(x=X)[0].asnumpy(), dense(X, -W))
    np.testing.assert_allclose(first.forward(x=X)[0].asnumpy(), dense(X, -W))


def test_reshape_of_what_was_not_named(bind):
    executor = bind(FREE, x=X, w=W, b=B)
    with pytest.raises(MXNetError, match="'w', which is not specified, changes from .3, 4. to .3, 2."):
        executor.reshape(x=(2, 2))
    assert executor.reshape(partial_shaping=True, x=(2, 2)).arg_dict["w"].shape == (3, 2)
    with pytest.raises(MXNetError, match="the shape of 'x' is"):
        executor.reshape()
