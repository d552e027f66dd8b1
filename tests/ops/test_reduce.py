"""Reductions against MXNet's recorded results; NaN, ties, dtypes."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative, distinct, node_of
from tests.golden import Case, differences, each_case
from tests.inference import shapes

REDUCTIONS = ["sum", "mean", "prod", "nansum", "nanprod", "max", "min", "norm", "argmax", "argmin", "argmax_channel"]
NAN = float("nan")


@each_case("reduce", REDUCTIONS)
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("name", [*REDUCTIONS[:8], "_square_sum"])
@pytest.mark.parametrize("parameters", [{}, {"axis": (1,)}, {"axis": (0, -1), "keepdims": True}], ids=str)
def test_derivatives(name, parameters) -> None:
    check_derivative(make(name, **parameters), distinct(2, 3, 4))


def test_axes() -> None:
    assert shapes("sum", [(2, 3, 4)])[1] == shapes("sum", [(2, 3, 4)], axis=())[1] == (1,)
    assert shapes("sum", [(2, 3, 4)], axis=(1,), exclude=True)[1] == (3,)
    assert shapes("sum", [(2, 3)], axis=(0, 1), exclude=True)[1] == (2, 3)
    assert shapes("sum", [(None, 3, 4)], axis=(1,), keepdims=True)[1] == (None, 1, 4)
    assert shapes("argmax", [(2, 3)], keepdims=True)[1] == (1, 1)
    for axis in [(2,), (0, 0), (1, -1)]:
        with pytest.raises(InferenceError):
            shapes("sum", [(2, 3)], axis=axis)
    with pytest.raises(InferenceError, match="ord is 3"):
        shapes("norm", [(2, 3)], ord=3)


def apply(name: str, x: list, dtype: str = "float32", **parameters: object) -> np.ndarray:
    return run_reference(make(name, **parameters), [np.asarray(x, dtype)])[0]


@pytest.mark.parametrize(("name", "expected"), [
    ("max", [NAN, 5]), ("min", [NAN, 2]), ("argmax", [1, 0]), ("argmin", [1, 1]), ("nansum", [4, 12]),
    ("nanprod", [3, 50]),
])
def test_nan_and_ties(name, expected) -> None:
    parameters = {"axis": 1 if name.startswith("arg") else (1,)}
    np.testing.assert_array_equal(apply(name, [[1, NAN, 3], [5, 2, 5]], **parameters), expected)


def test_sums_of_squares() -> None:
    """MXNet has them of row-sparse arrays alone."""
    np.testing.assert_array_equal(apply("_square_sum", [[1, -2], [0, 0]], axis=(1,), keepdims=True), [[5], [0]])


def test_integers() -> None:
    np.testing.assert_array_equal(apply("mean", [[1, 2, 4], [-1, -2, -5]], "int32", axis=(1,)), [2, -2])
    np.testing.assert_array_equal(apply("mean", [[200, 200, 4]], "uint8", axis=(1,)), [49])
    np.testing.assert_array_equal(apply("sum", [[200, 200, 4]], "uint8"), [148])


def test_norm_of_integers_as_mxnet_has_it() -> None:
    data = np.array([[3, 4, 1], [4, 4, 4], [4, 4, 1]], np.int32)
    graph = Legalize()(Graph(node_of(make("norm", axis=(1,)), [data]).outputs))
    np.testing.assert_array_equal(run(graph, {"x0": data}).heads[0], [4, 6, 5])
    np.testing.assert_array_equal(apply("norm", data, "int32", axis=(1,)), [4, 6, 5])


def test_wide_sums() -> None:
    assert apply("sum", [2048] + [1] * 2048, "float16") == 4096
    np.testing.assert_allclose(apply("norm", [1e30, 1e30]), np.float32(2 ** 0.5 * 1e30), rtol=1e-6)
    assert apply("norm", [3, 4], out_dtype="float64").dtype == np.float64
