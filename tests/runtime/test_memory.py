"""Where arrays lie."""

import numpy as np
import pytest

from symc.runtime.memory import SMALL, address_of, aligned_copy, aligned_empty, new_memory

WHOLE = np.arange(24, dtype=np.float32).reshape(4, 6)


@pytest.mark.parametrize("array", [
    WHOLE, WHOLE[1:], WHOLE[:, 1:], WHOLE.T, WHOLE[::-1], np.broadcast_to(WHOLE, (2, 4, 6)), WHOLE[:0],
    np.frombuffer(b"bytes that are read-only", np.uint8), np.array(1.0), np.zeros((2, 0)),
    np.array(["2020-01-01"], "datetime64[D]")], ids=lambda array: f"{array.dtype}{array.shape}")
def test_the_address_is_that_of_the_first_element(array):
    assert address_of(array) == array.__array_interface__["data"][0]


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0, 4)])
def test_new_arrays_begin_at_a_cache_line(shape):
    made = aligned_empty(shape, np.dtype(np.float64))
    assert made.shape == shape and address_of(made) % 64 == 0 and made.flags.c_contiguous


def test_new_memory_is_aligned_unless_it_is_small():
    large = new_memory((SMALL // 4,), np.dtype(np.float32))
    small = new_memory((2, 3), np.dtype(np.int64))
    assert address_of(large) % 64 == 0 and large.nbytes == SMALL
    assert (small.shape, small.dtype, small.flags.c_contiguous) == ((2, 3), np.int64, True)


def test_a_copy_of_what_is_strided_is_contiguous():
    copy = aligned_copy(WHOLE.T)
    np.testing.assert_array_equal(copy, WHOLE.T)
    assert copy.flags.c_contiguous and address_of(copy) % 64 == 0
