"""What lies between groups is of 16 bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, rewritten_values
from symc.ir.types import DType
from symc.ops.families.cast import Cast
from symc.ops.families.control_flow import ControlFlow
from symc.ops.group import Group
from symc.ops.operator import is_placement, is_view, make, operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.partition import stable_nodes

IMPERATIVE = "imperative"
SENSITIVE = ("reduction", IMPERATIVE)       # masters whose operands and results keep every bit
EXACT_OPERANDS = (*SENSITIVE, "rows")       # and those whose operands do: exp makes errors of scores larger


@record
class NarrowStorage(Pass):
    """Needs groups.  Values that groups write for groups are rounded to `dtype` where they are written and widened
    where they are read; within a group everything is float32.

        %a: f32[..] = group(%x) { %r = relu(%in0)  heads %r }
        %b: f32[..] = group(%a) { %s = exp(%in0)  heads %s }
    →   %a: bf16[..] = group(%x) { %r = relu(%in0)  %r/bf16 = Cast(%r)  heads %r/bf16 }
        %b: f32[..] = group(%a) { %in0/f32 = Cast(%in0)  %s = exp(%in0/f32)  heads %s }

    A value stays float32 that the user or a loop holds, that follows from parameters alone, that is added to a sum of
    products as a bias, that a reduction (sums, statistics) or an imperative kernel (sorting, detection) reads or
    writes, or that a kernel of rows (softmax, LayerNorm) reads; also the parts of such a value, its views, and what
    else passes between the kernels of one operator that has an imperative one: rows of a detector hold numbers of
    classes, and boxes that are compared.  Of a value that leaves its group in both dtypes the rounded one is left.
    """

    name = "narrow-storage"
    enters_bodies = True
    parameters: frozenset[str] = frozenset()
    dtype: DType = DType.bfloat16

    def __call__(self, graph: Graph) -> Graph:
        chosen = _Storages(graph, stable_nodes(graph, self.parameters)).narrowed()
        if not chosen:
            return graph
        originals, roots = iter(graph.nodes), frozenset(graph.roots)
        return graph.substitute(rewritten_values(
            graph.nodes, lambda node: _rewritten(next(originals), node, chosen, roots, self.dtype)))

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        return NarrowStorage(dtype=self.dtype)(body)


# ---- which values ----------------------------------------------------------------------------------------------


class _Storages:
    """Values that share memory, as views and parts do, in one class each."""

    def __init__(self, graph: Graph, stable: frozenset[Node]) -> None:
        self.graph, self.stable = graph, stable
        self.imperative = {source for node in graph.nodes if _master(node) == IMPERATIVE for source in node.sources}
        self.parent: dict[Value, Value] = {}

    def narrowed(self) -> frozenset[Value]:
        """The values that become narrow."""
        values = [value for node in self.graph.nodes for value in node.outputs]
        for node in self.graph.nodes:
            if node.op is not None and _shares(node):
                for value in node.inputs:
                    self.parent[self.root(value)] = self.root(node.outputs[0])
        kept = {self.root(value) for value in values if not self._may_be_narrow(value)}
        return frozenset(value for value in values if self.root(value) not in kept)

    def root(self, value: Value) -> Value:
        while value in self.parent:
            value = self.parent[value]
        return value

    def _may_be_narrow(self, value: Value) -> bool:
        node = value.node
        if value.type.dtype is not DType.float32 or value in self.graph.roots or node in self.stable:
            return False
        is_written = isinstance(node.op, Group) and node.op.master not in SENSITIVE and not self._moves(node)
        return (is_written or node.op is not None and _shares(node)) and all(
            _may_read(reader, value) for reader in self.graph.readers.get(value, ()))

    def _moves(self, node: Node) -> bool:
        """Whether a group passes something on between imperative kernels of the operators that it is of."""
        return _master(node) == "injective" and not self.imperative.isdisjoint(node.sources)


def _master(node: Node) -> str:
    return node.op.master if isinstance(node.op, Group) else ""


def _shares(node: Node) -> bool:
    return is_view(node) or is_placement(node)


def _may_read(reader: Node, value: Value) -> bool:
    """Whether a node can read `value` narrow."""
    if not isinstance(reader.op, Group):
        return reader.op is not None and _shares(reader)
    if reader.op.master in EXACT_OPERANDS:
        return False
    inside = {variable for variable, outer in _entered(reader) if outer == value}
    return not any(inner.node in inside for node in reader.op.graph.nodes if _is_contraction(node)
                   for inner in node.inputs[2:])


def _entered(node: Node) -> Iterable[tuple[Node, Value]]:
    """The variables of a group, and what they stand for."""
    assert isinstance(node.op, Group)
    return zip(node.op.graph.variables, node.inputs, strict=True)


def _is_contraction(node: Node) -> bool:
    return node.op is not None and operation(node).contraction is not None


# ---- rewriting -------------------------------------------------------------------------------------------------


def _rewritten(original: Node, node: Node, chosen: frozenset[Value], roots: frozenset[Value],
               dtype: DType) -> Sequence[Value] | None:
    """A node whose inputs are rewritten, with its outputs narrowed as they were chosen."""
    if node.op is None:
        return None
    if not isinstance(node.op, Group):
        types = tuple(replace(value.type, dtype=dtype) if value in chosen else value.type for value in original.outputs)
        return replace(node, types=types).outputs if types != node.types else None
    if chosen.isdisjoint((*original.inputs, *original.outputs)):
        return None
    narrow = {variable for variable, value in _entered(original) if value in chosen}
    graph = _with_narrow_inputs(node.op.graph, narrow, dtype)
    outer = dict(zip(node.op.input_names(), node.inputs, strict=True))
    heads = _new_heads(graph, [value in chosen for value in original.outputs], dtype)
    passed = {i: outer[head.node.name] for i, (head, value) in enumerate(zip(heads, original.outputs, strict=True))
              if head.node.is_variable and value not in roots}
    return _regrouped(node, heads, passed, outer)


def _new_heads(graph: Graph, is_chosen: Sequence[bool], dtype: DType) -> list[Value]:
    """Those chosen are rounded, by the conversion that is a head already where there is one."""
    rounded = {head.node.inputs[0]: head for head in graph.heads if _is_cast(head.node, dtype)}
    return [(rounded.get(head) or _cast(head, dtype)) if narrow else head
            for head, narrow in zip(graph.heads, is_chosen, strict=True)]


def _regrouped(node: Node, heads: Sequence[Value], passed: Mapping[int, Value],
               outer: Mapping[str, Value]) -> list[Value]:
    """The values of a group with new heads, each computed once; those `passed` are inputs of the group."""
    computed = list(dict.fromkeys(head for i, head in enumerate(heads) if i not in passed))
    if not computed:
        return [passed[i] for i in range(len(heads))]
    assert isinstance(node.op, Group)
    graph = Graph(tuple(computed))
    made = replace(node, op=replace(node.op, graphs=(graph,)), types=tuple(head.type for head in computed),
                   inputs=tuple(outer[variable.name] for variable in graph.variables))
    return [passed[i] if i in passed else Value(made, computed.index(head)) for i, head in enumerate(heads)]


def _with_narrow_inputs(graph: Graph, narrow: set[Node], dtype: DType) -> Graph:
    """Factors of contractions and what becomes narrow again are read as they are, all else is widened."""
    entered = {node: Value(replace(node, types=(replace(node.types[0], dtype=dtype),))) for node in narrow}
    originals = iter(graph.nodes)

    def visit(node: Node) -> Sequence[Value] | None:
        original = next(originals)
        if original in entered:
            return (_cast(entered[original], DType.float32),)
        if _is_cast(original, dtype) and original.inputs[0].node in entered:
            return (entered[original.inputs[0].node],)
        if not _is_contraction(original):
            return None
        factors = [entered.get(value.node, now) for value, now in zip(original.inputs[:2], node.inputs, strict=False)]
        return replace(node, inputs=(*factors, *node.inputs[2:])).outputs
    return graph.substitute(rewritten_values(graph.nodes, visit))


def _is_cast(node: Node, dtype: DType) -> bool:
    return isinstance(node.op, Cast) and node.op.target is dtype


def _cast(value: Value, dtype: DType) -> Value:
    """`value` as another dtype in its layout; what was widened is what it was made of."""
    node = value.node
    if isinstance(node.op, Cast) and node.inputs[0].type.dtype is dtype:
        return node.inputs[0]
    return Value(Node(f"{node.name}/{dtype.short}", make("Cast", dtype=dtype.name), (value,),
                      (replace(value.type, dtype=dtype),), sources=node.sources))
