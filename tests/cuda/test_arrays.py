"""NDArrays on a GPU: values, views, operators, other libraries."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest

import symc as mx
from symc import nd
from symc.errors import MXNetError
from symc.frontend import nd_device
from symc.runtime.device_memory import DeviceMemory
from symc.runtime.dlpack import NAME, _is_valid

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def there(gpu):
    return nd.array(VALUES, ctx=mx.gpu())


def same(array, values, context=None):
    assert array.context == (context or mx.gpu()) and isinstance(array.memory, DeviceMemory) == (context is None)
    np.testing.assert_array_equal(array.asnumpy(), values)
    assert array.shape == np.shape(values)


def test_what_it_is(there, gpu):
    assert mx.num_gpus() == 1 and mx.context.gpu_memory_info(0) == gpu.memory_info()
    assert (there.shape, there.dtype, there.size, there.ndim, len(there)) == ((3, 4), np.float32, 12, 2, 3)
    assert repr(there) == repr(nd.array(VALUES)).replace("cpu", "gpu")
    assert there.wait_to_read() is None and there.context == mx.gpu(0) == there.ctx
    mx.gpu().empty_cache()
    assert gpu.calls["empty_cache"] == 1


def test_makers(gpu):
    with mx.gpu():
        same(nd.zeros((2, 3)), np.zeros((2, 3)))
        same(nd.ones(2, dtype="int8"), np.ones(2))
        same(nd.full((2,), 1.5), [1.5, 1.5])
        same(nd.arange(3), [0, 1, 2])
        same(nd.array(np.zeros((0, 3))), np.zeros((0, 3)))
        assert nd.empty((2,)).shape == (2,) and nd.random.uniform(shape=3).context == mx.gpu()
    assert nd.ones(1).context == mx.cpu()


def test_copies(there):
    for made in (there.copy(), there.copyto(mx.gpu()), copy.copy(there), copy.deepcopy(there),
                 nd.array(there, ctx=mx.gpu()), pickle.loads(pickle.dumps(there))):
        same(made, VALUES)
        assert not made.memory.shares(there.memory)
    same(there.as_in_context(mx.cpu()), VALUES, mx.cpu())
    same(there.copyto(mx.cpu()), VALUES, mx.cpu())
    assert there.as_in_context(mx.gpu()) is there
    same(nd.array(VALUES).as_in_context(mx.gpu()), VALUES)
    here = nd.zeros((3, 4), dtype="float64")
    there.copyto(here)
    same(here, VALUES, mx.cpu())
    same((here * 2).copyto(there), VALUES * 2)
    same(there.astype("int32"), VALUES * 2)
    assert there.astype("int32").dtype == np.int32


KEYS = [1, -1, slice(1, 3), slice(0, 0), slice(None, None, 2), (1, 2), (slice(None), 1), (Ellipsis, 0),
        (0, slice(1, 3)), (slice(None), None, 2), [0, 2], (slice(None), [1, 0])]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_parts(there, key):
    expected = nd.array(VALUES)[key]
    same(there[key], expected.asnumpy())
    writes = there.writes
    there[key] = -1
    expected = nd.array(VALUES)
    expected[key] = -1
    same(there, expected.asnumpy())
    assert there.writes > writes


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64"])
def test_filling(gpu, dtype):
    made = nd.zeros((3, 5), mx.gpu(), dtype)
    writes = gpu.calls["write"]
    made[1] = 2.5
    made[2:] = 0
    expected = np.zeros((3, 5), dtype)
    expected[1] = 2.5
    same(made, expected)
    assert gpu.calls["write"] - writes == (dtype == "float64"), "a device fills with up to 4 bytes"


def test_parts_by_arrays(there):
    same(there[nd.array([2, 0], ctx=mx.gpu())], VALUES[[2, 0]])
    there[1] = nd.array([5, 6, 7, 8])
    there[2] = there[0]
    there[:, 3] = np.array([1, 2, 3])
    same(there, [[0, 1, 2, 1], [5, 6, 7, 2], [0, 1, 2, 3]])
    with pytest.raises(IndexError):
        there[3]


def test_views(there):
    row, flat = there[1], there.reshape(-1)
    flat[4] = 100
    same(row, [100, 5, 6, 7])
    row[:] = 0
    assert there.asnumpy().sum() == VALUES.sum() - VALUES[1].sum()
    same(there.T, there.asnumpy().T)
    same(there.expand_dims(1), there.asnumpy()[:, None])
    same(there.reshape(1, 3, 4, 1).squeeze(), there.asnumpy())
    assert there.expand_dims(0, inplace=True).memory.shares(there.memory)
    del there, flat
    gc.collect()
    same(row, [0, 0, 0, 0])


def test_numbers(there):
    one = there[2, 3]
    assert (float(one), int(one), one.asscalar(), one.item(), bool(one)) == (11, 11, 11, 11, True)
    np.testing.assert_array_equal(np.asarray(there), VALUES)
    assert nd.array([2], dtype="int32", ctx=mx.gpu()).__index__() == 2


def test_operators(there, gpu):
    """Compiled once for arrays alike, and launched without copies to the host."""
    twice = there + there
    calls = gpu.calls.copy()
    again = twice + twice
    assert gpu.calls - calls == {"launch": 1, "allocate": 1}
    same(again, 4 * VALUES)
    same(2 - there, 2 - VALUES)
    same(there > 3, VALUES > 3)
    same(nd.dot(there, there, transpose_b=True), VALUES @ VALUES.T)
    parts = nd.split(there, num_outputs=2, axis=1)
    same(parts[1], VALUES[:, 2:])
    there += 1
    same(there, VALUES + 1)
    nd.relu(there - 5, out=there)
    same(there, np.maximum(VALUES - 4, 0))


def test_copies_in_another_form_are_made_there(there, gpu):
    reads = gpu.calls["read"]
    turned, whole, exact = there.T, (there * 1.5).astype("int32"), there.astype(np.float64)
    assert there.astype("float32", copy=False) is there and not there.astype("float32").memory.shares(there.memory)
    assert gpu.calls["read"] == reads
    same(turned, VALUES.T)
    same(whole, (VALUES * 1.5).astype(np.int32))
    same(exact, VALUES)
    same(there.astype("bool"), VALUES.astype(bool))
    assert exact.dtype == np.float64 and there[0].T.shape == (4,)


def test_where_nothing_compiles_the_host_computes(there, gpu, monkeypatch):
    monkeypatch.setattr(nd_device, "_compiles", lambda: False)
    launches = gpu.calls["launch"]
    same(there * 2 + there.T.sum(), VALUES * 2 + VALUES.sum())
    assert gpu.calls["launch"] == launches


def test_numbers_are_no_constants(there, gpu):
    """One kernel serves all numbers beside an array."""
    there * 1.5, 3 - there  # noqa: B018
    loaded = gpu.calls["load"]
    for value in (2, 0.5, -1):
        same(there * value, VALUES * value)
        same(value - there, value - VALUES)
    assert gpu.calls["load"] == loaded


def test_parameters_that_change_always(gpu, monkeypatch):
    """Beyond some variants of an operator the host computes it."""
    monkeypatch.setattr(nd_device, "VARIANTS", 2)
    weights = [nd.ones(3, ctx=context) for context in (mx.gpu(), mx.cpu())]
    for step in range(5):
        for weight in weights:
            nd.sgd_update(weight, nd.ones_like(weight), lr=0.125 * step, out=weight)
    same(weights[0], weights[1].asnumpy())
    assert gpu.calls["load"] <= 3


def test_operators_that_write(gpu):
    weight, momentum = nd.ones(3, ctx=mx.gpu()), nd.zeros(3, ctx=mx.gpu())
    writes = momentum.writes
    nd.sgd_mom_update(weight, weight * 2, momentum, lr=0.25, momentum=0.5, out=weight)
    same(weight, [0.5] * 3)
    same(momentum, [-0.5] * 3)
    assert momentum.writes > writes


def test_operators_on_the_host(there):
    mask = nd.array([1, 0, 1], ctx=mx.gpu())
    same(nd.contrib.boolean_mask(there, mask), VALUES[[0, 2]])


def test_devices_do_not_mix(there):
    with pytest.raises(MXNetError, match=r"arrays lie on gpu\(0\), cpu\(0\)\n.*as_in_context"):
        there + nd.ones((3, 4))
    with pytest.raises(MXNetError, match=r"arrays lie on cpu\(0\), gpu\(0\)"):
        nd.ones((3, 4)) + there


def test_files(there, tmp_path):
    nd.save(str(tmp_path / "a.params"), {"a": there})
    same(nd.load(str(tmp_path / "a.params"))["a"], VALUES, mx.cpu())


# ---- DLPack ------------------------------------------------------------------------------------------------------


class OfAnotherLibrary:
    """An array that lies on gpu(0), as PyTorch's do."""

    def __init__(self, array, device=0):
        self.array, self.device, self.streams = array, device, []

    def __dlpack_device__(self):
        return 2, self.device

    def __dlpack__(self, *, stream=None):
        self.streams.append(stream)
        return self.array.__dlpack__()


