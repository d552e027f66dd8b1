"""Winograd's form of a convolution: that it is one, and how large its errors may be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.ir.types import TensorType
from symc.ops.families import winograd
from symc.ops.families.convolution import Convolution
from symc.ops.families.winograd import (
    TRANSFORMS,
    Transforms,
    WinogradInput,
    WinogradProduct,
    WinogradWeight,
    factors,
    weight_matrices,
)

UNIT = 2.0 ** -24        # of rounding float32
SIZES = sorted(TRANSFORMS)
EXTREMES = {"normal": lambda random, dims: random.standard_normal(dims),
            "of one sign": lambda random, dims: random.uniform(0.5, 1, dims),
            "of many magnitudes": lambda r, dims: 10.0 ** r.uniform(-6, 6, dims) * r.choice([-1, 1], dims),
            "a chessboard": lambda random, dims: np.where(np.indices(dims).sum(0) % 2, -1.0, 1.0),
            "with peaks": lambda random, dims: np.where(random.uniform(size=dims) < 0.05, 1e4, 1e-2)}


def convolved(x: np.ndarray, weight: np.ndarray, pad: tuple[int, int] = (0, 0)) -> np.ndarray:
    """In float64."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    height, width = x.shape[2] - 2, x.shape[3] - 2
    return np.sum([np.einsum("nchw,oc->nohw", x[:, :, i:i + height, j:j + width], weight[:, :, i, j].astype(np.float64))
                   for i in range(3) for j in range(3)], axis=0)


def by_tiles(x: np.ndarray, weight: np.ndarray, size: int, pad: tuple[int, int] = (0, 0), rows: int = 1) -> np.ndarray:
    """The three steps, in the arrays' dtype."""
    cut = WinogradInput(tile=size, pad=pad, rows=rows)
    tiles = cut.tiles(TensorType(x.shape))
    matrices = weight_matrices(size)
    op = WinogradProduct(tile=size, rows=rows, shape=(x.shape[0], len(weight), tiles.height, tiles.width), no_bias=True)
    return op.reference(cut.reference(x), WinogradWeight().reference(weight, matrices).astype(x.dtype))


@pytest.mark.parametrize("size", SIZES)
@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_it_is_a_convolution(size, data):
    batch, channels, filters, rows = (data.draw(st.integers(1, 3)) for _ in range(4))
    pad = data.draw(st.tuples(st.integers(0, 5), st.integers(0, 3)))
    dims = [max(data.draw(st.integers(1, 11)), 3 - 2 * amount) for amount in pad]
    random = np.random.default_rng(1)
    x, weight = random.standard_normal((batch, channels, *dims)), random.standard_normal((filters, channels, 3, 3))
    found = by_tiles(x, weight, size, pad, rows)
    np.testing.assert_allclose(found, convolved(x, weight, pad), rtol=1e-5, atol=1e-5)     # the matrices are float32


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape, kernel, stride, pad", [
    ((2, 3, 5, 9, 7), 3, 1, (1, 1, 1)), ((1, 2, 6, 4, 10), 1, 1, (0, 0, 2)), ((2, 2, 7, 5, 8), 2, 2, (1, 1, 0)),
    ((1, 2, 2, 6, 6), 5, 1, (4, 1, 1))])
def test_planes_of_volumes_are_summed(size, shape, kernel, stride, pad):
    random = np.random.default_rng(4)
    x, weight = random.standard_normal(shape), random.standard_normal((4, shape[1], kernel, 3, 3))
    convolution = Convolution(kernel=(kernel, 3, 3), stride=(stride, 1, 1), pad=pad, num_filter=4, no_bias=True)
    expected = convolution.reference(x, weight)
    rows = -(-expected.shape[3] // size)
    cut = WinogradInput(tile=size, pad=pad[1:], rows=rows)
    op = WinogradProduct(tile=size, rows=rows, shape=expected.shape, no_bias=True, stride=stride, pad=pad[0])
    factors_of_taps = WinogradWeight().reference(weight, weight_matrices(size))
    np.testing.assert_allclose(op.reference(cut.reference(x), factors_of_taps), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["image", "output"])
def test_factors_of_a_matrix_are_the_matrix(size, name):
    matrix = getattr(TRANSFORMS[size], name)
    sums, parts = factors(matrix)
    np.testing.assert_array_equal(np.array(sums) @ np.array(parts), matrix)


def test_factors_take_fewer_operations():
    def additions(*matrices):
        return sum(np.count_nonzero(matrix) - len(matrix) for matrix in matrices)
    for name, whole, split in (("image", 16, 12), ("output", 14, 10)):
        matrix = getattr(TRANSFORMS[4], name)
        assert (additions(matrix), additions(*factors(matrix))) == (whole, split)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", EXTREMES)
def test_errors_stay_below_their_bound(size, kind):
    random = np.random.default_rng(2)
    x, weight = (EXTREMES[kind](random, dims).astype(np.float32) for dims in ((1, 40, 14, 14), (8, 40, 3, 3)))
    errors = np.abs(by_tiles(x, weight, size) - convolved(x, weight))
    assert (errors <= bound(x, weight, size)).all()


def bound(x: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Every rounding is relative to a sum of magnitudes, |Aᵀ|·((|G|·|w|·|Gᵀ|) ⊙ (|Bᵀ|·|x|·|B|))·|A|.  There is at most
    one for each channel, and in each transform two for each term of a row, in two directions."""
    made = TRANSFORMS[size]
    points = len(made.image)
    a, g, b = (np.abs(np.array(matrix)) for matrix in (made.output, made.weight, made.image))
    weights = np.einsum("ik,ockl,jl->ocij", g, np.abs(weight.astype(np.float64)), g)
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(x[0].astype(np.float64)), (points, points), (1, 2))
    tiles = np.einsum("ik,cyxkl,jl->cyxij", b, windows[:, ::size, ::size], b)
    sums = np.einsum("pi,ocij,cyxij,qj->oypxq", a, weights, tiles, a)
    height, width = sums.shape[1] * size, sums.shape[3] * size
    return (x.shape[1] + 4 * (points + points + 3)) * UNIT * sums.reshape(1, len(weight), height, width)


def error(size: int, transforms: Transforms, monkeypatch: pytest.MonkeyPatch) -> float:
    """The largest, relative to the largest element, of a layer of 64 channels behind a ReLU."""
    random = np.random.default_rng(3)
    x = np.maximum(random.standard_normal((1, 64, 34, 34)), 0).astype(np.float32)
    weight = (random.standard_normal((32, 64, 3, 3)) / np.sqrt(288)).astype(np.float32)
    expected = convolved(x, weight)
    with monkeypatch.context() as patch:
        patch.setitem(winograd.TRANSFORMS, size, transforms)
        winograd.weight_matrices.cache_clear()
        found = by_tiles(x, weight, size)
    winograd.weight_matrices.cache_clear()
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("size, points", [(3, (0, 1, -1, 2)), (4, (0, 1, -1, 2, -2))])
def test_the_points_have_smaller_errors_than_the_usual_ones(size, points, monkeypatch):
    usual = winograd._transforms(size, *points)
    chosen = error(size, TRANSFORMS[size], monkeypatch)
    assert chosen < 3e-6 and chosen < 0.6 * error(size, usual, monkeypatch)
