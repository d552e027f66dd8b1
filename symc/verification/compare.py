"""When two arrays are the same numbers: tolerances, and how far roundings alone can move results.

The table with its reasons: docs/verification.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symc.errors import counted
from symc.interpreter import run
from symc.ir.graph import Graph, Node
from symc.ir.types import DType
from symc.ops.math import NumPyMath

Key = tuple[str, str]                   # kind and name: ('output', 'fc1_output'), ('gradient', 'fc1_weight')
Numbers = Mapping[Key, np.ndarray]

# Allowed differences, relative to the largest finite element of what is right: of whole networks, and of one step.
NETWORK = {DType.float64: 1e-10, DType.float32: 5e-5, DType.float16: 2e-2, DType.bfloat16: 5e-2}
STEP = {DType.float64: 1e-11, DType.float32: 2e-5, DType.float16: 1e-2, DType.bfloat16: 1e-2}
FAST_MATH = 1e-4                        # in place of those of float32
# Roundings that are tried out: of one value, relative to it.
NOISE = {DType.float64: 1e-14, DType.float32: 2e-6, DType.float16: 4e-3, DType.bfloat16: 2e-2}
# What precisions round to.  tf32 has the 10 bits of mantissa that float16 has: a factor is off by as much.
ROUNDED_TO = {"bf16": DType.bfloat16, "fp16": DType.float16, "tf32": DType.float16}
PROBES, MARGIN, SAMPLE = 3, 10.0, 16
# Three trials leave one element of 2000 almost where it is though the array moves as a whole: then there are more.
MOST_PROBES = 12
# Gradients behind jumps (the sign in front of a ReLU) differ in single elements by more than roundings of what is near.
# A jump in the code and those in the trials are seldom the same, but alike: the differences' root mean square must be
# within that of the trials' movement, array by array, and within this share of what is right.  Trials round 30 times
# as much as code does, so honest gradients stay far below: ResNet-20's are off by 0.14 to 0.38 of their movement (0.3 %
# of what is right), MobileNet's by 0.01 to 0.03.  The same movement bounds gradients that pass element by element,
# since ten times the movement of a deep network would hide any error.
JUMPS = 1e-2


NOISY = "within what roundings on the way move it by"
JUMPING = "single elements behind jumps; root mean square within 1e-2"


@dataclass(frozen=True)
class Tolerances:
    """How far numbers may be off.  precision, fast_math: of `Options`; is_step: of one step, not of a whole network."""

    precision: str = "fp32"
    fast_math: bool = False
    is_step: bool = False

    def of(self, dtypes: set[DType]) -> float:
        """For a result, where values of these dtypes lead to it, its own among them."""
        table = (STEP if self.is_step else NETWORK) | ({DType.float32: FAST_MATH} if self.fast_math else {})
        if self.precision in ROUNDED_TO:
            dtypes = dtypes | {ROUNDED_TO[self.precision]}
        return max((table[dtype] for dtype in dtypes if dtype in table), default=0.0)

    def noise(self, dtype: DType) -> float:
        return NOISE[ROUNDED_TO.get(self.precision, dtype)]


@dataclass(frozen=True)
class Difference:
    """How one array differs from what it should be.

    largest: the largest difference of two finite elements; relative: by the largest finite element that is right.
    not_finite: the share of elements that should be NaN or infinite.  reason: why it is wrong, '' if it is not.
    explained: how it may exceed the tolerance: by no more than roundings move it, or as a few elements behind jumps.
    """

    kind: str
    name: str
    dtype: str
    largest: float
    relative: float
    tolerance: float
    not_finite: float
    reason: str = ""
    explained: str = ""

    def to_json(self) -> dict[str, Any]:
        record = {"kind": self.kind, "name": self.name, "dtype": self.dtype, "max_abs": self.largest,
                  "relative": self.relative, "tolerance": self.tolerance, "not_finite": self.not_finite}
        return record | ({"explained": self.explained} if self.explained else {}) | (
            {"wrong": self.reason} if self.reason else {})


@dataclass(frozen=True)
class Comparison:
    """Numbers that were found beside those that are right.

    spread: how far each right number moves by roundings on the way, in a trial of this number; tried where something
    exceeds its tolerance.
    """

    right: Numbers
    dtypes: set[DType]
    tolerances: Tolerances
    spread: Callable[[int], Numbers]
    _measured: list[Numbers] = field(default_factory=list)      # over the first trials, one more of them each

    def differences(self, found: Numbers, most: int = PROBES) -> list[Difference]:
        """most: how many trials there may be."""
        first = [self._difference(key, found[key], right, None) for key, right in self.right.items()]
        return [self._tried(item, found[item], most) if difference.reason else difference
                for item, difference in zip(self.right, first, strict=True)]

    def _tried(self, key: Key, found: np.ndarray, most: int) -> Difference:
        """The difference beside what roundings do: in more trials where they move the array by more than it is off
        and few of its elements by little."""
        right, tries = self.right[key], PROBES
        while True:
            spread = self._spread(tries)[key]
            difference = self._difference(key, found, right, spread)
            if not difference.reason or tries >= most or not _is_moved(found, right, spread):
                return difference
            tries += PROBES

    def _spread(self, tries: int) -> Numbers:
        """The largest movement of each number in this many trials."""
        while len(self._measured) < tries:
            moved, before = self.spread(len(self._measured)), self._measured[-1:]
            self._measured.append({key: np.maximum(array, before[0][key]) for key, array in moved.items()} if before
                                  else moved)
        return self._measured[tries - 1]

    def _difference(self, key: Key, found: np.ndarray, right: np.ndarray, spread: np.ndarray | None) -> Difference:
        dtype = NumPyMath.dtype(right)
        tolerance = self.tolerances.of(self.dtypes | {dtype}) if dtype.is_float else 0.0
        if (found.shape, found.dtype) != (right.shape, right.dtype):
            wrong = f"it is {found.dtype}{list(found.shape)}, expected {right.dtype}{list(right.shape)}"
            return Difference(*key, dtype.name, np.inf, np.inf, tolerance, 0.0, wrong)
        a, b = wide(found), wide(right)
        off, finite = distances(a, b), np.isfinite(b)
        scale = float(np.max(np.abs(b), initial=0.0, where=finite))
        largest = float(np.max(off, initial=0.0, where=finite & np.isfinite(a)))
        allowed = tolerance * scale if spread is None else tolerance * scale + MARGIN * spread
        wrong = _worst(off, allowed, a, b) if np.any(off > allowed) else ""
        explained = NOISY if spread is not None and not wrong else ""
        if spread is not None and key[0] == "gradient":
            explained = _explained(off, b, spread, explained)
            wrong = "" if explained else wrong or _worst(off, tolerance * scale, a, b)
        return Difference(*key, dtype.name, largest, largest / scale if scale else largest, tolerance,
                          1.0 - float(np.mean(finite)) if finite.size else 0.0, wrong, explained)


def _explained(off: np.ndarray, right: np.ndarray, spread: np.ndarray, noisy: str) -> str:
    """How a gradient may exceed its tolerance; '' if it may not.  noisy: what its elements by themselves say."""
    found = _root_mean_square(off)
    if found > _root_mean_square(spread):
        return ""
    return noisy or (JUMPING if found <= JUMPS * _root_mean_square(right) else "")


def _is_moved(found: np.ndarray, right: np.ndarray, spread: np.ndarray) -> bool:
    """Whether roundings move an array as a whole by more than it is off."""
    return (found.shape, found.dtype) == (right.shape, right.dtype) and (
        _root_mean_square(distances(wide(found), wide(right))) < _root_mean_square(spread))


def _root_mean_square(array: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        found = float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0
    return found if np.isfinite(found) else np.inf


def _worst(off: np.ndarray, allowed: Any, a: np.ndarray, b: np.ndarray) -> str:
    with np.errstate(invalid="ignore"):
        excess = np.where(off > allowed, off, -1.0)
    at = np.unravel_index(int(np.argmax(excess)), off.shape)
    count = int(np.count_nonzero(off > allowed))
    place = f"at {tuple(map(int, at))} " if off.shape else ""
    wrong = f"{count} of {counted(off.size, 'element')} {'is' if count == 1 else 'are'} wrong"
    return f"{place}it is {a[at]:.7g}, expected {b[at]:.7g}; {wrong}"


def wide(array: np.ndarray) -> np.ndarray:
    """As float64."""
    if array.dtype == np.uint16:
        array = NumPyMath.cast(array, DType.float32)
    return np.asarray(array, np.float64)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b|; 0 where both are NaN or the same infinity, infinite where only one is."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(a - b)
    off[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return np.where(np.isnan(off), np.inf, off)


def dtypes_of(graph: Graph) -> set[DType]:
    """The floating types of all values."""
    return {type.element for node in graph.nodes for type in node.types if type.known and type.element.is_float}


# ---- roundings -----------------------------------------------------------------------------------------------------


def spread_of(graph: Graph, inputs: Mapping[str, np.ndarray], right: Numbers, tolerances: Tolerances,
              numbers: Callable[[Any], Numbers], probe: int) -> Numbers:
    """How far the results of a graph move when every value on the way is off by a few roundings, which the number of
    the trial decides.  numbers: those of `interpreter.run`'s results."""
    noise = _Noise(tolerances, np.random.default_rng(probe))
    off = {node.name: noise.of(inputs[node.name], node.types[0].element, ()) for node in graph.variables}
    found = numbers(run(graph, off, change=noise))
    return {key: distances(wide(found[key]), wide(array)) for key, array in right.items()}


