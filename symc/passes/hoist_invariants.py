"""What every step of a loop would compute anew is computed before the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, rewritten_values, topological, variable
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.operator import is_view
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.frontier import frontier, invariant_nodes, replaced
from symc.passes.materialize import storage

ALWAYS_HOISTED = 1 << 16    # bytes


@record
class HoistInvariants(Pass):
    """Move what follows from the constants of a loop alone out of its body.

    Before: a typed graph.
        %y = _scan(%x, %s, %w) count=9 slices=1 states=1 constants=1 {
          %p: f32[4,4]:AB16b4a = _relayout(%c0) ...
    After: the body reads the result as a constant, unless it is much larger than what it is made of.
        %y/p: f32[4,4]:AB16b4a = _relayout(%w)
        %y = _scan(%x, %s, %w, %y/p) count=9 slices=1 states=1 constants=2 { ...

    Views stay where they are, and so do the heads of the body, and what follows from nothing, like zeros.
    """

    name = "hoist-invariants"

    def __call__(self, graph: Graph) -> Graph:
        return graph.rewrite(self._visit)

    def _visit(self, node: Node) -> Sequence[Value] | None:
        if not isinstance(node.op, ControlFlow):
            return None
        bodies = tuple(map(self, node.op.graphs))     # inner loops first: what leaves them may go on
        if any(new is not old for new, old in zip(bodies, node.op.graphs, strict=True)):
            node = replace(node, op=replace(node.op, graphs=bodies))
        return _hoisted(node).outputs if isinstance(node.op, Scan) else node.outputs


def _hoisted(node: Node) -> Node:
    """The loop without what its body need not compute."""
    op = node.op
    assert isinstance(op, Scan)
    movable = _anchored(op.body) - {storage(head).node for head in op.body.heads}
    chosen = frontier(op.body, invariant_nodes(op.body), lambda value: value.node in movable and _is_worth(value))
    if not chosen:
        return node
    names = {value: f"c{op.constants + i}" for i, value in enumerate(chosen)}
    inside = {value: Value(variable(name, value.type, sources=value.node.sources)) for value, name in names.items()}
    outside = _computed_outside(node, chosen)
    end = op.slices + op.states + op.constants
    hoisted = replace(op, constants=op.constants + len(chosen), graphs=(replaced(op.body, inside),))
    return replace(node, op=hoisted, inputs=(*node.inputs[:end], *outside, *node.inputs[end:]))


def _anchored(body: Graph) -> set[Node]:
    """The nodes, views apart, that follow from a constant of the loop."""
    following: set[Node] = set()
    for node in body.nodes:
        if (node.is_variable and node.name.startswith("c")) or any(value.node in following for value in node.inputs):
            following.add(node)
    return {node for node in following if node.op is not None and not is_view(node)}


def _is_worth(value: Value) -> bool:
    """Whether reading the value costs little more than reading what it is made of."""
    return value.type.bytes <= ALWAYS_HOISTED or value.type.bytes <= 2 * sum(
        node.types[0].bytes for node in topological([value.node]) if node.op is None)


def _computed_outside(node: Node, chosen: Sequence[Value]) -> list[Value]:
    """The chosen values of the body, made of the inputs of the loop."""
    op = node.op
    assert isinstance(op, Scan)
    given: Mapping[str, Value] = dict(zip(op.body_names(), node.inputs, strict=True))

    def visit(inner: Node) -> Sequence[Value] | None:
        if inner.is_variable:
            return (given[inner.name],)
        return replace(inner, name=f"{node.name}/{inner.name}").outputs
    made = rewritten_values(topological(value.node for value in chosen), visit)
    return [made[value] for value in chosen]
