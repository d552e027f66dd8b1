"""Dropout and the random numbers it draws."""

import numpy as np
import pytest

from symc.errors import ParameterError
from symc.interpreter import run
from symc.ops.operator import make, run_reference
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.seed_random import SEED, SeedRandom
from tests.golden import Case, differences, each_case

TEXT = "%x: f32[100,40]\n%y = Dropout(%x) p=0.25{}\nheads %y"


@each_case("nn", ("Dropout",))
def test_recorded(case: Case) -> None:
    assert not differences(case)


def dropped(graph, seed: int, parameters: str = "") -> np.ndarray:
    seeded = SeedRandom()(graph(TEXT.format(parameters)))
    return run(seeded, {"x": np.ones((100, 40), np.float32), SEED: np.array([seed])}).heads[0]


def test_what_stays_is_scaled(graph) -> None:
    y = dropped(graph, 1)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.03


def test_seeds_tell_draws_apart(graph) -> None:
    first, second = dropped(graph, 1), dropped(graph, 2**40 + 1)
    assert np.array_equal(first, dropped(graph, 1)) and 0.3 < (first != second).mean() < 0.45


def test_elements_along_axes_share_their_fate(graph) -> None:
    y = dropped(graph, 1, " axes=(1,)")
    assert (y == y[:, :1]).all() and len(np.unique(y)) == 2


def test_gradient_is_the_same_mask(graph) -> None:
    seeded = Differentiate((("x", "write"),))(SeedRandom()(graph(TEXT.format(""))))
    ones = np.ones((100, 40), np.float32)
    results = run(seeded, {"x": ones, SEED: np.array([5]), HEAD_GRADIENT.format(0): ones})
    np.testing.assert_array_equal(results.gradients["x"], results.heads[0])


def test_inference_keeps_everything_unless_mode_is_always(graph) -> None:
    assert UseInferenceForms()(graph(TEXT.format(""))).heads[0].node.name == "x"
    assert UseInferenceForms()(graph(TEXT.format(" mode=always"))).heads[0].node.op.name == "Dropout"


def test_nothing_is_left_to_be_scaled() -> None:
    (y,) = run_reference(make("_dropout", p=1.0), [np.ones(8, np.float32), np.zeros(1, np.int64)])
    assert np.isnan(y).all()


def test_probability_is_checked(graph) -> None:
    with pytest.raises(ParameterError, match="p='1.5'"):
        graph(TEXT.replace("0.25", "1.5").format(""))
