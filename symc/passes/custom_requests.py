"""What becomes of the gradients that custom operators compute."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, variable
from symc.ops.families.custom import CustomBackward
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.materialize import ACCUMULATED


@record
class TellCustomRequests(Pass):
    """Tell the backward of Custom what MXNet tells it: 'null' for a result that nobody reads, 'add' for one that is
    all that a gradient buffer with request 'add' receives; that buffer becomes an input, and the operator adds to it.

        %c/backward = _backward_Custom(%dy, %x)    gradient %x += %c/backward
    After:
        %c/backward = _backward_Custom(%dy, %x, %_accumulated/x)    gradient %x = %c/backward
    """

    name = "tell-custom-requests"

    def __call__(self, graph: Graph) -> Graph:
        if not any(isinstance(node.op, CustomBackward) for node in graph.nodes):
            return graph
        uses = Counter({value: len(readers) for value, readers in graph.readers.items()})
        uses.update(graph.roots)
        added = {g.value: g.variable for g in graph.gradients
                 if g.req == "add" and uses[g.value] == 1 and isinstance(g.value.node.op, CustomBackward)}
        originals = iter(graph.nodes)

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            return _told(node, original.outputs, uses, added) if isinstance(node.op, CustomBackward) else None
        made = graph.rewrite(visit)
        gradients = (replace(g, req="write") if before.value in added else g
                     for g, before in zip(made.gradients, graph.gradients, strict=True))
        return Graph(made.heads, tuple(gradients), made.updates)


def _told(node: Node, values: tuple[Value, ...], uses: Counter[Value], added: dict[Value, Node]) -> tuple[Value, ...]:
    """The outputs of `node`, which were `values`, with its requests set."""
    assert isinstance(node.op, CustomBackward)
    requests = tuple("add" if value in added else "write" if uses[value] else "null" for value in values)
    before = (Value(variable(ACCUMULATED + added[value].name, value.type, sources=added[value].sources))
              for value in values if value in added)
    return replace(node, op=replace(node.op, requests=requests), inputs=(*node.inputs, *before)).outputs
