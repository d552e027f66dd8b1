"""Networks of which groups lie on several devices: CPU contexts that are taken for such."""

from __future__ import annotations

import numpy as np
import pytest

import symc as mx
from symc import bound, nd

CPU = mx.cpu
PLACES = {"first": CPU(1), "second": CPU(2)}


@pytest.fixture(autouse=True)
def _contexts_are_devices(monkeypatch):
    monkeypatch.setattr(bound, "device_of", lambda context: context)


def first():
    return mx.AttrScope(ctx_group="first")


def second():
    return mx.AttrScope(ctx_group="second")


def filled(executor, seed=0):
    random = np.random.default_rng(seed)
    for array in executor.arg_arrays:
        array[:] = random.uniform(-1, 1, array.shape)
    for name, array in executor.aux_dict.items():
        array[:] = 1 if "var" in name else 0
    return executor


def pair(network, request="write", **shapes):
    """The network on one device, and on several."""
    return [filled(network.simple_bind(CPU(), grad_req=request, group2ctx=groups, **shapes))
            for groups in (None, PLACES)]


def train(executor, *out_grads, times=1):
    mx.random.seed(5)
    for _ in range(times):
        executor.forward(is_train=True)
        executor.backward(list(out_grads) or None)


def check_alike(one, other):
    """All arrays of two executors have the same values."""
    for name in ("output_dict", "arg_dict", "grad_dict", "aux_dict"):
        for key, array in getattr(one, name).items():
            if array is not None:
                found = getattr(other, name)[key]
                np.testing.assert_allclose(found.asnumpy(), array.asnumpy(), 1e-5, 1e-6, err_msg=f"{name} {key}")


def segments(executor, mode="training"):
    return [stage.context.device_id for stage in executor._network.stages(mode).parts]


def layers():
    """With states, random numbers, a write to an argument in forward (fix_gamma), and a loss."""
    data = mx.sym.var("data", attr={"ctx_group": "first"})
    for number, group in ((1, first()), (2, second())):
        with group:
            data = mx.sym.FullyConnected(data, num_hidden=6, name=f"dense{number}")
            data = mx.sym.relu(mx.sym.BatchNorm(data, name=f"norm{number}"), name=f"relu{number}")
            data = mx.sym.Dropout(data, p=0.5, name=f"drop{number}")
    with second():
        return mx.sym.SoftmaxOutput(data, name="softmax")


SHAPES = {"data": (4, 3)}


@pytest.mark.parametrize("request_", ["write", {"dense1_weight": "add", "dense2_bias": "add", "norm2_beta": "write"}])
def test_training_and_inference(request_):
    one, several = executors = pair(layers(), request_, **SHAPES)
    for executor in executors:
        train(executor, times=2)
    check_alike(one, several)
    assert set(segments(several)) >= {1, 2} and len(segments(one)) == 1
    for executor in executors:
        executor.forward()
    check_alike(one, several)
    assert segments(several, "inference") == [1, 2]
    for executor in executors:      # gradients of what inference computed
        executor.backward()
    check_alike(one, several)


def test_without_gradients():
    one, several = executors = pair(layers(), "null", **SHAPES)
    for executor in executors:
        mx.random.seed(5)
        executor.forward(is_train=True)
    check_alike(one, several)
    assert segments(several) == [1, 2]


def test_parameters_are_prepared_again_in_the_segment_that_reads_them():
    one, several = executors = pair(layers(), "null", **SHAPES)
    outputs = []
    for value in (1, 2):
        for executor in executors:
            executor.arg_dict["dense2_weight"][:, value] = value
            executor.copy_params_from({"dense1_bias": nd.full((6,), value)}, {"norm2_moving_var": nd.full((6,), value)})
            executor.forward()
        check_alike(one, several)
        outputs.append(several.outputs[0].asnumpy())
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_where_the_arrays_lie():
    executor = pair(layers(), **SHAPES)[1]
    for arrays in (executor.arg_dict, executor.grad_dict, executor.aux_dict):
        for name, array in arrays.items():
            on_first = name == "data" or "1" in name
            assert array.context == CPU(1 if on_first else 2), name
    assert executor.outputs[0].context == CPU(2)


def test_heads_that_others_read():
    """One twice, an argument, one of each device; each with a gradient of its own."""
    with first():
        data = mx.sym.var("data")
        early = mx.sym.exp(data, name="early")
    with second():
        late = mx.sym.broadcast_mul(mx.sym.sin(early), mx.sym.var("scale"), name="late")
    network = mx.sym.Group([late, early, data, mx.sym.BlockGrad(late, name="blocked")])
    one, several = executors = pair(network, data=(4, 3), scale=(4, 3))
    for executor in executors:
        train(executor, *[nd.full((4, 3), number + 1) for number in range(4)])
    check_alike(one, several)
    assert [output.context.device_id for output in several.outputs] == [2, 1, 1, 2]
    executor = pair(mx.sym.Group([early, early * 2, early]), data=(4, 3), scale=(4, 3))[1]
    first_, _, last = executor.forward()
    assert first_ is not last and first_.asnumpy().any() and (first_.asnumpy() == last.asnumpy()).all()


