"""What operators write to their own inputs in forward."""

from __future__ import annotations

from dataclasses import replace

from symc.ir.graph import Graph, Update
from symc.ops.builder import GraphBuilder
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass


@record
class OverwriteInputs(Pass):
    """Record the writes of forward to variables as updates of the graph: BatchNorm with fix_gamma sets gamma to 1.

    Before: a typed graph of MXNet's operators, for arrays that stay bound (an executor, not a package).
        %bn = BatchNorm(%x, %gamma, %beta, %mean, %var)
    After:
        %bn = ...
        update forward %gamma = %bn/_ones1
    """

    name = "overwrite-inputs"

    def __call__(self, graph: Graph) -> Graph:
        updates = {}
        for node in graph.nodes:
            op = operation(node) if node.op is not None else None
            if op is None or op.overwrites is None:
                continue
            written = op.overwrites(GraphBuilder(f"{node.name}/overwrite", node.sources), node)
            updates.update({node.inputs[position].node: value for position, value in written.items()
                            if node.inputs[position].node.is_variable})
        made = tuple(Update(variable, value, "forward") for variable, value in updates.items())
        return replace(graph, updates=(*graph.updates, *made)) if made else graph
