"""im2col and col2im against MXNet's recorded results."""

import pytest

from symc.errors import InferenceError
from symc.ops.operator import make
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.inference import shapes


@each_case("matrix", ["im2col", "col2im"])
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("parameters", [{}, {"stride": (2, 1), "pad": (1, 2)}, {"dilate": (1, 2)}], ids=str)
def test_derivatives(parameters) -> None:
    check_derivative(make("im2col", kernel=(2, 3), **parameters), distinct(1, 2, 4, 5))
    columns = shapes("im2col", [(1, 2, 4, 5)], kernel=(2, 3), **parameters)[1]
    check_derivative(make("col2im", kernel=(2, 3), output_size=(4, 5), **parameters), distinct(*columns))


def test_inference() -> None:
    assert shapes("im2col", [(None, 3, 7)], kernel=(3,))[1] == (None, 9, 5)
    assert shapes("col2im", [(2, 12, None)], kernel=(2, 3), output_size=(4, 5)) == [(2, 12, 9), (2, 2, 4, 5)]
    for kernel in [(8,), (2, 2)]:
        with pytest.raises(InferenceError, match="kernel"):
            shapes("im2col", [(2, 3, 7)], kernel=kernel)
