"""What MXNet 1.9.1 does with arguments at the edge of what it takes: found by running both on the same calls."""

import numpy as np
import pytest

import symc as mx
from symc.ops.operator import from_attributes

nd = mx.nd


@pytest.mark.parametrize("call", [
    lambda x: nd.squeeze(nd.ones((1, 1)), axis=(0, 0)),
    lambda x: nd.broadcast_axis(x, axis=0, size=2),
    lambda x: nd.broadcast_like(nd.ones((1, 3)), x, lhs_axes=(0, 1), rhs_axes=(0, 1)),
    lambda x: nd.dot(x[0], x[1], transpose_a=True),
    lambda x: nd.reverse(x, axis=-1),
    lambda x: nd.scatter_nd(x[0], nd.zeros((3, 3)), shape=(4, 4)),
    lambda x: nd.topk(x, axis=2, ret_typ="mask"),
    lambda x: nd.LeakyReLU(x[0], nd.ones(1), act_type="prelu"),
    lambda x: nd.Dropout(x, axes=(2,)),
    lambda x: nd.Pooling(nd.ones((1, 1, 4, 4)), kernel=(2, 2), layout="NCW"),
    lambda x: nd.UpSampling(nd.ones((1, 1, 2, 2)), nd.ones((1, 1, 2)), scale=2, sample_type="nearest", num_args=2),
    lambda x: nd.Crop(nd.ones((1, 1, 4, 4)), h_w=(2, 2), offset=(1,), num_args=1),
    lambda x: nd.contrib.index_copy(x, nd.array([0, 1, 0]), nd.ones((3, 3))),
    lambda x: nd.histogram(x, bins=3, range=(2, 1)),
    lambda x: nd.contrib.SyncBatchNorm(x, x[0], x[0], x[0], x[0]),
    lambda x: nd.take(x, nd.array([2]), mode="raise"),
    lambda x: nd.take(x, nd.array([-1]), mode="raise"),
    lambda x: nd.gather_nd(x, nd.array([[2], [0]])),
    lambda x: nd.gather_nd(x, nd.array([[0], [-4]])),
    lambda x: nd.scatter_nd(nd.ones((3,)), nd.array([1]), shape=(5, 3)),
    lambda x: nd.add_n(x.astype("bool"), x.astype("bool")),
    lambda x: nd.Pooling_v1(nd.ones((1, 4, 4)), kernel=(3,), pad=(1,)),
])
def test_refused(call):
    with pytest.raises(mx.base.MXNetError):
        call(nd.array([[1, 2, 3], [4, 5, 6]])).asnumpy()


@pytest.mark.parametrize(("call", "expected"), [
    (lambda x: nd.take(x, nd.array([1, 0]), mode="raise"), [[4, 5, 6], [1, 2, 3]]),
    (lambda x: nd.gather_nd(x, nd.array([[0, -1], [2, -3]])), [3, 4]),
    (lambda x: nd.topk(x, k=-1, ret_typ="value"), [[3, 2, 1], [6, 5, 4]]),
    (lambda x: nd.eye(2, -3), [[1, 0], [0, 1]]),
    (lambda x: nd.one_hot(x[0], depth=0).shape, (3, 0)),
    (lambda x: nd.smooth_l1(x.astype("int32"), scalar=0.3), [[0, 0, 0], [0, 0, 0]]),
    (lambda x: nd.FullyConnected(x[0], nd.ones((2, 3)), no_bias=True, num_hidden=2, flatten=False), [6, 6]),
    (lambda x: nd.Pooling_v1(nd.ones((1, 1, 3, 3)), stride=(2, 2), global_pool=True), [[[[1]]]]),
    (lambda x: nd.mean(nd.array([0, 1, 0], dtype="bool")), [True]),
])
def test_values(call, expected):
    result = call(nd.array([[1, 2, 3], [4, 5, 6]]))
    assert np.array_equal(result.asnumpy() if isinstance(result, nd.NDArray) else result, expected)


def test_norm_of_zeros_in_float16():
    assert np.isnan(nd.L2Normalization(nd.zeros((2, 3), dtype="float16")).asnumpy()).all()


def test_softmax_takes_the_largest_before_the_temperature():
    assert np.isnan(nd.softmax(nd.array([0, 1]), temperature=0.0).asnumpy()).all()
    assert np.isnan(nd.softmin(nd.array([100, -100, 1000]), temperature=-2.5).asnumpy()).any()
    assert np.allclose(nd.softmax(nd.array([0, 1]), temperature=-1).asnumpy(), [0.7310586, 0.26894143])


@pytest.mark.parametrize(("shape", "expected"), [((5,), 1), ((5, 3), 1 / 5), ((4, 5, 3), 1 / 20)])
def test_make_loss_counts_rows(shape, expected):
    executor = mx.sym.MakeLoss(mx.sym.Variable("x"), normalization="batch").simple_bind(mx.cpu(), x=shape)
    executor.forward(is_train=True)
    executor.backward()
    assert np.allclose(executor.grad_dict["x"].asnumpy(), expected)


def test_running_sum_of_another_dtype_has_gradients_in_its_own():
    executor = mx.sym.cumsum(mx.sym.Variable("x"), axis=0, dtype="float16").simple_bind(mx.cpu(), x=(3000,))
    executor.forward(is_train=True)
    executor.backward([nd.ones(3000, dtype="float16")])
    assert executor.grad_dict["x"].asnumpy()[0] == 3000


