"""Floor division in TIR as the truncating division that machines have.

Divisors are numbers other than 0; negative ones come from TVM's simplification of what is left of an unrolled loop.

TVM's own lowering also rewrites everything around, by an analysis that takes exponential time on chains of selections.
"""

from __future__ import annotations

from typing import Any

from tvm import sym, tirx
from tvm_ffi import structural_map

from symc.frontend.te_math import Expr, lanes_of, widened


def without_floor_division(body: Any, analyzer: sym.Analyzer) -> Any:
    """`body` with // and % of indices by numbers as machine operations; `analyzer` knows the loops."""
    def divide(expr: tirx.FloorDiv) -> Expr:
        if _divisor(expr.b) < 0:
            return divide(tirx.FloorDiv(_negative(expr.a), _negative(expr.b)))
        shift = _power_of_two(expr.b)
        if shift is not None:
            return tirx.shift_right(expr.a, _number(expr.b, shift))
        quotient = tirx.Div(expr.a, expr.b)
        if _not_negative(analyzer, expr.a):
            return quotient
        below = tirx.LT(tirx.Mod(expr.a, expr.b), _number(expr.b, 0))
        return tirx.Sub(quotient, tirx.Select(below, _number(expr.b, 1), _number(expr.b, 0)))

    def remainder(expr: tirx.FloorMod) -> Expr:
        if _divisor(expr.b) < 0:
            return _negative(remainder(tirx.FloorMod(_negative(expr.a), _negative(expr.b))))
        shift = _power_of_two(expr.b)
        if shift is not None:
            return tirx.bitwise_and(expr.a, _number(expr.b, (1 << shift) - 1))
        left = tirx.Mod(expr.a, expr.b)
        if _not_negative(analyzer, expr.a):
            return left
        return tirx.Select(tirx.LT(left, _number(expr.b, 0)), tirx.Add(left, expr.b), left)
    return structural_map(body, [(tirx.FloorDiv, divide), (tirx.FloorMod, remainder)])


def _divisor(expr: Expr) -> int:
    value = expr.value if isinstance(expr, tirx.Broadcast) else expr
    assert isinstance(value, tirx.IntImm) and value.value, "indices are divided by numbers"
    return int(value.value)


def _power_of_two(expr: Expr) -> int | None:
    divisor = _divisor(expr)
    return divisor.bit_length() - 1 if divisor & (divisor - 1) == 0 else None


def _negative(expr: Expr) -> Expr:
    value = expr.value if isinstance(expr, tirx.Broadcast) else expr
    return _number(expr, -value.value) if isinstance(value, tirx.IntImm) else tirx.Sub(_number(expr, 0), expr)


def _number(like: Expr, value: int) -> Expr:
    return widened(tirx.const(value, str(like.ty).split("x")[0]), lanes_of(like))


def _not_negative(analyzer: sym.Analyzer, expr: Expr) -> bool:
    ends = [expr]
    if isinstance(expr, tirx.Broadcast):
        ends = [expr.value]
    elif isinstance(expr, tirx.Ramp):
        ends = [expr.base, expr.base + expr.stride * (int(expr.lanes) - 1)]
    elif lanes_of(expr) > 1:
        return False
    return all(analyzer.const_int_bound(end).min_value >= 0 for end in ends)