def test_loops():
    with first():
        data, state = mx.sym.var("data"), mx.sym.var("state")
        doubled = data * 2
    with second():
        outputs, _ = mx.sym.contrib.foreach(lambda x, states: (mx.sym.tanh(x + states[0]), [x * states[0]]), doubled,
                                            [state])
    with first():
        network = mx.sym.exp(outputs, name="last")
    one, several = executors = pair(network, data=(4, 3), state=(3,))
    for executor in executors:
        train(executor, nd.ones((4, 3)))
    check_alike(one, several)
    assert segments(several)[:3] == [1, 2, 1]


def test_shapes_that_depend_on_data():
    with first():
        data = mx.sym.var("data") * 2
    with second():
        kept = mx.sym.contrib.boolean_mask(data, mx.sym.var("mask"))
    with first():
        network = mx.sym.exp(kept, name="last")
    executors = [network.bind(CPU(), {"data": nd.array(np.arange(6).reshape(3, 2) / 4), "mask": nd.array([1, 0, 1])},
                              {"data": nd.zeros((3, 2))}, group2ctx=groups) for groups in (None, PLACES)]
    for executor in executors:
        train(executor, nd.ones((2, 2)))
    check_alike(*executors)
    assert executors[1].outputs[0].context == CPU(1)


@mx.operator.register("contexts_of_groups")
class Triple(mx.operator.CustomOpProp):
    contexts: list = []

    def create_operator(self, ctx, shapes, dtypes):
        Triple.contexts.append(ctx)

        class Operator(mx.operator.CustomOp):
            def forward(self, is_train, req, in_data, out_data, aux):
                self.kept = in_data[0] * 3
                self.assign(out_data[0], req[0], self.kept)

            def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
                self.assign(in_grad[0], req[0], out_grad[0] * self.kept)
        return Operator()


def test_operators_in_python_know_their_context():
    with first():
        data = mx.sym.exp(mx.sym.var("data"))
    with second():
        network = mx.sym.Custom(data, op_type="contexts_of_groups", name="custom")
    one, several = executors = pair(network, "add", data=(2, 3))
    for executor in executors:
        train(executor, nd.ones((2, 3)), times=2)
    check_alike(one, several)
    assert Triple.contexts == [CPU(), CPU(2)]


def test_monitors():
    shown = []
    for executor in pair(layers(), **SHAPES):
        seen = []
        executor.set_monitor_callback(lambda name, array, seen=seen: seen.append((name, array.copy())), True)
        train(executor)
        shown.append(seen)
    for (name, here), (other, there) in zip(*shown, strict=True):
        assert name == other
        np.testing.assert_allclose(here.asnumpy(), there.asnumpy(), 1e-5, 1e-6)
    contexts = {name: array.context for name, array in shown[1]}
    assert contexts["norm1_output"] == contexts["drop1_output"] == CPU(1) and contexts["dense2_output"] == CPU(2)


def test_reshape_and_description():
    executors = pair(layers(), **SHAPES)
    smaller = [executor.reshape(data=(2, 3), softmax_label=(2,)) for executor in executors]
    for executor in smaller:
        train(executor)
    check_alike(*smaller)
    assert smaller[1].arg_dict["dense2_weight"] is executors[1].arg_dict["dense2_weight"]
    assert smaller[1].outputs[0].context == CPU(2)
    assert "Segment 0 on cpu(1)" in smaller[1].debug_str() and "Segment 1 on cpu(2)" in smaller[1].debug_str()
    assert "Segment" not in smaller[0].debug_str()


def test_groups_in_one_place_are_one_program():
    for places in ({"first": CPU(3), "second": CPU(3)}, {}):
        executor = filled(layers().simple_bind(CPU(3), group2ctx=places, **SHAPES))
        assert segments(executor) == [3]


def test_arrays_that_executors_share():
    """Gradients, states and a pool of memory, as MXNet's modules bind networks of several lengths."""
    pool: dict = {}
    network = layers()
    large = network.simple_bind(CPU(), group2ctx=PLACES, shared_buffer=pool, **SHAPES)
    small = network.simple_bind(CPU(), group2ctx=PLACES, shared_buffer=pool, shared_exec=large, data=(2, 3))
    one = network.simple_bind(CPU(), data=(2, 3))
    for executor in (filled(small), filled(one)):
        train(executor)
    check_alike(one, small)
    assert small.aux_dict["norm1_moving_mean"] is large.aux_dict["norm1_moving_mean"]
    assert segments(small)[:2] == [1, 2]
