"""Costly functions of images behind the maximum that follows, instead of in front of it."""

from __future__ import annotations

import math
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ops.families.pooling import Pool
from symc.ops.record import record
from symc.passes.base import Pass

# That never fall, not even to NaN at infinity (softsign), and cost more than relu, which is nothing behind sums.
RISING = frozenset({"tanh", "sigmoid", "log_sigmoid", "_softrelu", "_elu", "_selu", "exp", "expm1", "erf",
                    "arctan", "sinh", "arcsinh", "cbrt"})


@record
class PoolFirst(Pass):
    """The maximum of a rising function is the function of the maximum, of which there are fewer.

    Before: a typed graph of operators with lowerings, for inference: ties lead gradients elsewhere.
        %t = tanh(%x)                   with %t read by %p alone, and an element in each window
        %p = _pool(%t) kernel=(2,2) stride=(2,2) pad=(0,0) extent=(12,12) pool_type=max
    After:
        %m = _pool(%x) kernel=(2,2) stride=(2,2) pad=(0,0) extent=(12,12) pool_type=max
        %p = tanh(%m)  # from t, p

    A window of nothing but NaN, which gives the lowest finite value, gives the function of that then.
    """

    name = "pool-first"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        alone = {node for node in graph.nodes if _is_largest(node) and _reads_alone(graph, node.inputs[0])}
        chosen = iter([node in alone and _is_rising(node.inputs[0].node) for node in graph.nodes])
        return graph.rewrite(lambda node: _swapped(node) if next(chosen) else None)


def _is_largest(node: Node) -> bool:
    """Whether a node takes the maximum of windows that all meet the image, which has more elements than they."""
    op = node.op
    if not isinstance(op, Pool) or op.pool_type != "max" or not node.types[0].element.is_float:
        return False
    image = node.inputs[0].type.dims[2:]
    meets = all(p < k and (y - 1) * s - p < x
                for x, y, k, s, p in zip(image, op.extent, op.kernel, op.stride, op.pad, strict=True))
    return meets and math.prod(op.extent) < math.prod(image)


def _reads_alone(graph: Graph, value: Value) -> bool:
    return len(graph.readers[value]) == 1 and value not in graph.roots


def _is_rising(node: Node) -> bool:
    return node.op is not None and node.op.name in RISING and getattr(node.op, "slope", 0) >= 0


def _swapped(node: Node) -> tuple[Value, ...]:
    function = node.inputs[0].node
    pooled = replace(node, name=function.name, inputs=function.inputs)
    return replace(node, op=function.op, inputs=pooled.outputs, sources=merge_sources(function, node)).outputs
