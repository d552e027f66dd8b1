"""_contrib_hawkesll: MXNet's recorded results, kernels, finite differences."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ir.graph import Graph
from symc.ops.operator import make, run_reference
from tests.derivatives import differences as derivative
from tests.derivatives import node_of
from tests.golden import Case, differences, each_case

RANDOM = np.random.default_rng(7)
POINTS, MARKS = 6, 3
INPUTS = [RANDOM.uniform(1, 2, (4, MARKS)), RANDOM.uniform(0, 1, MARKS), RANDOM.uniform(0.5, 2, MARKS),
          RANDOM.uniform(0, 1, (4, MARKS)), RANDOM.uniform(0, 1, (4, POINTS)),
          RANDOM.integers(0, MARKS, (4, POINTS)).astype(np.int32), np.array([6.0, 3, 0, 1.5]), np.array([9.0, 8, 7, 6])]


@each_case("hawkes")
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("name", ["_contrib_hawkesll", "_backward_hawkesll"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled(name: str, dtype: type, groups: SimpleNamespace) -> None:
    inputs = [x if x.dtype == np.int32 else x.astype(dtype) for x in INPUTS]
    groups.check(Graph(node_of(make(name), inputs).outputs), inputs)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_gradient(position: int) -> None:
    def likelihood(moved: np.ndarray) -> float:
        inputs = [moved if i == position else x for i, x in enumerate(INPUTS)]
        return float(run_reference(make("_contrib_hawkesll"), inputs)[0].sum())
    slopes = run_reference(make("_backward_hawkesll"), INPUTS)[position]
    np.testing.assert_allclose(slopes if position == 0 else slopes.sum(0), derivative(likelihood, INPUTS[position]),
                               rtol=1e-5, atol=1e-7)


def test_shapes_go_both_ways() -> None:
    symbol = mx.sym.contrib.hawkesll(name="h")
    arguments, outputs, _ = symbol.infer_shape(h_lda=(2, 3), h_lags=(2, 5))
    assert outputs == [(2,), (2, 3)]
    assert arguments == [(2, 3), (3,), (3,), (2, 3), (2, 5), (2, 5), (2,), (2,)]
    with pytest.raises(InferenceError, match="alpha"):
        symbol.infer_shape(h_lda=(2, 3), h_lags=(2, 5), h_alpha=(4,))


def test_without_points() -> None:
    state = np.float32([[0.5, 2]])
    arrays = [np.ones((1, 2)), np.ones(2), np.ones(2), state, np.ones((1, 0)), np.ones((1, 0)), np.ones(1), np.ones(1)]
    likelihood, now = likelihood_of(arrays)
    np.testing.assert_allclose(now.asnumpy(), state * np.exp(-1), rtol=1e-6)
    np.testing.assert_allclose(likelihood.asnumpy(), [-2 - 2.5 * (1 - np.exp(-1))], rtol=1e-6)
    with pytest.raises(InferenceError, match="no marks"):
        likelihood_of([x[..., :0] if i < 4 else x for i, x in enumerate(arrays)])


def likelihood_of(arrays: list[np.ndarray]) -> list[mx.nd.NDArray]:
    dtypes = [np.int32 if i == 5 else np.float32 for i in range(len(arrays))]
    return mx.nd.contrib.hawkesll(*(mx.nd.array(x, dtype=dtype) for x, dtype in zip(arrays, dtypes, strict=True)))
