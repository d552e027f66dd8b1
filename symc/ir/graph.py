"""The graph: immutable nodes with typed, multi-output values.  Every traversal is iterative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from symc.ir.types import TensorType

NO_ATTRS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a node comes from: the symbol's node name, and its index in the JSON file if it was read from one."""

    name: str
    index: int | None = None

    def __str__(self) -> str:
        return self.name if self.index is None else f"{self.name}@{self.index}"


class Operation(Protocol):
    """What the graph needs to know of an operator block (`ops.operator.Operator`) or a fused group."""

    @property
    def name(self) -> str: ...

    @property
    def output_count(self) -> int: ...

    @property
    def subgraphs(self) -> tuple[Graph, ...]: ...

    def printed(self) -> str:
        """Parameters that differ from their defaults, as 'kernel=(3,3) num_filter=4'."""


class Value(NamedTuple):
    """Output `index` of `node`."""

    node: Node
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which nothing uses

    @property
    def type(self) -> TensorType:
        return self.node.types[self.index]

    def __repr__(self) -> str:
        return f"%{self.node.name}" + (f"#{self.index}" if self.index else "")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Node:
    """An operator application, a variable (op None, value None) or a constant (op None, value an array).

    types: one for each output, hidden ones included.  attrs: the strings of MXNet's attribute dict (the user's
    `__key__`s, and operator parameters as they were written).  sources: the symbol nodes this one stands for; passes
    merge them, and never drop them.
    """

    name: str
    op: Operation | None = None
    inputs: tuple[Value, ...] = ()
    types: tuple[TensorType, ...] = (TensorType(),)
    attrs: Mapping[str, str] = field(default_factory=lambda: NO_ATTRS)
    sources: tuple[Source, ...] = ()
    value: np.ndarray | None = None

    @property
    def is_variable(self) -> bool:
        return self.op is None and self.value is None

    @property
    def is_constant(self) -> bool:
        return self.value is not None

    @property
    def outputs(self) -> tuple[Value, ...]:
        if len(self.types) == 1:    # most nodes
            return (Value(self),)
        return tuple(Value(self, i) for i in range(len(self.types)))

    def with_inputs(self, inputs: tuple[Value, ...]) -> Node:
        """`replace(self, inputs=inputs)` in half the time: passes that change a graph do it to every node behind."""
        return Node(self.name, self.op, inputs, self.types, self.attrs, self.sources, self.value)

    def __repr__(self) -> str:
        return f"<{self.op.name if self.op else 'variable'} {self.name}>"


def variable(name: str, type: TensorType = TensorType(), **fields: object) -> Node:
    """A variable that is its own source unless `sources` says otherwise."""
    return replace(Node(name, types=(type,), sources=(Source(name),)), **fields)  # type: ignore[arg-type]


def constant(name: str, value: np.ndarray, type: TensorType, sources: tuple[Source, ...]) -> Node:
    return Node(name, types=(type,), sources=sources, value=value)


@dataclass(frozen=True, slots=True)
class Gradient:
    """The gradient of `variable` is `value`; req 'write' overwrites the bound buffer, 'add' adds to it."""

    variable: Node
    value: Value
    req: str = "write"


@dataclass(frozen=True, slots=True)
class Update:
    """A write to an input: after the run, `variable` holds `value`.  when: 'forward' or 'backward'."""

    variable: Node
    value: Value
    when: str = "backward"


