"""Gradient rules against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symc import ops
from symc.interpreter import run
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.inference import infer_types_of
from symc.ops.operator import Operator, run_reference
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize

ops.load()

def node_of(op: Operator, inputs: Sequence[np.ndarray]) -> Node:
    """A node 'y' that applies `op` to variables x0, x1, ... of the inputs' types."""
    values = [Value(variable(f"x{i}", TensorType(x.shape, DType.of(x.dtype)))) for i, x in enumerate(inputs)]
    return Node("y", op, tuple(values), infer_types_of(op, "y", values))


def check_derivative(op: Operator, *inputs: np.ndarray, wanted: Sequence[int] = (0,)) -> None:
    """The gradients of Σ outputs·weights by the `wanted` inputs are the quotients of differences.

    Of the outputs, those that the Symbol API shows.
    """
    node = node_of(op, inputs)
    outputs = node.outputs[:op.visible_count]
    generator, step = np.random.default_rng(3), 1e-6
    weights = [generator.uniform(-1, 1, type.dims) for type in node.types[:len(outputs)]]
    graph = Legalize(keep_differentiable=True)(Graph(outputs))
    graph = Differentiate(tuple((f"x{i}", "write") for i in wanted))(graph)
    bindings = {f"x{i}": x for i, x in enumerate(inputs)}
    gradients = run(graph, bindings | {HEAD_GRADIENT.format(i): w for i, w in enumerate(weights)}).gradients

    def weighted(position: int, moved: np.ndarray) -> float:
        arrays = [moved if i == position else x for i, x in enumerate(inputs)]
        return sum(float((y * w).sum()) for y, w in zip(run_reference(op, arrays, node.types), weights, strict=False))

    for position in wanted:
        expected = np.empty(inputs[position].shape)
        for place in np.ndindex(expected.shape):
            shift = np.zeros(expected.shape)
            shift[place] = step
            expected[place] = (weighted(position, inputs[position] + shift)
                               - weighted(position, inputs[position] - shift)) / (2 * step)
        np.testing.assert_allclose(gradients[f"x{position}"], expected, rtol=1e-5, atol=1e-7)


def distinct(*shape: int) -> np.ndarray:
    """Numbers in (0.5, 2.5) no two of which are nearer than finite differences can tell, in no order."""
    count = int(np.prod(shape))
    return (0.5 + 2 * np.random.default_rng(5).permutation(count) / count).reshape(shape)
