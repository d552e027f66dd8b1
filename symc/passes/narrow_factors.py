"""Products of bfloat16, summed in float32."""

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
    """Needs a typed graph of operators with lowerings.  Contractions with weights read bfloat16; they sum in float32,
    in which their results, biases and all other operators stay.

        %y: f32[..] = Convolution(%x, %w, %b)    →    %x/bf16: bf16[..] = Cast(%x)
                                                      %w/bf16: bf16[..] = Cast(%w)
                                                      %y: f32[..] = Convolution(%x/bf16, %w/bf16, %b)

    Concats in front of them join bfloat16.  Those are left whose second operand is no weight (products of attention)
    or whose sums run along no pairs of neighbours: over the three channels of a picture, or an odd number, or within
    single channels.
    parameters: names of the variables that change seldom.
    """

    name = "narrow-factors"
    enters_bodies = True
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        stable = stable_nodes(graph, self.parameters)
        chosen = {node for node in graph.nodes if is_narrowed(node) and node.inputs[1].node in stable}
        joins = _joins_in_front(graph, chosen)
        originals, narrow = iter(graph.nodes), dict[Value, Value]()

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            if original in joins:
                return (_joined(node, narrow),)
            if original not in chosen:
                return None
            factors = [_narrowed(value, narrow) for value in node.inputs[:2]]
            return replace(node, inputs=(*factors, *node.inputs[2:])).outputs
        return graph.substitute(rewritten_values(graph.nodes, visit))

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        """Constants of a loop are converted in front of it (`HoistInvariants`)."""
        constants = frozenset(op.body_names()) if isinstance(op, Scan) else frozenset()
        return NarrowFactors(frozenset(name for name in constants if name.startswith("c")))(body)


def is_narrowed(node: Node) -> bool:
    """Whether the two factors are float32 and there are pairs of them: along channels of images in blocks, or rows."""
    if node.op is None or operation(node).contraction is None:
        return False
    types = input_types(node)
    if any(type.dtype is not DType.float32 for type in (*types[:2], *node.types)):
        return False
    data = types[0]
    is_blocked = has_window(node) and is_image(data)
    if is_blocked and data.dims[1] < FEWEST_CHANNELS:
        return False
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


def _joined(node: Node, known: dict[Value, Value]) -> Value:
    """What is joined is converted before, so that parts still lie where they were written; others read it widened."""
    joined = replace(node, name=f"{node.name}/bf16", inputs=tuple(_narrowed(value, known) for value in node.inputs),
                     types=(replace(node.types[0], dtype=DType.bfloat16),))
    cast = make("Cast", dtype="float32")
    return Value(GraphBuilder(node.name, node.sources).node(cast, joined.outputs, node.name))


def _narrowed(value: Value, known: dict[Value, Value]) -> Value:
    """The value in bfloat16, converted where it was made: views are of what is converted."""
    views: list[Node] = []
    while is_view(value.node):
        views.append(value.node)
        value = value.node.inputs[0]
    if value not in known:
        known[value] = _converted(value)
    narrow = known[value]
    for view in reversed(views):
        if Value(view) not in known:
            type = replace(view.types[0], dtype=DType.bfloat16)
            known[Value(view)] = Value(replace(view, name=f"{view.name}/bf16", inputs=(narrow,), types=(type,)))
        narrow = known[Value(view)]
    return narrow


def _converted(value: Value) -> Value:
    node = value.node
    if isinstance(node.op, Cast) and node.inputs[0].type.dtype is DType.bfloat16:
        return node.inputs[0]
    name = f"{node.name}/bf16" + (f".{value.index}" if value.index else "")
    return Value(GraphBuilder(name, node.sources).node(make("Cast", dtype="bfloat16"), (value,), name))
