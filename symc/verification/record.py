"""What verifying found, as manifests and reports hold it.  Light: it is needed where nothing is verified too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symc.verification.compare import Difference

PASSED, DIFFERENT, NOTHING, SKIPPED = "passed", "different", "nothing to compare", "not run"


@dataclass(frozen=True)
class Verification:
    """What was compared and how it went.

    status: one of the above.  against: what the code was compared with.  levels, others: the CPU levels that were
    run, and those of the package that this machine does not run.  fault: where wrong numbers begin, in words.
    other_plans: those of the package that were not compared.
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
    other_plans: tuple[int, ...] = ()

    def to_json(self, rounded: bool = False) -> dict[str, Any]:
        """The record; rounded, for manifests: differences rounded up, since their last digits depend on the machine."""
        differences = [_rounded_up(d.to_json()) if rounded else d.to_json() for d in self.differences]
        return {"status": self.status, "against": self.against, "seed": self.seed, "levels": list(self.levels),
                "levels_not_run": list(self.others), "inputs": dict(self.inputs), "compared": differences,
                "each_step_compared": self.steps_compared} | ({"fault": self.fault} if self.fault else {}) | (
                    {"plans_not_compared": list(self.other_plans)} if self.other_plans else {})


def skipped(why: str, levels: Sequence[str]) -> Verification:
    return Verification(SKIPPED, why, None, (), tuple(levels))


def _rounded_up(record: dict[str, Any]) -> dict[str, Any]:
    return record | {key: at_most(record[key]) for key in ("max_abs", "relative")}


def at_most(number: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is no less."""
    if not 0 < number < math.inf:
        return number
    power = 10.0 ** math.floor(math.log10(number))
    return float(f"{next((step for step in (1, 2, 5) if step * power >= number), 10) * power:.0e}")
