"""Measures of whole tensors against MXNet's recorded results."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.inference import shapes

MEASURES = ["moments", "_np_cumsum", "multi_sum_sq", "all_finite", "multi_all_finite", "_histogram"]


@each_case("reduce", MEASURES)
def test_recorded(case: Case) -> None:
    assert not differences(case)


def test_derivatives() -> None:
    check_derivative(make("moments", axes=(0, -1)), distinct(2, 3, 4))
    check_derivative(make("_np_cumsum", axis=1), distinct(2, 3, 2))
    check_derivative(make("_np_cumsum"), distinct(2, 3))


def test_bins_hold_their_lower_edge_and_the_last_one_both() -> None:
    data = np.array([-1, 0, 0.5, 0.49999, 1, 2, 2.1, np.nan], np.float32)
    counts, edges = run_reference(make("_histogram", bin_cnt=4, range="(0, 2)"), [data])
    np.testing.assert_array_equal(counts, [2, 1, 1, 1])
    np.testing.assert_array_equal(edges, np.asarray([0, 0.5, 1, 1.5, 2], np.float32))
    np.testing.assert_array_equal(run_reference(make("_histogram"), [data, edges[[0, 1, 2, 4]]])[0], [2, 1, 2])


def test_inference() -> None:
    assert shapes("moments", [(2, None, 4)], axes=(0,))[1:] == [(None, 4)] * 2
    assert shapes("_np_cumsum", [(2, 3)])[1] == (6,)
    for name, parameters in [("moments", {}), ("_histogram", {"bin_cnt": 3, "range": "1"})]:
        with pytest.raises(InferenceError, match="node 'y'"):
            shapes(name, [(2, 3)], **parameters)
