"""Verifies compiled code: runs it beside the interpreter, judges what differs, and finds where it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from symc.interpreter import run
from symc.verification.compare import MOST_PROBES, ROUNDED_TO, Comparison, Difference, Numbers, dtypes_of, spread_of
from symc.verification.decisions import differences_by_decisions
from symc.verification.inputs import Inputs, draw_inputs
from symc.verification.record import DIFFERENT, NOTHING, PASSED, Verification
from symc.verification.steps import WrongStep, wrong_steps
from symc.verification.subject import Code, Subject, bind, numbers, written

Explain = Callable[[WrongStep | None, Inputs, Sequence[Difference]], str]


def verify(subject: Subject, libraries: Mapping[str, Code], others: Sequence[str], seed: int = 0,
           given: Mapping[str, np.ndarray] | None = None, expected: Numbers | None = None,
           explain: Explain | None = None, against: str = "interpreter") -> Verification:
    """Compare the code for these CPU levels, or for a GPU, with the interpretation of `subject.meaning`, or with
    `expected`.

    others: what cannot be run here.  given: values of inputs; the others are drawn.  explain: says in words
    where a difference comes from, given the first step that is wrong by itself, if any.
    """
    inputs = draw_inputs(subject.roles, subject.meaning, seed, {**subject.initial, **(given or {})})
    comparison = _comparison(subject, inputs, expected)
    found = {level: _run(subject, library, inputs, comparison.right) for level, library in libraries.items()}
    by_level = {level: comparison.differences(numbers) for level, numbers in found.items()}
    if expected is None and any(d.reason for differences in by_level.values() for d in differences):
        by_level = _by_decisions(subject, libraries, inputs, found) or {
            level: comparison.differences(numbers, MOST_PROBES) for level, numbers in found.items()}
    differences = worst_of_each(list(by_level.values()))
    wrong = [difference for difference in differences if difference.reason]
    doubtful = subject.lowered is not None and (wrong or any(d.explained for d in differences)
                                                or subject.tolerances.precision in ROUNDED_TO)
    step = _first_wrong_step(subject, libraries, inputs) if doubtful else None
    fault = explain(step, inputs, wrong) if explain is not None and (wrong or step) else ""
    status = status_of(differences) if step is None else DIFFERENT
    return Verification(status, against, seed if inputs.drawn else None, tuple(libraries), tuple(others), inputs.drawn,
                        tuple(differences), bool(doubtful), fault)


def _by_decisions(subject: Subject, libraries: Mapping[str, Code], inputs: Inputs,
                  found: Mapping[str, Numbers]) -> dict[str, list[Difference]] | None:
    """The differences at all levels, as `decisions` has them, if all are right so."""
    judged = {}
    for level, library in libraries.items():
        differences = differences_by_decisions(subject, library, inputs.arrays, found[level])
        if differences is None or any(difference.reason for difference in differences):
            return None
        judged[level] = differences
    return judged


def _comparison(subject: Subject, inputs: Inputs, expected: Numbers | None) -> Comparison:
    names = [subject.plan.buffers[number].name for number in subject.plan.of_kind("output")]
    collect = partial(numbers, names=names)
    meant = collect(run(subject.meaning, inputs.arrays))
    right = meant if expected is None else {key: _like(array, meant[key]) for key, array in expected.items()}

    spread = partial(spread_of, subject.meaning, inputs.arrays, meant, subject.tolerances, collect)
    return Comparison(right, dtypes_of(subject.meaning), subject.tolerances, spread)


def _like(array: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Recorded numbers in the dtype of those that are computed."""
    return array.astype(model.dtype) if array.dtype != model.dtype and array.dtype.kind in "fiu" else array


def _run(subject: Subject, library: Code, inputs: Inputs, wanted: Numbers) -> Numbers:
    program = subject.program(library)
    bind(program, inputs.arrays)
    for entry in subject.entries:
        program.run(entry)
    return written(program, wanted)


def worst_of_each(runs: Sequence[Sequence[Difference]]) -> list[Difference]:
    """Of each array the run that differs most, wrong ones first."""
    return [max(same, key=lambda d: (bool(d.reason), d.relative)) for same in zip(*runs, strict=True)]


def status_of(differences: Sequence[Difference]) -> str:
    """What the differences of all arrays mean together."""
    return DIFFERENT if any(d.reason for d in differences) else NOTHING if _is_nothing(differences) else PASSED


def _first_wrong_step(subject: Subject, libraries: Mapping[str, Code], inputs: Inputs) -> WrongStep | None:
    for library in libraries.values():
        if (step := next(wrong_steps(subject, library, inputs.arrays), None)) is not None:
            return step
    return None


def _is_nothing(differences: Sequence[Difference]) -> bool:
    """Whether no element that was compared is a number."""
    return bool(differences) and all(difference.not_finite == 1.0 for difference in differences)
