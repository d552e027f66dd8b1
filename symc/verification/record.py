"""What verifying found, as manifests and reports hold it.  Light: it is needed where nothing is verified too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from symc.ops.record import Record, record

if TYPE_CHECKING:
    from symc.verification.compare import Difference

PASSED, DIFFERENT, NOTHING, SKIPPED = "passed", "different", "nothing to compare", "not run"
SEVERITY = (PASSED, SKIPPED, NOTHING, DIFFERENT)


@record
class Verification(Record):
    """What was compared of a plan, and how it went.

    status: one of the above.  against: what the code was compared with.  levels, others: the CPU levels that were
    run, and those of the package that this machine does not run.  fault: where wrong numbers begin, in words.
    on_gpu: the same of the plans for GPUs, beside those for CPUs.
    Where the package has several plans: plan, shapes: which one it is; other_plans: the same of other plans;
    not_compared: the rest.
    """

    status: str
    against: str
    seed: int | None
    levels: tuple[str, ...]
    others: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    steps_compared: bool = False
    fault: str = ""
    plan: int = 0
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    other_plans: tuple[Verification, ...] = ()
    not_compared: tuple[int, ...] = ()
    on_gpu: Verification | None = None

    @property
    def of_all(self) -> str:
        """The status of all plans: the worst.  Plans for GPUs that were not run here change nothing."""
        on_gpu = () if self.on_gpu is None or self.on_gpu.status == SKIPPED else (self.on_gpu.of_all,)
        return max((*(one.status for one in (self, *self.other_plans)), *on_gpu), key=SEVERITY.index)

    def to_json(self, rounded: bool = False) -> dict[str, Any]:
        """The record; rounded, for manifests: differences rounded up, since their last digits depend on the machine."""
        differences = [_rounded_up(d.to_json()) if rounded else d.to_json() for d in self.differences]
        found = {"status": self.of_all, "against": self.against, "seed": self.seed, "levels": list(self.levels),
                  "levels_not_run": list(self.others), "inputs": dict(self.inputs), "compared": differences,
                  "each_step_compared": self.steps_compared}
        which = {"plan": self.plan, "shapes": {name: list(shape) for name, shape in self.shapes.items()}}
        further = {"fault": self.fault, "other_plans": [one.to_json(rounded) for one in self.other_plans],
                   "plans_not_compared": list(self.not_compared),
                   "gpu": None if self.on_gpu is None else self.on_gpu.to_json(rounded)}
        return found | (which if self.shapes else {}) | {key: value for key, value in further.items() if value}


def of_plans(found: Mapping[int, Verification], shapes: Sequence[Mapping[str, Sequence[int]]]) -> Verification:
    """The record of a package: that of the first plan that was compared, which holds those of the others.

    found: by the plan's number.  shapes: of the inputs of every plan.
    """
    if len(shapes) == 1:
        return found[0]
    differing = [name for name in shapes[0] if any(one[name] != shapes[0][name] for one in shapes)]
    first, *others = (replace(one, plan=number, shapes={name: shapes[number][name] for name in differing})
                      for number, one in found.items())
    return replace(first, other_plans=tuple(others),
                   not_compared=tuple(number for number in range(len(shapes)) if number not in found))


def skipped(why: str, levels: Sequence[str]) -> Verification:
    return Verification(SKIPPED, why, None, (), tuple(levels))


def _rounded_up(difference: dict[str, Any]) -> dict[str, Any]:
    return difference | {key: at_most(difference[key]) for key in ("max_abs", "relative")}


def at_most(number: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is no less."""
    if not 0 < number < math.inf:
        return number
    power = 10.0 ** math.floor(math.log10(number))
    return float(f"{next((step for step in (1, 2, 5) if step * power >= number), 10) * power:.0e}")
