"""Distributions, each written once over the draws of an element (`ops.random.Draws`) for NumPy and for kernels.

Those by rejection are loops whose n-th attempt has draws of its own numbers, so that an element is a function of the
seed and its position alone.  All of these compute in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symc.ir.types import DType
from symc.ops.polynomials import polynomial, ratio
from symc.ops.random import Bits, Draws, Value

Draw = Callable[..., Value]     # (draws, dtype of the result, *parameters) → the draw

WIDE = DType.float64
GAMMA_ATTEMPTS = 32             # each is accepted with more than 95 %
GAMMA_BOOST = 2 * GAMMA_ATTEMPTS
POISSON_FIRST = GAMMA_BOOST + 1  # numbers of draws from here on are the Poisson distribution's
POISSON_ATTEMPTS = 128          # each is accepted with more than 70 %
POISSON_SEARCHED = 10.0         # rates below this are sampled by search
POISSON_MOST = 100              # what a rate below POISSON_SEARCHED exceeds with a chance of less than 2⁻⁵³


@dataclass(frozen=True)
class Distribution:
    """A distribution that operators sample.

    parameters: names and defaults.  by_loops: it is drawn by loops, in float64; others compute in the result's dtype.
    forbidden: what its parameters may not be: a message, and whether they are so.
    """

    name: str
    parameters: dict[str, float]
    draw: Draw
    forbidden: Callable[..., Sequence[tuple[str, Any]]]
    by_loops: bool = False


# ---- by inversion ------------------------------------------------------------------------------------------------


def uniform(draws: Draws, dtype: DType, low: Value, high: Value) -> Value:
    return draws.unit(draws.bits(0), dtype) * (high - low) + low


def normal(draws: Draws, dtype: DType, loc: Value, scale: Value) -> Value:
    return standard_normal(draws, draws.bits(0), WIDE if dtype is WIDE else DType.float32) * scale + loc


def exponential(draws: Draws, dtype: DType, lam: Value) -> Value:
    return -draws.F.log(draws.positive(draws.bits(0), WIDE if dtype is WIDE else DType.float32)) / lam


# M. Wichura, algorithm AS 241 (Applied Statistics 37, 1988): rational approximations of the normal quantile, to 16
# digits and (the short ones) to 7.  Highest powers first.
CENTRE = ((2.50908_09287_30122_6727e+3, 3.34305_75583_58812_8105e+4, 6.72657_70927_00870_0853e+4,
           4.59219_53931_54987_1457e+4, 1.37316_93765_50946_1125e+4, 1.97159_09503_06551_4427e+3,
           1.33141_66789_17843_7745e+2, 3.38713_28727_96366_6080e+0),
          (5.22649_52788_52854_5610e+3, 2.87290_85735_72194_2674e+4, 3.93078_95800_09271_0610e+4,
           2.12137_94301_58659_5867e+4, 5.39419_60214_24751_1077e+3, 6.87187_00749_20579_0830e+2,
           4.23133_30701_60091_1252e+1, 1.0))
TAIL = ((7.74545_01427_83414_07640e-4, 2.27238_44989_26918_45833e-2, 2.41780_72517_74506_11770e-1,
         1.27045_82524_52368_38258e+0, 3.64784_83247_63204_60504e+0, 5.76949_72214_60691_40550e+0,
         4.63033_78461_56545_29590e+0, 1.42343_71107_49683_57734e+0),
        (1.05075_00716_44416_84324e-9, 5.47593_80849_95344_94600e-4, 1.51986_66563_61645_71966e-2,
         1.48103_97642_74800_74590e-1, 6.89767_33498_51000_04550e-1, 1.67638_48301_83803_84940e+0,
         2.05319_16266_37758_82187e+0, 1.0))
FAR_TAIL = ((2.01033_43992_92288_13265e-7, 2.71155_55687_43487_57815e-5, 1.24266_09473_88078_43860e-3,
             2.65321_89526_57612_30930e-2, 2.96560_57182_85048_91230e-1, 1.78482_65399_17291_33580e+0,
             5.46378_49111_64114_36990e+0, 6.65790_46435_01103_77720e+0),
            (2.04426_31033_89939_78564e-15, 1.42151_17583_16445_88870e-7, 1.84631_83175_10054_68180e-5,
             7.86869_13114_56132_59100e-4, 1.48753_61290_85061_48525e-2, 1.36929_88092_27358_05310e-1,
             5.99832_20655_58879_37690e-1, 1.0))
SHORT_CENTRE = ((5.91093_74720e+1, 1.59291_13202e+2, 5.04342_71938e+1, 3.38713_27179e+0),
                (6.71875_63600e+1, 7.87577_57664e+1, 1.78951_69469e+1, 1.0))
SHORT_TAIL = ((1.70238_21103e-1, 1.30672_84816e+0, 2.75681_53900e+0, 1.42343_72777e+0),
              (1.20211_32975e-1, 7.37001_64250e-1, 1.0))


def standard_normal(draws: Draws, bits: Bits, dtype: DType) -> Value:
    """The quantile of a tail, on either side: every value has the full resolution of what `positive` gives."""
    F, tail = draws.F, draws.positive(bits, dtype) * 0.5
    size = normal_tail(F, tail, dtype)
    return F.where(draws.is_odd(bits), -size, size)


def normal_tail(F: Any, tail: Value, dtype: DType) -> Value:
    """x ≥ 0 that a standard normal number exceeds with probability `tail`, in (0, ½]."""
    q = 0.5 - tail
    r = F.sqrt(-F.log(tail))
    centre, side = (SHORT_CENTRE, SHORT_TAIL) if dtype is DType.float32 else (CENTRE, TAIL)
    outside = ratio(side, r - 1.6)
    if dtype is WIDE:
        outside = F.where(r > 5.0, ratio(FAR_TAIL, r - 5.0), outside)
    return F.where(q <= 0.425, q * ratio(centre, 0.180625 - q * q), outside)


# ---- by rejection ------------------------------------------------------------------------------------------------


def gamma(draws: Draws, dtype: DType, alpha: Value, beta: Value) -> Value:
    """Marsaglia and Tsang (ACM Transactions on Mathematical Software 26, 2000); shapes below 1 through shape + 1."""
    F = draws.F
    d = F.where(alpha < 1.0, alpha + 1.0, alpha) - 1.0 / 3.0
    (cube,) = draws.repeat(d == d, (d, 1.0 / F.sqrt(9.0 * d)), (d,), lambda *at: _gamma_attempt(draws, *at),
                           GAMMA_ATTEMPTS)
    boost = F.power(draws.positive(draws.bits(GAMMA_BOOST), WIDE), 1.0 / alpha)
    return d * cube * F.where(alpha < 1.0, boost, 1.0) * beta


def _gamma_attempt(draws: Draws, number: Any, operands: Sequence[Value],
                   _: Sequence[Value]) -> tuple[Value, tuple[Value, ...]]:
    F, (d, c) = draws.F, operands
    x = standard_normal(draws, draws.bits(number * 2), WIDE)
    root = x * c + 1.0
    cube = root * root * root
    u = draws.positive(draws.bits(number * 2 + 1), WIDE)
    accepted = F.logical_and(root > 0.0, F.log(u) < x * x * 0.5 + d * (1.0 - cube + F.log(F.abs(cube))))
    return F.logical_not(accepted), (cube,)


def poisson(draws: Draws, dtype: DType, lam: Value) -> Value:
    """Small rates by search of the distribution function, others by Hörmann's transformed rejection."""
    F = draws.F
    is_small = lam < POISSON_SEARCHED
    u = draws.unit(draws.bits(POISSON_FIRST), WIDE)
    first = F.exp(-lam)
    searched, _, _ = draws.repeat(F.logical_and(is_small, u >= first), (lam, u), (lam * 0.0, first, first),
                                  lambda *at: _poisson_search(*at), POISSON_MOST)
    b = F.sqrt(lam) * 2.53 + 0.931
    (rejected,) = draws.repeat(F.logical_not(is_small), (lam, F.log(lam), b), (lam,),
                               lambda *at: _poisson_attempt(draws, *at), POISSON_ATTEMPTS)
    return F.where(is_small, searched, rejected)


