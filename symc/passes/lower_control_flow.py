"""MXNet's control flow as loops and branches."""

from __future__ import annotations

from collections.abc import Sequence

from symc.ir.graph import Graph, Node, Value
from symc.ops.families.subgraphs import Subgraphs
from symc.ops.record import record
from symc.passes.base import Pass, expand, rewrite


@record
class LowerControlFlow(Pass):
    """Put loops and branches with typed bodies in the place of MXNet's control flow, so that passes can enter them.

    Before: a typed graph; subgraphs need no types.
        %y = _foreach(%x, %s) in_data_locs=(0,) in_state_locs=(1,) ... { %d  %t  %o = elemwise_add(%d, %t) ... }
    After:
        %y = _scan(%x, %s) count=9 slices=1 states=1 { %x0: f32[4]  %s0: f32[4]  %o: f32[4] = ... }
    """

    name = "lower-control-flow"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _lowered)


def _lowered(node: Node) -> Sequence[Value] | None:
    return expand(node, node.op.rewrite) if isinstance(node.op, Subgraphs) else None