def test_sharing(there):
    assert there.__dlpack_device__() == (2, 0)
    for source in (there, there.to_dlpack_for_write(), OfAnotherLibrary(there)):
        made = nd.from_dlpack(source)
        made[0] = 50
        same(there[0], [50] * 4)
        there[0] = 0
        assert made.escaped and there.escaped
    parts = nd.from_dlpack(there[1:])
    same(parts, VALUES[1:])
    del there
    gc.collect()
    same(parts, VALUES[1:])


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int32", "int64", "uint8", "bool", "bfloat16"])
def test_shared_dtypes(gpu, dtype):
    array = nd.ones((2, 1), ctx=mx.gpu(), dtype=dtype)
    made = nd.from_dlpack(array)
    assert made.dtype == array.dtype and made.shape == (2, 1)


def test_capsules_that_nobody_takes(there, gpu):
    free = gpu.memory_info()
    capsule = there.copy().to_dlpack_for_read()
    assert _is_valid(id(capsule), NAME) and gpu.memory_info() != free
    del capsule
    gc.collect()
    assert gpu.memory_info() == free


def test_capsules_alone_wait_for_the_whole_device(there, gpu):
    """Nobody can tell their libraries on which stream they are wanted."""
    nd.from_dlpack(OfAnotherLibrary(there))
    assert gpu.calls["settle"] == 0
    nd.from_dlpack(there.to_dlpack_for_read())
    assert gpu.calls["settle"] == 1


def test_how_other_libraries_ask(there):
    """As those of version 1 do; nobody gets memory of another device than asked for."""
    options = {"stream": 1, "max_version": (1, 1)}
    for asked in ({}, {"dl_device": (2, 0)}, {"dl_device": None, "copy": False}):
        assert _is_valid(id(there.__dlpack__(**options, **asked)), NAME)
    for device in ((1, 0), (2, 1)):
        with pytest.raises(BufferError, match=r"lies on gpu\(0\), not on"):
            there.__dlpack__(**options, dl_device=device)
    copy = nd.from_dlpack(there.__dlpack__(**options, copy=True))
    copy[:] = 7
    same(there, VALUES)


def test_capsules_are_used_once(there, monkeypatch):
    capsule = there.to_dlpack_for_read()
    nd.from_dlpack(capsule)
    monkeypatch.setattr(OfAnotherLibrary, "__dlpack__", lambda self, stream=None: capsule)
    with pytest.raises(MXNetError, match="has been used"):
        nd.from_dlpack(OfAnotherLibrary(there))
