"""Elementwise expressions specialised for dtypes: the calls of NumPy that are left once dtypes are known.

Over `NumPyMath` an expression asks for dtypes, makes constants and passes through wrappers, which takes longer than the
arithmetic of a small array.  `specialised` evaluates it once on samples, records which functions of NumPy it calls, and
writes these down as a function.  What an operator means is said in one place still: its expression.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.ir.types import DType
from symc.ops.math import UINT16, NumPyMath

Function = Callable[..., Any]
BY_KEYWORD = (np.maximum, np.minimum)   # functions that want their target named
Step = tuple[str, ...]      # a function and its arguments, by their names


class Trace:
    """The calls that an expression makes, by the names of their results; operands are x0, x1, ..."""

    def __init__(self, dtypes: Sequence[np.dtype]) -> None:
        self.operands = [Traced(self, f"x{i}", np.ones(1, dtype)) for i, dtype in enumerate(dtypes)]
        self.steps: dict[Step, Traced] = {}
        self.known: dict[str, Any] = {}         # functions and constants, by their names
        self._names: dict[Any, str] = {}

    def call(self, function: Function, *arguments: Any) -> Traced:
        """function(*arguments), recorded; a call that was made before is not repeated."""
        step = (self.name(function), *map(self.name, arguments))
        if step not in self.steps:
            self.steps[step] = Traced(self, f"t{len(self.steps)}", function(*map(_sample, arguments)))
        return self.steps[step]

    def name(self, value: Any) -> str:
        """The name of an operand or a result; a name for a function or a constant."""
        if isinstance(value, Traced):
            return value.name
        is_data = isinstance(value, np.ndarray | np.generic | int | float)
        key = (np.asarray(value).dtype, np.asarray(value).shape, np.asarray(value).tobytes()) if is_data else value
        name = self._names.setdefault(key, f"k{len(self._names)}")
        self.known[name] = value
        return name

    def function(self, result: Traced, in_place: bool) -> Function:
        """The recorded calls as a function of the operands, and of the array for the result if `in_place`."""
        *steps, ((call, *arguments), _) = self._needed(result)
        target = ["out"] * in_place
        names = [operand.name for operand in self.operands] + target
        fills = isinstance(self.known[call], np.ufunc)      # whether the last function takes a target
        if fills and not steps and arguments + target == names and self.known[call] not in BY_KEYWORD:
            return self.known[call]  # type: ignore[no-any-return]
        lines = [f"{made.name} = {_text(*step)}" for step, made in steps]
        if not in_place:
            lines.append(f"return {_text(call, *arguments)}")
        else:
            lines.append(_text(call, *arguments, "out=out") if fills else f"out[...] = {_text(call, *arguments)}")
        return _compiled(names, lines, self.known)

    def _needed(self, result: Traced) -> list[tuple[Step, Traced]]:
        """The steps that lead to `result`, which comes last."""
        needed, kept = {result.name}, []
        for step, made in reversed(self.steps.items()):
            if made.name in needed:
                needed.update(step[1:])
                kept.append((step, made))
        return kept[::-1]


class Traced:
    """An operand or a result while an expression is traced: its name and a sample of it."""

    __slots__ = ("trace", "name", "sample")

    def __init__(self, trace: Trace, name: str, sample: Any) -> None:
        self.trace, self.name, self.sample = trace, name, sample

    def __bool__(self) -> bool:
        raise TypeError("an expression cannot branch on values; use F.where")

    def __neg__(self) -> Traced:
        return self.trace.call(np.negative, self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any) -> Traced:
        assert method == "__call__", f"{ufunc}.{method} is no function of elements"
        return self.trace.call(ufunc, *_beside(operands))

    def __array_function__(self, function: Function, _: Any, operands: Sequence[Any], __: Any) -> Traced:
        return self.trace.call(function, *operands)


def _infix(function: Function, is_reflected: bool) -> Callable[[Traced, Any], Traced]:
    def method(self: Traced, other: Any) -> Traced:
        return self.trace.call(function, *_beside((other, self) if is_reflected else (self, other)))
    return method


for _name, _function in {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide}.items():
    setattr(Traced, f"__{_name}__", _infix(_function, False))
    setattr(Traced, f"__r{_name}__", _infix(_function, True))
for _name, _function in {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
                         "eq": np.equal, "ne": np.not_equal}.items():
    setattr(Traced, f"__{_name}__", _infix(_function, False))


def _whole(function: Function) -> Any:
    """A function that is recorded as one call, whatever it calls."""
    def recorded(*operands: Any) -> Traced:
        trace = next(value.trace for value in operands if isinstance(value, Traced))
        return trace.call(function, *operands)  # type: ignore[no-any-return]
    return staticmethod(recorded)


class TracedMath(NumPyMath):
    """F over traced values: what NumPyMath does otherwise than by NumPy's functions of elements."""

    modulo = _whole(NumPyMath.modulo)
    erf, tgamma, lgamma = _whole(NumPyMath.erf), _whole(NumPyMath.tgamma), _whole(NumPyMath.lgamma)

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, *_beside((x, y)))

    @staticmethod
    def const(value: float, like: Any) -> Any:
        return NumPyMath.const(value, _sample(like))

    @staticmethod
    def dtype(x: Any) -> DType:
        return NumPyMath.dtype(_sample(x))

    @staticmethod
    def cast(x: Any, dtype: DType) -> Any:
        if not isinstance(x, Traced):
            return NumPyMath.cast(x, dtype)
        if UINT16 in (x.sample.dtype, dtype.numpy):
            return x.trace.call(_to(dtype), x)
        return x if x.sample.dtype == dtype.numpy else x.trace.call(_as_type(dtype), x)


