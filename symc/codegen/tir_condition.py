"""Conditions on indices: what is known of them, and where along a loop they change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tvm import sym, tirx

from symc.frontend.te_math import Expr

COMPARISONS = (tirx.LT, tirx.LE, tirx.GT, tirx.GE)


def settled_condition(expr: Expr, analyzer: sym.Analyzer) -> Expr | bool:
    """True or False where every lane is known to be, else the condition less the parts that hold anyway."""
    if isinstance(expr, tirx.Broadcast):
        return settled_condition(expr.value, analyzer)
    if isinstance(expr, (tirx.And, tirx.Or)):
        return _joined(expr, analyzer)
    if isinstance(expr, COMPARISONS):
        known = _compared(expr, analyzer)
        return expr if known is None else known
    if isinstance(expr, tirx.IntImm):
        return bool(expr.value)
    folded = analyzer.simplify(expr)
    folded = folded.value if isinstance(folded, tirx.Broadcast) else folded
    return bool(folded.value) if isinstance(folded, tirx.IntImm) else expr


def _joined(expr: Expr, analyzer: sym.Analyzer) -> Expr | bool:
    decisive = isinstance(expr, tirx.Or)     # the value of one side that decides
    left, right = (settled_condition(side, analyzer) for side in (expr.a, expr.b))
    if left is decisive or right is decisive:
        return decisive
    if isinstance(left, bool) or isinstance(right, bool):
        return right if isinstance(left, bool) else left
    lanes = {int(side.ty.dtype.lanes) for side in (left, right)}
    if len(lanes) > 1:
        left, right = (side if int(side.ty.dtype.lanes) == max(lanes) else tirx.Broadcast(side, max(lanes))
                       for side in (left, right))
    return type(expr)(left, right)


def _compared(expr: Expr, analyzer: sym.Analyzer) -> bool | None:
    """The comparison of two indices, when the bounds of their difference decide it."""
    if "float" in str(expr.a.ty):
        return None
    difference = analyzer.simplify(tirx.Sub(expr.a, expr.b))
    ends = [difference]
    if isinstance(difference, tirx.Broadcast):
        ends = [difference.value]
    elif isinstance(difference, tirx.Ramp):
        ends = [difference.base, difference.base + difference.stride * (int(difference.lanes) - 1)]
    elif int(difference.ty.dtype.lanes) > 1:
        return None
    bounds = [analyzer.const_int_bound(end) for end in ends]
    low, high = min(b.min_value for b in bounds), max(b.max_value for b in bounds)
    if isinstance(expr, (tirx.LT, tirx.GE)):
        known = True if high < 0 else False if low >= 0 else None
        return known if known is None or isinstance(expr, tirx.LT) else not known
    known = True if high <= 0 else False if low > 0 else None
    return known if known is None or isinstance(expr, tirx.LE) else not known


def changes(expr: Expr, variable: Any, analyzer: sym.Analyzer, far: bool = False) -> Iterator[int]:
    """Places of `variable` from which on some comparison in the condition may have another result: two where the other
    indices decide for less than a step of `variable` (the channels of a block).

    far: two also where they decide for several steps: the taps of a window.
    """
    if isinstance(expr, (tirx.And, tirx.Or)):
        yield from changes(expr.a, variable, analyzer, far)
        yield from changes(expr.b, variable, analyzer, far)
    elif isinstance(expr, tirx.Not):
        yield from changes(expr.a, variable, analyzer, far)
    elif isinstance(expr, COMPARISONS) and "float" not in str(expr.a.ty):
        linear = sym.detect_linear_equation(analyzer.simplify(tirx.Sub(expr.a, expr.b)), [variable])
        if not linear or not isinstance(linear[0], tirx.IntImm) or not linear[0].value:
            return
        slope, rest = int(linear[0].value), analyzer.const_int_bound(linear[1])
        exact = isinstance(expr, (tirx.LT, tirx.GE)) == (slope > 0)
        if far or rest.max_value - rest.min_value < abs(slope):
            for base in {int(rest.min_value), int(rest.max_value)}:     # the first place at or past the crossing
                yield -(base // slope) if exact else (-base) // slope + 1
