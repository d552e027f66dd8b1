"""Products of float32 by the matrix instructions of GPUs."""

from __future__ import annotations

from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, rewritten_values
from symc.ops.families.tensor_float import TensorFloat
from symc.ops.group import Group
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.narrow_factors import is_product


@record
class UseTensorFloats(Pass):
    """Needs groups.  Factors of float32 are read with 10 bits of mantissa; what lies in memory stays as it is.

        %y: f32[..] = group(%x, %w) { %r = dot(%in0, %in1)  heads %r }
    →   %y: f32[..] = group(%x, %w) { %a = _tensor_float(%in0)  %b = _tensor_float(%in1)  %r = dot(%a, %b)  heads %r }
    """

    name = "use-tensor-floats"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        def visit(node: Node) -> tuple[Value, ...] | None:
            if not isinstance(node.op, Group) or not any(map(is_product, node.op.graph.nodes)):
                return None
            return replace(node, op=replace(node.op, graphs=(_with_rounded_factors(node.op.graph),))).outputs
        return graph.substitute(rewritten_values(graph.nodes, visit))


def _with_rounded_factors(graph: Graph) -> Graph:
    known: dict[Value, Value] = {}

    def rounded(value: Value) -> Value:
        if value not in known:
            node = value.node
            name = f"{node.name}/tf32" + (f".{value.index}" if value.index else "")
            known[value] = Value(Node(name, TensorFloat(), (value,), (value.type,), sources=node.sources))
        return known[value]

    def visit(node: Node) -> tuple[Value, ...] | None:
        if not is_product(node):
            return None
        return replace(node, inputs=(*map(rounded, node.inputs[:2]), *node.inputs[2:])).outputs
    return graph.substitute(rewritten_values(graph.nodes, visit))
