"""The gradient of a network as an operator: what `Symbol.gradient` makes."""

from __future__ import annotations

from symc.ir.graph import Graph, Node, Value
from symc.ops.inference import infer
from symc.ops.operator import Operator, operator, states_of
from symc.ops.parameters import Dims, internal
from symc.ops.record import record
from symc.ops.slots import ShapeSlot, Slots, TypeSlot


@operator("_gradient", hidden=True)
@record
class NetworkGradient(Operator):
    """Gradients of the sum of the graph's heads; loss heads push their own, as in backward.

    Inputs: the graph's variables, auxiliary states last.  wrt: positions among them; one output for each.
    `passes.ExpandGradients` puts the differentiated graph in its place, since gradient rules need types.
    """

    wrt: Dims = internal(())
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()

    @property
    def graph(self) -> Graph:
        return self.graphs[0]

    @property
    def variables(self) -> list[Node]:
        """The graph's variables in the order of the inputs."""
        states = states_of(self.graph)
        return [*(node for node in self.graph.variables if node not in states), *states]

    def argument_names(self) -> list[str]:
        states = states_of(self.graph)
        return [node.name for node in self.graph.variables if node not in states]

    def auxiliary_names(self) -> list[str]:
        return [node.name for node in states_of(self.graph)]

    def output_names(self) -> list[str]:
        names = self.input_names()
        return [names[position] for position in self.wrt]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for position, slot in zip(self.wrt, s.outputs, strict=True):
            s.inputs[position].unify(slot.shape)
        inner = infer(self.graph, dict(zip(self.input_names(), (slot.shape for slot in s.inputs), strict=True)))
        for node, slot in zip(self.variables, s.inputs, strict=True):
            slot.unify(inner[Value(node)].shape)
        for position, slot in zip(self.wrt, s.outputs, strict=True):
            slot.unify(s.inputs[position].shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for position, slot in zip(self.wrt, t.outputs, strict=True):
            t.inputs[position].unify(slot.dtype)
        given = {name: slot.dtype for name, slot in zip(self.input_names(), t.inputs, strict=True) if slot.dtype}
        inner = infer(self.graph, {}, given)
        for node, slot in zip(self.variables, t.inputs, strict=True):
            slot.unify(inner[Value(node)].dtype)
        for position, slot in zip(self.wrt, t.outputs, strict=True):
            slot.unify(t.inputs[position].dtype)
