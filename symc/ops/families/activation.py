"""Activations: `Activation` and `LeakyReLU`, whose act_type chooses one of the functions here."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.elementwise import elementwise, real
from symc.ops.math import NumPyMath
from symc.ops.operator import NUMBERS, Operator, Optional, make, operator
from symc.ops.random import uniform
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show, unify

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@elementwise("relu", aliases=("_sparse_relu",),
             gradient=lambda F, y, dy: F.where(y > 0, dy, F.where(y == y, F.const(0, dy), y)))
def relu(F: Any, x: Any) -> Any:
    """max(x, 0); NaN stays NaN, forward and backward."""
    return F.max_nan(x, F.const(0, x))


@elementwise("sigmoid", aliases=("_sparse_sigmoid",), gradient=real(lambda F, y, dy: dy * y * (1 - y)))
@real
def sigmoid(F: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return F.sigmoid(x)


@elementwise("_relu_of_nan", hidden=True, gradient=lambda F, y, dy: F.where(y > 0, dy, F.const(0, dy)))
def relu_of_nan(F: Any, x: Any) -> Any:
    """max(x, 0); 0 for NaN."""
    return F.where(x > 0, x, F.const(0, x))


def softplus(F: Any, x: Any) -> Any:
    """ln(1 + exp(x)), without overflow, of a real x."""
    return F.max_nan(x, F.const(0, x)) + F.log1p(F.exp(-F.abs(x)))


@elementwise("_softrelu", hidden=True, gradient=real(lambda F, y, dy: -dy * F.expm1(-y)))
@real
def softrelu(F: Any, x: Any) -> Any:
    """ln(1 + exp(x)), without overflow."""
    return softplus(F, x)


SINCE_2 = "MXNet 1.9.1 documents it and has it not; computed as by MXNet 2.0"


@elementwise("log_sigmoid", gradient=real(lambda F, y, dy: -dy * F.expm1(y)), deviations=(SINCE_2,))
@real
def log_sigmoid(F: Any, x: Any) -> Any:
    """ln(sigmoid(x)), without overflow.  In MXNet since 2.0."""
    return F.where(x < 0, x, F.const(0, x)) - F.log1p(F.exp(-F.abs(x)))


def _mish_derivative(F: Any, x: Any, dy: Any) -> Any:
    gate = F.tanh(softplus(F, x))
    return dy * (gate + x * F.sigmoid(x) * (1 - gate * gate))


@elementwise("mish", gradient=real(_mish_derivative), deviations=(SINCE_2,))
@real
def mish(F: Any, x: Any) -> Any:
    """x·tanh(ln(1 + exp(x))) (Misra, 2019).  In MXNet since 2.0."""
    return x * F.tanh(softplus(F, x))


@elementwise("_leaky", hidden=True, gradient=real(lambda F, x, dy, *, slope: F.where(x > 0, dy, dy * slope)))
@real
def leaky(F: Any, x: Any, *, slope: float) -> Any:
    """x where positive, slope·x elsewhere."""
    return F.where(x > 0, x, x * slope)


@elementwise("_elu", hidden=True, gradient=real(lambda F, x, y, dy, *, slope: F.where(x > 0, dy, dy * (y + slope))))
@real
def elu(F: Any, x: Any, *, slope: float) -> Any:
    """x where positive, slope·(exp(x) - 1) elsewhere."""
    return F.where(x > 0, x, F.expm1(x) * slope)


def _selu_derivative(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """As MXNet computes it: y, in which the scale is contained already, is scaled once more where x is negative."""
    return dy * SELU_SCALE * F.where(x > 0, F.const(1, x), y + SELU_ALPHA)


@elementwise("_selu", hidden=True, gradient=real(_selu_derivative))
@real
def selu(F: Any, x: Any) -> Any:
    """Scaled elu with the constants of self-normalizing networks (Klambauer et al., 2017)."""
    return F.where(x > 0, x, F.expm1(x) * SELU_ALPHA) * SELU_SCALE


def _gelu_derivative(F: Any, x: Any, dy: Any) -> Any:
    density = F.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return dy * (0.5 * (1 + F.erf(x * math.sqrt(0.5))) + x * density)


@elementwise("_gelu", hidden=True, gradient=real(_gelu_derivative))
@real
def gelu(F: Any, x: Any) -> Any:
    """x·Φ(x), Φ being the normal distribution (Hendrycks and Gimpel, 2016)."""
    return 0.5 * x * (1 + F.erf(x * math.sqrt(0.5)))


@elementwise("_prelu", hidden=True, broadcasts=True, inputs=("data", "gamma"), gradient=(
    lambda F, x, gamma, dy: F.where(x > 0, dy, dy * gamma), lambda F, x, dy: F.where(x > 0, F.const(0, dy), dy * x)))
def prelu(F: Any, x: Any, gamma: Any) -> Any:
    """x where positive, gamma·x elsewhere."""
    return F.where(x > 0, x, x * gamma)


@operator("Activation")
class Activation(Operator):
    """The function that `act_type` names.  Unlike the operator relu, this one gives 0 for NaN."""

    act_type: Literal["relu", "sigmoid", "softrelu", "softsign", "tanh"]

    @property
    def form(self) -> Operator:
        """The operator that computes it."""
        return make({"relu": "_relu_of_nan", "softrelu": "_softrelu"}.get(self.act_type, self.act_type))

    def rewrite(self, g: Any, data: Value) -> list[Value] | None:
        return [Value(g.node(self.form, [data]))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return self.form.reference(data)  # type: ignore[no-any-return]


@operator("LeakyReLU")
class LeakyReLU(Operator):
    """x where it is positive, elsewhere as `act_type` says:

    leaky slope·x; elu slope·(exp(x) - 1); prelu gamma·x, with one gamma for all, for each channel (axis 1), or for each
    channel of each image (axes 0 and 1); rrelu as leaky, in training with random slopes between the bounds, else with
    their mean; selu and gelu.
    """

    deviations = (
        "the gradient of prelu's gamma is that of the function; in MXNet each term comes out multiplied by gamma where "
        "its memory plan lets the gradient of data take the place of the output's, which it reads afterwards",)
    dtypes = NUMBERS
    act_type: Literal["elu", "gelu", "leaky", "prelu", "rrelu", "selu"] = "leaky"
    slope: float = 0.25
    lower_bound: float = 0.125
    upper_bound: float = 0.334
    inputs = ("data", Optional("gamma", when=lambda op: op.act_type == "prelu"))

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        return self.act_type == "rrelu"

    def output_names(self) -> list[str]:
        return ["output", "mask"] if self.is_random else ["output"]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot in s.outputs:
            slot.unify(s.data.shape)
            s.data.unify(slot.shape)
        if s.gamma and s.gamma.rank is None and s.data.rank is not None:
            s.gamma.unify((s.data[1] if s.data.rank > 1 else 1,))
        if s.gamma and s.data.rank == 1:
            raise Conflict(f"data {show(s.data.shape)} has no channels, of which each has a gamma")
        if s.gamma and s.gamma.known and s.data.known:
            self.gamma_shape(s.gamma.dims, s.data.dims)

    def gamma_shape(self, gamma: tuple[int, ...], data: tuple[int, ...]) -> tuple[int, ...]:
        """gamma's shape with its axes at axes 1 and 0 of data, from the last, wherever they fit.

        Conflict: some fit nowhere.
        """
        laid, left = [1] * len(data), list(gamma)
        for axis in reversed(range(min(2, len(data)))):
            if left and left[-1] in (1, data[axis]):
                laid[axis] = left.pop()
        if left:
            raise Conflict(f"gamma {show(gamma)} cannot be laid along the first two axes of data {show(data)}")
        return tuple(laid)

    @property
    def form(self) -> Operator:
        """The operator that computes it, with gamma laid along data."""
        parameters = {"slope": self.slope} if self.act_type in ("leaky", "elu") else {}
        return make(f"_{self.act_type}", **parameters)

    def rewrite(self, g: Any, data: Value, *gamma: Value) -> list[Value] | None:
        laid = [g.reshape(value, self.gamma_shape(value.type.dims, data.type.dims)) for value in gamma]
        return [Value(g.node(self.form, [data, *laid]))]

    def reference(self, data: np.ndarray, *gamma: np.ndarray) -> np.ndarray:
        laid = [value.reshape(self.gamma_shape(value.shape, data.shape)) for value in gamma]
        return self.form.reference(data, *laid)  # type: ignore[no-any-return]

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        slope = g._random_slope(data, seed, low=self.lower_bound, high=self.upper_bound, salt=salt)
        return [g.elemwise_mul(data, slope), slope]

    def inference(self, g: Any, data: Value, *gamma: Value) -> list[Value] | None:
        if not self.is_random:
            return None
        slope = (self.lower_bound + self.upper_bound) / 2
        mask = g._full(shape=data.type.dims, dtype=data.type.element.name, value=slope)
        return [g.LeakyReLU(data, slope=slope), mask]


@operator("_random_slope", hidden=True)
class RandomSlope(Operator):
    """1 where data is positive, elsewhere a number drawn evenly from low to high."""

    low: float
    high: float
    salt: int
    inputs = ("data", "seed")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        unify(s.data, s.output)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.output.unify(t.data.dtype)

    def slope(self, F: Any, data: Any, draw: Any) -> Any:
        return F.where(data > 0, F.const(1, data), F.cast(draw * (self.high - self.low) + self.low, F.dtype(data)))

    def reference(self, data: np.ndarray, seed: np.ndarray) -> np.ndarray:
        draws = uniform(data.size, int(seed[0]), self.salt).reshape(data.shape)
        return self.slope(NumPyMath, data, draws)  # type: ignore[no-any-return]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, seed = inputs

        def element(*index: Any) -> Any:
            number = 0
            for at, extent in zip(index, data.shape, strict=True):
                number = number * extent + at
            draws = te.draws(seed[0], self.salt, number)
            return self.slope(te.F, data[index], draws.unit(draws.bits(0), DType.float32))
        return [te.tensor(data.shape, element)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None, None]
