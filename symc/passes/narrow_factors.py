"""Products of 16-bit floats, summed in float32."""

from __future__ import annotations

from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, rewritten_values
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.families.cast import Cast
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.families.movement import Join
from symc.ops.operator import input_types, is_view, make, operation
from symc.ops.pairs import pair_axes
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.layout import FEWEST_CHANNELS, has_window, is_image
from symc.passes.partition import stable_nodes


@record
class NarrowFactors(Pass):
    """Needs a typed graph of operators with lowerings.  Contractions with weights read `dtype`; they sum in float32,
    in which their results, biases and all other operators stay.

        %y: f32[..] = Convolution(%x, %w, %b)    →    %x/bf16: bf16[..] = Cast(%x)
                                                      %w/bf16: bf16[..] = Cast(%w)
                                                      %y: f32[..] = Convolution(%x/bf16, %w/bf16, %b)

    Concats in front of them join what is narrow.  by_pairs: those are left whose second operand is no weight (products
    of attention) or whose sums run along no pairs of neighbours: over an odd number of channels, but for windows over a
    picture that `PairColumns` made even, or within single channels.
    parameters: names of the variables that change seldom.
    """

    name = "narrow-factors"
    enters_bodies = True
    parameters: frozenset[str] = frozenset()
    dtype: DType = DType.bfloat16
    by_pairs: bool = True

    def __call__(self, graph: Graph) -> Graph:
        stable = stable_nodes(graph, self.parameters)
        chosen = {node for node in graph.nodes if is_product(node)
                  and (not self.by_pairs or (has_pairs(node) and node.inputs[1].node in stable))}
        joins = _joins_in_front(graph, chosen)
        originals, narrow = iter(graph.nodes), dict[Value, Value]()

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            if original in joins:
                return (_joined(node, narrow, self.dtype),)
            if original not in chosen:
                return None
            factors = [_narrowed(value, narrow, self.dtype) for value in node.inputs[:2]]
            return replace(node, inputs=(*factors, *node.inputs[2:])).outputs
        return graph.substitute(rewritten_values(graph.nodes, visit))

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        """Constants of a loop are converted in front of it (`HoistInvariants`)."""
        constants = frozenset(op.body_names()) if isinstance(op, Scan) else frozenset()
        return replace(self, parameters=frozenset(name for name in constants if name.startswith("c")))(body)


def is_product(node: Node) -> bool:
    """Whether it is a contraction of float32."""
    if node.op is None or operation(node).contraction is None:
        return False
    return all(type.dtype is DType.float32 for type in (*input_types(node)[:2], *node.types))


def has_pairs(node: Node) -> bool:
    """Whether there are pairs of the two factors of a contraction: along channels of images in blocks, or rows."""
    types = input_types(node)
    data = types[0]
    is_blocked = has_window(node) and is_image(data) and data.dims[1] >= FEWEST_CHANNELS
    dim = 1 if is_blocked else len(data.dims) - 1
    return any(axis.left == dim for axis in pair_axes(operation(node).contraction(types)))


def _joins_in_front(graph: Graph, chosen: set[Node]) -> set[Node]:
    """The Concats of float32 that these nodes multiply, and those which they join."""
    wanted = {node.inputs[0] for node in chosen}
    joins: set[Node] = set()
    for node in reversed(graph.nodes):
        if isinstance(node.op, Join) and node.types[0].dtype is DType.float32 and not (
                wanted.isdisjoint(node.outputs) or not set(graph.roots).isdisjoint(node.outputs)):
            joins.add(node)
            wanted.update(node.inputs)
    return joins


def _joined(node: Node, known: dict[Value, Value], dtype: DType) -> Value:
    """What is joined is converted before, so that parts still lie where they were written; others read it widened."""
    joined = replace(node, name=f"{node.name}/{dtype.short}", types=(replace(node.types[0], dtype=dtype),),
                     inputs=tuple(_narrowed(value, known, dtype) for value in node.inputs))
    cast = make("Cast", dtype="float32")
    return Value(GraphBuilder(node.name, node.sources).node(cast, joined.outputs, node.name))


def _narrowed(value: Value, known: dict[Value, Value], dtype: DType) -> Value:
    """The value in a narrow dtype, converted where it was made: views are of what is converted."""
    views: list[Node] = []
    while is_view(value.node):
        views.append(value.node)
        value = value.node.inputs[0]
    if value not in known:
        known[value] = _converted(value, dtype)
    narrow = known[value]
    for view in reversed(views):
        if Value(view) not in known:
            type = replace(view.types[0], dtype=dtype)
            name = f"{view.name}/{dtype.short}"
            known[Value(view)] = Value(replace(view, name=name, inputs=(narrow,), types=(type,)))
        narrow = known[Value(view)]
    return narrow


def _converted(value: Value, dtype: DType) -> Value:
    node = value.node
    if isinstance(node.op, Cast) and node.inputs[0].type.dtype is dtype:
        return node.inputs[0]
    name = f"{node.name}/{dtype.short}" + (f".{value.index}" if value.index else "")
    return Value(GraphBuilder(name, node.sources).node(make("Cast", dtype=dtype.name), (value,), name))
