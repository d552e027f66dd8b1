"""Types and layouts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symc.ir.layouts import to_logical, to_physical
from symc.ir.types import DType, PhysicalDim, TensorType, block_of, parse_layout, parse_type, physical_shape

dims = st.lists(st.one_of(st.none(), st.integers(0, 300)), max_size=5).map(tuple)


@given(st.one_of(st.none(), dims), st.one_of(st.none(), st.sampled_from(DType)), st.sampled_from([None, "aBcd16b"]))
def test_text_of_a_type_parses_back(shape, dtype, layout):
    written = TensorType(shape, dtype, layout)
    assert parse_type(str(written)) == written


@pytest.mark.parametrize("text", ["f32", "f32[1", "f33[1]", "f32[-1]", "f32[a]", ""])
def test_malformed_type(text):
    with pytest.raises((AssertionError, KeyError)):
        parse_type(text)


def test_unknown_is_not_zero():
    assert TensorType((0, 3), DType.float32).known
    assert not TensorType((None, 3), DType.float32).known
    assert not TensorType(None, DType.float32).known
    assert not TensorType((1,), None).known
    assert TensorType((0, 3), DType.float32).bytes == 0


def test_dtypes_by_any_name():
    assert DType.of("float16") is DType.of(np.float16) is DType.of(np.dtype("float16")) is DType.float16
    assert DType.bfloat16.numpy == np.uint16
    assert [d for d in DType if d.is_float] == [DType.float32, DType.float64, DType.float16, DType.bfloat16]
    with pytest.raises(KeyError):
        DType.of(np.complex64)


def test_layout_of_blocked_channels():
    assert parse_layout("aBcd16b") == (PhysicalDim(0, 1), PhysicalDim(1, 1), PhysicalDim(2, 1), PhysicalDim(3, 1),
                                       PhysicalDim(1, 16))
    assert block_of("ABcd16b32a", 0) == 32
    assert block_of(None, 0) == 1
    assert physical_shape((1, 20, 7, 7), "aBcd16b") == (1, 2, 7, 7, 16)
    assert physical_shape((1, 20, 7, 7), None) == (1, 20, 7, 7)
    assert TensorType((1, 20, 7, 7), DType.float32, "aBcd16b").bytes == 4 * 2 * 49 * 16


def test_layout_that_permutes():
    assert physical_shape((2, 3, 4, 5), "acdb") == (2, 4, 5, 3)


@pytest.mark.parametrize("layout", [None, "aBcd16b", "ABcd16b32a", "acdb", "dcba", "aBcd4b2b"])
def test_physical_form_holds_every_element(layout):
    array = np.arange(2 * 20 * 3 * 5).reshape(2, 20, 3, 5)
    physical = to_physical(array, layout)
    assert physical.shape == physical_shape(array.shape, layout)
    np.testing.assert_array_equal(to_logical(physical, array.shape, layout), array)
