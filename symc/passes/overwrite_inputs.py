"""What operators write to their own inputs in forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Update, Value, rewritten_values
from symc.ops.builder import GraphBuilder
from symc.ops.operator import auxiliary_states, operation
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
    As in MXNet, which runs nodes in their order, a node reads what those before it have written to an auxiliary state,
    and a head that is one holds what is left in it at the end.
    """

    name = "overwrite-inputs"

    def __call__(self, graph: Graph) -> Graph:
        writes = _Writes()
        new = rewritten_values(graph.nodes, writes.visit)
        if not writes.last:
            return graph
        kept = graph.substitute(new)
        heads = tuple(writes.of_state.get(head, head) for head in kept.heads)
        made = tuple(Update(variable, value, "forward") for variable, value in writes.last.items())
        return replace(kept, heads=heads, updates=(*kept.updates, *made))


class _Writes:
    """What nodes have written to variables, in the order of the nodes."""

    def __init__(self) -> None:
        self.last: dict[Node, Value] = {}           # what is written to a variable last
        self.of_state: dict[Value, Value] = {}      # the same of auxiliary states, which others read

    def visit(self, node: Node) -> Sequence[Value] | None:
        if node.op is None:
            return None
        moved = node
        if not self.of_state.keys().isdisjoint(node.inputs):
            moved = replace(node, inputs=tuple([self.of_state.get(value, value) for value in node.inputs]))
        if operation(node).overwrites is not None:
            self._note(node, moved)
        return None if moved is node else moved.outputs

    def _note(self, node: Node, moved: Node) -> None:
        """What `moved`, which stands for `node`, writes."""
        states = auxiliary_states(node)
        g = GraphBuilder(f"{node.name}/overwrite", node.sources)
        for position, value in operation(node).overwrites(g, moved).items():
            variable = node.inputs[position].node
            if variable.is_variable:
                self.last[variable] = value
            if variable in states:
                self.of_state[Value(variable)] = value
