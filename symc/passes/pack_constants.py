"""Constants take the dtypes and layouts their readers want."""

from __future__ import annotations

from symc.interpreter import run
from symc.ir.graph import Graph, Value
from symc.ir.layouts import to_physical
from symc.ops.families.cast import Cast
from symc.ops.families.winograd import WinogradWeight
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.fold_constants import constant_nodes, constant_of, is_small_enough, scaled_weights
from symc.passes.frontier import frontier, replaced
from symc.passes.round_weights import NARROW
from symc.passes.threads import map_in_threads
from symc.passes.winograd import transformed


@record
class PackConstants(Pass):
    """Needs a graph with layouts.  A relayout of a constant, or of what `FoldConstants` left, becomes the constant in
    its new layout, a conversion to 16 bits the converted constant, and a weight that Winograd's matrices transform the
    transformed one.

        %w: f32[64,64,3,3] = const                        %w/relayout: f32[64,64,3,3]:ABcd16b32a = const
        %p: f32[..]:ABcd16b32a = _relayout(%w)     →
    """

    name = "pack-constants"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        left = scaled_weights(graph)
        chosen = frontier(graph, constant_nodes(graph), lambda value: value in left or _is_packed(value))
        if not chosen:
            return graph
        chosen.sort(key=lambda value: value.type.bytes, reverse=True)       # threads that begin with these end together
        return replaced(graph, dict(zip(chosen, map_in_threads(_packed, chosen), strict=True)))


def _is_packed(value: Value) -> bool:
    op = operation(value.node)
    rearranged = op.name == "_relayout" or isinstance(op, WinogradWeight)
    return (rearranged or isinstance(op, Cast) and op.target in NARROW) and is_small_enough(
        value.node.inputs[0])


def _packed(value: Value) -> Value:
    """The constant in place of a value."""
    if isinstance(value.node.op, WinogradWeight):
        return constant_of(value, transformed(*run(Graph(value.node.inputs), {}).heads))
    array, = run(Graph((value,)), {}).heads
    return constant_of(value, to_physical(array, value.type.layout))
