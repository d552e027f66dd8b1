"""The layout in which the contraction generator wants the second operand of a node."""

from __future__ import annotations

from symc.ir.graph import Node
from symc.ir.types import DType


def pack_rule(node: Node) -> str | None:
    """See `passes.layout.AssignLayouts.pack`; `node` has the layouts of its data and its output."""
    if node.types[0].dtype not in (DType.float32, DType.float64):
        return None
    weight = node.inputs[1].type
    if node.types[0].layout is None:
        return "Ab16a" if len(weight.dims) == 2 else None
    return {3: "Abc16a", 4: "Abcd16a", 5: "Abcde16a"}[len(weight.dims)]
