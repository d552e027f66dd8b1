"""Building typed nodes in gradient rules and passes: `g.dot(a, b, transpose_a=True)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.errors import InferenceError
from symc.ir.graph import Node, Source, Value, constant
from symc.ir.types import DType, TensorType
from symc.ops.inference import infer_types_of
from symc.ops.operator import Operator, make
from symc.ops.slots import Conflict


class GraphBuilder:
    """Makes nodes named after `prefix`, with the sources of the node they are made for.

    An attribute is an operator: `g.broadcast_add(x, y)` returns its first output, `g.node(op, inputs)` the node.
    """

    def __init__(self, prefix: str, sources: tuple[Source, ...]) -> None:
        self.prefix = prefix
        self.sources = sources
        self.made: set[Node] = set()   # the nodes built so far, constants apart
        self._count = 0

    def node(self, op: Operator, inputs: Sequence[Value], name: str = "") -> Node:
        """A typed node; the types of `inputs` must be known.  InferenceError: the operator cannot do with these."""
        name = name or self._name(op.name)
        try:
            types = infer_types_of(op, inputs)
        except Conflict as conflict:
            raise InferenceError(f"node '{self.prefix}' is computed by {op.name}, which refuses: {conflict}") from None
        node = Node(name, op, tuple(inputs), types, sources=self.sources)
        self.made.add(node)
        return node

    def constant(self, value: Any, dtype: DType) -> Value:
        """A constant of the given array or number."""
        array = np.asarray(value, dtype.numpy)
        return Value(constant(self._name("const"), array, TensorType(array.shape, dtype), self.sources))

    def zeros_like(self, value: Value) -> Value:
        return self.op("zeros_like", value)

    def filled(self, value: int, type: TensorType) -> Value:
        """Zeros or ones of a type; MXNet's _zeros and _ones cannot say () and (0,)."""
        if math.prod(type.dims) < 2:
            return self.constant(np.full(type.dims, value), type.element)
        return self.op("_ones" if value else "_zeros", shape=type.dims, dtype=type.element.name)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """`value` under another shape; itself when it has that shape."""
        return value if value.type.shape == tuple(shape) else self.op("_reshape", value, shape=tuple(shape))

    def op(self, name: str, *inputs: Value, **parameters: Any) -> Value:
        return Value(self.node(make(name, **parameters), inputs))

    def __getattr__(self, name: str) -> Callable[..., Value]:
        def build(*inputs: Value, **parameters: Any) -> Value:
            return self.op(name, *inputs, **parameters)
        return build

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{self.prefix}/{what.strip('_')}{self._count}"