@dataclass(frozen=True, eq=False)
class Graph:
    """What is computed: the heads (forward), the gradients (backward), and updates of variables.

    Nodes needed by heads and forward updates make up the forward entry, the others the backward entry.
    """

    heads: tuple[Value, ...]
    gradients: tuple[Gradient, ...] = ()
    updates: tuple[Update, ...] = ()

    @property
    def roots(self) -> tuple[Value, ...]:
        """Everything that must be computed."""
        return (*self.heads, *(u.value for u in self.updates if u.when == "forward"),
                *(g.value for g in self.gradients), *(u.value for u in self.updates if u.when != "forward"))

    @property
    def forward_roots(self) -> tuple[Value, ...]:
        return (*self.heads, *(u.value for u in self.updates if u.when == "forward"))

    @property
    def written(self) -> tuple[Node, ...]:
        """The variables that gradients and updates are of."""
        return (*(g.variable for g in self.gradients), *(u.variable for u in self.updates))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes in MXNet's order: depth first from the roots, inputs left to right, each after its inputs."""
        return tuple(topological(value.node for value in self.roots))

    @cached_property
    def forward_nodes(self) -> frozenset[Node]:
        return frozenset(topological(value.node for value in self.forward_roots))

    @cached_property
    def readers(self) -> Mapping[Value, tuple[Node, ...]]:
        """The nodes that read a value, once for each use; roots are not counted."""
        readers: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                readers.setdefault(value, []).append(node)
        return {value: tuple(nodes) for value, nodes in readers.items()}

    @property
    def variables(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.is_variable)

    @property
    def unread_variables(self) -> tuple[Node, ...]:
        """The variables that gradients and updates write and nothing reads; they are not among `nodes`."""
        read = set(self.nodes)
        return tuple(variable for variable in dict.fromkeys(self.written) if variable not in read)

    def rewrite(self, visit: Callable[[Node], Sequence[Value] | None]) -> Graph:
        """Rebuild the graph bottom up.

        `visit` sees each node, its inputs already rewritten, and returns the values that replace its outputs, or
        None to keep it.  Nodes that nothing uses any more vanish.  Returns `self` when nothing changed.
        """
        return self.substitute(rewritten_values(self.nodes, visit))

    def with_names(self, names: Mapping[str, str]) -> Graph:
        """The graph with variables renamed: old name → new name; others keep theirs."""
        return self.rewrite(lambda node: replace(node, name=names[node.name]).outputs
                            if node.is_variable and names.get(node.name, node.name) != node.name else None)

    def substitute(self, values: Mapping[Value, Value]) -> Graph:
        """The graph with its roots mapped through `values` (absent: unchanged)."""
        new = {root: values.get(root, root) for root in self.roots}
        variables = {node: values.get(Value(node), Value(node)).node for node in self.written}
        if all(a == b for a, b in new.items()) and all(a is b for a, b in variables.items()):
            return self
        return Graph(tuple(new[head] for head in self.heads),
                     tuple(replace(g, variable=variables[g.variable], value=new[g.value]) for g in self.gradients),
                     tuple(replace(u, variable=variables[u.variable], value=new[u.value]) for u in self.updates))


def topological(roots: Iterable[Node]) -> list[Node]:
    """Every node reachable from `roots`, depth first, inputs left to right, each after all its inputs."""
    order: list[Node] = []
    done: set[Node] = set()
    for root in roots:
        stack = [] if root in done else [(root, iter(root.inputs))]
        done.add(root)
        while stack:
            node, left = stack[-1]
            for child, _ in left:
                if child in done:
                    continue
                done.add(child)
                if child.inputs:
                    stack.append((child, iter(child.inputs)))
                    break
                order.append(child)
            else:
                order.append(node)
                stack.pop()
    return order


def rewritten_values(nodes: Iterable[Node], visit: Callable[[Node], Sequence[Value] | None]) -> dict[Value, Value]:
    """Old value → new value for the outputs of `nodes` (topological); see `Graph.rewrite`."""
    new: dict[Value, Value] = {}
    for node in nodes:
        moved = node
        if not new.keys().isdisjoint(node.inputs):
            moved = node.with_inputs(tuple([new.get(value, value) for value in node.inputs]))
        result = visit(moved)
        if result is None and moved is node:
            continue
        before, outputs = node.outputs, moved.outputs if result is None else tuple(result)
        assert len(outputs) == len(before), f"{node} replaced by {len(outputs)} values"
        if outputs != before:
            new.update(zip(before, outputs, strict=True))
    return new


def merge_sources(*nodes: Node) -> tuple[Source, ...]:
    """The sources of all `nodes`, each once, in order."""
    return tuple(dict.fromkeys(source for node in nodes for source in node.sources))


def value_name(node: str, index: int) -> str:
    """The name of output `index` of the node of this name, as the text form has it."""
    return f"{node}#{index}" if index else node


def unique_names(graph: Graph) -> dict[Node, str]:
    """A name for each node, and unread variable, that no other node has: its own, with a number where it is taken."""
    names: dict[Node, str] = {}
    taken: dict[str, int] = {}
    nodes = (*graph.nodes, *graph.unread_variables)
    reserved = {node.name for node in nodes}
    for node in nodes:
        name, count = node.name, taken.get(node.name, 0)
        while count and (name in taken or name in reserved):
            name, count = f"{node.name}.{count}", count + 1
        taken[node.name] = max(count, 1)
        taken.setdefault(name, 1)
        names[node] = name
    return names
