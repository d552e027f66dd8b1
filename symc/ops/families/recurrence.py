"""Recurrent cells and the loop over time, written once over an arithmetic: of arrays, or of graph values.

An arithmetic has `product`, `add`, `mul`, `split`, ... for 2-dimensional operands (batch, size), and `scan`, which
runs a step for each slice along axis 0 (the operator `_scan`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.ir.graph import Graph, Value, variable
from symc.ir.types import Shape, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.elementwise import elementwise
from symc.ops.families.activation import relu_of_nan
from symc.ops.families.control_flow import Scan
from symc.ops.math import NumPyMath
from symc.ops.operator import make

# step(arithmetic, slices, states, constants) → the output of the step, then the new states
Step = Callable[[Any, Sequence[Any], Sequence[Any], Sequence[Any]], list[Any]]
Clip = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Weights:
    """Parameters of one layer in one direction: weights of input and state, their biases, perhaps a projection."""

    input: Any
    state: Any
    input_bias: Any
    state_bias: Any
    projection: Any = None


# ---- cells -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """What tells the modes of RNN apart.

    gates: how many blocks of rows the weights have.
    step: (a, x·W + bias, states, constants, clip) → new states, the output first; constants are those of `biases`.
    own_bias: whether the bias of the state stays apart from that of the input.
    """

    gates: int
    step: Callable[[Any, Any, Sequence[Any], Sequence[Any], Clip | None], list[Any]]
    own_bias: bool = False

    def biases(self, a: Any, weights: Weights) -> tuple[Any, list[Any]]:
        """The bias of the product of all inputs, and the constants of the step."""
        projection = [] if weights.projection is None else [weights.projection]
        if self.own_bias:
            return weights.input_bias, [weights.state, weights.state_bias]
        return a.add(weights.input_bias, weights.state_bias), [weights.state, *projection]


def _elman(activation: str) -> Callable[..., list[Any]]:
    def step(a: Any, x: Any, states: Sequence[Any], constants: Sequence[Any], clip: Clip | None) -> list[Any]:
        return [getattr(a, activation)(a.add(a.product(states[0], constants[0]), x))]
    return step


def _lstm(a: Any, x: Any, states: Sequence[Any], constants: Sequence[Any], clip: Clip | None) -> list[Any]:
    hidden, cell = states
    i, f, c, o = a.split(a.add(a.product(hidden, constants[0]), x), 4)
    cell = a.add(a.mul(a.sigmoid(f), cell), a.mul(a.sigmoid(i), a.tanh(c)))
    cell = clip(a, cell) if clip else cell
    hidden = a.mul(a.sigmoid(o), a.tanh(cell))
    return [a.product(hidden, constants[1]) if len(constants) > 1 else hidden, cell]


def _gru(a: Any, x: Any, states: Sequence[Any], constants: Sequence[Any], clip: Clip | None) -> list[Any]:
    (hidden,) = states
    (xr, xz, xn), (hr, hz, hn) = a.split(x, 3), a.split(a.product(hidden, *constants), 3)
    new = a.tanh(a.add(xn, a.mul(a.sigmoid(a.add(xr, hr)), hn)))
    update = a.sigmoid(a.add(xz, hz))
    return [a.add(a.mul(a.complement(update), new), a.mul(update, hidden))]


CELLS = {"rnn_relu": Cell(1, _elman("relu")), "rnn_tanh": Cell(1, _elman("tanh")), "lstm": Cell(4, _lstm),
         "gru": Cell(3, _gru, own_bias=True)}


# ---- parts of a step that no other operator is -----------------------------------------------------------------


@elementwise("_keep_inside", hidden=True, broadcasts=True, inputs=("new", "old", "inside"), gradient=(
    lambda F, inside, dy: F.where(inside > 0, dy, F.const(0, dy)),
    lambda F, inside, dy: F.where(inside > 0, F.const(0, dy), dy), None))
def keep_inside(F: Any, new: Any, old: Any, inside: Any) -> Any:
    """new where inside is positive, old elsewhere."""
    return F.where(inside > 0, new, old)


def _within(F: Any, x: Any, dy: Any, *, low: float, high: float) -> Any:
    return F.where(F.logical_and(x >= F.const(low, x), x <= F.const(high, x)), dy, F.const(0, dy))


@elementwise("_clip_without_nan", hidden=True, gradient=_within)
def clip_without_nan(F: Any, x: Any, *, low: float, high: float) -> Any:
    """x between low and high, low for NaN.  cuDNN: CUDNN_NOT_PROPAGATE_NAN."""
    return F.where(x >= F.const(low, x), F.where(x > F.const(high, x), F.const(high, x), x), F.const(low, x))


# ---- arithmetics -----------------------------------------------------------------------------------------------


class OnArrays:
    """Arithmetic of NumPy arrays."""

    add, mul = staticmethod(np.add), staticmethod(np.multiply)
    sigmoid, tanh = staticmethod(NumPyMath.sigmoid), staticmethod(NumPyMath.tanh)
    reshape, shape = staticmethod(np.reshape), staticmethod(np.shape)
    stack, zeros_like = staticmethod(np.stack), staticmethod(np.zeros_like)

    @staticmethod
    def unstack(x: np.ndarray) -> list[np.ndarray]:
        return list(x)

    @staticmethod
    def relu(x: np.ndarray) -> Any:
        return relu_of_nan().reference(x)

    @staticmethod
    def complement(x: np.ndarray) -> np.ndarray:
        return 1 - x

    @staticmethod
    def product(x: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
        return x @ weight.T + bias[0] if bias else x @ weight.T

    @staticmethod
    def split(x: np.ndarray, count: int) -> list[np.ndarray]:
        return np.split(x, count, axis=1)

    @staticmethod
    def pieces(x: np.ndarray, bounds: Sequence[int]) -> list[np.ndarray]:
        return [x[begin:end] for begin, end in zip(bounds, bounds[1:], strict=False)]

    @staticmethod
    def join(parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts, axis=2)

    @staticmethod
    def mask(lengths: np.ndarray, data: np.ndarray) -> np.ndarray:
        steps = np.arange(data.shape[0])[:, None, None]
        return (steps < lengths[None, :, None]).astype(data.dtype)

    @staticmethod
    def keep(new: np.ndarray, old: np.ndarray, inside: np.ndarray) -> Any:
        return keep_inside().reference(new, old, inside)

    @staticmethod
    def clip(x: np.ndarray, low: float, high: float, drops_nan: bool) -> Any:
        return _clipping(low, high, drops_nan).reference(x)

    @staticmethod
    def scan(step: Step, slices: Sequence[np.ndarray], states: Sequence[np.ndarray],
             constants: Sequence[np.ndarray], reverse: bool) -> list[np.ndarray]:
        count = len(slices[0])
        outputs = np.zeros((count, *states[0].shape), states[0].dtype)
        for at in range(count)[::-1 if reverse else 1]:
            outputs[at], *states = step(OnArrays, [part[at] for part in slices], states, constants)
        return [outputs, *states]


class OnGraph:
    """Arithmetic that builds nodes with `g`."""

    def __init__(self, g: Any) -> None:
        self.g = g
        self.add, self.mul, self.sigmoid, self.tanh = g.elemwise_add, g.elemwise_mul, g.sigmoid, g.tanh
        self.relu, self.reshape, self.zeros_like, self.keep = g._relu_of_nan, g.reshape, g.zeros_like, g._keep_inside

    @staticmethod
    def shape(x: Value) -> Shape:
        return x.type.dims

    def complement(self, x: Value) -> Value:
        return self.g._rminus_scalar(x, scalar=1.0)  # type: ignore[no-any-return]

    def product(self, x: Value, weight: Value, *bias: Value) -> Value:
        rows = weight.type.dims[0]
        return self.g.FullyConnected(x, weight, *bias, num_hidden=rows, no_bias=not bias)  # type: ignore[no-any-return]

    def split(self, x: Value, count: int) -> Sequence[Value]:
        return self.g.node(make("SliceChannel", num_outputs=count), [x]).outputs  # type: ignore[no-any-return]

    def pieces(self, x: Value, bounds: Sequence[int]) -> Sequence[Value]:
        return self.g.node(make("_split_v2", indices=tuple(bounds[:-1]), axis=0), [x]).outputs  # type: ignore[no-any-return]

    def unstack(self, x: Value) -> Sequence[Value]:
        count, *rest = x.type.dims
        if count == 1:
            return [self.g.reshape(x, rest)]
        split = make("SliceChannel", num_outputs=count, axis=0, squeeze_axis=True)
        return self.g.node(split, [x]).outputs  # type: ignore[no-any-return]

    def stack(self, parts: Sequence[Value]) -> Value:
        if len(parts) == 1:
            return self.g.reshape(parts[0], (1, *parts[0].type.dims))  # type: ignore[no-any-return]
        return self.g.stack(*parts, num_args=len(parts), axis=0)  # type: ignore[no-any-return]

    def join(self, parts: Sequence[Value]) -> Value:
        return parts[0] if len(parts) == 1 else self.g.Concat(*parts, num_args=len(parts), dim=2)

    def mask(self, lengths: Value, data: Value) -> Value:
        """1 inside of each sequence, 0 behind its end: (time, batch, 1)."""
        (time, batch, _), element = data.type.dims, data.type.element
        steps = self.g.constant(np.arange(time).reshape(time, 1, 1), element)
        ends = self.g.reshape(self.g.Cast(lengths, dtype=element.name), (1, batch, 1))
        return self.g.broadcast_lesser(steps, ends)  # type: ignore[no-any-return]

    def clip(self, x: Value, low: float, high: float, drops_nan: bool) -> Value:
        return Value(self.g.node(_clipping(low, high, drops_nan), [x]))

    def scan(self, step: Step, slices: Sequence[Value], states: Sequence[Value], constants: Sequence[Value],
             reverse: bool) -> Sequence[Value]:
        inner = [[Value(variable(f"{kind}{i}", TensorType(value.type.dims[kind == "x":], value.type.dtype),
                                 sources=self.g.sources)) for i, value in enumerate(values)]
                 for kind, values in (("x", slices), ("s", states), ("c", constants))]
        heads = step(OnGraph(GraphBuilder(f"{self.g.prefix}/step", self.g.sources)), *inner)
        scan = Scan(count=slices[0].type.dims[0], slices=len(slices), states=len(states), constants=len(constants),
                    reverse=reverse, graphs=(Graph(tuple(heads)),))
        return self.g.node(scan, [*slices, *states, *constants]).outputs  # type: ignore[no-any-return]


def _clipping(low: float, high: float, drops_nan: bool) -> Any:
    return make("_clip_without_nan", low=low, high=high) if drops_nan else make("clip", a_min=low, a_max=high)
