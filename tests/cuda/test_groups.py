"""group2ctx: groups of a network on GPUs and on the host, beside all of it on the host."""

from __future__ import annotations

import numpy as np
import pytest

import symc as mx
from symc import nd
from symc.errors import MXNetError
from symc.runtime import devices
from symc.runtime.device_memory import DeviceMemory
from tests.cuda.emulator import EmulatedDriver

STEPS, BATCH, WIDTH = 2, 2, 3
SHAPES = {"data": (STEPS, BATCH, WIDTH)}
PLACES = {"layer0": mx.gpu(0), "layer1": mx.gpu(1), "decode": mx.cpu()}


@pytest.fixture
def second_gpu(gpu):
    """gpu(1), beside gpu(0)."""
    driver = EmulatedDriver()
    devices.register(1, driver)
    yield driver
    driver.check()
    devices.register(1, None)


def stacked_lstm():
    """Layers in groups, unrolled, as in MXNet's example of parallel layers."""
    outputs = list(mx.sym.SliceChannel(mx.sym.var("data"), num_outputs=STEPS, axis=0, squeeze_axis=True))
    for layer in ("layer0", "layer1"):
        with mx.AttrScope(ctx_group=layer):
            outputs, _ = mx.rnn.LSTMCell(WIDTH, prefix=f"{layer}_").unroll(STEPS, outputs, merge_outputs=False)
    with mx.AttrScope(ctx_group="decode"):
        hidden = mx.sym.BatchNorm(mx.sym.concat(*outputs, dim=0), fix_gamma=False, name="norm")
        return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=5, name="decode"), name="softmax")


def filled(executor):
    random = np.random.default_rng(0)
    for name, array in executor.arg_dict.items():
        array[:] = np.arange(array.size) % 5 if "label" in name else random.uniform(-1, 1, array.shape)
    return executor


def check_alike(one, other):
    for name in ("output_dict", "grad_dict", "aux_dict"):
        for key, array in getattr(one, name).items():
            if array is not None:
                found = getattr(other, name)[key]
                np.testing.assert_allclose(found.asnumpy(), array.asnumpy(), 1e-5, 1e-6, err_msg=f"{name} {key}")


def test_layers_on_several_devices(second_gpu):
    network = stacked_lstm()
    requests = {name: "add" if "i2h" in name else "write" for name in network.list_arguments()}
    one, several = executors = [filled(network.simple_bind(mx.cpu(), grad_req=requests, group2ctx=groups, **SHAPES))
                                for groups in (None, PLACES)]
    for _ in range(3):      # kernels are recorded, and repeated
        for executor in executors:
            executor.forward(is_train=True)
            executor.backward()
        check_alike(one, several)
    for executor in executors:
        executor.forward()
    check_alike(one, several)
    for name, array in (*several.arg_dict.items(), *several.grad_dict.items(), *several.aux_dict.items()):
        assert array.context == PLACES.get(name.split("_")[0], mx.cpu()), name
    assert several.outputs[0].context == mx.cpu()
    places = [stage.context for stage in several._network.stages("training").parts]
    assert places[1:3] == [mx.gpu(0), mx.gpu(1)] and len(places) <= 8, "one segment a layer, not one a step"


def test_what_passes_between_lies_where_it_is_computed(second_gpu):
    executor = filled(stacked_lstm().simple_bind(mx.cpu(), grad_req="null", group2ctx=PLACES, **SHAPES))
    executor.forward()
    stages = executor._programs["inference"]
    for stage, program in zip(stages.stages, stages.programs, strict=True):
        for array in program.outputs:
            device = stage.context.device_id if stage.context.device_type == "gpu" else None
            assert (array.memory.device if isinstance(array.memory, DeviceMemory) else None) == device
    before = second_gpu.calls.copy()
    executor.forward()
    calls = second_gpu.calls - before
    assert calls["fetch"] == STEPS and calls["read"] == STEPS, "a copy for each step's output, in and out"
    assert not calls["write"], "what lies on another GPU does not go by way of the host"


def scaled():
    """A group, and nodes of none."""
    with mx.AttrScope(ctx_group="layer0"):
        hidden = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="dense")
    return mx.sym.broadcast_mul(mx.sym.var("scale", shape=(2, 1)), mx.sym.exp(hidden), name="scaled")


def train(executor):
    executor.forward(is_train=True)
    executor.backward(nd.ones((2, 4)))
    return executor


def test_nodes_without_a_group(gpu):
    """They are where their first input is; what a monitor is shown lies there too."""
    one, several = [filled(scaled().simple_bind(mx.cpu(), group2ctx=groups, data=(2, 3)))
                    for groups in (None, {"layer0": mx.gpu()})]
    check_alike(train(one), train(several))
    assert several.outputs[0].context == several.arg_dict["scale"].context == mx.cpu()
    assert several.grad_dict["dense_bias"].context == mx.gpu()
    seen = {}
    several.set_monitor_callback(lambda name, array: seen.update({name: array.context}), True)
    check_alike(one, train(several))
    assert {seen[name] for name in ("dense_output", "dense_bias", "scaled_rhs")} == {mx.gpu()}
    assert seen["scale"] == seen["scaled_output"] == mx.cpu()
    seen.clear()
    smaller = several.reshape(data=(1, 3), scale=(1, 1))
    assert smaller.forward()[0].shape == (1, 4) and seen["dense_output"] == mx.gpu()
    np.testing.assert_allclose(smaller.outputs[0].asnumpy(), one.outputs[0].asnumpy()[:1], 1e-5)


def test_arrays_that_lie_elsewhere(second_gpu):
    """`bind` takes them, and copies them to and fro."""
    one = train(filled(scaled().simple_bind(mx.cpu(), data=(2, 3))))
    for place in (mx.cpu(), mx.gpu(1)):
        args = {name: array.as_in_context(place) for name, array in one.arg_dict.items()}
        gradients = {name: nd.zeros(array.shape, ctx=place) for name, array in args.items()}
        several = scaled().bind(mx.gpu(1), args, gradients, group2ctx={"layer0": mx.gpu(0)})
        check_alike(one, train(several))
        assert all(array.context == place for array in several.grad_arrays)


def test_all_groups_on_one_gpu_are_one_program(gpu):
    places = dict.fromkeys(PLACES, mx.gpu())
    executor = stacked_lstm().simple_bind(mx.gpu(), group2ctx=places, **SHAPES)
    assert [stage.context for stage in executor._network.stages("training").parts] == [mx.gpu()]


def test_devices_that_are_not_there(gpu):
    network = stacked_lstm()
    with pytest.raises(MXNetError, match=r"there is no gpu\(1\)"):
        network.simple_bind(mx.cpu(), group2ctx=PLACES, **SHAPES)
    executor = network.simple_bind(mx.cpu(), **SHAPES)
    with pytest.raises(MXNetError, match=r"there is no gpu\(1\)"):
        network.bind(mx.cpu(), executor.arg_dict, None, "null", executor.aux_dict, group2ctx=PLACES)
    unused = {**dict.fromkeys(PLACES, mx.cpu()), "other": mx.gpu(5)}
    assert network.simple_bind(mx.cpu(), group2ctx=unused, **SHAPES).forward()[0].shape == (STEPS * BATCH, 5)
