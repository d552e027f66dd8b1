"""Elementwise functions of one operand: rounding, roots, exponentials, trigonometry, special functions."""

from __future__ import annotations

import math
from typing import Any

from symc.ir.types import DType
from symc.ops.elementwise import SAME, Expression, elementwise, real
from symc.ops.operator import NUMBERS
from symc.ops.polynomials import polynomial, ratio

DIGAMMA_SERIES = (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
LN2, LN10, DEGREE = math.log(2), math.log(10), math.pi / 180


def sign(F: Any, x: Any) -> Any:
    """-1, 0 or 1; 0 for NaN."""
    return F.cast(x > 0, F.dtype(x)) - F.cast(x < 0, F.dtype(x))


def rint(F: Any, x: Any) -> Any:
    """The nearest integer, halves downward."""
    return F.where(x - F.floor(x) <= F.ceil(x) - x, F.floor(x), F.ceil(x))


def round_away(F: Any, x: Any) -> Any:
    """The nearest integer, halves away from zero."""
    whole = F.trunc(x)
    return F.where(F.abs(x - whole) >= 0.5, whole + sign(F, x), whole)


def digamma(F: Any, x: Any) -> Any:
    """ψ, the derivative of ln Γ, as MXNet computes it (Cephes' psi); +∞ at its poles.

    ψ(x) = ψ(1-x) - π/tan(πx) and ψ(x) = ψ(x+1) - 1/x lead to x ≥ 10, where the asymptotic series (Abramowitz and
    Stegun 6.3.18) holds.  The logarithm is rounded to float32 whatever the dtype, which MXNet does too.
    """
    left = x <= 0
    s = F.where(left, 1 - x, x)
    total = F.where(left, -F.pi / F.tan(F.pi * (x - F.floor(x))), F.const(0, x))
    for _ in range(10):
        below = s < 10
        total = total - F.where(below, 1 / s, F.const(0, s))
        s = F.where(below, s + 1, s)
    series = polynomial(DIGAMMA_SERIES, 1 / (s * s)) / (s * s)
    logarithm = F.cast(F.cast(F.log(F.cast(F.cast(s, DType.float32), DType.float64)), DType.float32), F.dtype(s))
    pole = F.logical_and(left, x == F.floor(x))
    return F.where(pole, F.const(math.inf, x), logarithm - 0.5 / s - series + total)


# Rational approximations of erf's inverse for |x| ≤ 0.7 and in the tails, as in MXNet (after A. Strecok, 1968).
ERFINV_CENTRE = (-0.140543331, 0.914624893, -1.645349621, 0.886226899), (0.012229801, -0.329097515, 1.442710462,
                                                                         -2.118377725, 1)
ERFINV_TAIL = (1.641345311, 3.429567803, -1.624906493, -1.970840454), (1.637067800, 3.543889200, 1)


def erfinv(F: Any, x: Any) -> Any:
    """The inverse of erf: a rational approximation and two Newton steps; ±∞ at ±1, NaN outside."""
    distance = F.sqrt(-F.log((1 - F.abs(x)) / 2))
    guess = F.where(F.abs(x) <= 0.7, x * ratio(ERFINV_CENTRE, x * x), sign(F, x) * ratio(ERFINV_TAIL, distance))
    for _ in range(2):
        guess = guess - (F.erf(guess) - x) / (2 / math.sqrt(math.pi) * F.exp(-guess * guess))
    return F.where(F.abs(x) == 1, x * math.inf, guess)


def erfinv_of_any(F: Any, x: Any) -> Any:
    """erfinv; 0 for integers outside [-1, 1], which have no NaN."""
    value = real(erfinv)(F, x)
    return value if F.dtype(x).is_float else F.where(F.abs(x) > 1, F.const(0, x), value)


TABLE: dict[str, tuple[str, Expression, Expression | None]] = {
    # name: (what it is, f(F, x), its derivative times dy, None where that is zero)
    "abs": ("|x|.", lambda F, x: F.abs(x), lambda F, x, dy: dy * sign(F, x)),
    "negative": ("-x.", lambda F, x: -x, lambda F, dy: -dy),
    "reciprocal": ("1/x.", lambda F, x: 1 / x, lambda F, x, dy: -dy / (x * x)),
    "square": ("x².", lambda F, x: x * x, lambda F, x, dy: dy * (2 * x)),
    "sign": ("-1, 0 or 1; 0 for NaN.", sign, None),
    "ceil": ("The smallest integer not below x.", lambda F, x: F.ceil(x), None),
    "floor": ("The largest integer not above x.", lambda F, x: F.floor(x), None),
    "trunc": ("x without its fraction.", lambda F, x: F.trunc(x), None),
    "fix": ("The nearest integer toward zero.", lambda F, x: F.trunc(x), None),
    "rint": ("The nearest integer; halves go down, as in MXNet.", rint, None),
    "round": ("The nearest integer; halves go away from zero.", round_away, None),
    "logical_not": ("1 where x is 0, else 0.", lambda F, x: F.cast(x == 0, F.dtype(x)), None),
    "sqrt": ("√x.", lambda F, x: F.sqrt(x), lambda F, y, dy: dy * 0.5 / y),
    "rsqrt": ("1/√x.", lambda F, x: 1 / F.sqrt(x), lambda F, x, y, dy: dy * -0.5 * y / x),
    "cbrt": ("∛x.", lambda F, x: F.cbrt(x), lambda F, y, dy: dy / (3 * y * y)),
    "rcbrt": ("1/∛x.", lambda F, x: 1 / F.cbrt(x), lambda F, x, y, dy: dy * y / (-3 * x)),
    "exp": ("e to the power of x.", lambda F, x: F.exp(x), lambda F, y, dy: dy * y),
    "expm1": ("eˣ - 1, exact near 0.", lambda F, x: F.expm1(x), lambda F, x, dy: dy * F.exp(x)),
    "log": ("ln x.", lambda F, x: F.log(x), lambda F, x, dy: dy / x),
    "log2": ("The logarithm to base 2.", lambda F, x: F.log2(x), lambda F, x, dy: dy / (LN2 * x)),
    "log10": ("The logarithm to base 10.", lambda F, x: F.log10(x), lambda F, x, dy: dy / (LN10 * x)),
    "log1p": ("ln(1 + x), exact near 0.", lambda F, x: F.log1p(x), lambda F, x, dy: dy / (1 + x)),
    "sin": ("Sine.", lambda F, x: F.sin(x), lambda F, x, dy: dy * F.cos(x)),
    "cos": ("Cosine.", lambda F, x: F.cos(x), lambda F, x, dy: -dy * F.sin(x)),
    "tan": ("Tangent.", lambda F, x: F.tan(x), lambda F, y, dy: dy * (y * y + 1)),
    "arcsin": ("Inverse sine.", lambda F, x: F.arcsin(x), lambda F, x, dy: dy / F.sqrt(1 - x * x)),
    "arccos": ("Inverse cosine.", lambda F, x: F.arccos(x), lambda F, x, dy: -dy / F.sqrt(1 - x * x)),
    "arctan": ("Inverse tangent.", lambda F, x: F.arctan(x), lambda F, x, dy: dy / (x * x + 1)),
    "degrees": ("Radians to degrees.", lambda F, x: x * (1 / DEGREE), lambda F, dy: dy * (1 / DEGREE)),
    "radians": ("Degrees to radians.", lambda F, x: x * DEGREE, lambda F, dy: dy * DEGREE),
    "sinh": ("Hyperbolic sine.", lambda F, x: F.sinh(x), lambda F, x, dy: dy * F.cosh(x)),
    "cosh": ("Hyperbolic cosine.", lambda F, x: F.cosh(x), lambda F, x, dy: dy * F.sinh(x)),
    "tanh": ("Hyperbolic tangent.", lambda F, x: F.tanh(x), lambda F, y, dy: dy * (1 - y * y)),
    "arcsinh": ("Inverse of sinh.", lambda F, x: F.arcsinh(x), lambda F, x, dy: dy / F.sqrt(x * x + 1)),
    "arccosh": ("Inverse of cosh.", lambda F, x: F.arccosh(x), lambda F, x, dy: dy / F.sqrt(x * x - 1)),
    "arctanh": ("Inverse of tanh.", lambda F, x: F.arctanh(x), lambda F, x, dy: dy / (1 - x * x)),
    "erf": ("The error function.", lambda F, x: F.erf(x),
            lambda F, x, dy: dy * (2 / math.sqrt(math.pi)) * F.exp(-x * x)),
    "erfinv": ("The inverse of erf; ±∞ at ±1, NaN outside.", erfinv_of_any,
               lambda F, y, dy: dy * (math.sqrt(math.pi) / 2) * F.exp(y * y)),
    "gamma": ("Γ(x).", lambda F, x: F.tgamma(x), lambda F, x, y, dy: dy * y * digamma(F, x)),
    "gammaln": ("ln |Γ(x)|.", lambda F, x: F.lgamma(x), lambda F, x, dy: dy * digamma(F, x)),
    "softsign": ("x / (1 + |x|).", lambda F, x: x / (1 + F.abs(x)),
                 lambda F, x, dy: dy / ((1 + F.abs(x)) * (1 + F.abs(x)))),
}
WITHOUT_SPARSE_ALIAS = ("erf", "erfinv", "logical_not", "rcbrt", "reciprocal", "softsign")
OF_NUMBERS = ("abs", "erfinv", "negative", "sign")
OF_ANY_TYPE = ("abs", "negative", "square", "sign", "logical_not", "erfinv")   # the others are `real`

for _name, (_doc, _function, _derivative) in TABLE.items():
    _computed = _function if _name in OF_ANY_TYPE else real(_function)
    elementwise(_name, aliases=() if _name in WITHOUT_SPARSE_ALIAS else (f"_sparse_{_name}",), doc=_doc,
                gradient=(_derivative and real(_derivative),),
                dtypes=NUMBERS if _name in OF_NUMBERS else DType)(_computed)


@elementwise("_copy", aliases=("identity",), gradient=SAME)
def copy(F: Any, x: Any) -> Any:
    """x."""
    return x


@elementwise("BlockGrad", aliases=("stop_gradient", "_sparse_stop_gradient"), gradient=(None,))
def block_gradient(F: Any, x: Any) -> Any:
    """x; no gradient flows through it."""
    return x


@elementwise("_contrib_round_ste", aliases=("_sparse__contrib_round_ste",), gradient=SAME)
@real
def round_straight_through(F: Any, x: Any) -> Any:
    """The nearest integer, halves away from zero; the gradient passes unchanged."""
    return round_away(F, x)


@elementwise("_contrib_sign_ste", aliases=("_sparse__contrib_sign_ste",), gradient=SAME, dtypes=NUMBERS)
def sign_straight_through(F: Any, x: Any) -> Any:
    """-1, 0 or 1; the gradient passes unchanged."""
    return sign(F, x)


@elementwise("_contrib_gradientmultiplier", gradient=lambda F, dy, *, scalar: dy * scalar)
def gradient_multiplier(F: Any, x: Any, *, scalar: float = 1.0, is_int: bool = True) -> Any:
    """x; its gradient is multiplied by `scalar`."""
    return x


@elementwise("_contrib_quadratic", gradient=real(lambda F, x, dy, *, a, b: dy * (2 * a * x + b)), dtypes=NUMBERS)
@real
def quadratic(F: Any, x: Any, *, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> Any:
    """a·x² + b·x + c."""
    return (a * x + b) * x + c


def _inside(F: Any, x: Any, dy: Any, *, a_min: float, a_max: float) -> Any:
    outside = F.logical_or(x < F.const(a_min, x), x > F.const(a_max, x))
    return F.where(outside, F.const(0, dy), dy)


@elementwise("clip", aliases=("_sparse_clip",), gradient=_inside)
def clip(F: Any, x: Any, *, a_min: float, a_max: float) -> Any:
    """x between a_min and a_max, bounds that pass the gradient too; NaN stays."""
    low, high = F.const(a_min, x), F.const(a_max, x)
    return F.where(x > high, high, F.where(x < low, low, x))


def _smooth_l1_constants(scalar: float) -> tuple[float, float]:
    """σ², and 1/σ² where the parabola ends."""
    square = scalar * scalar
    return square, 1 / square if square else math.inf


def _smooth_l1_derivative(F: Any, x: Any, dy: Any, *, scalar: float) -> Any:
    square, limit = _smooth_l1_constants(scalar)
    return dy * F.where(F.abs(x) > limit, sign(F, x), square * x)


@real
def _smooth_l1(F: Any, x: Any, *, scalar: float) -> Any:
    square, limit = _smooth_l1_constants(scalar)
    return F.where(F.abs(x) > limit, F.abs(x) - 0.5 * limit, 0.5 * x * x * square)


@elementwise("smooth_l1", gradient=real(_smooth_l1_derivative))
def smooth_l1(F: Any, x: Any, *, scalar: float = 1.0) -> Any:
    """σ²x²/2 where |x| ≤ 1/σ², |x| - 1/(2σ²) outside; σ is `scalar`, a whole number beside integers."""
    return _smooth_l1(F, x, scalar=scalar if F.dtype(x).is_float else float(math.trunc(scalar)))


@elementwise("hard_sigmoid", gradient=real(
    lambda F, y, dy, *, alpha: F.where(F.logical_and(y > 0, y < 1), dy * alpha, F.const(0, dy))))
@real
def hard_sigmoid(F: Any, x: Any, *, alpha: float = 0.2, beta: float = 0.5) -> Any:
    """alpha·x + beta between 0 and 1."""
    line = alpha * x + beta
    return F.where(line < 0, F.const(0, x), F.where(line > 1, F.const(1, x), line))
