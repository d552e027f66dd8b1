"""Interleaved attention against MXNet's recorded results."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ops.operator import make
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, bound, differences, each_case, mismatch, parse_graph_of
from tests.inference import shapes

PREFIX = "_contrib_interleaved_matmul_"
OPERATORS = [f"{PREFIX}{name}" for name in ("selfatt_qk", "selfatt_valatt", "encdec_qk", "encdec_valatt")]


@each_case("matrix", OPERATORS)
def test_recorded(case: Case) -> None:
    assert not differences(case)
    graph = parse_graph_of(case)
    assert not mismatch(run(graph, bound(case, graph)).heads[0], case["arrays"]["out/0"], case)


def test_derivatives() -> None:
    check_derivative(make(OPERATORS[0], heads=2), distinct(3, 1, 12))
    check_derivative(make(OPERATORS[3], heads=2), distinct(3, 1, 8), distinct(2, 4, 3), wanted=(0, 1))


def test_inference() -> None:
    assert shapes(OPERATORS[0], [(5, None, 12)], heads=2)[1] == (None, 5, 5)
    assert shapes(OPERATORS[1], [(5, 3, 12), (None, 4, None)], heads=2)[1:] == [(6, 4, 5), (4, 3, 4)]
    assert shapes(OPERATORS[2], [(4, 3, 6), (5, 3, 12)], heads=2)[2] == (6, 4, 5)
    with pytest.raises(InferenceError, match="heads"):
        shapes(OPERATORS[0], [(5, 3, 10)], heads=2)


def test_no_queries() -> None:
    for name in ("selfatt_valatt", "encdec_valatt"):
        values = np.zeros((0, 2, 12), np.float32)
        assert make(PREFIX + name, heads=2).reference(values, np.zeros((4, 0, 0), np.float32)).size == 0
