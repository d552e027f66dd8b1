"""Pooling: recorded cases, gradients, conventions, special values."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case

LOWEST = np.finfo(np.float32).min


@each_case("nn", ("Pooling", "Pooling_v1"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("pool_type", ["max", "avg", "sum", "lp"])
@pytest.mark.parametrize(("shape", "parameters"), [
    ((2, 2, 7), {"kernel": (3,), "stride": (2,), "pad": (1,)}),
    ((1, 2, 6, 7), {"kernel": (3, 2), "stride": (2, 3), "pooling_convention": "full"}),
    ((1, 1, 3, 4, 3), {"kernel": (2, 2, 2)}),
    ((2, 2, 4, 3), {"kernel": (3, 3), "pad": (1, 2), "count_include_pad": False}),
    ((2, 3, 4), {"kernel": (3,), "stride": (3,), "pooling_convention": "same"}),
    ((2, 2, 3, 3), {"global_pool": True}),
    ((1, 4, 4, 2), {"kernel": (2, 2), "layout": "NHWC"}),
])
def test_gradients(pool_type: str, shape: tuple[int, ...], parameters: dict) -> None:
    check_derivative(make("Pooling", pool_type=pool_type, p_value=3, **parameters), distinct(*shape))


def test_first_maximum_takes_the_gradient() -> None:
    (_, index) = run_reference(make("Pooling", kernel=(2, 2)), [np.zeros((1, 1, 3, 3), np.float32)])
    assert index.dtype == np.int32 and not index.any()


def test_maximum_passes_over_nan_and_infinity() -> None:
    data = np.array([[[np.nan, 1, -np.inf, -np.inf, np.nan, np.inf]]], np.float32)
    (y, _) = run_reference(make("Pooling", kernel=(2,), stride=(2,)), [data])
    np.testing.assert_array_equal(y, [[[1, LOWEST, np.inf]]])


def test_windows_beyond_the_image_are_empty() -> None:
    ones = np.ones((1, 1, 4, 4), np.float32)
    (y, _) = run_reference(make("Pooling", kernel=(1, 1), stride=(5, 5), pooling_convention="full"), [ones])
    np.testing.assert_array_equal(y, [[[[1, LOWEST], [LOWEST, LOWEST]]]])


def test_half_precision_is_summed_in_single() -> None:
    data = np.full((1, 1, 64, 64), 100, np.float16)
    (y,) = run_reference(make("Pooling", global_pool=True, pool_type="avg"), [data])
    assert y.dtype == np.float16 and y.item() == 100


@pytest.mark.parametrize(("parameters", "message"), [
    ("kernel=(9,9)", "the kernel spans 9 elements, data has 6"),
    ("kernel=(2,2) pad=(2,2)", "pad 2 must be smaller than the kernel 2"),
    ("kernel=(2,2) pool_type=lp", "lp pooling needs p_value"),
    ("kernel=(2,)", "data has 2 spatial dimensions, the kernel 1"),
    ("pool_type=avg", "data has 2 spatial dimensions, the kernel 0"),
    ("kernel=(2,2) pooling_convention=same", "pooling_convention='same' is for one spatial dimension"),
])
def test_errors(graph, parameters: str, message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        graph(f"%x: f32[1,2,6,6]\n%y = Pooling(%x) {parameters}\nheads %y")


def test_batch_and_channels_are_found_backward(graph) -> None:
    head = graph("""
        %x: f32[?,?,8,8]
        %y: (f32[3,5,?,?], i32[*]) = Pooling(%x) kernel=(3,3) stride=(2,2)
        heads %y
    """).heads[0]
    assert str(head.node.inputs[0].type) == "f32[3,5,8,8]" and str(head.type) == "f32[3,5,3,3]"
