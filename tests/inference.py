"""Shape inference of one operator, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import PartialShape, TensorType
from symc.ops.inference import infer
from symc.ops.operator import make


def shapes(name: str, inputs: Sequence[PartialShape | None], output: PartialShape | None = None,
           **parameters: Any) -> list[PartialShape | None]:
    """What is known of the inputs and outputs of an operator, from what is known of the inputs and one output."""
    op = make(name, **parameters)
    values = tuple(Value(variable(f"x{i}", TensorType(shape))) for i, shape in enumerate(inputs))
    node = Node("y", op, values, (TensorType(output), *[TensorType()] * (op.output_count - 1)))
    types = infer(Graph(node.outputs))
    return [types[value].shape for value in (*values, *node.outputs)]