def _poisson_search(number: Any, operands: Sequence[Value],
                    state: Sequence[Value]) -> tuple[Value, tuple[Value, ...]]:
    (lam, u), (k, term, total) = operands, state
    k = k + 1.0
    term = term * lam / k
    total = total + term
    return u >= total, (k, term, total)


def _poisson_attempt(draws: Draws, number: Any, operands: Sequence[Value],
                     _: Sequence[Value]) -> tuple[Value, tuple[Value, ...]]:
    """PTRS: W. Hörmann, The transformed rejection method for generating Poisson random variables (1993)."""
    F, (lam, log_lam, b) = draws.F, operands
    a = b * 0.02483 - 0.059
    u = draws.unit(draws.bits(number * 2 + (POISSON_FIRST + 1)), WIDE) - 0.5
    v = draws.positive(draws.bits(number * 2 + (POISSON_FIRST + 2)), WIDE)
    left = 0.5 - F.abs(u)
    k = F.floor((a * 2.0 / left + b) * u + lam + 0.43)
    at_once = F.logical_and(left >= 0.07, v <= 0.9277 - 3.6224 / (b - 2.0))
    never = F.logical_or(k < 0.0, F.logical_and(left < 0.013, v > left))
    ratio = F.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (left * left) + b))
    safe = F.where(k < 0.0, 0.0, k)
    later = F.logical_and(F.logical_not(never), ratio <= safe * log_lam - lam - log_factorial(F, safe))
    return F.logical_not(F.logical_or(at_once, later)), (safe,)


