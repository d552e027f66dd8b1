"""Verifies what the compiler has made before it is written: one unit at all CPU levels that this machine runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symc.codegen.build import Unit, host_levels
from symc.codegen.lowered import Lowered, Options
from symc.errors import DifferentError
from symc.runtime.library import Library
from symc.runtime.manifest import run_name
from symc.runtime.plan import Plan
from symc.verification.compare import Tolerances
from symc.verification.explain import Explainer
from symc.verification.record import DIFFERENT, Verification, of_plans, skipped
from symc.verification.subject import Subject, meaning_of
from symc.verification.verify import verify

SHOWN = 3


def verify_units(lowered: Sequence[Lowered], units: Sequence[Unit], libraries: Mapping[str, bytes], options: Options,
                 compared: int) -> dict[str, Any]:
    """The record of the first plans of a package, so many as are compared.  DifferentError: one of them differs."""
    found = {}
    for number in range(compared):
        if options.progress:
            options.progress("verifying", number, compared)
        found[number] = verify_unit(lowered[number], units[number], libraries, options, number)
    shapes = [_input_shapes(unit.assembly.plan) for unit in units]
    return of_plans(found, shapes).to_json(rounded=True)


def _input_shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    return {plan.buffers[number].name: plan.buffers[number].shape for number in plan.of_kind("input")}


def verify_unit(lowered: Lowered, unit: Unit, libraries: Mapping[str, bytes], options: Options,
                number: int = 0) -> Verification:
    """Compare a unit, plan `number` of the libraries, with the interpretation of its source.

    DifferentError: they differ.
    """
    here = host_levels()
    runnable = {level: Library.from_image(image, f"the library for {level}", run_name(number))
                for level, image in libraries.items() if level in here}
    others = [level for level in libraries if level not in here]
    if not runnable:
        return skipped("this machine runs none of the CPU levels", others)
    subject = subject_of(lowered, unit, next(iter(runnable)), options)
    explainer = Explainer(lowered.source, subject.tolerances, options, lowered.trains)
    found = verify(subject, runnable, others, explain=explainer.explain)
    if found.status == DIFFERENT:
        raise DifferentError(f"the compiled network does not compute what the interpreter does: {summary(found)}",
                             "nothing was written.  This is a bug of symc: please report it with the network; "
                             "--no-verify writes the package all the same")
    return found


def subject_of(lowered: Lowered, unit: Unit, level: str, options: Options) -> Subject:
    """What a unit computes at a level, and the graphs that say what it should."""
    return Subject(meaning_of(lowered.source, lowered.requests), lowered.source, lowered.graph, unit.plans[level],
                   unit.assembly.weights, lowered.initial, Tolerances(options.precision, options.fast_math))


def summary(found: Verification) -> str:
    """What differs, the first few, and where it begins."""
    wrong = [d for d in found.differences if d.reason]
    lines = [f"{d.kind} '{d.name}' by {d.relative:.2g} of its largest element (allowed {d.tolerance:.0e}): {d.reason}"
             for d in wrong[:SHOWN]]
    lines += [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    return "\n  ".join(filter(None, ["", *lines, found.fault]))
