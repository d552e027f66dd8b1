"""Densities: _random_pdf_X(sample, parameters).

The first dimensions of the sample are those of the parameters, each of which belongs to the samples behind it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Value
from symc.ir.types import Shape
from symc.ops.elementwise import elementwise, real
from symc.ops.families.unary import digamma
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.registry import REGISTRY
from symc.ops.slots import Conflict, ShapeSlot, Slots, show

Expression = Callable[..., Any]


class Density(Operator):
    """Base: the density at each sample."""

    dtypes = REAL

    elements: ClassVar[str]     # the elementwise operator behind it
    is_log: bool

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        sample, parameters = s.inputs[0], s.inputs[1:]
        for _ in range(2):
            for a, b in zip(parameters, parameters[::-1], strict=True):
                a.unify(b.shape)
        s.output.unify(sample.shape)
        sample.unify(s.output.shape)
        rank = parameters[0].rank
        if rank is None or sample.rank is None:
            return
        if rank > sample.rank:
            raise Conflict(f"the parameters have shape {show(parameters[0].shape)}, the sample {show(sample.shape)}")
        for parameter in parameters:
            parameter.unify(sample.shape[:rank])
        sample.unify((*parameters[0].shape, *sample.shape[rank:]))

    def rewrite(self, g: Any, sample: Value, *parameters: Value) -> list[Value] | None:
        ones = (1,) * (len(sample.type.dims) - len(parameters[0].type.dims))
        laid = [g.reshape(value, (*value.type.dims, *ones)) for value in parameters]
        return [g.op(self.elements, sample, *laid, is_log=self.is_log)]

    def reference(self, sample: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
        ones = (1,) * (sample.ndim - parameters[0].ndim)
        block: Any = REGISTRY[self.elements]
        return block(is_log=self.is_log).reference(  # type: ignore[no-any-return]
            sample, *(value.reshape(*value.shape, *ones) for value in parameters))


def _register(name: str, title: str, log_density: Expression, scores: dict[str, Expression | None]) -> None:
    """The operators of one distribution.

    log_density(F, sample, *parameters); scores: the derivative of that by each argument, None where MXNet has 0.
    """
    arguments = tuple(scores)
    doc = f"The density of the {title} distribution at each sample, or its logarithm; the parameters broadcast."

    def density(F: Any, *values: Any, is_log: bool) -> Any:
        logarithm = log_density(F, *values)
        return logarithm if is_log else F.exp(logarithm)

    def derivative(score: Expression) -> Expression:
        def slope(F: Any, *values: Any, is_log: bool) -> Any:
            *operands, y, dy = values
            return score(F, *operands) * (dy if is_log else dy * y)
        return real(_taking((*arguments, "y", "dy"), slope))
    gradient = [score and derivative(score) for score in scores.values()]
    elementwise(f"_density_{name}", inputs=arguments, broadcasts=True, hidden=True, doc=doc,
                gradient=gradient)(real(_taking(arguments, density)))
    body = {"__doc__": doc, "__module__": __name__, "inputs": arguments, "elements": f"_density_{name}",
            "is_log": False, "__annotations__": {"is_log": bool}}
    operator(f"_random_pdf_{name}", aliases=(f"random_pdf_{name}",))(type(name, (Density,), body))


def _taking(arguments: tuple[str, ...], function: Expression) -> Expression:
    """`function` with a signature that names its operands."""
    operands = [inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD) for key in ("F", *arguments)]
    is_log = inspect.Parameter("is_log", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
    function.__signature__ = inspect.Signature([*operands, is_log])  # type: ignore[attr-defined]
    return function


def _log_normal(F: Any, x: Any, mu: Any, sigma: Any) -> Any:
    return (x - mu) * (x - mu) * -0.5 / (sigma * sigma) - F.log(sigma * math.sqrt(2 * math.pi))


def _log_gamma(F: Any, x: Any, alpha: Any, beta: Any) -> Any:
    return alpha * F.log(beta) + (alpha - 1) * F.log(x) - beta * x - F.lgamma(alpha)


def _log_poisson(F: Any, x: Any, lam: Any) -> Any:
    return x * F.log(lam) - F.lgamma(x + 1) - lam


def _log_negative_binomial(F: Any, x: Any, k: Any, p: Any) -> Any:
    return F.lgamma(x + k) - F.lgamma(x + 1) - F.lgamma(k) + k * F.log(p) + x * F.log(1 - p)


def _by_limit(F: Any, x: Any, k: Any, p: Any) -> Any:
    return digamma(F, x + k) - digamma(F, k) + F.log(p)


def _by_probability(F: Any, x: Any, k: Any, p: Any) -> Any:
    return k / p - x / (1 - p)


def _log_generalized(F: Any, x: Any, mu: Any, alpha: Any) -> Any:
    return _log_negative_binomial(F, x, 1 / alpha, 1 / (mu * alpha + 1))


def _by_mean(F: Any, x: Any, mu: Any, alpha: Any) -> Any:
    p = 1 / (mu * alpha + 1)
    return -_by_probability(F, x, 1 / alpha, p) * alpha * p * p


def _by_dispersion(F: Any, x: Any, mu: Any, alpha: Any) -> Any:
    k, p = 1 / alpha, 1 / (mu * alpha + 1)
    return -_by_limit(F, x, k, p) / (alpha * alpha) - _by_probability(F, x, k, p) * mu * p * p


_register("uniform", "uniform", lambda F, x, low, high: -F.log(high - low), {
    "sample": None, "low": lambda F, x, low, high: 1 / (high - low), "high": lambda F, x, low, high: 1 / (low - high)})
_register("normal", "normal", _log_normal, {
    "sample": lambda F, x, mu, sigma: (mu - x) / (sigma * sigma),
    "mu": lambda F, x, mu, sigma: (x - mu) / (sigma * sigma),
    "sigma": lambda F, x, mu, sigma: ((x - mu) * (x - mu) / (sigma * sigma) - 1) / sigma})
_register("exponential", "exponential", lambda F, x, lam: F.log(lam) - lam * x, {
    "sample": lambda F, x, lam: -lam, "lam": lambda F, x, lam: 1 / lam - x})
_register("gamma", "gamma", _log_gamma, {
    "sample": lambda F, x, alpha, beta: (alpha - 1) / x - beta,
    "alpha": lambda F, x, alpha, beta: F.log(beta) + F.log(x) - digamma(F, alpha),
    "beta": lambda F, x, alpha, beta: alpha / beta - x})
_register("poisson", "Poisson", _log_poisson, {"sample": None, "lam": lambda F, x, lam: x / lam - 1})
_register("negative_binomial", "negative binomial", _log_negative_binomial, {
    "sample": None, "k": _by_limit, "p": _by_probability})
_register("generalized_negative_binomial", "generalized negative binomial", _log_generalized, {
    "sample": None, "mu": _by_mean, "alpha": _by_dispersion})


@operator("_random_pdf_dirichlet", aliases=("random_pdf_dirichlet",))
class DirichletDensity(Operator):
    """The density of the Dirichlet distribution at each sample, a vector along the last axis, or its logarithm."""

    dtypes = REAL

    is_log: bool = False
    inputs = ("sample", "alpha")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.sample.rank is None:
            return
        s.output.unify(s.sample.shape[:-1] or (1,))
        if s.alpha.rank is None:
            return
        if not 1 <= s.alpha.rank <= s.sample.rank:
            raise Conflict(f"alpha has shape {show(s.alpha.shape)}, the sample {show(s.sample.shape)}")
        lead = s.alpha.rank - 1
        s.alpha.unify((*s.sample.shape[:lead], s.sample.shape[-1]))
        s.sample.unify((*s.alpha.shape[:lead], *s.sample.shape[lead:-1], s.alpha.shape[-1]))

    def laid(self, sample: Shape, alpha: Shape) -> Shape:
        """The shape of alpha with ones in the dimensions of the samples."""
        return (*alpha[:-1], *(1,) * (len(sample) - len(alpha)), alpha[-1])

    def rewrite(self, g: Any, sample: Value, alpha: Value) -> list[Value] | None:
        laid = g.reshape(alpha, self.laid(sample.type.dims, alpha.type.dims))
        powers = g.sum(g.broadcast_mul(g.log(sample), g._minus_scalar(laid, scalar=1.0)), axis=(-1,))
        normalizer = g.elemwise_sub(g.gammaln(g.sum(laid, axis=(-1,))), g.sum(g.gammaln(laid), axis=(-1,)))
        logarithm = g.broadcast_add(powers, normalizer)
        return [logarithm if self.is_log else g.exp(logarithm)]

    def reference(self, sample: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        laid, F = alpha.reshape(self.laid(sample.shape, alpha.shape)), NumPyMath
        powers = (np.log(sample) * (laid - 1)).sum(-1, keepdims=sample.ndim == 1)
        logarithm = powers + (F.lgamma(laid.sum(-1)) - F.lgamma(laid).sum(-1))
        return (logarithm if self.is_log else np.exp(logarithm)).astype(sample.dtype)
