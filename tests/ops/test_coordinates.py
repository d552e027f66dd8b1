"""Coordinates as data, and assignments, against MXNet's recorded results."""

import numpy as np

from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.inference import shapes

RECORDED = ["_ravel_multi_index", "_unravel_index", "_contrib_index_array", "_contrib_index_copy", "_slice_assign",
            "_slice_assign_scalar"]


@each_case("indexing", RECORDED)
def test_recorded(case: Case) -> None:
    assert not differences(case)


def test_coordinates_are_truncated() -> None:
    points = np.array([[1, 2.7], [3, 9]], np.float32)
    np.testing.assert_array_equal(run_reference(make("_ravel_multi_index", shape=(3, 4)), [points])[0], [7, 17])
    places = np.array([5, 11.5], np.float32)
    for first in (3, 1, -1):
        op = make("_unravel_index", shape=(first, 4))
        np.testing.assert_array_equal(run_reference(op, [places])[0], [[1, 2], [1, 3]])


def test_coordinates_of_negative_places() -> None:
    op = make("_unravel_index", shape=(3, 7))
    np.testing.assert_array_equal(run_reference(op, [np.array([-1, -8, 22])])[0], [[0, -1, 3], [-1, -1, 1]])


def test_derivative_of_index_copy() -> None:
    check_derivative(make("_contrib_index_copy"), distinct(4, 2, 2), np.array([2, 0]), distinct(2, 2, 2),
                     wanted=(0, 2))


def test_inference() -> None:
    assert shapes("_contrib_index_copy", [(5, 3), (2,), None])[2] == (2, 3)
    assert shapes("_slice_assign", [(4, 5), None], begin=(1, 0), end=(3, 2))[1] == (2, 2)
    assert shapes("_unravel_index", [None], (2, 7), shape=(3, 4))[0] == (7,)
    assert shapes("_ravel_multi_index", [(None, 7)], shape=(3, 4)) == [(2, 7), (7,)]
