"""Products in front of gates see their weight by gates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import ControlFlow
from symc.ops.families.dense import FullyConnected
from symc.ops.families.gate_product import GateProduct, is_gate_slice
from symc.ops.families.movement import SliceChannel
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.fuse import LARGEST_GROUP, kind_of
from symc.passes.layout import constants_in_body
from symc.passes.partition import stable_nodes

MOST_ROWS = 256     # of a batch: with more, what a product reads of the data no longer stays in the second cache
MOST_GATES = 8
BLOCK = 16          # hidden units of a job: where they do not fill blocks, two kernels were measured to be faster


@record
class UseGateProducts(Pass):
    """Recurrent cells, whether in a loop or unrolled: the gates of a hidden unit are computed where its sums are.

    Before: a typed graph of operators with lowerings and no layouts.
        %h = FullyConnected(%s, %w, %b) num_hidden=64        with %s: f32[2,16]  %w: f32[64,16]
        %q = elemwise_add(%h, %x)
        %i, %f, %c, %o = SliceChannel(%q) num_outputs=4
        %g = sigmoid(%i) ...
    After:
        %v = _reshape(%w) shape=(4,16,16)
        %h = _gate_product(%s, %v, %b) gates=4
        ... as before, for `Fuse` to make one group of.

    Hidden units fill blocks of 16.  Of several products that are added up it is the last one, which is what the next
    step waits for.  Weights are parameters, which are packed once: none that other dense layers read too.
    parameters: see `AssignLayouts`.
    """

    name = "use-gate-products"
    enters_bodies = True
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        stable, depths = stable_nodes(graph, self.parameters), _depths(graph)
        chosen: dict[Node, int] = {}
        for node in graph.nodes:
            products = _products_before(graph, node)
            product = max(products, key=depths.__getitem__, default=None)
            if product is not None and product.inputs[1].node in stable:
                chosen.setdefault(product, len(node.outputs))
        chosen = {product: gates for product, gates in chosen.items() if _is_packed_once(graph, product, chosen)}
        gates = iter([chosen.get(node, 0) for node in graph.nodes])
        return graph.rewrite(lambda node: _by_gates(node, count) if (count := next(gates)) else None)

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        return UseGateProducts(constants_in_body(op))(body)


def _depths(graph: Graph) -> dict[Node, int]:
    """For each node, how many wait for one another until it is computed."""
    depths: dict[Node, int] = {}
    for node in graph.nodes:
        depths[node] = 1 + max((depths[value.node] for value in node.inputs), default=0)
    return depths


def _products_before(graph: Graph, node: Node) -> list[Node]:
    """Dense layers of which a node cuts an elementwise function into gates, for elementwise operators."""
    if not isinstance(node.op, SliceChannel) or not 2 <= node.op.num_outputs <= MOST_GATES:
        return []
    whole = node.inputs[0].type
    readers = (reader for value in node.outputs for reader in graph.readers.get(value, ()))
    if (not is_gate_slice(node, node.op.num_outputs, whole) or whole.dtype is not DType.float32
            or node.types[0].dims[1] % BLOCK or not 0 < whole.dims[0] <= MOST_ROWS
            or any(kind_of(reader) != "elementwise" for reader in readers)):
        return []
    return _products(node.inputs[0])


def _is_packed_once(graph: Graph, product: Node, chosen: Collection[Node]) -> bool:
    """Whether all dense layers of a product's weight are chosen."""
    readers = graph.readers[product.inputs[1]]
    return all(reader in chosen for reader in readers if isinstance(reader.op, FullyConnected))


def _products(value: Value) -> list[Node]:
    """Dense layers of which a value is an elementwise function, in its own shape."""
    found, waiting, seen = [], [value.node], {value.node}
    while waiting and len(seen) < LARGEST_GROUP:
        node = waiting.pop()
        if isinstance(node.op, FullyConnected):
            found.append(node)
        elif node.op is not None and kind_of(node) == "elementwise":
            new = [v.node for v in node.inputs if v.type == value.type and v.node not in seen]
            seen.update(new)
            waiting += new
    return [node for node in found if node.inputs[0].type.dtype is node.inputs[1].type.dtype is DType.float32]


def _by_gates(node: Node, gates: int) -> Sequence[Value]:
    """The outputs of a dense layer whose columns are so many gates."""
    assert isinstance(node.op, FullyConnected)
    data, weight, *bias = node.inputs
    rows, depth = weight.type.dims
    g = GraphBuilder(node.name, node.sources)
    packed = g.reshape(weight, (gates, rows // gates, depth))
    return replace(node, op=GateProduct(gates=gates, no_bias=node.op.no_bias), inputs=(data, packed, *bias)).outputs
