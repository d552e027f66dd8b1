"""Derivatives of elementwise operators that have no rule of their own, those of `_backward_*` above all."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType
from symc.ops.dual import Dual, DualMath
from symc.ops.elementwise import Elementwise, as_value, real, sum_to_shape
from symc.ops.operator import operation, operator
from symc.ops.parameters import internal
from symc.ops.record import record


@operator("_derivative", hidden=True)
@record
class Derivative(Elementwise):
    """∂f/∂x·dy for the elementwise operator f that the graph applies to its variables.

    Inputs: those of f, and dy.  position: of x among them.  The derivative of a derivative is one of these again.
    """

    position: int = internal(0)
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()
    broadcasts = True
    widened = frozenset()

    @property
    def differentiated(self) -> Elementwise:
        """The operator f."""
        op = operation(self.graphs[0].heads[0].node)
        assert isinstance(op, Elementwise)
        return op

    def input_names(self) -> list[str]:
        return [*(f"x{i}" for i in range(len(self.graphs[0].variables))), "dy"]

    def argument_names(self) -> list[str]:
        return self.input_names()

    def expression(self, F: Any, *inputs: Any) -> Any:
        halves = any(F.dtype(value) is DType.bfloat16 for value in inputs)
        return (real(self._derivative) if halves else self._derivative)(F, *inputs)

    def _derivative(self, F: Any, *inputs: Any) -> Any:
        *operands, dy = inputs
        duals = [Dual(x, F.const(1, x) if i == self.position else None) for i, x in enumerate(operands)]
        math = DualMath(F)
        slope = as_value(math, self.differentiated.expression(math, *duals), duals[-1]).tangent
        return F.const(0, dy) if slope is None else dy * slope

    def reference(self, _: Any, *inputs: np.ndarray) -> Any:  # type: ignore[override]
        return super().reference(*inputs)


def gradient_by_expression(self: Elementwise, g: Any, node: Node, dy: Value) -> list[Value | None]:
    """The gradient rule of an elementwise operator without one: each input's is the derivative of the expression."""
    applied = Graph((Value(Node("y", self, _variables(node), node.types, sources=node.sources)),))
    return [sum_to_shape(g, Value(g.node(Derivative(position=i, graphs=(applied,)), [*node.inputs, dy])), value)
            if value.type.element.is_float else None for i, value in enumerate(node.inputs)]


def _variables(node: Node) -> tuple[Value, ...]:
    """Variables of the types of the node's inputs."""
    return tuple(Value(variable(f"x{i}", value.type)) for i, value in enumerate(node.inputs))


Derivative.gradient = gradient_by_expression
