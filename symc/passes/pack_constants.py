"""Constants take the dtypes and layouts their readers want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.layouts import to_logical, to_physical
from symc.ir.types import DType
from symc.ops.families.cast import Cast
from symc.ops.math import NumPyMath
from symc.passes.base import Pass
from symc.passes.materialize import storage


@dataclass(frozen=True)
class PackConstants(Pass):
    """Needs a graph with layouts.  A relayout of a constant, or of a view of one, becomes the constant in its new
    layout, and a conversion to bfloat16 the converted constant.

        %w: f32[64,64,3,3] = const                        %w/relayout: f32[64,64,3,3]:ABcd16b32a = const
        %p: f32[..]:ABcd16b32a = _relayout(%w)     →
    """

    name = "pack-constants"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        return graph.rewrite(_packed)


def _packed(node: Node) -> Sequence[Value] | None:
    op = node.op
    is_converted = isinstance(op, Cast) and op.target is DType.bfloat16
    if op is None or not (is_converted or op.name == "_relayout"):
        return None
    before = storage(node.inputs[0])
    if before.node.value is None:
        return None
    logical = to_logical(before.node.value, before.type.dims, before.type.layout).reshape(node.types[0].dims)
    if is_converted:
        logical = NumPyMath.cast(logical, DType.bfloat16)
    return (Value(replace(node, op=None, inputs=(), value=to_physical(logical, node.types[0].layout))),)
