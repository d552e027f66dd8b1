"""MXNet's control flow: `_foreach`, `_while_loop` and `_cond`, each defined by the hidden loop and branch.

They hold subgraphs whose variables, in the order of the subgraph, are given by inputs of the node; the attributes
that end in `_locs` say which by which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Graph, Source, Value, rewritten_values, variable
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Branch, RunGraph, Scan
from symc.ops.inference import infer, with_types
from symc.ops.operator import Operator, Variadic, operator
from symc.ops.parameters import Dims, internal
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot


class Subgraphs(Operator):
    """Base of the three.  `num_args` counts the inputs and the subgraphs."""

    subgraph_count: ClassVar[int]
    inputs = (Variadic("data"),)
    num_args: int
    num_outputs: int
    graphs: tuple[Graph, ...]
    deviations: ClassVar[tuple[str, ...]] = (
        "gradients pass BatchNorm within a subgraph, and leave its moving statistics as they are; MXNet's backward "
        "ends with an error there",)

    def input_names(self) -> list[str]:
        return [f"data{i}" for i in range(self.num_args - self.subgraph_count)]

    def output_names(self) -> list[str]:
        return ["output"] if self.num_outputs == 1 else [f"output{i}" for i in range(self.num_outputs)]

    def locations(self) -> list[list[int]]:
        """For each subgraph, and each of its variables, the input that gives it."""
        raise NotImplementedError

    def names_in_bodies(self) -> list[list[str]]:
        names = []
        for graph, locations in zip(self.graphs, self.locations(), strict=True):
            inside = {input: node.name for node, input in zip(graph.variables, locations, strict=True)}
            names.append([inside.get(i, "") for i in range(len(self.input_names()))])
        return names

    def wholes(self) -> range:
        """The inputs of which a subgraph sees slices along axis 0."""
        return range(0)

    def outputs_of(self, graph: int) -> list[tuple[int, int | None]]:
        """For each head of a subgraph, the output that it is (part of), and the number of slices of that, if it is one
        of slices (-1: as many as there are in the inputs); (-1, None) for a head that is no output."""
        raise NotImplementedError

    # ---- inference: that of the subgraphs, for the slices that they see

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        self._check_subgraphs()
        length = self._length(s)
        for input in self.wholes():
            if s.inputs[input].rank is not None:
                s.inputs[input].unify_axis(0, length)
        for number, (graph, locations) in enumerate(zip(self.graphs, self.locations(), strict=True)):
            given = {node.name: self._seen(input, s.inputs[input].shape)
                     for node, input in zip(graph.variables, locations, strict=True)}
            types = infer(graph, given)
            for node, input in zip(graph.variables, locations, strict=True):
                s.inputs[input].unify(self._whole(input, types[Value(node)].shape, length, s.inputs[input].rank))
            for head, (output, slices) in zip(graph.heads, self.outputs_of(number), strict=True):
                shape = types[head].shape
                if output >= 0 and shape is not None:
                    count = length if slices == -1 else slices
                    s.outputs[output].unify(shape if slices is None else (count, *shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for number, (graph, locations) in enumerate(zip(self.graphs, self.locations(), strict=True)):
            given = {node.name: t.inputs[input].dtype for node, input in zip(graph.variables, locations, strict=True)}
            types = infer(graph, {}, {name: dtype for name, dtype in given.items() if dtype is not None})
            for node, input in zip(graph.variables, locations, strict=True):
                t.inputs[input].unify(types[Value(node)].dtype)
            for head, (output, _) in zip(graph.heads, self.outputs_of(number), strict=True):
                if output >= 0:
                    t.outputs[output].unify(types[head].dtype)

    def _check_subgraphs(self) -> None:
        if len(self.graphs) != self.subgraph_count:
            raise Conflict(f"has {len(self.graphs)} subgraphs, needs {self.subgraph_count}")
        for graph, locations in zip(self.graphs, self.locations(), strict=True):
            if len(locations) != len(graph.variables) or any(i >= len(self.input_names()) for i in locations):
                raise Conflict(f"a subgraph has the inputs {', '.join(node.name for node in graph.variables)}, "
                               f"the node gives it its inputs number {', '.join(map(str, locations))}")
        for number, graph in enumerate(self.graphs):
            if len(graph.heads) != len(self.outputs_of(number)):
                raise Conflict(f"subgraph {number} has {len(graph.heads)} heads, expected "
                               f"{len(self.outputs_of(number))}")

    def _length(self, s: Slots[ShapeSlot]) -> int | None:
        known = [s.inputs[input][0] for input in self.wholes() if s.inputs[input].rank]
        known += [s.outputs[output][0] for number in range(self.subgraph_count)
                  for output, slices in self.outputs_of(number) if slices == -1 and s.outputs[output].rank]
        return next((length for length in known if length is not None), None)

    def _seen(self, input: int, shape: PartialShape | None) -> PartialShape | None:
        """The shape of an input as a subgraph sees it."""
        if input not in self.wholes() or shape is None:
            return shape
        if not shape:
            raise Conflict(f"data{input} has no axis to loop over")
        return slice_shape(shape)

    def _whole(self, input: int, seen: PartialShape | None, length: int | None,
               rank: int | None) -> PartialShape | None:
        """The shape of an input of which a subgraph sees `seen`, as far as that says it."""
        if input not in self.wholes() or seen is None:
            return seen
        return None if len(seen) == 1 and rank != 2 else (length, *seen)

    # ---- meaning

    def typed(self, number: int, inputs: Sequence[Value]) -> Graph:
        """A subgraph with the types that follow from the inputs."""
        graph, wholes = self.graphs[number], self.wholes()
        given = dict(zip((node.name for node in graph.variables), self.locations()[number], strict=True))
        dims = [slice_shape(value.type.dims) if i in wholes else value.type.dims for i, value in enumerate(inputs)]
        shapes = {name: dims[input] for name, input in given.items()}
        return with_types(graph, infer(graph, shapes, {name: inputs[i].type.element for name, i in given.items()}))

    def reference(self, run: RunGraph, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """The meaning of the operators that it is defined by."""
        variables = [variable(f"data{i}", TensorType(x.shape, DType.of(x.dtype))) for i, x in enumerate(inputs)]
        g = GraphBuilder(self.name, (Source(self.name),))
        heads = self.rewrite(g, *map(Value, variables))
        return run(Graph(tuple(heads)), {node.name: x for node, x in zip(variables, inputs, strict=True)})


def slice_shape(shape: PartialShape) -> PartialShape:
    """The shape of a slice along axis 0: of a vector (1,), since MXNet has no arrays without dimensions."""
    return shape[1:] or (1,)


def placed(graph: Graph, values: Sequence[Value]) -> tuple[Value, ...]:
    """The heads of `graph` with `values` in the place of its variables, in order."""
    given = dict(zip(graph.variables, values, strict=True))
    new = rewritten_values(graph.nodes, lambda node: (given[node],) if node in given else None)
    return tuple(new.get(head, head) for head in graph.heads)


def renamed(graph: Graph, names: Sequence[str]) -> list[Value]:
    """Variables with the types of those of `graph`, in order, and these names."""
    return [Value(variable(name, node.types[0], sources=node.sources))
            for node, name in zip(graph.variables, names, strict=True)]


def truth(g: Any, value: Value) -> Value:
    """An int32 of one element: whether the one element of `value` is not 0."""
    return g.Cast(g._not_equal_scalar(g.reshape(value, (1,)), scalar=0.0), dtype="int32")


@operator("_foreach")
@record
class Foreach(Subgraphs):
    """Run a subgraph on each slice of some inputs, handing states on.  MXNet: contrib.foreach.

    Inputs: the data, cut along axis 0; the initial states; whatever else the subgraph reads.  Outputs: the stacked
    outputs of the steps, then the final states.  `..._locs`: the variables of the subgraph that these inputs are.
    """

    num_args: int
    num_outputs: int
    num_out_data: int
    in_data_locs: Dims
    in_state_locs: Dims
    remain_locs: Dims
    graphs: tuple[Graph, ...] = internal(())
    subgraph_count = 1

    def locations(self) -> list[list[int]]:
        places = (*self.in_data_locs, *self.in_state_locs, *self.remain_locs)
        return [[places.index(i) for i in sorted(places)]]

    def wholes(self) -> range:
        return range(len(self.in_data_locs))

    def outputs_of(self, graph: int) -> list[tuple[int, int | None]]:
        return [(i, -1 if i < self.num_out_data else None) for i in range(self.num_outputs)]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        places = (*self.in_data_locs, *self.in_state_locs, *self.remain_locs)
        if sorted(places) != list(range(len(places))) or not self.in_data_locs:
            raise Conflict(f"in_data_locs, in_state_locs and remain_locs must be the numbers from 0, each once, and "
                           f"there must be data; found {places}")
        if len(self.in_state_locs) != self.num_outputs - self.num_out_data:
            raise Conflict(f"has {len(self.in_state_locs)} states, but {self.num_outputs - self.num_out_data} outputs "
                           "for them")
        for state, output in zip(self._states(s.inputs), s.outputs[self.num_out_data:], strict=True):
            output.unify(state.shape)
            state.unify(output.shape)
        super().infer_shape(s)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for state, output in zip(self._states(t.inputs), t.outputs[self.num_out_data:], strict=True):
            output.unify(state.dtype)
            state.unify(output.dtype)
        super().infer_type(t)

    def _states(self, inputs: Sequence[Any]) -> Sequence[Any]:
        first = len(self.in_data_locs)
        return inputs[first:first + len(self.in_state_locs)]

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        body = self.typed(0, inputs)
        slices, states = len(self.in_data_locs), len(self.in_state_locs)
        loop = Scan(inputs[0].type.dims[0], slices, states, len(self.remain_locs))
        names = loop.body_names()
        heads = placed(body, renamed(body, [names[input] for input in self.locations()[0]]))
        data = [g.reshape(value, (*value.type.dims, 1)) if len(value.type.dims) == 1 else value
                for value in inputs[:slices]]
        return list(g.node(replace(loop, graphs=(Graph(heads),)), [*data, *inputs[slices:]]).outputs)


@operator("_while_loop")
@record
class WhileLoop(Subgraphs):
    """Run a subgraph on loop variables as long as a condition of them holds.  MXNet: contrib.while_loop.

    Subgraphs: the condition, of one element, and the step.  Outputs: the stacked outputs of the steps, padded with
    zeros to `max_iterations`, then the final loop variables.  func_var_locs: the variables of the step's subgraph that
    are loop variables.
    """

    num_args: int
    num_outputs: int
    num_out_data: int
    max_iterations: int
    cond_input_locs: Dims
    func_input_locs: Dims
    func_var_locs: Dims
    graphs: tuple[Graph, ...] = internal(())
    subgraph_count = 2
    deviations = (*Subgraphs.deviations,
                  "a loop whose condition does not hold at the start gives zeros, and the states it was given; MXNet "
                  "refuses it, since it takes the shapes of the outputs from the first step",)

    def locations(self) -> list[list[int]]:
        return [list(self.cond_input_locs), list(self.func_input_locs)]

    @property
    def loop_variables(self) -> list[int]:
        """The inputs that are loop variables."""
        return [self.func_input_locs[place] for place in self.func_var_locs]

    def outputs_of(self, graph: int) -> list[tuple[int, int | None]]:
        if graph == 0:
            return [(-1, None)]
        return [(i, self.max_iterations if i < self.num_out_data else None) for i in range(self.num_outputs)]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if len(self.func_var_locs) != self.num_outputs - self.num_out_data or any(
                place >= len(self.func_input_locs) for place in self.func_var_locs) or any(
                place >= len(s.inputs) for place in self.func_input_locs):
            raise Conflict(f"func_var_locs {self.func_var_locs} must name {self.num_outputs - self.num_out_data} of "
                           f"the {len(self.func_input_locs)} inputs of the step")
        for input, output in zip(self.loop_variables, s.outputs[self.num_out_data:], strict=True):
            output.unify(s.inputs[input].shape)
            s.inputs[input].unify(output.shape)
        super().infer_shape(s)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for input, output in zip(self.loop_variables, t.outputs[self.num_out_data:], strict=True):
            output.unify(t.inputs[input].dtype)
            t.inputs[input].unify(output.dtype)
        super().infer_type(t)

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        condition, step = self.typed(0, inputs), self.typed(1, inputs)
        carried = self.loop_variables
        others = [i for i in range(len(inputs)) if i not in carried]
        loop = Scan(self.max_iterations, 0, len(carried) + 1, len(others), conditional=True)
        order = [*carried, -1, *others]      # the predicate is the last state
        variables = {input: Value(variable(name, inputs[input].type)) for input, name in
                     zip(order, loop.body_names(), strict=True) if input >= 0}
        heads = placed(step, [variables[input] for input in self.func_input_locs])
        after = variables | dict(zip(carried, heads[self.num_out_data:], strict=True))
        inner = GraphBuilder(f"{g.prefix}/condition", g.sources)
        goes_on = truth(inner, placed(condition, [after[input] for input in self.cond_input_locs])[0])
        begins = truth(g, placed(condition, [inputs[input] for input in self.cond_input_locs])[0])
        made = g.node(replace(loop, graphs=(Graph((*heads, goes_on)),)),
                      [*(inputs[i] for i in carried), begins, *(inputs[i] for i in others)])
        return list(made.outputs[:self.num_outputs])


@operator("_cond")
@record
class Cond(Subgraphs):
    """The outputs of the first subgraph behind the condition if that, of one element, is not 0, else of the second.

    MXNet: contrib.cond.
    """

    num_args: int
    num_outputs: int
    cond_input_locs: Dims
    then_input_locs: Dims
    else_input_locs: Dims
    graphs: tuple[Graph, ...] = internal(())
    subgraph_count = 3

    def locations(self) -> list[list[int]]:
        return [list(self.cond_input_locs), list(self.then_input_locs), list(self.else_input_locs)]

    def outputs_of(self, graph: int) -> list[tuple[int, int | None]]:
        return [(-1, None)] if graph == 0 else [(i, None) for i in range(self.num_outputs)]

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        condition = self.typed(0, inputs)
        predicate = truth(g, placed(condition, [inputs[input] for input in self.cond_input_locs])[0])
        arms = []
        for number, locations in ((1, self.then_input_locs), (2, self.else_input_locs)):
            arm = self.typed(number, inputs)
            arms.append(Graph(placed(arm, renamed(arm, [f"c{input}" for input in locations]))))
        return list(g.node(Branch(len(inputs), tuple(arms)), [predicate, *inputs]).outputs)

