"""Every root gets memory of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from symc.ir.graph import Gradient, Graph, Value, variable
from symc.ops.builder import GraphBuilder
from symc.ops.operator import is_view
from symc.ops.record import record
from symc.passes.base import Pass

ACCUMULATED = "_accumulated/"   # prefix of the variable that stands for a gradient buffer being added to


@record
class Materialize(Pass):
    """Needs a typed graph.  Heads, gradients and updates are written to arrays that the user holds, so each must be
    computed by an operator of its own: a root that is a variable, a constant, a view of one, or a root already taken
    is copied; a gradient with req 'add' becomes the sum of itself and the variable `_accumulated/NAME`.  An update
    is copied too if other nodes read it, or another output of its node: the variable is written when all have read
    it.  Of several updates of a variable the last counts.

        heads %x                 →      %x/copy1 = _copy(%x)    heads %x/copy1
        gradient %w += %dw       →      %w/sum = elemwise_add(%dw, %_accumulated/w)    gradient %w += %w/sum
    """

    name = "materialize"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        taken: set[Value] = set()
        heads = tuple(_own(head, taken) for head in graph.heads)
        gradients = tuple(replace(g, value=_own(_wanted(g), taken)) for g in graph.gradients)
        last = {update.variable: update for update in graph.updates}
        read = Graph(heads, gradients, tuple(last.values())).readers
        taken.update(output for value in read for output in storage(value).node.outputs)
        updates = tuple(replace(u, value=_own(u.value, taken)) for u in last.values())
        made = Graph(heads, gradients, updates)
        return graph if made.roots == graph.roots else made


def storage(value: Value) -> Value:
    """The value whose memory `value` is: views lead to what they are views of."""
    while is_view(value.node):
        value = value.node.inputs[0]
    return value


def _own(value: Value, taken: set[Value]) -> Value:
    root = storage(value)
    if root.node.op is None or root in taken:
        value = root = GraphBuilder(value.node.name, value.node.sources).op("_copy", value)
    taken.add(root)
    return value


def _wanted(gradient: Gradient) -> Value:
    """What the gradient buffer shall hold."""
    target, value = gradient.variable, gradient.value
    if gradient.req != "add":
        return value
    before = Value(variable(ACCUMULATED + target.name, value.type, sources=target.sources))
    return GraphBuilder(target.name, target.sources).op("elemwise_add", value, before)


def storages(graph: Graph) -> Mapping[Value, Value]:
    """Every value of the graph with the one whose memory it shares."""
    found: dict[Value, Value] = {}
    for node in graph.nodes:
        for value in node.outputs:
            found[value] = found[node.inputs[0]] if is_view(node) else value
    return found
