"""Executors on a GPU, beside those on the CPU."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import symc as mx
from symc import nd
from symc.errors import MXNetError
from symc.runtime import devices
from symc.runtime.devices import KernelFailure, OutOfDeviceMemory
from tests.cuda.emulator import EmulatedDriver

GPU = mx.gpu


def dense():
    hidden = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    return mx.sym.sum(mx.sym.Activation(hidden, act_type="relu", name="relu"), axis=1, name="total")


def filled(executor, seed=0):
    """The executor, with the same numbers in its arguments whatever the device."""
    random = np.random.default_rng(seed)
    for array in executor.arg_arrays:
        array[:] = random.uniform(-1, 1, array.shape)
    return executor


def alike(one, other):
    np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-5, atol=1e-6)


def check_training(executor, reference, context=None):
    """Three steps of training give the same outputs and gradients."""
    for step in range(3):
        for one in (executor, reference):
            one.arg_dict["data"][:] = step + 1
            one.forward(is_train=True)
        alike(executor.outputs[0], reference.outputs[0])
        ones = nd.ones(reference.outputs[0].shape)
        executor.backward(ones if context is None else ones.as_in_context(context))
        reference.backward(ones)
        for name, gradient in reference.grad_dict.items():
            alike(executor.grad_dict[name], gradient)


def test_training(gpu):
    executor, reference = (filled(dense().simple_bind(ctx, data=(5, 3))) for ctx in (GPU(), mx.cpu()))
    check_training(executor, reference, GPU())
    assert executor.outputs[0].context == executor.arg_dict["fc_weight"].context == GPU()
    alike(executor.forward()[0], reference.forward()[0])


def test_nothing_is_copied(gpu):
    """Arrays are used in place; kernels are recorded once for the same arrays, and again for others."""
    executor = filled(dense().simple_bind(GPU(), grad_req="null", data=(5, 3)))
    for _ in range(2):
        executor.forward()
    before = gpu.calls.copy()
    executor.forward()
    assert set(gpu.calls - before) == {"launch"} and before["record"] == 1
    other = filled(dense().bind(GPU(), {name: array.copy() for name, array in executor.arg_dict.items()}))
    alike(other.forward()[0], executor.outputs[0])


def test_head_gradients_are_fetched(gpu):
    """Whatever array they come in, kernels stay as recorded."""
    executor = filled(dense().simple_bind(GPU(), data=(5, 3)))
    found = []
    for value in (1, 2, 3, 3):
        executor.forward(is_train=True)
        executor.backward(nd.full((5,), value, ctx=GPU()))
        found.append(executor.grad_dict["fc_bias"].asnumpy() / value)
    assert gpu.calls["record"] == 2 and found[0].any()
    np.testing.assert_allclose(found, found[:1] * 4, rtol=1e-6)


def test_arrays_that_take_turns(gpu):
    """Each has its recording, and they are not made again."""
    program = dense().simple_bind(GPU(), grad_req="null", data=(5, 3))._network.stages("inference").parts[0].program
    arrays = [filled(dense().simple_bind(GPU(), grad_req="null", data=(5, 3))).arg_arrays for _ in range(2)]
    outputs = [nd.zeros(5, ctx=GPU()) for _ in arrays]
    plan = program.plan
    for turn in range(6):
        for number, array in zip((*plan.of_kind("input"), *plan.of_kind("output")),
                                 (*arrays[turn % 2], outputs[turn % 2]), strict=True):
            program.bind(number, array.memory)
        for entry in sorted(plan.entries, reverse=True):
            program.run(entry)
    assert gpu.calls["record"] == 2 * len(plan.entries)
    alike(*outputs)


def test_parameters_are_prepared_again(gpu):
    executor, reference = (filled(dense().simple_bind(ctx, grad_req="null", data=(2, 3))) for ctx in (GPU(), mx.cpu()))
    for value in (1, 2):
        for one in (executor, reference):
            one.arg_dict["fc_weight"][1:] = value
        alike(executor.forward()[0], reference.forward()[0])


def test_reshape(gpu):
    executor, reference = (filled(dense().simple_bind(ctx, data=(5, 3))) for ctx in (GPU(), mx.cpu()))
    smaller, other = executor.reshape(data=(2, 3)), reference.reshape(data=(2, 3))
    assert smaller.arg_dict["data"].memory.shares(executor.arg_dict["data"].memory)
    alike(smaller.forward()[0], other.forward()[0])
    larger = smaller.reshape(data=(7, 3), allow_up_sizing=True)
    assert larger.forward()[0].shape == (7,)


def test_monitor(gpu):
    seen = {mx.cpu(): [], GPU(): []}
    for context, shown in seen.items():
        executor = filled(dense().simple_bind(context, grad_req="null", data=(2, 3)))
        executor.set_monitor_callback(lambda name, array, shown=shown: shown.append((name, array.copy())), True)
        executor.forward()
    assert {"fc_output", "relu_output", "fc_weight"} <= {name for name, _ in seen[GPU()]}
    for (name, here), (other, there) in zip(*seen.values(), strict=True):
        assert name == other and there.context == GPU()
        alike(here, there)


def test_states_and_random_numbers(gpu):
    data = mx.sym.BatchNorm(mx.sym.var("data"), fix_gamma=False, name="norm")
    network = mx.sym.Dropout(data, p=0.5, name="drop")
    found = []
    for ctx in (GPU(), mx.cpu()):
        executor = filled(network.simple_bind(ctx, data=(4, 3, 2, 2)))
        mx.random.seed(3)
        executor.forward(is_train=True)
        executor.backward(nd.ones((4, 3, 2, 2), ctx=ctx))
        found.append([executor.outputs[0], executor.grad_dict["data"], *executor.aux_arrays])
    for one, other in zip(*found, strict=True):
        alike(one, other)


@mx.operator.register("triple_on_gpu")
class Triple(mx.operator.CustomOpProp):
    contexts: list = []

    def create_operator(self, ctx, shapes, dtypes):
        class Operator(mx.operator.CustomOp):
            def forward(self, is_train, req, in_data, out_data, aux):
                Triple.contexts.append(in_data[0].context)
                self.assign(out_data[0], req[0], in_data[0] * 3)

            def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
                self.assign(in_grad[0], req[0], out_grad[0] * 3)
        return Operator()


def test_operators_in_python(gpu):
    network = mx.sym.exp(mx.sym.Custom(mx.sym.var("data") / 4, op_type="triple_on_gpu"))
    executor, reference = (filled(network.simple_bind(ctx, data=(2, 3))) for ctx in (GPU(), mx.cpu()))
    check_training(executor, reference, GPU())
    assert {GPU(), mx.cpu()} == set(Triple.contexts)


def test_arrays_elsewhere(gpu):
    """What lies on another device is copied to and fro."""
    devices.register(1, EmulatedDriver())
    reference = filled(dense().simple_bind(mx.cpu(), data=(5, 3)))
    for ctx, place in ((GPU(0), mx.cpu()), (mx.cpu(), GPU(0)), (GPU(0), GPU(1))):
        args = {name: array.as_in_context(place) for name, array in reference.arg_dict.items()}
        gradients = {name: nd.zeros(array.shape, ctx=place) for name, array in args.items()}
        executor = dense().bind(ctx, args, gradients)
        check_training(executor, reference, place)
        assert executor.grad_dict["data"].context == place
    devices.register(1, None)


def test_shapes_that_depend_on_data(gpu):
    network = mx.sym.contrib.boolean_mask(mx.sym.var("data"), mx.sym.var("mask")) * 2
    args = {"data": nd.array([[1, 2], [3, 4], [5, 6]], ctx=GPU()), "mask": nd.array([0, 1, 1], ctx=GPU())}
    found = network.bind(GPU(), args).forward()[0]
    assert found.context == GPU()
    np.testing.assert_array_equal(found.asnumpy(), [[6, 8], [10, 12]])


def test_threads(gpu):
    """Each executor has a stream of its own."""
    executors = [filled(dense().simple_bind(GPU(), data=(5, 3)), seed) for seed in range(4)]
    expected = [filled(dense().simple_bind(mx.cpu(), data=(5, 3)), seed).forward()[0] for seed in range(4)]
    problems = []

    def work(executor, wanted):
        try:
            for _ in range(5):
                alike(executor.forward()[0], wanted)
        except Exception as error:
            problems.append(error)
    threads = [threading.Thread(target=work, args=pair) for pair in zip(executors, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems and gpu.calls["stream"] == 4


def test_memory_that_is_not_there(gpu):
    executor = dense().simple_bind(GPU(), grad_req="null", data=(5, 3))
    driver = executor._network.stages("inference").parts[0].program.driver
    total, driver.memory = driver.memory, 0
    with pytest.raises(OutOfDeviceMemory, match="the network needs .* MiB for the arena, .* weights, .* bound arrays"):
        executor.forward()
    driver.memory = total
    assert executor.forward()[0].shape == (5,)


def test_kernels_that_fail_are_named_by_nodes(gpu, monkeypatch):
    executor = dense().simple_bind(GPU(), grad_req="null", data=(5, 3))

    def fails(self, function, *_):
        raise KernelFailure([function.name], "it is a test")
    monkeypatch.setattr(EmulatedDriver, "launch", fails)
    with pytest.raises(KernelFailure, match=r"it is a test; it is one of: '.*' \(of fc, relu"):
        executor.forward()


def test_no_such_device(gpu):
    with pytest.raises(MXNetError, match=r"there is no gpu\(3\)"):
        dense().simple_bind(mx.gpu(3), data=(5, 3))
    with pytest.raises(MXNetError, match=r"there is no gpu\(3\)"):
        dense().bind(mx.gpu(3), {name: nd.ones(1) for name in dense().list_arguments()})


def running_sums():
    """A loop with a weight of its own, and a branch whose condition is computed."""
    weight = mx.sym.var("weight")

    def step(row, total):
        total = mx.sym.tanh(mx.sym.broadcast_mul(row, weight) + total)
        return total * 2, total

    def half(data):
        return data / 2

    sums, last = mx.sym.contrib.foreach(step, mx.sym.var("data"), mx.sym.zeros((4,)))
    return mx.sym.contrib.cond(mx.sym.sum(last) > 0, lambda: half(mx.sym.sum(sums, axis=0)),
                               lambda: mx.sym.sum(sums, axis=0))


def test_loops_and_branches(gpu):
    check_training(*(filled(running_sums().simple_bind(ctx, data=(5, 4), weight=(4,))) for ctx in (GPU(), mx.cpu())),
                   GPU())


def test_a_loop_of_known_length_is_one_recording(gpu):
    """States that change places wait on the device."""
    def step(row, states):
        before, last = states
        return before + row, [last, before * 0.5 + last]

    sums, states = mx.sym.contrib.foreach(step, mx.sym.var("data"), [mx.sym.ones((4,)), mx.sym.zeros((4,))])
    network = mx.sym.Group([sums, *states])
    executor, reference = (filled(network.simple_bind(ctx, grad_req="null", data=(5, 4))) for ctx in (GPU(), mx.cpu()))
    executor.forward()
    reads = gpu.calls["read"]
    for _ in range(3):
        for one, other in zip(executor.forward(), reference.forward(), strict=True):
            alike(one, other)
    assert gpu.calls["record"] == 1 and gpu.calls["read"] == reads + 9, "the outputs are read, no state"
