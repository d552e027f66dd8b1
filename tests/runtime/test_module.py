"""Compiled modules: named inputs, safe conversions, errors that say what is wrong, any number of threads."""

import threading

import numpy as np
import pytest

from symc.errors import SymcError
from symc.runtime import ndarray as nd
from symc.runtime.module import CompiledModule, load
from symc.runtime.plan import Kernel, Plan, check

EXPECTED = 3 * np.arange(1000)


@pytest.fixture(scope="module")
def module(native):
    plan = native.affine()
    return CompiledModule(plan, native.library(plan), native.affine_weights(plan))


def strided():
    return np.repeat(np.arange(1000, dtype=np.float32), 2)[::2]


def misaligned():
    block = np.zeros(4001, np.uint8)
    block[1:].view(np.float32)[:] = np.arange(1000)
    return block[1:].view(np.float32)


@pytest.mark.parametrize("value", [
    np.arange(1000, dtype=np.float32), nd.arange(1000), np.arange(1000.0), np.arange(1000), list(range(1000)),
    strided(), misaligned(), np.arange(1000, dtype=">f4"), nd.arange(1000, dtype="int32")],
    ids=["float32", "NDArray", "float64", "int64", "list", "strided", "misaligned", "big endian", "int NDArray"])
def test_what_may_go_in(module, value):
    result, = module.forward(data=value)
    assert isinstance(result, nd.NDArray)
    np.testing.assert_array_equal(result.asnumpy(), EXPECTED)


@pytest.mark.parametrize("inputs, message", [
    ({}, "input 'data' is missing\n  the inputs are 'data'"), ({"date": 1}, "there is no input 'date'"),
    ({"data": np.zeros(999)}, r"input 'data' has shape \(999,\), expected \(1000,\)"),
    ({"data": np.zeros((1, 1000))}, r"shape \(1, 1000\)"), ({"data": np.zeros(1000, complex)}, "complex128"),
    ({"data": np.array(["x"] * 1000)}, "does not convert")])
def test_what_may_not(module, inputs, message):
    with pytest.raises(SymcError, match=message):
        module.forward(**inputs)


def test_results_of_earlier_calls_stay(module):
    first, = module.forward(data=np.zeros(1000))
    module.forward(data=np.ones(1000))
    np.testing.assert_array_equal(first.asnumpy(), np.arange(1000))


def test_descriptions(module):
    assert [(item.name, item.shape, item.dtype) for item in (*module.inputs, *module.outputs)] == [
        ("data", (1000,), "float32"), ("result", (1000,), "float32")]


def test_entries_and_gradients_that_are_not_there(module):
    with pytest.raises(SymcError, match="no entry 'forward', only infer\n  compile with train=True"):
        module.forward(is_train=True, data=np.zeros(1000))
    with pytest.raises(SymcError, match="no gradients before backward"):
        assert module.gradients


def test_threads_do_not_disturb_each_other(module):
    failures = []

    def use(value):
        for _ in range(100):
            result, = module.forward(data=np.full(1000, value))
            if (result.asnumpy() != np.arange(1000) + 2 * value).any():
                failures.append(value)

    threads = [threading.Thread(target=use, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_forward_and_backward(native):
    """forward: y = 2 x + s, and s = s + x; backward: gradient of x = 2 dy."""
    plan = Plan((native.buffer("input", "x", 4), native.buffer("state", "s", 4, 0), native.buffer("output", "y", 4),
                 native.buffer("head_gradient", "y_grad", 4), native.buffer("gradient", "x", 4),
                 native.buffer("arena", "t", 4, 0)), (Kernel("scale"), Kernel("add")),
                (native.step(0, (0, 5), 4, 0), native.step(1, (5, 1, 2), 4, 1), native.step(1, (1, 0, 1), 4, 2),
                 native.step(0, (3, 4), 4, 3)), {"forward": (0, 3), "backward": (3, 4)}, 64, 64)
    check(plan)
    module = CompiledModule(plan, native.library(plan), np.zeros(64, np.uint8))
    x = np.arange(4.0)
    for call in range(3):
        y, = module.forward(is_train=True, x=x)
        np.testing.assert_array_equal(y.asnumpy(), (2 + call) * x)
        module.backward(nd.array(x))
        np.testing.assert_array_equal(module.gradients["x"].asnumpy(), 2 * x)
    for wrong in (None, [x, x]):
        with pytest.raises(SymcError, match="expected 1: y_grad"):
            module.backward(wrong)


def test_zero_size(native):
    plan = Plan((native.buffer("input", "x", 0), native.buffer("output", "y", 0)), (Kernel("copy"),),
                (native.step(0, (0, 1), 0, 0),), {"infer": (0, 1)})
    module = CompiledModule(plan, native.library(plan))
    assert module.forward(x=[])[0].shape == (0,)


def test_load_runs_a_package(package_path):
    module = load(package_path)
    np.testing.assert_array_equal(module.forward(data=np.arange(1000))[0].asnumpy(), EXPECTED)
    assert not module.weights.flags.writeable and not module.weights.flags.owndata
    assert load(package_path, level="x86-64").library is module.library
