"""Elementwise operators, each one expression: `@elementwise` makes the block, and that of its gradient.

    @elementwise("relu", gradient=lambda F, x, y, dy: F.where(y <= 0, 0, F.where(y == y, dy, y)))
    def relu(F, x):
        return F.max_nan(x, 0)

Keyword-only arguments of the function are the operator's parameters.  Inputs broadcast as in NumPy; inputs of
MXNet's elementwise (not broadcast_) operators have equal shapes, which shape inference enforces.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Expression = Callable[..., Any]


class Elementwise(Operator):
    """Base of the blocks that `@elementwise` makes."""

    broadcasts = False

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not self.broadcasts:
            s.unify_all()
            return
        broadcast_shapes(s.inputs, s.output)
        for output in s.outputs[1:]:
            output.unify(s.output.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()

    def expression(self, F: Any, *inputs: Any) -> Any:
        raise NotImplementedError

    def reference(self, *inputs: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        result = self.expression(NumPyMath, *inputs)
        shape = np.broadcast_shapes(*(x.shape for x in inputs))
        outputs = result if isinstance(result, tuple) else (result,)
        typed = tuple(np.broadcast_to(np.asarray(y, None if isinstance(y, np.ndarray) else inputs[0].dtype), shape)
                      for y in outputs)
        return typed if isinstance(result, tuple) else typed[0]


def broadcast_shapes(inputs: Sequence[ShapeSlot], output: ShapeSlot) -> None:
    """The output's shape from inputs of one rank (MXNet's broadcast_ operators); a known extent > 1 wins."""
    ranks = {slot.rank for slot in (*inputs, output)} - {None}
    if not ranks:
        return
    if len(ranks) > 1:
        raise Conflict("ranks differ: " + ", ".join(f"{slot.name} {show(slot.shape)}" for slot in inputs))
    rank = ranks.pop()
    assert rank is not None
    if any(slot.shape is None for slot in inputs):
        return
    extents: list[int | None] = []
    for axis in range(rank):
        known = {slot[axis] for slot in inputs}
        wide = known - {1, None}
        if len(wide) > 1:
            raise Conflict(f"cannot broadcast axis {axis}: " + ", ".join(f"{s.name} {show(s.shape)}" for s in inputs))
        extents.append(wide.pop() if wide else (None if None in known else 1))
    output.unify(tuple(extents))


def elementwise(name: str, *, aliases: Iterable[str] = (), gradient: Expression | None = None,
                differentiable: Sequence[int] | None = None, inputs: Sequence[str] | None = None,
                broadcasts: bool = False, hidden: bool = False,
                dtype: Callable[[Any], DType] | None = None) -> Callable[[Expression], type[Operator]]:
    """Register the elementwise operator whose meaning is the decorated function `f(F, x, ..., *, parameters)`.

    gradient: f(F, x..., y, dy, *, parameters) → the gradient of the input, or a tuple, one for each input.
    differentiable: positions of the inputs that get a gradient (default all); the others get none.
    inputs: names of the inputs; default data, or lhs and rhs.
    dtype: output dtype from the operator, when it is not that of the inputs.
    """
    def register(function: Expression) -> type[Operator]:
        names = tuple(inputs or (("data",), ("lhs", "rhs"), ("condition", "x", "y"))[_arity(function) - 1])
        keywords = _keywords(function)
        block = _block(function, function.__doc__ or "", names, ("output",), broadcasts, keywords)
        if dtype is not None:
            block.infer_type = _fixed_output_dtype(dtype)  # type: ignore[method-assign,assignment]
        made = operator(name, aliases=aliases, hidden=hidden)(block)
        if gradient is not None:
            chosen = tuple(range(len(names))) if differentiable is None else tuple(differentiable)
            _register_gradient(made, gradient, names, chosen, broadcasts, keywords)
        return made
    return register


def _arity(function: Expression) -> int:
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    return kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) - 1


def _keywords(function: Expression) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(function, eval_str=True)
    return {p.name: p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}


def _block(function: Expression, doc: str, inputs: tuple[str, ...], outputs: tuple[str, ...], broadcasts: bool,
           keywords: dict[str, inspect.Parameter]) -> type[Operator]:
    """A block class that evaluates `function`, with `keywords` as its fields."""
    def expression(self: Any, F: Any, *values: Any) -> Any:
        return function(F, *values, **{key: getattr(self, key) for key in keywords})

    body: dict[str, Any] = {"__doc__": doc, "__module__": function.__module__, "inputs": inputs, "outputs": outputs,
                            "broadcasts": broadcasts, "expression": expression,
                            "__annotations__": {key: p.annotation for key, p in keywords.items()}}
    body |= {key: p.default for key, p in keywords.items() if p.default is not p.empty}
    return type(function.__name__.strip("<>"), (Elementwise,), body)


def _fixed_output_dtype(dtype: Callable[[Any], DType]) -> Callable[[Any, Slots[TypeSlot]], None]:
    def infer_type(self: Any, t: Slots[TypeSlot]) -> None:
        for a in t.inputs:
            t.inputs[0].unify(a.dtype)
            a.unify(t.inputs[0].dtype)
        t.output.unify(dtype(self))
    return infer_type


def _register_gradient(block: type[Operator], gradient: Expression, names: tuple[str, ...], chosen: tuple[int, ...],
                       broadcasts: bool, keywords: dict[str, inspect.Parameter]) -> None:
    """`_backward_NAME(x..., y, dy)`: one fused node with one output for each differentiable input.

    When shapes broadcast, its outputs are summed down to the inputs' shapes.
    """
    def derivative(F: Any, *values: Any, **parameters: Any) -> Any:
        result = gradient(F, *values, **parameters)
        parts = result if isinstance(result, tuple) else (result,)
        typed = tuple(F.const(part, values[-1]) if isinstance(part, (int, float)) else part for part in parts)
        return typed if len(typed) > 1 else typed[0]

    outputs = tuple(f"{names[i]}_gradient" for i in chosen) if len(chosen) > 1 else ("output",)
    made = _block(derivative, f"Gradient of {block.name}.", (*names, "y", "dy"), outputs, broadcasts, keywords)
    made.__module__ = block.__module__
    backward = operator(f"_backward_{block.name.lstrip('_')}", hidden=True)(made)

    def rule(self: Any, g: Any, node: Node, dy: Value) -> list[Value | None]:
        op = backward(**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        made_node = g.node(op, (*node.inputs, Value(node), dy))
        result: list[Value | None] = [None] * len(node.inputs)
        for position, index in enumerate(chosen):
            result[index] = sum_to_shape(g, Value(made_node, position), node.inputs[index])
        return result
    block.gradient = rule  # type: ignore[assignment]


def sum_to_shape(g: Any, value: Value, like: Value) -> Value:
    """Sum `value` over the axes along which `like` was broadcast."""
    axes = tuple(i for i, (a, b) in enumerate(zip(value.type.dims, like.type.dims, strict=True)) if a != b)
    return g.sum(value, axis=axes, keepdims=True) if axes else value
