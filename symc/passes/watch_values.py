"""All values of a graph as heads, for those who watch an executor."""

from __future__ import annotations

from dataclasses import replace

from symc.ir.graph import Graph
from symc.ops.builder import GraphBuilder
from symc.ops.record import record
from symc.passes.base import Pass


@record
class WatchValues(Pass):
    """Add a copy of every output of every operator to the heads, hidden outputs included, in the order of the nodes.

    Before: a typed graph without gradients.
        %y = relu(%x)
        %z = sin(%y)
        heads %z
    After: the old heads, then the copies, through which no gradient flows.
        %y/watch/BlockGrad1 = BlockGrad(%y)
        %z/watch/BlockGrad1 = BlockGrad(%z)
        heads %z, %y/watch/BlockGrad1, %z/watch/BlockGrad1
    """

    name = "watch-values"

    def __call__(self, graph: Graph) -> Graph:
        assert not graph.gradients, "gradients are of the heads that there were"
        copies = []
        for node in graph.nodes:
            if node.op is not None:
                g = GraphBuilder(f"{node.name}/watch", node.sources)
                copies += [g.BlockGrad(value) for value in node.outputs]
        return replace(graph, heads=(*graph.heads, *copies))
