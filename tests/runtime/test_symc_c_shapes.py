"""symc.c with several shapes and batches of any size: the same results as from Python."""

import ctypes
import zipfile

import numpy as np
import pytest

import symc
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.runtime import load
from tests.c_programs import INPUT, OUTPUT, Failed

ARGUMENT, UNSUPPORTED = 1, 7
SIZES = (3, 13, 64, 100, 1)


def parameters(net, **shapes):
    draw = np.random.RandomState(0)
    found, _, _ = net.infer_shape(**shapes)
    return {name: draw.randn(*shape).astype("f") for name, shape in zip(net.list_arguments(), found, strict=True)
            if name not in shapes}


def mlp():
    """With one output whose rows are apart in memory, and one that is the same for every batch."""
    hidden = symc.sym.FullyConnected(symc.sym.Variable("data"), num_hidden=5, name="fc1")
    net = symc.sym.FullyConnected(symc.sym.Activation(hidden, act_type="relu"), num_hidden=3, name="fc2")
    return symc.sym.Group([symc.sym.softmax(net), symc.sym.transpose(net), symc.sym.arange(4) * 2])


def conv():
    """With rows that have several elements along the batch's axis."""
    net = symc.sym.Convolution(symc.sym.Variable("data"), num_filter=4, kernel=(3, 3), pad=(1, 1), name="conv")
    net = symc.sym.Pooling(net, global_pool=True, pool_type="max", kernel=(1, 1))
    return symc.sym.Group([symc.sym.flatten(net), symc.sym.reshape(net, shape=(-1,))])


@pytest.fixture(scope="module", params=["mlp", "conv"])
def any_batch(request, compiled):
    net, shape = {"mlp": (mlp, (8,)), "conv": (conv, (3, 6, 5))}[request.param]
    net = net()
    return compiled(net, parameters(net, data=(1, *shape)), {"data": ("N", *shape)}, levels=[host_level()]), shape


def rows(count, shape):
    return np.random.RandomState(count).randn(count, *shape).astype("f")


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other.asnumpy())


def test_batches_of_any_size(symc_c, any_batch):
    path, shape = any_batch
    module, executor = load(path), symc_c.open(path).executor()
    for size in SIZES:
        executor.reshape(data=(size, *shape))
        data = rows(size, shape)
        assert_equal(executor.forward(data=data), module.forward(data=data))
    executor.reshape(data=(13, *shape))
    with pytest.raises(Failed, match="'data' was not set"):
        executor.call("symc_forward", 0)
    with pytest.raises(Failed) as failed:
        executor.forward(True, data=rows(13, shape))
    assert failed.value.status == UNSUPPORTED


def test_weights_that_the_library_checks_itself(symc_c, any_batch):
    image = bytearray(any_batch[0].read_bytes())
    with zipfile.ZipFile(any_batch[0]) as archive:
        size, start = archive.getinfo("weights.bin").file_size, bytes(image).index(archive.read("weights.bin"))
    for place in (0, 63, 64, size // 2, size - 1):
        image[start + place] ^= 16
        with pytest.raises(Failed, match="checksum is wrong of the weights"):
            symc_c.open(bytes(image))
        image[start + place] ^= 16
    symc_c.open(bytes(image))


def test_a_batch_in_memory_of_the_users(symc_c, any_batch):
    path, shape = any_batch
    data = rows(13, shape)
    executor, expected = symc_c.open(path).executor(data=data.shape), load(path).forward(data=data)
    result = np.zeros(expected[0].shape, "f")
    for kind, array in ((INPUT, data), (OUTPUT, result)):
        executor.call("symc_bind", kind, ctypes.c_size_t(0), array.ctypes.data_as(ctypes.c_void_p),
                      ctypes.c_size_t(array.nbytes))
    executor.call("symc_forward", 0)
    np.testing.assert_array_equal(result, expected[0].asnumpy())


def test_a_batch_that_is_not_the_first_extent(symc_c, compiled):
    left, right = symc.sym.Variable("left"), symc.sym.Variable("right")
    net = symc.sym.broadcast_add(left, symc.sym.sum(right, axis=0, keepdims=True))
    path = compiled(net, {}, {"left": (2, "N"), "right": (3, "N")}, options=Options(slabs=(2, 5)))
    draw = np.random.RandomState(0)
    executor = symc_c.open(path).executor(left=(2, 13), right=(3, 13))
    inputs = {"left": draw.rand(2, 13).astype("f"), "right": draw.rand(3, 13).astype("f")}
    assert_equal(executor.forward(**inputs), load(path).forward(**inputs))
    for shapes, message in (({"left": (2, 13), "right": (3, 12)}, "different numbers of rows: 'right' has 12"),
                            ({"left": (2, 0)}, r"shape \(2, 0\), expected \(2, 2\) where extent 1 is N"),
                            ({"left": (4, 13)}, r"shape \(4, 13\), expected"), ({"other": (1,)}, "no input 'other'"),
                            ({"left": (13,)}, r"shape \(13\), expected"), ({"left": (2, -1)}, "number above 0")):
        with pytest.raises(Failed, match=message) as failed:
            executor.reshape(**shapes)
        assert failed.value.status == ARGUMENT
    with pytest.raises(Failed, match="no memory"):
        executor.reshape(left=(2, 1 << 62))
    assert_equal(executor.forward(**inputs), load(path).forward(**inputs))


def test_an_operator_that_fails_in_one_slab(symc_c, compiled):
    path = compiled(symc.sym.linalg.potrf(symc.sym.Variable("data"), name="factor"), {}, {"data": ("N", 2, 2)},
                    options=Options(slabs=(1, 2)))
    data = np.tile(np.eye(2, dtype="f"), (5, 1, 1))
    data[1] = -1
    executor = symc_c.open(path).executor(data=data.shape)
    with pytest.raises(Failed, match="factor"):
        executor.forward(data=data)
    np.testing.assert_array_equal(executor.get(OUTPUT, "factor_output")[2:], data[2:])
    data[1] = np.eye(2)
    np.testing.assert_array_equal(executor.forward(data=data)[0], data)


def test_several_shapes(symc_c, compiled):
    net = symc.sym.FullyConnected(symc.sym.Variable("data"), num_hidden=3, name="fc", flatten=False)
    first, *others = shapes = [(2, 3, 4), (7, 1, 4), (1, 3, 4)]
    path = compiled(net, parameters(net, data=first), [{"data": shape} for shape in shapes])
    module, opened, count = load(path), symc_c.open(path), ctypes.c_size_t()
    opened.library.call("symc_module_plans", opened.handle, ctypes.byref(count))
    assert count.value == 3
    executor = opened.executor()
    for shape in (first, *others, first):
        executor.reshape(data=shape)
        assert executor.arrays(INPUT)["data"][2] == shape
        data = np.random.RandomState(0).rand(*shape).astype("f")
        assert_equal(executor.forward(data=data), module.forward(data=data))
        assert_equal(opened.executor(data=shape).forward(data=data), module.forward(data=data))
    with pytest.raises(Failed, match=r"of shape \(3, 4\); it has \(2, 3, 4\), \(7, 1, 4\), \(1, 3, 4\); compile"):
        executor.reshape(data=(3, 4))
    assert_equal(executor.forward(), module.forward(data=data))     # as before
