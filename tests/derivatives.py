"""Gradient rules against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from symc.interpreter import run
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.inference import infer_types_of
from symc.ops.operator import Operator, run_reference
from symc.passes.gradient import HEAD_GRADIENT, Differentiate, is_head_gradient
from symc.passes.legalize import Legalize


def node_of(op: Operator, inputs: Sequence[np.ndarray]) -> Node:
    """A node 'y' that applies `op` to variables x0, x1, ... of the inputs' types."""
    values = [Value(variable(f"x{i}", TensorType(x.shape, DType.of(x.dtype)))) for i, x in enumerate(inputs)]
    return Node("y", op, tuple(values), infer_types_of(op, values), sources=(Source("y"),))


def check_derivative(op: Operator, *inputs: np.ndarray, wanted: Sequence[int] = (0,)) -> None:
    """The gradients of Σ outputs·weights by the `wanted` inputs are the quotients of differences.

    Of the outputs, those that the Symbol API shows.
    """
    node = node_of(op, inputs)
    outputs = node.outputs[:op.visible_count]
    generator = np.random.default_rng(3)
    weights = [generator.uniform(-1, 1, type.dims) for type in node.types[:len(outputs)]]
    graph = Legalize(keep_differentiable=True)(Graph(outputs))
    graph = Differentiate(tuple((f"x{i}", "write") for i in wanted))(graph)
    bindings = {f"x{i}": x for i, x in enumerate(inputs)}
    gradients = run(graph, bindings | {HEAD_GRADIENT.format(i): w for i, w in enumerate(weights)}).gradients

    def weighted(position: int, moved: np.ndarray) -> float:
        arrays = [moved if i == position else x for i, x in enumerate(inputs)]
        return sum(float((y * w).sum()) for y, w in zip(run_reference(op, arrays, node.types), weights, strict=False))

    for position in wanted:
        expected = differences(partial(weighted, position), inputs[position])
        np.testing.assert_allclose(gradients[f"x{position}"], expected, rtol=1e-5, atol=1e-7)


def check_second_derivative(op: Operator, *inputs: np.ndarray) -> None:
    """The gradient of Σ ∂(Σ outputs·weights)/∂x0 by x0 is the quotient of differences, or x0 plays no part in it."""
    first = gradient_of(Graph(node_of(op, inputs).outputs[:op.visible_count]), "weight")
    if "x0" not in [node.name for node in first.variables]:
        return
    second, generator = gradient_of(first, "ones"), np.random.default_rng(3)
    values = {f"x{i}": x for i, x in enumerate(inputs)}
    values |= {node.name: generator.uniform(-1, 1, node.types[0].dims) for node in first.variables
               if node.name.startswith("weight")}
    values |= {node.name: np.ones(node.types[0].dims) for node in second.variables if node.name.startswith("ones")}

    def total(x: np.ndarray) -> float:
        return float(run(first, values | {"x0": x}).heads[0].sum())
    np.testing.assert_allclose(run(second, values).heads[0], differences(total, inputs[0]), rtol=1e-4, atol=1e-6)


def gradient_of(graph: Graph, name: str) -> Graph:
    """The gradient of the heads by x0, head gradients under the names name0, name1, ..."""
    graph = Legalize(keep_differentiable=True)(graph)
    gradient = Graph((Differentiate((("x0", "write"),))(graph).gradients[0].value,))
    return Legalize(keep_differentiable=True)(gradient.rewrite(lambda node: (
        Value(replace(node, name=name + node.name.removeprefix(HEAD_GRADIENT.format("")))),)
        if is_head_gradient(node) else None))


def differences(function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Quotients of central differences of a function of an array, by each of its elements."""
    slopes = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        shift = np.zeros(x.shape)
        shift[place] = step
        slopes[place] = (function(x + shift) - function(x - shift)) / (2 * step)
    return slopes


def distinct(*shape: int) -> np.ndarray:
    """Numbers in (0.5, 2.5) no two of which are nearer than finite differences can tell, in no order."""
    count = int(np.prod(shape))
    return (0.5 + 2 * np.random.default_rng(5).permutation(count) / count).reshape(shape)