@functools.cache
def _to(dtype: DType) -> Function:
    return lambda x: NumPyMath.cast(x, dtype)


@functools.cache
def _as_type(dtype: DType) -> Function:
    return operator.methodcaller("astype", dtype.numpy)


def _sample(value: Any) -> Any:
    return value.sample if isinstance(value, Traced) else value


def _beside(operands: Sequence[Any]) -> list[Any]:
    """The operands of a function; a Python number as an array of the dtype that it takes beside the other, which NumPy
    would find out at each call."""
    dtypes = [_sample(value).dtype for value in operands if not isinstance(value, int | float)]
    return [np.asarray(value, np.result_type(dtypes[0], value)) if dtypes and isinstance(value, int | float) else value
            for value in operands]


def _text(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


def _compiled(names: Sequence[str], lines: Sequence[str], known: dict[str, Any]) -> Function:
    """Straight-line Python: walking a list of calls would take as long as they do."""
    namespace = dict(known)
    exec("\n    ".join([f"def function({', '.join(names)}):", *lines]), namespace)
    return namespace["function"]  # type: ignore[no-any-return]


def specialised(expression: Function, dtypes: Sequence[np.dtype], in_place: bool = False) -> Function | None:
    """`expression(F, *operands)` over NumPy, for operands of these dtypes; to be called by `math.quietly`.

    in_place: its last argument is an array of the result's shape and dtype, into which the result goes; it may be one
        of the operands.
    None: the result is an operand itself, a constant, several results, or does not fit in place.
    """
    trace = Trace(dtypes)
    with np.errstate(all="ignore"):
        result = expression(TracedMath, *trace.operands)
    if not isinstance(result, Traced) or any(result is operand for operand in trace.operands):
        return None
    if in_place and result.sample.dtype != dtypes[0]:
        return None
    return trace.function(result, in_place)


class ByDtype(dict[np.dtype, "Function | None"]):
    """What an expression becomes for `operands` operands of one dtype, by that dtype, as `specialised` makes it.

    None too: the dtypes that NumPy computes otherwise, bool and bfloat16's uint16.
    """

    def __init__(self, expression: Function, operands: int, in_place: bool = False) -> None:
        super().__init__()
        self.expression, self.operands, self.in_place = expression, operands, in_place

    def __missing__(self, dtype: np.dtype) -> Function | None:
        is_plain = dtype.kind in "iuf" and dtype != UINT16
        made = specialised(self.expression, [dtype] * self.operands, self.in_place) if is_plain else None
        self[dtype] = made
        return made
