"""Fusion: operators become groups, each computed by the kernels of one step."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from symc.ir.graph import Graph, Node, Value, merge_sources, variable
from symc.ir.types import DType, TensorType
from symc.ops.families.cast import Cast
from symc.ops.families.control_flow import ControlFlow
from symc.ops.families.gate_product import GateProduct, is_gate_slice, part_of
from symc.ops.group import Group
from symc.ops.operator import Operator, operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.partition import partition

LARGEST_GROUP = 48
ALONE = ("view", "host", "control")    # kinds of nodes that stay outside of groups
EXPENSIVE = frozenset({"exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos",
                       "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "power", "erf", "tgamma",
                       "lgamma", "sigmoid", "cbrt", "hypot"})


@record
class Fuse(Pass):
    """Needs a typed graph of operators that all have a lowering.  Every operator ends up in a `group` node whose
    nested graph computes it, except views, host operators and control flow, which stay.

        %c = Convolution(%x, %w, %b) ...            %c_r = group(%x, %w, %b) master=contraction { ... }
        %r = relu(%c)                         →

    A group holds one of: a contraction with its elementwise epilogue; reductions that share nothing but a prologue
    and an epilogue; injective chains and diamonds.  Values of one shape and layout may leave it at several points.
    Groups never mix the entries of a plan (`passes.partition`), nor updates with other results.  Sources are merged.
    parameters: names of the variables whose consequences are prepared.
    """

    name = "fuse"
    enters_bodies = True
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        clusters = _Clustering(graph, self.parameters)
        for node in graph.nodes:
            if node.op is not None:
                clusters.place(node)
        return _build(graph, clusters)

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        return Fuse()(body)


def kind_of(node: Node) -> str:
    """How a node is computed: elementwise, injective, window, rows, reduction, contraction, imperative, view, host,
    control."""
    op = operation(node)
    if isinstance(op, ControlFlow):
        return "control"
    if op.is_view or op.is_placement or op.is_host:
        return "host" if op.is_host else "view"
    if op.expression is not None:
        return "elementwise"
    if op.contraction is not None:
        return "contraction"
    if op.imperative is not None or op.has_kernel:
        return "imperative"
    assert op.compute is not None, f"{op.name} has no lowering"
    return op.pattern


@dataclass(eq=False)
class Cluster:
    """A group in the making.  kind: that of its master, 'injective' while it has none."""

    kind: str
    entry: int
    first: int                # smallest and largest position of its nodes in the graph
    last: int
    nodes: list[Node] = field(default_factory=list)   # a contraction first, otherwise topological

    @property
    def elementwise(self) -> bool:
        return all(kind_of(node) == "elementwise" for node in self.nodes)

    @property
    def master(self) -> Node:
        return self.nodes[0]


class _Clustering:
    """Grows clusters node by node in topological order."""

    def __init__(self, graph: Graph, parameters: frozenset[str]) -> None:
        self.graph = graph
        self.roots = frozenset(graph.roots)
        self.updates = frozenset(update.value for update in graph.updates)
        self.entries = partition(graph, parameters)
        self.position = {node: i for i, node in enumerate(graph.nodes)}
        self.cluster_of: dict[Node, Cluster] = {}

    def place(self, node: Node) -> None:
        kind = kind_of(node)
        position = self.position[node]
        own = Cluster("injective" if kind == "elementwise" else kind, self.entries[node], position, position, [node])
        self.cluster_of[node] = own
        if kind in (*ALONE, "imperative"):
            return
        for producer in self._producers(own):
            if self._may_merge(producer, self.cluster_of[node]):
                self._merge(producer, self.cluster_of[node])

    def _producers(self, cluster: Cluster) -> list[Cluster]:
        """Clusters that `cluster` reads, those with a master first: an epilogue saves most."""
        found = {self.cluster_of[value.node]: None for value in self._reads(cluster) if value.node in self.cluster_of}
        return sorted(found, key=lambda c: (c.kind != "contraction", c.kind == "injective", -c.first))

    def _reads(self, cluster: Cluster) -> Iterator[Value]:
        """Values that `cluster` takes from outside."""
        members = set(cluster.nodes)
        for node in cluster.nodes:
            yield from (value for value in node.inputs if value.node not in members)

    def _may_merge(self, producer: Cluster, reader: Cluster) -> bool:
        if producer is reader or producer.entry != reader.entry:
            return False
        if len(producer.nodes) + len(reader.nodes) > LARGEST_GROUP:
            return False
        rule = _RULES.get((producer.kind, reader.kind))
        return (rule is not None and rule(self, producer, reader) and self._updates_apart(producer, reader)
                and not self._path_outside(producer, reader))

    def _updates_apart(self, producer: Cluster, reader: Cluster) -> bool:
        """Whether the merged group would compute updates alone, or none: variables are written last of all."""
        if not self.updates:
            return True
        return len({value in self.updates for value in self.escaping(producer.nodes, reader.nodes)}) < 2

    def _path_outside(self, producer: Cluster, reader: Cluster) -> bool:
        """Whether `reader` also depends on `producer` through a third cluster: merging would close a cycle."""
        stack = [value.node for value in self._reads(reader)]
        seen: set[Node] = set()
        members = set(producer.nodes)
        through = {node for node in stack if node in members}
        stack = [node for node in stack if node not in through]
        while stack:
            node = stack.pop()
            if node in members:
                return True
            cluster = self.cluster_of.get(node)
            if node in seen or cluster is None or cluster.last < producer.first:
                continue
            seen.update(cluster.nodes)
            stack += [value.node for value in self._reads(cluster)]
        return False

    def _merge(self, producer: Cluster, reader: Cluster) -> None:
        master = producer if producer.kind != "injective" else reader
        nodes = sorted((*producer.nodes, *reader.nodes), key=self.position.__getitem__)
        if master.kind == "contraction":
            nodes.sort(key=lambda node: node is not master.master)
        first, last = min(producer.first, reader.first), max(producer.last, reader.last)
        merged = Cluster(master.kind, producer.entry, first, last, nodes)
        for node in nodes:
            self.cluster_of[node] = merged

    # ---- what the rules ask ------------------------------------------------------------------------------

    def escaping(self, nodes: Iterable[Node], also: Iterable[Node] = ()) -> list[Value]:
        """Values of `nodes` and `also` that something outside of both needs."""
        members = dict.fromkeys((*nodes, *also))
        return [value for node in members for value in node.outputs
                if value in self.roots or any(r not in members for r in self.graph.readers.get(value, ()))]

    def one_domain(self, producer: Cluster, reader: Cluster) -> bool:
        """Whether all values that would leave the merged group have one shape and layout."""
        values = self.escaping(producer.nodes, reader.nodes)
        return len({(value.type.shape, value.type.layout) for value in values}) <= 1

    def crossing(self, producer: Cluster, reader: Cluster) -> list[tuple[Value, Node]]:
        members = set(producer.nodes)
        return [(value, node) for node in reader.nodes for value in node.inputs if value.node in members]


def _injective_chain(c: _Clustering, producer: Cluster, reader: Cluster) -> bool:
    """Recompute nothing that is expensive: a value must not be needed more often than it has elements."""
    if not c.one_domain(producer, reader):
        return False
    cheap = all(is_cheap(node) for node in producer.nodes)
    return all(cheap or _elements(value.type) >= _elements(node.types[0])
               for value, node in c.crossing(producer, reader))


def _contraction_epilogue(c: _Clustering, producer: Cluster, reader: Cluster) -> bool:
    """Elementwise nodes over the contraction's own output shape, dtype and layout; results may leave as bfloat16."""
    if isinstance(producer.master.op, GateProduct):
        return _of_gates(c, producer.master, reader)
    out = producer.master.types[0]
    members = {*producer.nodes, *reader.nodes}
    types = {t for node in members - {producer.master} for t in node.types if not _leaves_narrowed(c, node, members)}
    if not reader.elementwise or types - {out}:
        return False
    operands = [value for node in reader.nodes for value in node.inputs if value.node not in members]
    outputs = c.escaping(producer.nodes, reader.nodes)
    return len(outputs) <= 2 and all(is_epilogue_operand(value.type, out) for value in operands)


