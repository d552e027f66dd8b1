"""Rows chosen by a mask."""

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ops.operator import make

DATA, MASK = np.arange(8, dtype=np.float32).reshape(4, 2), np.array([0, 0.5, -1, np.nan])


@pytest.mark.parametrize(("mask", "rows"), [(MASK, [1, 2, 3]), (np.zeros(4), []), (np.ones(4), [0, 1, 2, 3])])
def test_rows_where_the_mask_is_not_zero(mask: np.ndarray, rows: list[int]) -> None:
    result = mx.nd.contrib.boolean_mask(mx.nd.array(DATA), mx.nd.array(mask))
    assert result.dtype == np.float32 and result.asnumpy().tolist() == DATA[rows].tolist()


def test_one_dimension_and_other_types() -> None:
    result = mx.nd.contrib.boolean_mask(mx.nd.array([1, 2, 3], dtype="int64"), mx.nd.array([1, 0, 1], dtype="uint8"))
    assert result.dtype == np.int64 and result.asnumpy().tolist() == [1, 3]


@pytest.mark.parametrize(("shapes", "parameters"), [(((4, 2), (3,)), {}), (((4, 2), (4, 1)), {}),
                                                    (((4, 2), (4,)), {"axis": 1})])
def test_refusals(shapes: tuple[tuple[int, ...], ...], parameters: dict[str, int]) -> None:
    with pytest.raises(InferenceError):
        mx.nd.contrib.boolean_mask(*map(mx.nd.zeros, shapes), **parameters)


def test_inference_leaves_the_rows_open() -> None:
    symbol = mx.sym.contrib.boolean_mask(mx.sym.var("data"), mx.sym.var("mask"))
    assert symbol.has_dynamic_shape_op() and not mx.sym.var("data").has_dynamic_shape_op()
    assert symbol.infer_shape_partial(data=(4, 2)) == ([(4, 2), (4,)], [(0, 2)], [])
    dense = mx.sym.FullyConnected(symbol, num_hidden=3)
    assert dense.infer_shape_partial(data=(4, 2))[0] == [(4, 2), (4,), (3, 2), (3,)]


def test_the_operator_for_a_mask() -> None:
    settled = make("_contrib_boolean_mask").settled(MASK)
    assert settled.rows == 3 and settled.reference(DATA, MASK).tolist() == DATA[1:].tolist()
