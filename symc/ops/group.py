"""The fused group: several operators that become the kernels of one step."""

from __future__ import annotations

from collections.abc import Callable

from symc.ir.graph import Graph
from symc.ops.operator import Array, Operator, operator
from symc.ops.parameters import internal
from symc.ops.slots import ShapeSlot, Slots, TypeSlot

RunGraph = Callable[[Graph, dict[str, Array]], tuple[Array, ...]]


@operator("group", hidden=True)
class Group(Operator):
    """Computes `graph`: its variables are the inputs in order, its heads the outputs.

    master: the kind of code that computes it, 'contraction', 'reduction', 'injective' or 'imperative'.
    """

    master: str = internal("injective")
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()

    @property
    def graph(self) -> Graph:
        return self.graphs[0]

    def input_names(self) -> list[str]:
        return [node.name for node in self.graph.variables]

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.graph.heads))]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot, head in zip(s.outputs, self.graph.heads, strict=True):
            slot.unify(head.type.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot, head in zip(t.outputs, self.graph.heads, strict=True):
            slot.unify(head.type.dtype)

    def reference(self, run: RunGraph, *inputs: Array) -> tuple[Array, ...]:
        return run(self.graph, dict(zip(self.input_names(), inputs, strict=True)))

    def printed(self) -> str:
        return f"master={self.master}"