def _leaves_narrowed(c: _Clustering, node: Node, members: set[Node]) -> bool:
    """Whether `node` converts float32 to bfloat16 for others."""
    is_narrowing = isinstance(node.op, Cast) and (node.inputs[0].type.dtype, node.types[0].dtype) == (
        DType.float32, DType.bfloat16)
    return is_narrowing and members.isdisjoint(c.graph.readers.get(Value(node), ()))


def _into_epilogue(c: _Clustering, producer: Cluster, reader: Cluster) -> bool:
    """An elementwise operand that only the epilogue reads is computed there."""
    out = reader.master.types[0]
    members = set(producer.nodes)
    if isinstance(reader.master.op, GateProduct):
        return (_of_gates(c, reader.master, producer) and not any(v.node in members for v in reader.master.inputs)
                and not any(v.node in members for v in c.escaping(producer.nodes, reader.nodes)))
    return (producer.elementwise and all(t == out for node in producer.nodes for t in node.types)
            and not any(value.node in members for value in reader.master.inputs)
            and all(is_epilogue_operand(value.type, out) for value in c._reads(producer))
            and not any(v.node in members for v in c.escaping(producer.nodes, reader.nodes)))


def _of_gates(c: _Clustering, product: Node, cluster: Cluster) -> bool:
    """Whether a cluster computes, element by element, with values of all gates of a product, and of one."""
    assert isinstance(product.op, GateProduct)
    whole, gates = product.types[0], product.op.gates
    types = (whole, part_of(whole, gates))
    inside = all(t in types for node in cluster.nodes for t in node.types)
    computed = all(kind_of(node) == "elementwise" or is_gate_slice(node, gates, whole) for node in cluster.nodes)
    return inside and computed and all(any(is_epilogue_operand(value.type, type) for type in types)
                                       for value in c._reads(cluster) if value.node is not product)


