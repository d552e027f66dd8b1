"""How far roundings may explain a difference."""

from __future__ import annotations

import numpy as np

from symc.ir.types import DType
from symc.verification.compare import MOST_PROBES, PROBES, Comparison, Tolerances

KEY, SIZE = ("output", "y"), 0.1
RIGHT = np.random.default_rng(0).standard_normal(4000).astype(np.float32)


def moved(probe: int, size: float = SIZE) -> np.ndarray:
    """As roundings move the outputs of a deep network: some elements happen to stay almost where they are."""
    return size * np.random.default_rng(100 + probe).standard_normal(RIGHT.size)


def judged(off: np.ndarray) -> tuple[str, int]:
    """Why an output that is off so is wrong, and how many trials that took."""
    tried: list[int] = []

    def spread(probe: int) -> dict[tuple[str, str], np.ndarray]:
        tried.append(probe)
        return {KEY: np.abs(moved(probe))}
    comparison = Comparison({KEY: RIGHT}, {DType.float32}, Tolerances(), spread)
    difference, = comparison.differences({KEY: RIGHT + off.astype(np.float32)}, MOST_PROBES)
    assert tried == list(range(len(tried)))
    return difference.reason, len(tried)


def test_nothing_is_tried_within_the_tolerance():
    assert judged(moved(-1, 1e-6)) == ("", 0)


def test_elements_that_stay_by_accident_get_more_trials():
    alike = moved(-1, SIZE * 0.9)
    still = np.max([np.abs(moved(probe)) for probe in range(PROBES)], 0)
    assert np.any(np.abs(alike) > 10 * still + 5e-5 * np.abs(RIGHT).max()), "three trials do not explain it"
    reason, tries = judged(alike)
    assert reason == "" and PROBES < tries <= MOST_PROBES


def test_an_array_that_is_off_by_more_than_it_moves_is_wrong_at_once():
    reason, tries = judged(moved(-1, 5 * SIZE))
    assert "are wrong" in reason and tries == PROBES


def test_one_wrong_element_stays_wrong():
    off = np.zeros(RIGHT.size)
    off[7] = 50 * SIZE
    reason, tries = judged(off)
    assert reason.startswith("at (7,)") and "1 of 4000 elements is wrong" in reason and tries == MOST_PROBES
