"""Runs a graph with the operators' NumPy references: what every graph means, before and after each pass.

Arrays are logical: layouts play no part.  A bfloat16 array is held as the upper halves of float32, in uint16.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symc.errors import InferenceError, SymcError
from symc.ir.graph import Graph, Node, Value
from symc.ir.layouts import to_logical
from symc.ops.operator import operation, output_name, run_reference
from symc.ops.slots import show

Array = np.ndarray
Change = Callable[[Node, Sequence[Array], Sequence[Array]], Sequence[Array]]     # node, its inputs, its outputs


@dataclass(frozen=True)
class Results:
    """What a run computes.  gradients and updates are by variable; internals by MXNet's name of the value."""

    heads: tuple[Array, ...]
    gradients: dict[str, Array] = field(default_factory=dict)
    updates: dict[str, Array] = field(default_factory=dict)
    internals: dict[str, Array] = field(default_factory=dict)


def run(graph: Graph, inputs: Mapping[str, Array], *, keep_internals: bool = False,
        change: Change | None = None) -> Results:
    """Heads, gradients and updates of `graph`, for the values of its variables by name.

    A gradient of request 'add' is the part to be added, until `Materialize` makes it the sum.  With `keep_internals`
    every value of the graph is in `internals`, otherwise each is freed after its last use.  `change` gives the outputs
    of each operator that its readers see, in place of those computed.  Further entries of `inputs` are ignored.
    SymcError lists the variables without a value, and the values whose shape or dtype is not the variable's.
    """
    _check_inputs(graph, inputs)
    memory = _Memory(graph, keep_internals)
    for node in graph.nodes:
        arguments = memory.read(node)
        outputs: Sequence[Array] = _evaluate(node, arguments, inputs)
        if change is not None and node.op is not None:
            outputs = change(node, arguments, outputs)
        memory.write(node, outputs)
    return Results(tuple(memory.values[head] for head in graph.heads),
                   {g.variable.name: memory.values[g.value] for g in graph.gradients},
                   {u.variable.name: memory.values[u.value] for u in graph.updates}, memory.internals)


def run_heads(graph: Graph, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
    """The heads of `graph`: what operators that hold graphs are given to run them."""
    return run(graph, inputs).heads


def _evaluate(node: Node, arguments: Sequence[Array], inputs: Mapping[str, Array]) -> tuple[Array, ...]:
    if node.value is not None:
        return (to_logical(node.value, node.types[0].dims, node.types[0].layout),)
    if node.is_variable:
        return (np.asarray(inputs[node.name]),)
    op = operation(node)
    helpers: list[Any] = [run_heads] if op.subgraphs else []
    outputs = run_reference(op, [*helpers, *arguments], node.types)
    assert len(outputs) == len(node.types), f"{node} computes {len(outputs)} values, it has {len(node.types)}"
    for value, array in zip(node.outputs, outputs, strict=True):
        assert not value.type.known or (array.shape, array.dtype) == (value.type.dims, value.type.element.numpy), \
            f"{node} computes {output_name(value)} as {array.dtype}{list(array.shape)}, its type says {value.type}"
    return outputs


class _Memory:
    """The values at hand: each until its last reader has read it, roots to the end."""

    def __init__(self, graph: Graph, keep_internals: bool) -> None:
        self.values: dict[Value, Array] = {}
        self.internals: dict[str, Array] = {}
        self.keep_internals = keep_internals
        self.uses = Counter({value: len(readers) for value, readers in graph.readers.items()})
        self.uses.update(graph.roots)

    def read(self, node: Node) -> list[Array]:
        arrays = [self.values[value] for value in node.inputs]
        for value in node.inputs:
            self.uses[value] -= 1
            if not self.uses[value]:
                del self.values[value]
        return arrays

    def write(self, node: Node, arrays: Sequence[Array]) -> None:
        for value, array in zip(node.outputs, arrays, strict=True):
            if self.uses[value]:
                self.values[value] = array
            if self.keep_internals:
                self.internals[output_name(value)] = array


def _check_inputs(graph: Graph, inputs: Mapping[str, Array]) -> None:
    if missing := [node.name for node in graph.variables if node.name not in inputs]:
        raise SymcError(f"no value is given for {', '.join(map(repr, missing))}",
                        f"given are {', '.join(inputs) or 'none'}")
    problems = [problem for node in graph.variables for problem in _mismatch(node, np.asarray(inputs[node.name]))]
    if problems:
        raise InferenceError("; ".join(problems), "give arrays as the variables are declared")


def _mismatch(node: Node, array: Array) -> list[str]:
    declared = node.types[0]
    if declared.dtype is not None and array.dtype != declared.dtype.numpy:
        return [f"'{node.name}' is {array.dtype}, expected {declared.dtype.name}"]
    shape = declared.shape
    if shape is not None and (len(shape) != array.ndim or any(d not in (None, e) for d, e in
                                                              zip(shape, array.shape, strict=True))):
        return [f"'{node.name}' is {show(array.shape)}, expected {show(shape)}"]
    return []