def _reduction_epilogue(c: _Clustering, producer: Cluster, reader: Cluster) -> bool:
    """Elementwise nodes over the reduction's own output."""
    out = producer.nodes[-1].types[0]
    return (reader.elementwise and c.one_domain(producer, reader)
            and all((t.shape, t.layout) == (out.shape, out.layout) for node in reader.nodes for t in node.types))


def _reduction_prologue(c: _Clustering, producer: Cluster, reader: Cluster) -> bool:
    """Elementwise nodes that the reduction alone reads; expensive ones only if it reads every element once."""
    members = set(producer.nodes)
    if not producer.elementwise or any(v.node in members for v in c.escaping(producer.nodes, reader.nodes)):
        return False
    once = len(c.crossing(producer, reader)) == 1 and reader.kind == "reduction"
    cheap = all(is_cheap(node) for node in producer.nodes) and reader.kind != "window"
    return (once or cheap) and all(value.type.shape == node.types[0].shape
                                   for node in producer.nodes for value in node.outputs)


_RULES = {
    ("injective", "injective"): _injective_chain,
    ("contraction", "injective"): _contraction_epilogue,
    ("injective", "contraction"): _into_epilogue,
    **{(kind, "injective"): _reduction_epilogue for kind in ("reduction", "rows", "window")},
    **{("injective", kind): _reduction_prologue for kind in ("reduction", "rows", "window")},
}


def is_epilogue_operand(operand: TensorType, out: TensorType) -> bool:
    """Whether a contraction's epilogue can read `operand`: like the output, or repeated along dimensions of it."""
    if operand.shape == out.shape:
        return operand.layout == out.layout and operand.dtype is out.dtype
    dims = (1,) * (len(out.dims) - len(operand.dims)) + operand.dims
    fits = len(dims) == len(out.dims) and all(d in (1, o) for d, o in zip(dims, out.dims, strict=True))
    return fits and operand.layout is None and operand.dtype is out.dtype


def _elements(type: TensorType) -> int:
    return math.prod(type.dims)


class _Recorder:
    """A math namespace and a value at once: notes which functions an expression calls."""

    def __init__(self) -> None:
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return self if name == "pi" else lambda *_: self

    def dtype(self, _: Any) -> DType:
        return DType.float32

    def _same(self, *_: Any) -> _Recorder:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __neg__ = __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = __invert__ = _same
    __eq__ = __ne__ = _same  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


def is_cheap(node: Node) -> bool:
    """Whether recomputing an elementwise or injective node costs less than reading it back."""
    op = operation(node)
    return op.expression is None or _is_cheap_expression(op, len(node.inputs))


@functools.cache
def _is_cheap_expression(op: Operator, inputs: int) -> bool:
    recorder = _Recorder()
    op.expression(recorder, *[recorder] * inputs)
    return not recorder.called & EXPENSIVE


