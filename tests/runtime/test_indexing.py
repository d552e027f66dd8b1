"""Indices of NDArrays: NumPy's selections, and what MXNet 1.9.1 refuses."""

import numpy as np
import pytest

from symc.runtime import ndarray as nd

VALUES = np.arange(8 * 4 * 3 * 2, dtype="float32").reshape(8, 4, 3, 2)
KEYS = [
    0, -1, np.int64(2), slice(5), slice(7, 0, -2), (slice(None), 1), (1, 2, 1), (slice(2), Ellipsis, None, 0), None,
    Ellipsis, (None, slice(1, 2), 3, None), [1, 2], np.array([[3], [0]]), range(3), (1, [2, 3]),
    ([1, 2], slice(2), (1, 1)), ([[[[1]]]], 3, slice(0, 3), 0), (slice(None), slice(1, 2), None, None, [1, 2], [0, 1]),
    (None, [1], None, [2, 1]),
    ([2, 3, 4], None, [3, 1, 0], None, slice(1, 2), [1, 0, 1])]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_parts_are_numpys(key):
    made = nd.array(VALUES)
    np.testing.assert_array_equal(made[key].asnumpy(), VALUES[key])
    expected = VALUES.copy()
    for value in (7, np.arange(expected[key].shape[-1]), nd.array(np.ones((1, 1, *expected[key].shape)))):
        expected[key] = getattr(value, "memory", value)
        made[key] = value
        np.testing.assert_array_equal(made.asnumpy(), expected)


def test_arrays_as_indices():
    made = nd.array(VALUES)
    for dtype in ("float32", "int32", "uint8"):
        np.testing.assert_array_equal(made[nd.array([1, 0], dtype=dtype)].asnumpy(), VALUES[[1, 0]])
    assert made[nd.array(3, dtype="int32")].shape == (4, 3, 2)
    np.testing.assert_array_equal(made[[True, False]].asnumpy(), VALUES[[1, 0]])   # integers, as in MXNet
    with pytest.raises(ValueError, match="boolean_mask"):
        made[nd.array([1] * 8, dtype="bool")]


@pytest.mark.parametrize("key", [(), slice(None), slice(0, 100)])
def test_all_of_an_array_is_the_array(key):
    made = nd.array(VALUES)
    assert made[key] is made


@pytest.mark.parametrize("key, error", [
    (8, IndexError), (-9, IndexError), ((0, 4), IndexError), ([0, 9], IndexError), ("a", ValueError), (1.5, ValueError),
    ((0,) * 5, IndexError), ((Ellipsis, Ellipsis), IndexError), (slice(None, None, 0), ValueError)])
def test_what_is_no_index(key, error):
    with pytest.raises(error):
        nd.array(VALUES)[key]


def test_values_that_cannot_be_stored():
    made = nd.zeros((2, 3))
    for value, error in (("x", TypeError), ({}, TypeError), (np.ones(2), ValueError), (np.array("x"), ValueError)):
        with pytest.raises(error):
            made[0] = value
    made[0, 0] = np.array([5.0])
    assert made.asnumpy()[0, 0] == 5
    empty = nd.zeros((0, 3))
    empty[:] = 1
    assert empty.shape == (0, 3)
