"""Control flow: the hidden loop over slices that MXNet's loops become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symc.ir.graph import Graph
from symc.ir.types import TensorType
from symc.ops.operator import Array, Operator, operator
from symc.ops.parameters import internal
from symc.ops.slots import ShapeSlot, Slots, TypeSlot

RunGraph = Callable[[Graph, dict[str, Array]], tuple[Array, ...]]


@operator("_scan", hidden=True)
@dataclass(frozen=True)
class Scan(Operator):
    """Run a body graph once for each of `count` slices, handing states from step to step.

    Inputs, in order: `slices` arrays [count, ...], cut along axis 0; `states` initial states; `constants` arrays
    that every step sees whole.  The variables of the body are called x0.. (a slice, without axis 0), s0.. (the
    states at the start of the step) and c0.. (constants); those that it does not read may be absent.  Its heads are
    the outputs of the step, then the new states, of the types of the old ones.  The body is typed.
    Outputs: the outputs of all steps stacked as [count, ...], then the final states.
    reverse: steps run from index count - 1 down to 0; outputs of a step lie at its index all the same.
    count may be 0: the outputs are then empty and the final states the initial ones.
    """

    count: int
    slices: int
    states: int
    constants: int = 0
    reverse: bool = False
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()
    reads_types = True

    @property
    def body(self) -> Graph:
        return self.graphs[0]

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        return self.graphs

    @property
    def stacked(self) -> int:
        """Number of outputs that have a part for each step."""
        return len(self.body.heads) - self.states

    def body_names(self) -> list[str]:
        """For each input the variable of the body that stands for it."""
        return [f"{kind}{i}" for kind, count in (("x", self.slices), ("s", self.states), ("c", self.constants))
                for i in range(count)]

    def input_names(self) -> list[str]:
        return [f"{kind}{i}" for kind, count in (("slice", self.slices), ("state", self.states),
                                                 ("constant", self.constants)) for i in range(count)]

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.body.heads))]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        types = {node.name: node.types[0] for node in self.body.variables}
        for slot, name in zip(s.inputs, self.body_names(), strict=True):
            if name in types:
                slot.unify(self._whole(types[name], name.startswith("x")).shape)
        for i, (slot, head) in enumerate(zip(s.outputs, self.body.heads, strict=True)):
            slot.unify(self._whole(head.type, i < self.stacked).shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        types = {node.name: node.types[0] for node in self.body.variables}
        for slot, name in zip(t.inputs, self.body_names(), strict=True):
            if name in types:
                slot.unify(types[name].dtype)
        for slot, head in zip(t.outputs, self.body.heads, strict=True):
            slot.unify(head.type.dtype)

    def _whole(self, type: TensorType, stacked: bool) -> TensorType:
        """The type of an array of which a step sees `type`."""
        return TensorType((self.count, *type.dims), type.dtype) if stacked and type.shape is not None else type

    def reference(self, run: RunGraph, *inputs: Array, types: list[TensorType]) -> tuple[Array, ...]:
        slices, rest = inputs[:self.slices], inputs[self.slices:]
        states, constants = rest[:self.states], rest[self.states:]
        stacks = [np.zeros(t.dims, t.element.numpy) for t in types[:self.stacked]]
        for index in range(self.count)[::-1 if self.reverse else 1]:
            arguments = (*(array[index] for array in slices), *states, *constants)
            heads = run(self.body, dict(zip(self.body_names(), arguments, strict=True)))
            for stack, part in zip(stacks, heads, strict=False):
                stack[index] = part
            states = heads[self.stacked:]
        return (*stacks, *states)

    def printed(self) -> str:
        fields = {"count": self.count, "slices": self.slices, "states": self.states, "constants": self.constants,
                  "reverse": self.reverse}
        return " ".join(f"{name}={value}" for name, value in fields.items())
