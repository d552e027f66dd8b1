"""The layout in which the contraction generator wants the second operand of a node."""

from __future__ import annotations

from symc.codegen.llvm_weights import weight_layout
from symc.ir.graph import Node
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction
from symc.ops.families.gate_product import GateProduct
from symc.ops.operator import input_types, operation
from symc.ops.pairs import halved, pair_axes

GATES = "Bac16b"     # of the weights of gates: all of 16 hidden units, one gate behind the other


def pack_rule(node: Node) -> str | None:
    """See `passes.layout.AssignLayouts.pack`.  The generator sums in float32 and float64."""
    if node.types[0].dtype not in (DType.float32, DType.float64):
        return None
    if isinstance(node.op, GateProduct):
        return GATES
    types = input_types(node)
    spec = operation(node).contraction(types)
    return weight_layout(spec, types[1].dims, _paired(spec, types[0]) if types[1].dtype is DType.bfloat16 else None)


def _paired(spec: Contraction, lhs: TensorType) -> int | None:
    """The dimension of the second operand along which it is packed in pairs."""
    return next((axis.right for axis in pair_axes(spec) if halved(lhs, axis.left)), None)
