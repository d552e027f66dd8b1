"""NDArray behaves as MXNet 1.9.1's does; the expected values were recorded there."""

import copy
import pickle

import numpy as np
import pytest

from symc.errors import MXNetError
from symc.runtime import ndarray as nd
from symc.runtime.context import cpu, gpu
from symc.runtime.memory import address_of

SMALL = nd.array([1, 2, 3], dtype="int32")


def table():
    return nd.array(np.arange(12).reshape(3, 4))


def same(made, expected, dtype):
    assert made.dtype == np.dtype(dtype).type
    np.testing.assert_array_equal(made.asnumpy(), np.array(expected, dtype))


@pytest.mark.parametrize("source, dtype", [([1, 2], "float32"), (np.arange(3), "float32"), (SMALL, "int32"),
                                           (np.array([True]), "float32"), (5, "float32"), ([], "float32")])
def test_new_arrays_are_float32_unless_made_from_an_ndarray(source, dtype):
    made = nd.array(source)
    assert made.dtype == np.dtype(dtype).type


def test_large_arrays_are_aligned():
    for made in (nd.array(np.arange(2000)), nd.zeros((64, 64))):
        assert address_of(made.memory) % 64 == 0


@pytest.mark.parametrize("key, shared", [
    (1, True), (slice(0, 2), True), ((1, slice(1, 3)), True), ((1, 2), True), (-1, True), (slice(None), True),
    ((slice(None), 1), False), (slice(None, None, 2), False), ([0, 2], False), (slice(None, None, -1), False)])
def test_contiguous_slices_share_memory_and_count_writes(key, shared):
    base = table()
    part = base[key]
    before = base.writes
    part[:] = 77
    assert (77 in base.asnumpy()) == shared
    assert base.writes == before + shared
    assert part.shape == (np.arange(12).reshape(3, 4)[key].shape or (1,))


def test_views_of_views_count_at_the_base():
    base = nd.zeros((2, 3, 4))
    start = base.writes
    base[1].reshape((4, 3))[2][:] = 1
    base[0] = 1
    assert base.writes == start + 2 and base.asnumpy().sum() == 3 + 12


def test_writes():
    made = table()
    made[0:2, 1] = nd.array([7, 8])
    made[1, 2] = 100
    made[[0, 2], 3] = 5
    made[2] = [1, 2, 3, 4]
    same(made, [[0, 7, 2, 5], [4, 8, 100, 7], [1, 2, 3, 4]], "float32")
    assert made.writes == 4 and not made.escaped


def test_who_holds_the_memory_too_is_known():
    made = table()
    made.asnumpy()[:] = 0
    assert not np.asarray(made).flags.owndata or made.asnumpy().sum() == 66
    assert not made.escaped
    outside = np.from_dlpack(made[1])
    assert made.escaped and outside.ctypes.data == made[1].memory.ctypes.data
    lent = np.ones(3, "float32")
    borrowed = nd.from_numpy(lent)
    borrowed[:] = 7
    assert borrowed.escaped and (lent == 7).all()
    same(nd.from_dlpack(nd.to_dlpack_for_read(made)), made.asnumpy(), "float32")


@pytest.mark.parametrize("codes, reverse, expected", [
    ((0, -1), False, (4, 30)), ((-4, 2, -1, -2), False, (2, 2, 6, 5)), ((-3, 0), False, (24, 5)),
    ((0, -4, -1, 3, 0), False, (4, 2, 3, 5)), ((-1, 0), True, (24, 5)), ((120,), False, (120,))])
def test_reshape_codes(codes, reverse, expected):
    assert nd.zeros((4, 6, 5)).reshape(codes, reverse=reverse).shape == expected


def test_reshape_refuses():
    for codes, kind in (((7, -1), ValueError), ((2, 2), ValueError), ((-1, -1), MXNetError), ((3, 3), MXNetError)):
        with pytest.raises(kind, match="annot reshape"):
            nd.zeros((2, 3)).reshape(codes)
    with pytest.raises(TypeError, match="no argument 'order'"):
        nd.zeros((2, 3)).reshape((3, 2), order="F")


def test_text():
    assert repr(nd.array([[1, 2]])) == "\n[[1. 2.]]\n<NDArray 1x2 @cpu(0)>"
    assert repr(nd.array(5, ctx=cpu(1))) == "\n5.0\n<NDArray  @cpu(1)>"


def test_scalars_and_truth():
    assert nd.array([3], dtype="int64").asscalar() == 3 and nd.array([2]) and not nd.array([0])
    with pytest.raises(ValueError, match="not a scalar"):
        table().asscalar()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(table())


