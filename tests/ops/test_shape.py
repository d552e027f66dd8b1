"""Views against MXNet's recorded results, and what Reshape's codes mean."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.ops.operator import make
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.inference import shapes


@each_case("matrix", ["Reshape", "expand_dims", "squeeze", "reshape_like"])
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize(("codes", "data", "expected"), [
    ((4, 0, 2), (2, 3, 4), (4, 3, 2)), ((-1,), (2, 3, 4), (24,)), ((0, -1), (2, 3, 4), (2, 12)),
    ((-2,), (2, 3, 4), (2, 3, 4)), ((-2, 1, 1), (2, 3), (2, 3, 1, 1)), ((0, -3), (2, 3, 4), (2, 12)),
    ((-3, -3), (2, 3, 4, 5), (6, 20)), ((-4, 1, 2, -2), (2, 3, 4), (1, 2, 3, 4)),
    ((2, -4, -1, 3, -2), (2, 3, 4), (2, 1, 3, 4)), ((-4, 1, 2, -1), (2, 12), (1, 2, 12)),
])
def test_codes(codes, data, expected) -> None:
    assert shapes("Reshape", [data], shape=codes)[1] == expected


def test_codes_from_the_right() -> None:
    assert shapes("Reshape", [(10, 5, 4)], shape=(-1, 0), reverse=True)[1] == (50, 4)
    assert shapes("Reshape", [(4, 8, 3)], shape=(0, -3), reverse=True)[1] == (4, 24)


def test_target_shape() -> None:
    assert shapes("Reshape", [(4, 8)], target_shape=(0, 4))[1] == (8, 4)
    assert shapes("Reshape", [(4, 2, 3)], target_shape=(9, 0), keep_highest=True)[1] == (4, 6)


@pytest.mark.parametrize(("codes", "data"), [
    ((3, 5), (2, 12)), ((-1, 5), (2, 12)), ((-1, -1), (2, 12)), ((0, 0, 0), (2, 12)), ((-4, 2), (2, 12)),
    ((-4, -1, -1), (2, 12)), ((-4, 3, 3, 0), (2, 12)), ((-5,), (2, 12)), ((-3,), (2,)),
])
def test_codes_that_do_not_fit(codes, data) -> None:
    with pytest.raises(InferenceError, match="y"):
        shapes("Reshape", [data], shape=codes)


def test_inference_backwards() -> None:
    assert shapes("Reshape", [(None, 8)], (6, 4), shape=(-1, 4))[0] == (3, 8)
    assert shapes("Reshape", [(None, 12)], shape=(2, 12))[0] == (2, 12)
    assert shapes("Reshape", [(None, 3, None)], (2, None, 5), shape=(0, -2))[0] == (2, 3, None)
    assert shapes("Reshape", [None], shape=(2, 12)) == [None, None]
    assert shapes("Flatten", [(None, 3, 4)], (2, None)) == [(2, 3, 4), (2, 12)]
    assert shapes("expand_dims", [None], (2, 1, 3), axis=-2) == [(2, 3), (2, 1, 3)]
    assert shapes("squeeze", [(None, 3)], axis=(0,)) == [(1, 3), (3,)]
    assert shapes("squeeze", [(None, 3)]) == [(None, 3), None]
    assert shapes("reshape_like", [(None, 6), (3, 4)])[0] == (2, 6)


def test_squeeze_leaves_one_dimension() -> None:
    assert shapes("squeeze", [(1, 1)])[1] == (1,)
    with pytest.raises(InferenceError):
        shapes("squeeze", [(2, 1)], axis=(0,))


def test_a_vector_flattens_to_a_column() -> None:
    np.testing.assert_array_equal(make("Flatten").reference(np.arange(3.0)), [[0], [1], [2]])


@pytest.mark.parametrize("op", [make("Reshape", shape=(-3, 0)), make("Flatten"), make("expand_dims", axis=1)],
                         ids=lambda op: op.name)
def test_derivatives(op) -> None:
    check_derivative(op, distinct(2, 3, 4))
