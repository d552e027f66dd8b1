"""Constants take the dtypes and layouts their readers want."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symc.ir.graph import Graph, Node, Operation, Value
from symc.ir.layouts import to_logical, to_physical
from symc.ir.types import DType
from symc.ops.families.cast import Cast
from symc.ops.families.winograd import WinogradWeight
from symc.ops.math import NumPyMath
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.frontier import replaced
from symc.passes.materialize import storage
from symc.passes.threads import map_in_threads
from symc.passes.winograd import transformed


@record
class PackConstants(Pass):
    """Needs a graph with layouts.  A relayout of a constant, or of a view of one, becomes the constant in its new
    layout, a conversion to bfloat16 the converted constant, and a weight that Winograd's matrices transform the
    transformed one.

        %w: f32[64,64,3,3] = const                        %w/relayout: f32[64,64,3,3]:ABcd16b32a = const
        %p: f32[..]:ABcd16b32a = _relayout(%w)     →
    """

    name = "pack-constants"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        while nodes := [node for node in graph.nodes if _is_packed(node)]:      # converted ones are then packed
            packed = dict(zip([Value(node) for node in nodes], map_in_threads(_packed, nodes), strict=True))
            graph = replaced(graph, packed)
        return graph


def _is_packed(node: Node) -> bool:
    op = node.op
    if op is None or any(storage(value).node.value is None for value in node.inputs):
        return False
    return _is_converted(op) or isinstance(op, WinogradWeight) or op.name == "_relayout"


def _is_converted(op: Operation | None) -> bool:
    return isinstance(op, Cast) and op.target is DType.bfloat16


def _packed(node: Node) -> Value:
    """The constant in place of a node."""
    logical = [_logical(value) for value in node.inputs]
    if isinstance(node.op, WinogradWeight):
        value = transformed(*logical)
    else:
        converted = NumPyMath.cast(logical[0], DType.bfloat16) if _is_converted(node.op) else logical[0]
        value = to_physical(converted, node.types[0].layout)
    return Value(replace(node, op=None, inputs=(), value=value))


def _logical(value: Value) -> np.ndarray:
    held = storage(value)
    assert held.node.value is not None
    return to_logical(held.node.value, held.type.dims, held.type.layout).reshape(value.type.dims)
