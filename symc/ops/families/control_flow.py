"""Control flow: the hidden loop and branch that MXNet's `_foreach`, `_while_loop` and `_cond` become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.operator import Array, Operator, operator
from symc.ops.parameters import internal
from symc.ops.random import NumPyDraws
from symc.ops.record import record
from symc.ops.slots import ShapeSlot, Slots, TypeSlot

RunGraph = Callable[[Graph, dict[str, Array]], tuple[Array, ...]]


@operator("_scan", hidden=True)
@record
class Scan(Operator):
    """Run a body graph once for each of `count` slices, handing states from step to step.

    Inputs, in order: `slices` arrays [count, ...], cut along axis 0; `states` initial states; `constants` arrays
    that every step sees whole.  The variables of the body are called x0.. (a slice, without axis 0), s0.. (the
    states at the start of the step) and c0.. (constants); those that it does not read may be absent.  Its heads are
    the outputs of the step, then the new states, of the types of the old ones.  The body is typed.
    Outputs: the outputs of all steps stacked as [count, ...], then the final states.
    reverse: steps run from the last index down to 0; outputs of a step lie at its index all the same.
    count may be 0: the outputs are then empty and the final states the initial ones.
    conditional: the last state is an int32 of one element; a step is made only as long as it is not 0.  A further
    output, int64[1], is the number of steps made.  limited: a further input, int64[1], is the number of steps to make.
    Outputs at the indices of steps that are not made are 0.
    """

    count: int
    slices: int
    states: int
    constants: int = 0
    reverse: bool = False
    conditional: bool = False
    limited: bool = False
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()
    reads_types = True

    @property
    def body(self) -> Graph:
        return self.graphs[0]

    @property
    def stacked(self) -> int:
        """Number of outputs that have a part for each step."""
        return len(self.body.heads) - self.states

    def body_names(self) -> list[str]:
        """For each input the variable of the body that stands for it; '' for the number of steps."""
        return [f"{kind}{i}" for kind, count in (("x", self.slices), ("s", self.states), ("c", self.constants))
                for i in range(count)] + [""] * self.limited

    def names_in_bodies(self) -> list[list[str]]:
        return [self.body_names()]

    def input_names(self) -> list[str]:
        return [f"{kind}{i}" for kind, count in (("slice", self.slices), ("state", self.states),
                                                 ("constant", self.constants)) for i in range(count)
                ] + ["steps"] * self.limited

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.body.heads))] + ["steps_made"] * self.conditional

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        types = {node.name: node.types[0] for node in self.body.variables}
        for slot, name in zip(s.inputs, self.body_names(), strict=True):
            if name in types:
                slot.unify(self._whole(types[name].shape, name.startswith("x")))
        for i, (slot, head) in enumerate(zip(s.outputs, self.body.heads, strict=False)):
            slot.unify(self._whole(head.type.shape, i < self.stacked))
        for slot in self._counters(s):
            slot.unify((1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        types = {node.name: node.types[0] for node in self.body.variables}
        for slot, name in zip(t.inputs, self.body_names(), strict=True):
            if name in types:
                slot.unify(types[name].dtype)
        for slot, head in zip(t.outputs, self.body.heads, strict=False):
            slot.unify(head.type.dtype)
        for slot in self._counters(t):
            slot.unify(DType.int64)

    def _whole(self, shape: PartialShape | None, stacked: bool) -> PartialShape | None:
        """The shape of an array of which a step sees `shape`."""
        return (self.count, *shape) if stacked and shape is not None else shape

    def _counters(self, slots: Slots[Any]) -> list[Any]:
        return slots.inputs[-1:] * self.limited + slots.outputs[-1:] * self.conditional

    def reference(self, run: RunGraph, *inputs: Array, types: list[TensorType]) -> tuple[Array, ...]:
        given = dict(zip(self.body_names(), inputs, strict=True))
        trips = int(given.pop("")[0]) if self.limited else self.count
        states = [given.pop(f"s{i}") for i in range(self.states)]
        whole = {name: given.pop(name) for name in list(given) if name.startswith("x")}
        stacks = [np.zeros(t.dims, t.element.numpy) for t in types[:self.stacked]]
        made = 0
        for index in range(trips)[::-1 if self.reverse else 1]:
            if self.conditional and not states[-1].item():
                break
            slices = {name: array[index] for name, array in whole.items()}
            heads = run(self.body, given | slices | {f"s{i}": state for i, state in enumerate(states)})
            for stack, part in zip(stacks, heads, strict=False):
                stack[index] = part
            states = list(heads[self.stacked:])
            made += 1
        return (*stacks, *states, *[np.array([made], np.int64)] * self.conditional)


@operator("_branch", hidden=True)
@record
class Branch(Operator):
    """Compute the first of two graphs if the predicate, an int32 of one element, is not 0, else the second.

    Inputs: the predicate, then `constants` arrays, which both graphs know as c0, c1, ...; those that one does not
    read may be absent from it.  The heads of the graphs, which are typed, are of the same types: the outputs.
    """

    constants: int
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()

    def body_names(self) -> list[str]:
        """For each input the variable of the graphs that stands for it; '' for the predicate."""
        return ["", *(f"c{i}" for i in range(self.constants))]

    def names_in_bodies(self) -> list[list[str]]:
        return [self.body_names()] * 2

    def input_names(self) -> list[str]:
        return ["predicate", *(f"constant{i}" for i in range(self.constants))]

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.graphs[0].heads))]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for graph in self.graphs:
            types = {node.name: node.types[0] for node in graph.variables}
            for slot, name in zip(s.inputs, self.body_names(), strict=True):
                slot.unify(types[name].shape if name in types else None)
            for slot, head in zip(s.outputs, graph.heads, strict=True):
                slot.unify(head.type.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.inputs[0].unify(DType.int32)
        for graph in self.graphs:
            types = {node.name: node.types[0] for node in graph.variables}
            for slot, name in zip(t.inputs, self.body_names(), strict=True):
                slot.unify(types[name].dtype if name in types else None)
            for slot, head in zip(t.outputs, graph.heads, strict=True):
                slot.unify(head.type.dtype)

    def reference(self, run: RunGraph, predicate: Array, *constants: Array) -> tuple[Array, ...]:
        graph = self.graphs[0] if predicate.item() else self.graphs[1]
        return run(graph, dict(zip(self.body_names()[1:], constants, strict=True)))


ControlFlow = Scan | Branch


@operator("_step_seeds", hidden=True)
class StepSeeds(Operator):
    """A seed for each of the `count` steps of a loop, [count, 1], drawn from the seed of what is around the loop."""

    count: int
    salt: int
    inputs = ("seed",)
    largest: ClassVar[int] = 1 << 31

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        s.output.unify((self.count, 1))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.output.unify(DType.int64)

    def reference(self, seed: Array) -> Array:
        draws = NumPyDraws(int(seed[0]), self.salt, np.arange(self.count))
        return draws.below(draws.bits(0), self.largest).reshape(self.count, 1)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        def element(i: Any, _: Any) -> Any:
            draws = te.draws(inputs[0][0], self.salt, i)
            return draws.below(draws.bits(0), self.largest)
        return [te.tensor((self.count, 1), element, dtype=DType.int64)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]
