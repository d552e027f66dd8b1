"""Images of another size: recorded cases, gradients, cells and places, compiled kernels."""

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ops.families.resampling import average_taps
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.ops.spatial import compiled_as_interpreted


@each_case("spatial", ("_contrib_BilinearResize2D", "_contrib_AdaptiveAvgPooling2D"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


RESIZED: list[dict[str, Any]] = [
    {"height": 7, "width": 3}, {"height": 1, "width": 9}, {"height": 5, "width": 8, "align_corners": False},
    {"scale_height": 2.0, "scale_width": 0.5}, {"mode": "odd_scale", "scale_height": 2.0, "scale_width": 2.0},
]


@pytest.mark.parametrize("parameters", RESIZED)
def test_gradients_of_bilinear(parameters: dict[str, Any]) -> None:
    check_derivative(make("_contrib_BilinearResize2D", **parameters), distinct(2, 1, 5, 4))


@pytest.mark.parametrize("size", [(), (3,), (2, 5), (7, 1)])
def test_gradients_of_averages(size: tuple[int, ...]) -> None:
    check_derivative(make("_contrib_AdaptiveAvgPooling2D", output_size=size), distinct(1, 2, 5, 4))


def test_compiled() -> None:
    data = distinct(2, 3, 6, 5).astype(np.float32)
    compiled_as_interpreted("_contrib_BilinearResize2D", data, height=9, width=4)
    for cells in ((4, 2), (3, 5), (1, 1)):
        compiled_as_interpreted("_contrib_AdaptiveAvgPooling2D", data, output_size=cells)
    blocked = distinct(1, 21, 6, 5).astype(np.float32)
    compiled_as_interpreted("_contrib_BilinearResize2D", blocked, height=17, width=11)


@pytest.mark.parametrize(("mode", "size"), [("to_even_up", (6, 4)), ("to_even_down", (4, 4)), ("to_odd_up", (5, 5)),
                                            ("to_odd_down", (5, 3))])
def test_parities(mode: str, size: tuple[int, int]) -> None:
    (y,) = run_reference(make("_contrib_BilinearResize2D", mode=mode), [distinct(1, 1, 5, 4)])
    assert y.shape == (1, 1, *size)


def test_the_size_of_another() -> None:
    data = mx.sym.contrib.BilinearResize2D(mx.sym.var("a"), mx.sym.var("b"), mode="like")
    _, shapes, _ = data.infer_shape(a=(1, 2, 3, 3), b=(1, 1, 5, 6))
    assert shapes == [(1, 2, 5, 6)]


def test_values_outside_of_a_cell_do_not_count() -> None:
    data = np.array([[[[1, 3, np.inf, np.nan, 2]]]])
    (y,) = run_reference(make("_contrib_AdaptiveAvgPooling2D", output_size=(1, 3)), [data])
    np.testing.assert_array_equal(y, [[[[2, np.nan, np.nan]]]])


def test_cells_overlap() -> None:
    np.testing.assert_array_equal(average_taps(5, 2).places, [[0, 1, 2], [2, 3, 4]])


@pytest.mark.parametrize(("parameters", "message"), [
    ({"mode": "odd_scale", "scale_height": 2.0}, "needs both scale_height and scale_width"),
    ({"height": 0, "width": 2}, "the result has 0 × 2 pixels"),
])
def test_refusals(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        mx.nd.contrib.BilinearResize2D(mx.nd.ones((1, 1, 2, 2)), **parameters)
