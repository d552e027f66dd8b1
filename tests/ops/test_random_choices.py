"""Random integers, categories, permutations and distinct classes."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize
from symc.passes.seed_random import SEED, SeedRandom

SEED_VALUE = np.array([77])


def heads(g, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    return run(SeedRandom()(g), {SEED: SEED_VALUE, **inputs}).heads


@pytest.mark.parametrize(("low", "high", "dtype"), [(-3, 4, "int32"), (0, 1, "int32"), (-2**40, 2**41, "int64"),
                                                    (-2**31, 2**31, "int64")])
def test_integers(graph, low: int, high: int, dtype: str) -> None:
    (y,) = heads(graph(f"%y = _random_randint() low={low} high={high} shape=(100,70) dtype={dtype}\nheads %y"))
    assert y.shape == (100, 70) and y.dtype == dtype and y.min() >= low and y.max() < high
    assert abs(y.mean() - (low + high - 1) / 2) < 0.02 * (high - low)
    if high - low < 10:
        assert set(np.unique(y)) == set(range(low, high))


def test_no_integer_to_choose_from(graph) -> None:
    with pytest.raises(InferenceError, match="there is no integer"):
        graph("%y = _random_randint() low=5 high=5 shape=(3,)\nheads %y")


def test_categories(graph) -> None:
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0, 0.5]], np.float32)
    (y,) = heads(graph("%p: f32[2,3]\n%y = _sample_multinomial(%p) shape=(100,100)\nheads %y"), p=p)
    assert y.shape == (2, 100, 100) and y.dtype == np.int32
    for line, expected in zip(y, p, strict=True):
        np.testing.assert_allclose(np.bincount(line.ravel(), minlength=3) / 10_000, expected, atol=0.015)
    assert not (y[1] == 1).any()


def test_shapes_of_categories(graph) -> None:
    assert heads(graph("%p: f64[3]\n%y = _sample_multinomial(%p)\nheads %y"), p=np.full(3, 1 / 3))[0].shape == (1,)
    assert heads(graph("%p: f64[2,3]\n%y = _sample_multinomial(%p) dtype=uint8\nheads %y"),
                 p=np.full((2, 3), 1 / 3))[0].shape == (2,)


def test_probabilities_of_categories_have_a_gradient(graph) -> None:
    g = graph("%p: f64[2,3]\n%y = _sample_multinomial(%p) shape=(5,) get_prob=True\nheads %y, %y#1")
    g = Differentiate((("p", "write"),))(Legalize(keep_differentiable=True)(SeedRandom()(g)))
    p, dy = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]), np.arange(10.0).reshape(2, 5)
    results = run(g, {"p": p, SEED: SEED_VALUE, HEAD_GRADIENT.format(0): np.zeros((2, 5), np.int32),
                      HEAD_GRADIENT.format(1): dy})
    chosen, log_p = results.heads
    np.testing.assert_allclose(log_p, np.log(np.take_along_axis(p, chosen, 1)))
    expected = np.zeros((2, 3))
    for (row, column), category in np.ndenumerate(chosen):
        expected[row, category] += dy[row, column] / p[row, category]
    np.testing.assert_allclose(results.gradients["p"], expected)


def test_permutations(graph) -> None:
    x = np.arange(12).reshape(6, 2)
    g = graph("%x: i64[6,2]\n%y = _shuffle(%x)\nheads %y")
    seen = set()
    for seed in range(200):
        (y,) = run(SeedRandom()(g), {SEED: np.array([seed]), "x": x}).heads
        np.testing.assert_array_equal(y[np.argsort(y[:, 0])], x)
        seen.add(tuple(y[:, 0]))
    assert len(seen) > 140      # of 720


def test_distinct_classes(graph) -> None:
    g = graph("%y = _sample_unique_zipfian() range_max=5000 shape=(3,500)\nheads %y, %y#1")
    classes, tries = heads(g)
    assert classes.shape == (3, 500) and tries.shape == (3,) and classes.max() < 5000 and classes.min() == 0
    assert all(len(np.unique(row)) == 500 for row in classes) and (tries > 500).all()
    all_of_them, _ = heads(graph("%y = _sample_unique_zipfian() range_max=5 shape=(1,5)\nheads %y, %y#1"))
    assert sorted(all_of_them[0]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("parameters", "message"), [
    ("range_max=5 shape=(1,6)", "6 distinct samples of range_max=5"), ("range_max=5 shape=(3,)", "two dimensions")])
def test_classes_that_there_are_not(graph, parameters: str, message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        graph(f"%y = _sample_unique_zipfian() {parameters}\nheads %y")


@pytest.mark.parametrize(("text", "inputs"), [
    ("%s: i64[1]\n%y = _draw_integers(%s) low=-5 high=90 count=333 dtype=int32 salt=2", []),
    (f"%s: i64[1]\n%y = _draw_integers(%s) low={-2**50} high={2**51} count=333 dtype=int64 salt=2", []),
    ("%p: f32[3,37]\n%s: i64[1]\n%y = _draw_categories(%p, %s) count=123 salt=2",
     [np.full((3, 37), 1 / 37, np.float32)]),
    ("%p: f32[3,1]\n%s: i64[1]\n%y = _draw_categories(%p, %s) count=123 salt=2", [np.ones((3, 1), np.float32)]),
    ("%s: i64[1]\n%y = _draw_unique_zipfian(%s) range_max=1000 rows=4 count=100 salt=2", []),
    ("%s: i64[1]\n%y = _draw_unique_zipfian(%s) range_max=10 rows=2 count=10 salt=2", []),
])
def test_kernels(graph, groups, text: str, inputs: list[np.ndarray]) -> None:
    groups.check(graph(f"{text}\nheads %y"), [*inputs, SEED_VALUE], rtol=0, atol=0)