def log_factorial(F: Any, k: Value) -> Value:
    """ln k!, by Stirling's series at k + 8, to 12 digits."""
    below = k + 1.0
    product = below
    for step in range(1, 7):
        product = product * (below + float(step))
    x = below + 7.0
    inverse = 1.0 / (x * x)
    series = polynomial((-1 / 1680, 1 / 1260, -1 / 360, 1 / 12), inverse) / x
    return (x - 0.5) * F.log(x) - x + (0.5 * math.log(2 * math.pi)) + series - F.log(product)


def negative_binomial(draws: Draws, dtype: DType, k: Value, p: Value) -> Value:
    """A Poisson number whose rate is gamma distributed."""
    return poisson(draws, dtype, gamma(draws, dtype, k, (1.0 - p) / p))


def generalized_negative_binomial(draws: Draws, dtype: DType, mu: Value, alpha: Value) -> Value:
    """The same by mean and dispersion; without dispersion a Poisson number."""
    F, is_plain = draws.F, alpha == 0.0
    dispersion = F.where(is_plain, 1.0, alpha)
    mixed = gamma(draws, dtype, 1.0 / dispersion, dispersion * mu)
    return poisson(draws, dtype, F.where(is_plain, mu, mixed))


DISTRIBUTIONS = {made.name: made for made in (
    Distribution("uniform", {"low": 0.0, "high": 1.0}, uniform,
                 lambda low, high: [("low is larger than high", low > high)]),
    Distribution("normal", {"loc": 0.0, "scale": 1.0}, normal,
                 lambda loc, scale: [("scale is not positive", scale <= 0)]),
    Distribution("exponential", {"lam": 1.0}, exponential,
                 lambda lam: [("lam is not positive", lam <= 0)]),
    Distribution("gamma", {"alpha": 1.0, "beta": 1.0}, gamma,
                 lambda alpha, beta: [("alpha is not positive", alpha <= 0), ("beta is not positive", beta <= 0)],
                 by_loops=True),
    Distribution("poisson", {"lam": 1.0}, poisson, lambda lam: [("lam is negative", lam < 0)], by_loops=True),
    Distribution("negative_binomial", {"k": 1, "p": 1.0}, negative_binomial,
                 lambda k, p: [("k is negative", k < 0), ("p is negative", p < 0)], by_loops=True),
    Distribution("generalized_negative_binomial", {"mu": 1.0, "alpha": 1.0}, generalized_negative_binomial,
                 lambda mu, alpha: [("mu is negative", mu < 0), ("alpha is negative", alpha < 0)], by_loops=True),
)}
