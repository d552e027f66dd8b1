"""The random generator."""

import numpy as np
import pytest

from symc.ir.types import DType
from symc.ops.random import NumPyDraws, blocks, key_of, threefry, uniform

DOUBLE, SINGLE, HALF = DType.float64, DType.float32, DType.float16


def rotate(word: np.ndarray, count: int) -> np.ndarray:
    return (word << np.uint32(count)) | (word >> np.uint32(32 - count))


@pytest.mark.parametrize(("key", "counter", "block"), [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
])
def test_known_answers_of_threefry(key, counter, block) -> None:
    """Of Random123, the reference implementation."""
    found = threefry(rotate, *(tuple(np.array([word], np.uint32) for word in pair) for pair in (key, counter)))
    assert tuple(int(word[0]) for word in found) == block


@pytest.mark.parametrize("seed", [0, -1, 2**62])
@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE, HALF])
def test_uniform_numbers(seed: int, dtype: DType) -> None:
    draws = uniform(100_000, seed, 7, dtype)
    assert draws.dtype == (np.float64 if dtype is DOUBLE else np.float32) and draws.min() >= 0 and draws.max() < 1
    assert draws.astype(dtype.numpy).max() < 1
    assert abs(draws.mean() - 0.5) < 0.005 and abs(draws.std() - 12**-0.5) < 0.005
    counts, _ = np.histogram(draws, 64, (0, 1))
    assert ((counts - 1562.5) ** 2 / 1562.5).sum() < 110        # χ² of 63 degrees of freedom
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.01


def test_salts_numbers_and_far_elements_tell_streams_apart() -> None:
    elements = np.arange(10_000)
    first = blocks(key_of(3, 1), elements, 0)
    others = [blocks(key_of(3, 2), elements, 0), blocks(key_of(4, 1), elements, 0),
              blocks(key_of(3 + (1 << 32), 1), elements, 0), blocks(key_of(3, 1), elements, 1),
              blocks(key_of(3, 1), elements + (1 << 32), 0)]
    for other in others:
        assert len(np.unique(np.concatenate([first, other]))) == 20_000
        assert abs(np.corrcoef(first.astype(float), other.astype(float))[0, 1]) < 0.05


def test_every_bit_is_fair() -> None:
    bits = blocks(key_of(11, 5), np.arange(40_000), 0)
    ones = [int((bits >> np.uint64(place) & np.uint64(1)).sum()) for place in range(64)]
    assert max(abs(count - 20_000) for count in ones) < 500      # five standard deviations


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_positive_reaches_both_ends(dtype: DType) -> None:
    draws = NumPyDraws(0, 0, np.arange(2))
    ends = draws.positive(np.array([0, 2**64 - 1], np.uint64), dtype)
    assert 0 < ends[0] < 1e-9 and ends[1] == 1


@pytest.mark.parametrize("count", [1, 2, 10, 2**31, 2**31 + 1, 3 * 2**40, 2**63])
def test_below(count: int) -> None:
    draws = NumPyDraws(0, 0, np.arange(2))
    ends = draws.below(np.array([0, 2**64 - 1], np.uint64), count)
    assert ends[0] == 0 and 0 <= ends[1] < count
    many = NumPyDraws(1, 2, np.arange(20_000))
    values = many.below(many.bits(0), count)
    assert values.min() >= 0 and values.max() < count and abs(values.mean() / count - (count - 1) / count / 2) < 0.02