@pytest.mark.parametrize("call", [
    lambda x, i: mx.sym.take(x, i, mode="raise"),
    lambda x, i: mx.sym.gather_nd(x, mx.sym.expand_dims(i, axis=0)),
])
def test_kernels_refuse_indices_outside(call):
    executor = call(mx.sym.Variable("x"), mx.sym.Variable("i")).simple_bind(mx.cpu(), x=(3, 2), i=(2,))
    executor.arg_dict["x"][:] = nd.array([[1, 2], [3, 4], [5, 6]])
    executor.arg_dict["i"][:] = nd.array([2, 0])
    assert executor.forward()[0].asnumpy().tolist() == [[5, 6], [1, 2]]
    executor.arg_dict["i"][:] = nd.array([2, 3])
    with pytest.raises(mx.base.MXNetError, match="index"):
        executor.forward()[0].asnumpy()


def test_indices_outside_are_index_errors_too():
    with pytest.raises(IndexError, match="out of bounds"):
        nd.gather_nd(nd.ones((2, 2)), nd.array([[2], [0]]))


@pytest.mark.parametrize("make", [nd.zeros, nd.ones, lambda shape: nd.full(shape, 3)])
def test_shapes_that_mean_unknown(make):
    for shape in ((), (2, 0), 0):
        with pytest.raises(mx.base.MXNetError, match="not known"):
            make(shape)
    with mx.np_shape(True):
        assert make(()).shape == () and make((2, 0)).shape == (2, 0)


def test_a_number_divided_by_no_number():
    for dtype, expected in (("int32", -2**31), ("uint8", 0), ("float32", np.inf)):
        assert (3 / nd.array([0, 2], dtype=dtype)).asnumpy()[0] == expected


def test_axes_count_from_the_front_and_turn_twice_to_nothing():
    x = nd.array([[1, 2], [3, 4]])
    assert nd.reverse(x, axis=(0, 0)).asnumpy().tolist() == x.asnumpy().tolist()
    with pytest.raises(mx.base.MXNetError, match="axis -1"):
        nd.cumsum(x, axis=-1)
    assert nd.cumsum(nd.array([1, 1], dtype="bool")).dtype == np.int64


def test_no_step_is_none():
    assert nd.slice(nd.array([1, 2, 3]), begin=(0,), end=(2,), step=None).asnumpy().tolist() == [1, 2]
    attributes = {"begin": "(0,)", "end": "(2,)", "step": "None"}
    assert from_attributes("slice", attributes, "y").step == ()


@pytest.mark.parametrize("call", [
    lambda x: nd.gather_nd(x, nd.array([0, 1])),
    lambda x: nd.ravel_multi_index(nd.array([1, 2]), shape=(3, 4)),
    lambda x: nd.im2col(nd.ones((1, 1, 4, 4)), kernel=(2, 2), stride=(0, 1)),
    lambda x: nd.topk(x[:, :1], k=2, ret_typ="mask"),
    lambda x: nd.broadcast_to(x[:1], shape=(-1, 2)),
])
def test_refused_too(call):
    with pytest.raises(mx.base.MXNetError):
        call(nd.array([[1, 2], [3, 4]])).asnumpy()


def test_svm_labels_lie_along_all_axes_but_the_last():
    executor = mx.sym.SVMOutput(mx.sym.Variable("x"), name="svm").simple_bind(mx.cpu(), x=(2, 1, 3))
    assert executor.arg_dict["svm_label"].shape == (2, 1)
    executor.arg_dict["x"][:] = nd.array(np.arange(6).reshape(2, 1, 3) / 7)
    executor.arg_dict["svm_label"][:] = 1
    executor.forward(is_train=True)
    executor.backward()
    expected = [[[2, -2 * (1 - 1 / 7), 2 + 4 / 7]], [[2 + 6 / 7, -2 * (1 - 4 / 7), 2 + 10 / 7]]]
    assert np.allclose(executor.grad_dict["x"].asnumpy(), expected)


def test_bins_of_a_range_without_extent():
    assert nd.histogram(nd.array([1, 1, 0.6]), bins=2, range=(1, 1))[1].asnumpy().tolist() == [0.5, 1, 1.5]


@pytest.mark.parametrize("call", [
    lambda: nd.contrib.box_decode(nd.ones((1, 3, 4)), nd.ones((1, 7, 4))),
    lambda: nd.contrib.box_encode(nd.ones((1, 4)), nd.ones((1, 7)), nd.ones((1, 4, 4)), nd.ones((1, 2, 4)), nd.ones(4),
                                  nd.ones(4)),
    lambda: nd.contrib.MultiBoxTarget(nd.ones((2, 6, 4)), nd.ones((1, 2, 5)), nd.ones((1, 3, 6))),
    lambda: nd.FullyConnected(nd.ones((2, 3)), nd.ones(4), num_hidden=4, no_bias=True),
    lambda: nd.Dropout(nd.ones((2, 3)), axes=(-1,)),
])
def test_shapes_that_do_not_fit(call):
    with pytest.raises(mx.base.MXNetError, match="expected|axes"):
        call()
