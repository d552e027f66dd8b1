"""Compiled beside interpreted, for tests of operators on images."""

from __future__ import annotations

from typing import Any

import numpy as np

import symc as mx
from symc.frontend.op_functions import place_of
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import make
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize
from tests.derivatives import node_of


def compiled_as_interpreted(name: str, *arrays: np.ndarray, rtol: float = 1e-4, **parameters: Any) -> None:
    """The kernels of an operator and of the gradients of all its inputs compute what the references do."""
    node = node_of(make(name, **parameters), arrays)
    names = [f"x{i}" for i in range(len(arrays))]
    graph = Legalize(keep_differentiable=True)(Graph(node.outputs[:1]))
    graph = Differentiate(tuple((key, "write") for key in names))(graph)
    head = np.random.default_rng(4).uniform(-1, 1, node.types[0].dims).astype(arrays[0].dtype)
    expected = run(graph, dict(zip(names, arrays, strict=True)) | {HEAD_GRADIENT.format(0): head})
    space, function = place_of(name)
    symbol = getattr(getattr(mx.sym, space) if space else mx.sym, function)(*map(mx.sym.var, names), **parameters)
    bound = {key: mx.nd.array(x, dtype=x.dtype) for key, x in zip(names, arrays, strict=True)}
    executor = symbol.bind(mx.cpu(), bound, args_grad={key: mx.nd.zeros_like(x) for key, x in bound.items()})
    (result,) = executor.forward(is_train=True)
    np.testing.assert_allclose(result.asnumpy(), expected.heads[0], rtol, 1e-5)
    executor.backward(mx.nd.array(head, dtype=head.dtype))
    for key in names:
        np.testing.assert_allclose(executor.grad_dict[key].asnumpy(), expected.gradients[key], rtol, 1e-5)
