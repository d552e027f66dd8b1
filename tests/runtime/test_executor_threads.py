"""Executors in threads: some each with their own, all with one, all on the same parameters."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import symc as mx

THREADS = 8


def in_threads(work):
    """work(number) in as many threads at once; the first exception is raised here."""
    barrier, failures = threading.Barrier(THREADS), []

    def run(number):
        try:
            barrier.wait()
            work(number)
        except BaseException as failure:   # noqa: BLE001  (carried to the test)
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def network():
    hidden = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=16), act_type="tanh")
    return mx.sym.FullyConnected(hidden, num_hidden=3)


def expected(values, dy):
    """Output and gradient of the data."""
    data, w0, b0, w1, b1 = values
    hidden = np.tanh(data @ w0.T + b0)
    return hidden @ w1.T + b1, (dy @ w1 * (1 - hidden**2)) @ w0


def values_of(number):
    generator = np.random.default_rng(number)
    shapes = (4, 8), (16, 8), (16,), (3, 16), (3,)
    return [generator.normal(size=shape).astype(np.float32) for shape in shapes]


def check(executor, values, dy):
    output, = executor.forward(is_train=True)
    executor.backward(mx.nd.array(dy))
    wanted = expected(values, dy)
    np.testing.assert_allclose(output.asnumpy(), wanted[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(executor.grad_arrays[0].asnumpy(), wanted[1], rtol=1e-4, atol=1e-5)


def test_each_thread_composes_and_binds_its_own():
    """Names and attributes of one thread do not show in another."""
    def work(number):
        with mx.AttrScope(ctx_group=f"stage{number}"), mx.name.Prefix(f"thread{number}_"):
            net = network()
        prefix = f"thread{number}_fullyconnected0"
        assert net.list_arguments()[1:3] == [f"{prefix}_weight", f"{prefix}_bias"]
        assert set(net.attr_dict()[prefix].values()) >= {f"stage{number}"}
        values, dy = values_of(number), np.full((4, 3), number + 1, np.float32)
        arrays = [mx.nd.array(value) for value in values]
        executor = net.bind(mx.cpu(), arrays, [mx.nd.zeros(value.shape) for value in values])
        for _ in range(5):
            check(executor, values, dy)
            np.testing.assert_allclose(executor.forward()[0].asnumpy(), expected(values, dy)[0], rtol=1e-4, atol=1e-5)
    in_threads(work)


def test_all_threads_use_one_executor():
    """Calls run one after the other; the outputs belong to whichever ran last."""
    with mx.name.NameManager():
        net = network()
    executor = net.simple_bind(mx.cpu(), grad_req="null", data=(4, 8))
    values = values_of(0)
    for array, value in zip(executor.arg_arrays, values, strict=True):
        array[:] = value
    wanted = expected(values, np.ones((4, 3)))[0]

    def work(_):
        for is_train in (False, True) * 10:
            found, = executor.forward(is_train=is_train, data=values[0])
            np.testing.assert_allclose(found.asnumpy(), wanted, rtol=1e-4, atol=1e-5)
    in_threads(work)


def test_executors_that_share_parameters():
    with mx.name.NameManager():
        net = network()
    values = values_of(1)
    parameters = [mx.nd.array(value) for value in values[1:]]

    def work(number):
        data = np.random.default_rng(number).normal(size=(4, 8)).astype(np.float32)
        executor = net.bind(mx.cpu(), [mx.nd.array(data), *parameters], [mx.nd.zeros((4, 8)), *[None] * 4])
        for _ in range(5):
            check(executor, [data, *values[1:]], np.ones((4, 3), np.float32))
    in_threads(work)


def test_gradients_and_monitors_in_threads():
    def work(number):
        x = mx.sym.var("x")
        executor = mx.sym.sum(x * x * x).gradient(["x"]).bind(mx.cpu(), {"x": mx.nd.full(3, number)})
        seen = []
        executor.set_monitor_callback(lambda name, value: seen.append(value.asnumpy()))
        np.testing.assert_allclose(executor.forward()[0].asnumpy(), np.full(3, 3.0 * number**2), rtol=1e-6)
        np.testing.assert_allclose(seen[-1], np.full(3, 3.0 * number**2), rtol=1e-6)
    in_threads(work)


def test_an_error_in_one_thread_leaves_the_others_alone():
    executor = mx.sym.relu(mx.sym.var("x")).simple_bind(mx.cpu(), x=(4,))

    def work(number):
        if number % 2:
            with pytest.raises(ValueError, match="Shape not match"):
                executor.forward(x=np.ones(5, np.float32))
        else:
            np.testing.assert_array_equal(executor.forward(x=np.ones(4, np.float32))[0].asnumpy(), np.ones(4))
    in_threads(work)
