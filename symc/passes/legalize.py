"""Operators that are defined by others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.families.cast import cast_to
from symc.ops.operator import (
    computes_in_float32,
    computes_nothing,
    input_types,
    operation,
    reads_nothing,
    run_reference,
)
from symc.ops.record import record
from symc.passes.base import Pass, expand, rewrite

MAX_ROUNDS = 50   # more means that rules rewrite into each other


@record
class Legalize(Pass):
    """Rewrite operators into those that define them, until none is left to rewrite.

    Before: a typed graph.
        %y = FullyConnected(%x, %w) num_hidden=3 no_bias=True          with %x: f32[2,4,5]
    After: every operator left has a lowering of its own; those that compute a dtype in float32 stand between casts,
    and those that read no element, or make none, are constants.
        %y/reshape1 = _reshape(%x) shape=(2,20)
        %y/FullyConnected2 = FullyConnected(%y/reshape1, %w) num_hidden=3 no_bias=True
        ...

    keep_differentiable: leave operators that have a gradient rule as they are; what gradients need, and no more,
    because an operator's own rule is better than that of its parts, and a loss is a loss only as a whole.
    is_kept: further nodes to leave as they are.
    """

    keep_differentiable: bool = False
    is_kept: Callable[[Node], bool] | None = None
    name = "legalize"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        for _ in range(MAX_ROUNDS):
            rewritten = rewrite(graph, self._rewrite)
            if rewritten is graph:
                return graph
            graph = rewritten
        raise AssertionError(f"rewrite rules do not come to an end: {[n for n in graph.nodes if self._rewrite(n)]}")

    def _rewrite(self, node: Node) -> tuple[Value, ...] | None:
        op = operation(node) if node.op is not None else None
        if op is not None and computes_nothing(op, node.types):
            return expand(node, lambda g, *_: [g.filled(0, type) for type in node.types])
        if op is not None and reads_nothing(op, input_types(node)):
            return expand(node, partial(_of_nothing, node))
        if op is not None and computes_in_float32(op, [value.type.element for value in node.inputs]):
            return expand(node, partial(_in_float32, node))
        if op is None or op.rewrite is None or (self.keep_differentiable and op.gradient is not None):
            return None
        if self.is_kept is not None and self.is_kept(node):
            return None
        return expand(node, op.rewrite)


def _of_nothing(node: Node, g: GraphBuilder, *inputs: Value) -> list[Value]:
    """What the operator makes of arrays without elements, as constants."""
    empty = [np.empty(value.type.dims, value.type.element.numpy) for value in inputs]
    made = run_reference(operation(node), empty, node.types)
    return [g.constant(array, type.element) for array, type in zip(made, node.types, strict=True)]


def _in_float32(node: Node, g: GraphBuilder, *inputs: Value) -> list[Value]:
    """The operator between conversions to float32 and back."""
    op = operation(node)
    wide = [cast_to(g, value, DType.float32) if value.type.dtype in op.widened else value for value in inputs]
    made = g.node(op, wide)
    return [cast_to(g, value, type.element) for value, type in zip(made.outputs, node.types, strict=True)]
