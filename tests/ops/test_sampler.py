"""Sampling of images, grids, correlation, the sparseness penalty: recorded cases, gradients, edges, kernels."""

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, differences, each_case
from tests.ops.spatial import compiled_as_interpreted

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
CORRELATIONS: list[dict[str, Any]] = [
    {"max_displacement": 2, "pad_size": 2}, {"kernel_size": 3, "max_displacement": 2, "stride1": 2, "pad_size": 3},
    {"max_displacement": 4, "stride2": 2, "pad_size": 3, "stride1": 2},
]


@each_case("spatial", ("BilinearSampler", "GridGenerator", "SpatialTransformer", "Correlation",
                       "IdentityAttachKLSparseReg"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


def grid(*shape: int) -> np.ndarray:
    """Places in and around an image, none of which is a pixel's own."""
    return 1.4 * (distinct(*shape) - 1.5)


def test_gradients_of_sampling() -> None:
    check_derivative(make("BilinearSampler"), distinct(2, 3, 5, 4), grid(2, 2, 3, 6), wanted=(0, 1))


def test_gradients_of_grids() -> None:
    check_derivative(make("GridGenerator", transform_type="affine", target_shape=(3, 4)), distinct(2, 6))
    check_derivative(make("GridGenerator", transform_type="warp"), distinct(1, 2, 3, 4))


def test_gradients_of_transformers() -> None:
    op = make("SpatialTransformer", transform_type="affine", sampler_type="bilinear", target_shape=(3, 4))
    shifts = np.random.default_rng(1).uniform(0, 0.1, (2, 6))
    check_derivative(op, distinct(2, 2, 5, 4), IDENTITY * [[0.7], [1.1]] + shifts, wanted=(0, 1))


@pytest.mark.parametrize("is_multiply", [True, False])
@pytest.mark.parametrize("parameters", CORRELATIONS)
def test_gradients_of_correlation(parameters: dict[str, Any], is_multiply: bool) -> None:
    op = make("Correlation", is_multiply=is_multiply, **parameters)
    both = distinct(2, 1, 2, 6, 5)
    check_derivative(op, *both, wanted=(0, 1))


def test_compiled() -> None:
    data, places = distinct(2, 3, 5, 4).astype(np.float32), grid(2, 2, 3, 6).astype(np.float32)
    compiled_as_interpreted("BilinearSampler", data, places)
    maps = (IDENTITY * [[0.7], [1.1]] + 0.03).astype(np.float32)
    compiled_as_interpreted("SpatialTransformer", data, maps, transform_type="affine", sampler_type="bilinear",
                            target_shape=(3, 4))
    compiled_as_interpreted("GridGenerator", data[:, :2], transform_type="warp")


@pytest.mark.parametrize("is_multiply", [True, False])
def test_compiled_correlation(is_multiply: bool) -> None:
    both = distinct(2, 2, 3, 7, 6).astype(np.float32)
    for parameters in CORRELATIONS:
        compiled_as_interpreted("Correlation", *both, is_multiply=is_multiply, **parameters)


def test_the_identity_samples_the_image_itself() -> None:
    data = distinct(1, 2, 4, 5)
    op = make("SpatialTransformer", transform_type="affine", sampler_type="bilinear", target_shape=(4, 5))
    np.testing.assert_allclose(run_reference(op, [data, IDENTITY])[0], data)


@pytest.mark.parametrize(("place", "expected"), [(1e30, 0), (-3, 0), (np.nan, np.nan), (-np.inf, np.nan)])
def test_nothing_lies_outside(place: float, expected: float) -> None:
    data, where = mx.nd.ones((1, 1, 2, 2)), np.full((1, 2, 1, 1), place, np.float32)
    np.testing.assert_array_equal(mx.nd.BilinearSampler(data, mx.nd.array(where)).asnumpy(), expected)
    symbol = mx.sym.BilinearSampler(mx.sym.var("data"), mx.sym.var("grid"))
    executor = symbol.bind(mx.cpu(), {"data": data, "grid": mx.nd.array(where)}, grad_req="null")
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), expected)


def test_the_moving_mean_pushes_towards_its_target() -> None:
    data, mean = mx.nd.array([[0.5, 0.25], [0.5, 0.25]]), mx.nd.array([0.5, 0.25])
    symbol = mx.sym.IdentityAttachKLSparseReg(mx.sym.var("data"), sparseness_target=0.25, penalty=1)
    gradient = mx.nd.zeros((2, 2))
    executor = symbol.bind(mx.cpu(), {"data": data}, {"data": gradient}, aux_states=[mean])
    executor.forward(is_train=True)
    executor.backward(mx.nd.zeros((2, 2)))
    np.testing.assert_allclose(gradient.asnumpy(), [[1, 0], [1, 0]], atol=1e-5)
    np.testing.assert_allclose(mean.asnumpy(), [0.5, 0.25])


@pytest.mark.parametrize(("name", "shapes", "parameters", "message"), [
    ("Correlation", [(1, 1, 3, 3)] * 2, {"kernel_size": 2}, "must be odd"),
    ("Correlation", [(1, 1, 3, 3)] * 2, {"max_displacement": 5}, "do not fit into data"),
    ("GridGenerator", [(1, 5)], {"transform_type": "affine", "target_shape": (2, 2)}, "expected"),
    ("GridGenerator", [(1, 6)], {"transform_type": "affine"}, "must be two positive numbers"),
    ("BilinearSampler", [(1, 1, 3, 3), (1, 3, 3, 3)], {}, "grid is"),
])
def test_refusals(name: str, shapes: list[tuple[int, ...]], parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        getattr(mx.nd, name)(*map(mx.nd.ones, shapes), **parameters)
