"""What a reduction accumulates: the state of each kind, how an element enters it, how two states merge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symc.frontend.te_math import Scalar, TensorMath, cast, literal
from symc.ir.types import DType

State = tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Monoid:
    """dtypes: of the parts of the state.  enter(state, element, place), place an index as an integer value."""

    dtypes: tuple[DType, ...]
    start: Callable[[int], State]
    enter: Callable[[State, Scalar, Scalar], State]
    merge: Callable[[State, State], State]
    result: Callable[[State], Scalar]


def monoid(kind: str, dtype: DType, place: DType) -> Monoid:
    """The reduction `kind` of elements of `dtype`; max and min keep NaN, argmax and argmin find the first one."""
    F = TensorMath
    if kind.startswith("arg"):
        return _argument(kind == "argmax", dtype, place)
    join: dict[str, Callable[[Scalar, Scalar], Scalar]] = {
        "sum": lambda a, b: a + b, "prod": lambda a, b: a * b,
        "max": lambda a, b: F.max_nan(b, a), "min": lambda a, b: F.min_nan(b, a)}
    start = {"sum": 0, "prod": 1, "max": extreme(dtype, lowest=True), "min": extreme(dtype, lowest=False)}[kind]
    return Monoid((dtype,), lambda lanes: (literal(start, dtype, lanes),),
                  lambda state, element, _: (join[kind](state[0], element),),
                  lambda a, b: (join[kind](a[0], b[0]),), lambda state: state[0])


def _argument(largest: bool, dtype: DType, place: DType) -> Monoid:
    F = TensorMath

    def better(a: Scalar, b: Scalar) -> Scalar:
        wins = a > b if largest else a < b
        return wins | (F.isnan(a) & ~F.isnan(b)) if dtype.is_float else wins

    def alike(a: Scalar, b: Scalar) -> Scalar:
        return (a == b) | (F.isnan(a) & F.isnan(b)) if dtype.is_float else a == b

    def choose(which: Scalar, a: State, b: State) -> State:
        return tuple(F.where(which, x, y) for x, y in zip(a, b, strict=True))

    def merge(a: State, b: State) -> State:
        return choose(better(b[0], a[0]) | (alike(b[0], a[0]) & (b[1] < a[1])), b, a)
    def start(lanes: int) -> State:
        return literal(extreme(dtype, largest), dtype, lanes), literal(0, place, lanes)
    return Monoid((dtype, place), start,
                  lambda state, element, at: choose(better(element, state[0]), (element, at), state),
                  merge, lambda state: cast(state[1], DType.int64))


def extreme(dtype: DType, lowest: bool) -> float:
    """What no element lies below, or above."""
    if dtype.is_float:
        return -math.inf if lowest else math.inf
    limits = np.iinfo(dtype.numpy)
    return int(limits.min if lowest else limits.max)