# ---- building the groups ---------------------------------------------------------------------------------------


def _build(graph: Graph, clusters: _Clustering) -> Graph:
    """Replace every cluster by a `group` node, in an order in which each comes after what it reads."""
    new: dict[Value, Value] = {}
    names: dict[str, int] = {}
    for item in _ordered(graph, clusters):
        if isinstance(item, Cluster):
            _emit_group(item, clusters, new, names)
        else:
            _emit_node(item, new)
    return graph.substitute(new)


def _ordered(graph: Graph, clusters: _Clustering) -> list[Node | Cluster]:
    """Clusters and single nodes, depth first from the roots."""
    order: list[Node | Cluster] = []
    done: set[Node | Cluster] = set()

    def item_of(node: Node) -> Node | Cluster:
        cluster = clusters.cluster_of.get(node)
        return node if cluster is None or kind_of(node) in ALONE else cluster

    def needs(item: Node | Cluster) -> list[Node | Cluster]:
        values = item.inputs if isinstance(item, Node) else clusters._reads(item)
        return [item_of(value.node) for value in values]

    for root in graph.roots:
        stack: list[tuple[Node | Cluster, Iterator[Node | Cluster]]] = []
        if (start := item_of(root.node)) not in done:
            done.add(start)
            stack.append((start, iter(needs(start))))
        while stack:
            item, rest = stack[-1]
            child = next((c for c in rest if c not in done), None)
            if child is None:
                order.append(item)
                stack.pop()
            else:
                done.add(child)
                stack.append((child, iter(needs(child))))
    return order


def _emit_node(node: Node, new: dict[Value, Value]) -> None:
    inputs = tuple(new.get(value, value) for value in node.inputs)
    if inputs != node.inputs:
        moved = Node(node.name, node.op, inputs, node.types, node.attrs, node.sources, node.value)
        new.update(zip(node.outputs, moved.outputs, strict=True))


def _emit_group(cluster: Cluster, clusters: _Clustering, new: dict[Value, Value], names: dict[str, int]) -> None:
    nodes = sorted(cluster.nodes, key=clusters.position.__getitem__)
    members = set(nodes)
    inner: dict[Value, Value] = {}
    outside: list[Value] = []
    factors = {value for node in nodes if kind_of(node) == "contraction" for value in node.inputs}
    for node in nodes:
        for value in node.inputs:
            if value.node not in members and value not in inner:
                inner[value] = _enter(value, len(outside), value in factors)
                if inner[value].node.is_variable:
                    outside.append(value)
        moved = Node(node.name, node.op, tuple(inner[v] for v in node.inputs), node.types, node.attrs, node.sources)
        inner.update(zip(node.outputs, moved.outputs, strict=True))
    leaving = clusters.escaping(nodes)
    op, read = _group(cluster.kind, tuple(inner[value] for value in leaving), outside, inner)
    outer = Node(_unique(cluster, names), op, tuple(new.get(v, v) for v in read), tuple(v.type for v in leaving),
                 sources=merge_sources(*cluster.nodes))
    new.update(zip(leaving, outer.outputs, strict=True))


def _enter(value: Value, position: int, is_factor: bool) -> Value:
    """A value from outside as the group sees it: a variable, or the constant itself if it is a single number that no
    contraction reads, for these read memory."""
    if not is_factor and value.node.is_constant and value.node.value is not None and value.node.value.size == 1:
        return value
    return Value(variable(f"in{position}", value.type, sources=value.node.sources))


def _group(kind: str, heads: tuple[Value, ...], outside: list[Value],
           inner: dict[Value, Value]) -> tuple[Group, list[Value]]:
    """The group and its inputs in the order of the nested graph's variables."""
    graph = Graph(heads)
    by_variable = {inner[value].node: value for value in outside}
    return Group(kind, (graph,)), [by_variable[node] for node in graph.variables]


def _unique(cluster: Cluster, names: dict[str, int]) -> str:
    own = [node.name for node in cluster.nodes]
    name = "_".join(own) if len(own) <= 3 else f"{own[0]}_{own[1]}_to_{own[-1]}"
    names[name] = names.get(name, -1) + 1
    return f"{name}.{names[name]}" if names[name] else name