def _is_chosen(array: np.ndarray, source: np.ndarray) -> bool:
    """Whether all elements seem to be elements of `source`: a few of them are."""
    sample = array.reshape(-1)[::max(1, array.size // SAMPLE)]
    return all(np.any(source == element) for element in sample)


@dataclass
class _Noise:
    """Puts every value off by a few roundings: a `Change` of the interpreter."""

    tolerances: Tolerances
    draws: np.random.Generator

    def __call__(self, node: Node, arguments: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [self.of(array, value.type.element, arguments)
                for array, value in zip(outputs, node.outputs, strict=True)]

    def of(self, array: np.ndarray, dtype: DType, arguments: Sequence[np.ndarray]) -> np.ndarray:
        """Whole numbers, and values that are only chosen among the first input's, are exact."""
        if not dtype.is_float or not array.size:
            return array
        value = wide(array)
        if np.all(value == np.rint(value)) or (arguments and _is_chosen(array, arguments[0])):
            return array
        finite = np.isfinite(value)
        size = float(np.mean(np.abs(value), where=finite)) if finite.any() else 0.0
        noise = self.tolerances.noise(dtype) * (2 * self.draws.random(array.shape, np.float32) - 1)
        with np.errstate(all="ignore"):
            off = value + noise * (np.abs(value) + 0.1 * size * (value != 0))
        return NumPyMath.cast(off.astype(np.float32) if dtype is DType.bfloat16 else off, dtype)