def test_copies():
    made = table()
    target = nd.zeros((3, 4), dtype="int32")
    assert made.copyto(target) is target and target.writes == 1
    with pytest.warns(RuntimeWarning, match="to itself"):
        assert made.copyto(made) is False
    assert made.copyto(cpu(1)).context == cpu(1) and made.as_in_context(cpu()) is made
    assert made.astype("float32", copy=False) is made and made.astype("int8").dtype == np.int8
    with pytest.raises(MXNetError, match="copyto"):
        made.copyto(nd.zeros((2, 4)))
    for duplicate in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.copy()):
        duplicate[:] = 0
    same(made, np.arange(12).reshape(3, 4), "float32")


def test_makers():
    same(nd.full(3, 1.5, dtype="int32"), [1, 1, 1], "int32")
    same(nd.arange(2, 10, 3, repeat=2), [2, 2, 5, 5, 8, 8], "float32")
    same(nd.arange(1.5), [0, 1], "float32")
    same(nd.concatenate([nd.ones((1, 2)), nd.zeros((1, 2))], axis=1), [[1, 1, 0, 0]], "float32")
    same(nd.array(np.zeros((0, 3))).T, np.zeros((3, 0)), "float32")
    for refused in ("x", [[1, 2], [3]]):
        with pytest.raises(TypeError, match="array like"):
            nd.array(refused)
    with pytest.raises(MXNetError, match=r"there is no gpu\(7\)"):
        nd.zeros((1,), ctx=gpu(7))


def test_bad_keys():
    for key, kind in ((5, IndexError), ("a", ValueError), (1.5, ValueError), ((0, 0, 0), IndexError)):
        with pytest.raises(kind):
            table()[key]


def test_bfloat16_lies_in_the_upper_halves_of_float32():
    made = nd.array([1.5, -3, 1 / 3]).astype("bfloat16")
    assert made.dtype == nd.BFLOAT16 and made.asnumpy().dtype == nd.BFLOAT16
    same(made.astype("float32"), np.float32([1.5, -3, 0.333984375]), "float32")
    made[0] = 7
    assert nd.array(made).dtype == pickle.loads(pickle.dumps(made)).dtype == nd.BFLOAT16
    same(nd.array(made, dtype="int32"), [7, -3, 0], "int32")


def test_numbers():
    made = nd.array([3], dtype="int32")
    assert (made.item(), int(made), float(made), [0, 1, 2, 4][made]) == (3, 3, 3.0, 4)
    with pytest.raises(TypeError, match="one integer"):
        [1, 2][nd.array([1.0])]


def test_numpy_functions_take_the_values():
    made = table()
    assert np.all(made.memory == np.asarray(made)) and np.isfinite(made).all() and np.logical_or.reduce(made, None)


def test_views_in_place():
    made = nd.zeros((2, 1, 3))
    for view in (made.squeeze(1, inplace=True), made.expand_dims(0, inplace=True), made.flatten(inplace=True)):
        view[:] = made.asnumpy().max() + 1
    assert made.asnumpy().max() == 3 and made.squeeze().shape == (2, 3) and nd.zeros((1, 1)).squeeze().shape == (1,)
    made.squeeze(1)[:] = 9
    assert made.asnumpy().max() == 3
    with pytest.raises(MXNetError, match="squeeze"):
        made.squeeze(0)


def test_gradients_are_those_of_symbols():
    for call in (table().attach_grad, table().backward):
        with pytest.raises(MXNetError, match="simple_bind"):
            call()
    assert table().grad is None and table().detach().shape == (3, 4)


def test_what_from_numpy_lends_is_read_only_outside():
    lent = np.ones((2, 2), "float64")
    for value in (5, 6):
        made = nd.from_numpy(lent)
        made[0, 0] = value
    assert lent[0, 0] == 6 and not lent.flags.writeable and made.dtype == np.float64
    with pytest.raises(ValueError, match="contiguous"):
        nd.from_numpy(lent.T)
    assert nd.from_numpy(lent.T, zero_copy=False).shape == (2, 2)


@pytest.mark.parametrize(("arguments", "dtype", "expected"), [
    ((0, 5, 1.3, 2), "int32", [0, 0, 1, 1, 2, 2, 3, 3]), ((0.5, 3.2, 0.7), "int64", [0, 0, 0, 0]),
    ((0, -5, -1.2), "int32", [0, -1, -2, -3, -4]), ((0.5, 3, 1.5), "float32", [0.5, 2])])
def test_ranges_of_integers_step_by_integers(arguments: tuple[float, ...], dtype: str, expected: list[float]) -> None:
    assert nd.arange(*arguments, dtype=dtype).asnumpy().tolist() == expected


def test_ranges_of_bfloat16_keep_fractions() -> None:
    assert nd.arange(0.5, 3, 1.5, dtype="bfloat16").astype("float32").asnumpy().tolist() == [0.5, 2]
