"""Which nodes work on images in blocks: the cheapest choice over a whole graph.

Every node says what it needs of its operands and how it leaves its results: plain, blocked, or in the layout of its
own, which is free.  A value whose writer and some reader differ is rearranged, once for all of these.  Two labels, and
costs where neighbours differ, are a minimum cut, found exactly: plain nodes are those on the side of the source.
Source: Greig, Porteous, Seheult, Exact Maximum A Posteriori Estimation for Binary Images, 1989.

Costs are bytes that are read and written.  Among choices of equal cost the one with the most blocked nodes is taken,
which keeps elementwise operators together with the convolutions in front of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.record import Record, record
from symc.passes.minimum_cut import Network

PLAIN, BLOCKED, OWN, ANY = "plain", "blocked", "own", "any"


@record
class Needs(Record):
    """inputs: PLAIN, BLOCKED, OWN or ANY for each.  output: PLAIN, BLOCKED or OWN.  plain_cost: bytes that it costs
    more where its own layout is plain."""

    inputs: tuple[str, ...]
    output: str
    plain_cost: int = 0

    @property
    def is_free(self) -> bool:
        return OWN in self.inputs


def blocked_nodes(nodes: Sequence[Node], roots: Collection[Value], needs_of: Callable[[Node], Needs],
                  block: int) -> frozenset[Node]:
    """The free nodes whose own layout is blocked.  roots: values that must be plain."""
    needs = {node: needs_of(node) for node in nodes if node.op is not None}
    if not any(need.is_free for need in needs.values()):
        return frozenset()
    network, readers = Network(), dict[Value, set[object]]()
    for node, need in needs.items():
        for value, wanted in zip(node.inputs, need.inputs, strict=True):
            if wanted != ANY:
                readers.setdefault(value, set()).add(node if wanted == OWN else wanted)
        if need.is_free:
            network.add(node, BLOCKED, need.plain_cost)
            network.add(PLAIN, node, sum(_padding(value.type, block) for value in node.outputs))
    for value in roots:
        readers.setdefault(value, set()).add(PLAIN)
    for value, wanted_by in readers.items():
        output = needs[value.node].output if value.node in needs else PLAIN
        _add_value(network, value, value.node if output == OWN else output, wanted_by)
    plain = network.source_side(PLAIN, BLOCKED)
    return frozenset(node for node, need in needs.items() if need.is_free and node not in plain)


def _add_value(network: Network, value: Value, writer: object, readers: set[object]) -> None:
    """The cost of rearranging `value` to blocks, if it is plain and some reader's is blocked, and of the other way."""
    others = readers - {writer}
    cost = 2 * value.type.bytes
    if others - {PLAIN} and writer != BLOCKED:
        network.add(writer, (value, "to blocks"), cost)
    if others - {BLOCKED} and writer != PLAIN:
        network.add((value, "from blocks"), writer, cost)
    for reader in others:
        if reader != PLAIN and writer != BLOCKED:
            network.add((value, "to blocks"), reader, NEVER)
        if reader != BLOCKED and writer != PLAIN:
            network.add(reader, (value, "from blocks"), NEVER)


NEVER = 1 << 62     # a cost above all others


def _padding(type: TensorType, block: int) -> int:
    """Bytes of the pad lanes of an image in blocks; matrices have none."""
    if len(type.dims) == 2:
        return 0
    return -type.dims[1] % block * math.prod(type.dims) // max(1, type.dims[1]) * type.element.itemsize
