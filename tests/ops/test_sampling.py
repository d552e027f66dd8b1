"""Samplers: exact distributions, types, and errors."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.types import DType
from symc.ops.distributions import DISTRIBUTIONS, WIDE, log_factorial, normal_tail
from symc.ops.math import NumPyMath
from symc.ops.operator import make, run_reference
from symc.passes.seed_random import SEED, SeedRandom

COUNT = 40_000
PARTS = 32
CHI_SQUARE = 70         # of PARTS - 1 degrees of freedom: exceeded by chance 1 in 10 000 times


def sampled(name: str, dtype: str, *parameters: float) -> np.ndarray:
    given = dict(zip(DISTRIBUTIONS[name].parameters, parameters, strict=True))
    op = make(f"_draw_{name}", **given, count=COUNT, dtype=dtype, salt=9)
    return run_reference(op, [np.array([31])])[0]


def poisson_below(k: np.ndarray, rate: float) -> np.ndarray:
    """P(X ≤ k)."""
    terms = np.arange(int(max(k.max(), 0)) + 1)
    logs = terms * math.log(rate) - rate - np.array([math.lgamma(n + 1) for n in terms])
    return np.where(k < 0, 0, np.cumsum(np.exp(logs))[np.maximum(k, 0).astype(int)])


def binomial_below(k: np.ndarray, size: float, p: float) -> np.ndarray:
    terms = np.arange(int(max(k.max(), 0)) + 1)
    logs = np.array([math.lgamma(n + size) - math.lgamma(n + 1) - math.lgamma(size) for n in terms])
    logs = logs + size * math.log(p) + terms * math.log1p(-p)
    return np.where(k < 0, 0, np.cumsum(np.exp(logs))[np.maximum(k, 0).astype(int)])


def erlang_below(x: np.ndarray, shape: int) -> np.ndarray:
    """Of a sum of `shape` exponential numbers: P(Poisson(x) ≥ shape)."""
    return np.array([1 - poisson_below(np.array([shape - 1]), value)[0] for value in x])


def erf(x: np.ndarray) -> np.ndarray:
    return NumPyMath.erf(x)  # type: ignore[no-any-return]


def chi_square(x: np.ndarray, below: Callable[[np.ndarray], np.ndarray], is_whole: bool) -> float:
    """χ² of x in parts with nearly the same number each."""
    edges = np.unique(np.quantile(x, np.arange(1, PARTS) / PARTS).astype(np.float64))
    edges = np.floor(edges) if is_whole else edges
    probabilities = np.diff([0, *below(np.unique(edges)), 1])
    counts = np.histogram(x, [-np.inf, *np.unique(edges) + (0.5 if is_whole else 0), np.inf])[0]
    keep = probabilities * len(x) > 5
    return float(((counts - probabilities * len(x)) ** 2 / (probabilities * len(x)))[keep].sum())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "parameters", "below"), [
    ("uniform", (-1.0, 3.0), lambda x: (x + 1) / 4),
    ("normal", (2.0, 0.5), lambda x: 0.5 + erf((x - 2) / 0.5 / math.sqrt(2)) / 2),
    ("exponential", (4.0,), lambda x: -np.expm1(-4 * x)),
    ("gamma", (0.5, 2.0), lambda x: erf(np.sqrt(x / 2))),
    ("gamma", (1.0, 1.0), lambda x: -np.expm1(-x)),
    ("gamma", (3.0, 2.0), lambda x: erlang_below(x / 2, 3)),
    ("gamma", (40.0, 1.0), lambda x: erlang_below(x, 40)),
])
def test_continuous_distributions(name: str, parameters: tuple, below: Callable, dtype: str) -> None:
    assert chi_square(sampled(name, dtype, *parameters), below, is_whole=False) < CHI_SQUARE


@pytest.mark.parametrize(("name", "parameters", "below"), [
    *(("poisson", (rate,), lambda k, rate=rate: poisson_below(k, rate)) for rate in (0.3, 4.0, 9.99, 10.0, 30.0, 1e4)),
    *(("negative_binomial", (size, p), lambda k, size=size, p=p: binomial_below(k, size, p))
      for size, p in ((1, 0.7), (3, 0.4), (20, 0.1))),
    *(("generalized_negative_binomial", (mean, alpha),
       lambda k, mean=mean, alpha=alpha: binomial_below(k, 1 / alpha, 1 / (1 + mean * alpha)))
      for mean, alpha in ((2.0, 0.3), (50.0, 0.02))),
    ("generalized_negative_binomial", (3.0, 0.0), lambda k: poisson_below(k, 3.0)),
])
def test_discrete_distributions(name: str, parameters: tuple, below: Callable) -> None:
    x = sampled(name, "float32", *parameters)
    assert (x == np.floor(x)).all() and chi_square(x, below, is_whole=True) < CHI_SQUARE


@pytest.mark.parametrize(("name", "parameters", "mean", "variance"), [
    ("poisson", (1e-3,), 1e-3, 1e-3), ("poisson", (1e6,), 1e6, 1e6), ("gamma", (0.05, 1.0), 0.05, 0.05),
    ("gamma", (1e4, 0.1), 1e3, 100), ("negative_binomial", (0, 0.5), 0, 0), ("poisson", (0.0,), 0, 0),
    ("negative_binomial", (3, 1.0), 0, 0), ("generalized_negative_binomial", (0.0, 0.5), 0, 0),
])
def test_moments_at_the_ends_of_the_ranges(name: str, parameters: tuple, mean: float, variance: float) -> None:
    x = sampled(name, "float64", *parameters)
    assert abs(x.mean() - mean) <= 4 * math.sqrt(variance / COUNT) and abs(x.var() - variance) <= 0.35 * variance


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_float16_is_float32_rounded(name: str) -> None:
    parameters = [0.5] * len(DISTRIBUTIONS[name].parameters)
    half, single = sampled(name, "float16", *parameters), sampled(name, "float32", *parameters)
    assert half.dtype == np.float16 and single.dtype == np.float32
    if name != "uniform":       # which takes fewer bits, so that the end of the range is never reached
        np.testing.assert_array_equal(half, single.astype(np.float16))


@pytest.mark.parametrize(("dtype", "tolerance"), [(WIDE, 1e-14), (DType.float32, 5e-7)])
def test_quantiles_of_the_normal_distribution(dtype: DType, tolerance: float) -> None:
    """Those of textbooks, from the centre to far out."""
    tails = np.array([0.5, 0.25, 0.1, 0.025, 0.01, 1e-3, 1e-6, 1e-9], dtype.numpy)
    expected = [0, 0.6744897501960817, 1.2815515655446004, 1.9599639845400545, 2.3263478740408408, 3.0902323061678132,
                4.753424308822899, 5.9978070150076865]
    np.testing.assert_allclose(normal_tail(NumPyMath, tails, dtype), expected, 10 * tolerance, tolerance)


def test_logarithms_of_factorials() -> None:
    k = np.array([0, 1, 2, 9, 30, 1e4, 1e9])
    np.testing.assert_allclose(log_factorial(NumPyMath, k), [math.lgamma(x + 1) for x in k], 1e-12, 1e-11)


# ---- the operators -----------------------------------------------------------------------------------------------


def drawn(graph: Callable, text: str, seed: int = 5, **inputs: np.ndarray) -> np.ndarray:
    return run(SeedRandom()(graph(text)), {SEED: np.array([seed]), **inputs}).heads[0]


def test_shapes_and_dtypes(graph) -> None:
    scalars = drawn(graph, "%y = _random_normal() shape=(2,3) dtype=float64\nheads %y")
    assert scalars.shape == (2, 3) and scalars.dtype == np.float64
    follows = drawn(graph, "%x: f32[4,5]\n%y = _random_normal()\n%z = elemwise_add(%x, %y)\nheads %z",
                    x=np.zeros((4, 5), np.float32))
    assert follows.shape == (4, 5) and len(np.unique(follows)) == 20
    like = drawn(graph, "%x: f16[4,5]\n%y = _random_gamma_like(%x)\nheads %y", x=np.zeros((4, 5), np.float16))
    assert like.shape == (4, 5) and like.dtype == np.float16
    each = drawn(graph, "%l: f64[3]\n%y = _sample_poisson(%l) shape=(1000,)\nheads %y", l=np.array([1.0, 10, 100]))
    assert each.shape == (3, 1000) and each.dtype == np.float32
    np.testing.assert_allclose(each.mean(1), [1, 10, 100], 0.1)


def test_parameters_of_an_element_are_its_own(graph) -> None:
    text = "%m: f32[2,2]\n%s: f32[2,2]\n%y = _sample_normal(%m, %s) shape=(3,)\nheads %y"
    m = np.array([[0, 10], [20, 30]], np.float32)
    y = drawn(graph, text, m=m, s=np.full((2, 2), 1e-3, np.float32))
    np.testing.assert_allclose(y, np.repeat(m[..., None], 3, 2), atol=0.1)


@pytest.mark.parametrize(("text", "message"), [
    ("%y = _random_uniform() low=2 high=1 shape=(3,)", "low is larger than high"),
    ("%y = _random_normal() scale=0 shape=(3,)", "scale is not positive"),
    ("%y = _random_gamma() alpha=-1 shape=(3,)", "alpha is not positive"),
    ("%y = _random_poisson() lam=-1 shape=(3,)", "lam is negative"),
    ("%x: f32[2]\n%y = _random_exponential_like(%x) lam=0", "lam is not positive"),
    ("%x: i32[2]\n%y = _random_normal_like(%x)", "samples are float16, float32 or float64"),
    ("%a: f32[2]\n%b: f32[3]\n%y = _sample_uniform(%a, %b)", r"low|high"),
    ("%a: f32[2]\n%y = _sample_poisson(%a) shape=(2,0)", "has a dimension of 0"),
])
def test_errors(graph, text: str, message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        graph(f"{text}\nheads %y")


# ---- compiled ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "parameters", "dtype"), [
    ("uniform", "low=-1.5 high=3", "float16"), ("uniform", "low=-1.5 high=3", "float32"),
    ("uniform", "low=-1.5 high=3", "float64"), ("normal", "loc=1 scale=2", "float32"),
    ("normal", "loc=1 scale=2", "float64"), ("exponential", "lam=4", "float32"),
    ("gamma", "alpha=0.5 beta=2", "float16"), ("poisson", "lam=4", "float64"), ("poisson", "lam=40", "float32"),
    ("generalized_negative_binomial", "mu=2 alpha=0.3", "float32"),
])
def test_kernels_draw_what_the_reference_draws(graph, groups, name: str, parameters: str, dtype: str) -> None:
    g = graph(f"%s: i64[1]\n%y = _draw_{name}(%s) {parameters} count=1234 dtype={dtype} salt=3\nheads %y")
    inputs = [np.array([2**40 + 7])]
    groups.check(g, inputs, rtol=2e-6, atol=2e-6)
    if name in ("uniform", "poisson"):
        np.testing.assert_array_equal(groups.compile(g)(*inputs)[0], run(g, {"s": inputs[0]}).heads[0])


def test_kernels_with_parameters_of_each_element(graph, groups) -> None:
    g = graph("""
        %m: f32[5]
        %v: f32[5]
        %s: i64[1]
        %a = _draw_each_normal(%m, %v, %s) count=77 salt=1
        %b = _draw_each_gamma(%v, %v, %s) count=77 salt=2
        heads %a, %b""")
    groups.check(g, [np.arange(5, dtype=np.float32), np.arange(1, 6, dtype=np.float32) / 2, np.array([3])], rtol=1e-5)


def test_draws_fuse_with_their_readers(graph, groups) -> None:
    g = graph("""
        %x: f32[9,50]
        %s: i64[1]
        %u = _draw_uniform(%s) low=0 high=1 count=450 salt=1
        %v = _reshape(%u) shape=(9,50)
        %y = elemwise_mul(%x, %v)
        heads %y""")
    assert len(groups.check(g, [np.ones((9, 50), np.float32), np.array([1])]).code.kernels) == 1
