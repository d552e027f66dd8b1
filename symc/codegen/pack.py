"""The layout in which the contraction generator wants the second operand of a node."""

from __future__ import annotations

from symc.codegen.llvm_weights import weight_layout
from symc.ir.graph import Node
from symc.ir.types import DType
from symc.ops.operator import input_types, operation


def pack_rule(node: Node) -> str | None:
    """See `passes.layout.AssignLayouts.pack`.  The generator has kernels for float32 and float64."""
    if node.types[0].dtype not in (DType.float32, DType.float64):
        return None
    types = input_types(node)
    return weight_layout(operation(node).contraction(types), types[1].dims)
