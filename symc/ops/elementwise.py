"""Elementwise operators, each one expression: `@elementwise` makes the block, and those of its gradient.

    @elementwise("tanh", gradient=lambda F, y, dy: dy * (1 - y * y))
    @real
    def tanh(F, x):
        return F.tanh(x)

Keyword-only arguments of the function are the operator's parameters.  Inputs broadcast as in NumPy; inputs of
MXNet's elementwise (not broadcast_) operators have equal shapes, which shape inference enforces.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.parameters import parameters_of
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Expression = Callable[..., Any]
Keywords = Mapping[str, inspect.Parameter]
SAME = "the gradient of the output"  # an input's gradient that needs no computation
Derivative = Expression | str | None  # an expression, SAME, or None where no gradient flows
BFLOAT16 = DType.bfloat16
WIDE = (DType.float32, DType.float64)
WIDENED = {DType.float16: DType.float32, DType.bfloat16: DType.float32}
DEFAULT_NAMES = (("data",), ("lhs", "rhs"))


class Elementwise(Operator):
    """Base of the blocks that `@elementwise` makes."""

    broadcasts = False
    function: ClassVar[Any] = None      # what `@elementwise` decorates: the expression for all dtypes but bfloat16

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.broadcasts:
            broadcast_shapes(s.inputs, s.output)
            for output in s.outputs[1:]:
                output.unify(s.output.shape)
        else:
            s.unify_all()

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()

    def expression(self, F: Any, *inputs: Any) -> Any:
        raise NotImplementedError

    def reference(self, *inputs: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        result = self.expression(NumPyMath, *inputs)
        shapes = {x.shape for x in inputs}
        shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        outputs = [y if isinstance(y, np.ndarray) and y.shape == shape else np.broadcast_to(np.asarray(y), shape)
                   for y in (result if isinstance(result, tuple) else (result,))]
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]


def broadcast_shapes(inputs: Sequence[ShapeSlot], output: ShapeSlot) -> None:
    """The output's shape from those of the inputs, aligned at the last axis; a known extent > 1 wins."""
    if any(slot.shape is None for slot in inputs):
        return
    rank = max(len(slot.shape) for slot in inputs)
    padded = [(1,) * (rank - len(slot.shape)) + tuple(slot.shape) for slot in inputs]
    extents: list[int | None] = []
    for axis, known in enumerate(map(set, zip(*padded, strict=True))):
        wide = known - {1, None}
        if len(wide) > 1:
            raise Conflict(f"cannot broadcast axis {axis}: " + ", ".join(f"{s.name} {show(s.shape)}" for s in inputs))
        extents.append(wide.pop() if wide else (None if None in known else 1))
    output.unify(tuple(extents))


def real(function: Expression) -> Expression:
    """Compute as MXNet's math functions do: float16 and bfloat16 through float32, integers through float64.

    The result has the type of the last operand again (truncated toward zero for integers).
    """
    @functools.wraps(function)
    def computed(F: Any, *values: Any, **parameters: Any) -> Any:
        wide = [value if F.dtype(value) in WIDE else F.cast(value, WIDENED.get(F.dtype(value), DType.float64))
                for value in values]
        result = as_value(F, function(F, *wide, **parameters), wide[-1])
        return result if F.dtype(result) is F.dtype(values[-1]) else F.cast(result, F.dtype(values[-1]))
    return computed


def as_value(F: Any, result: Any, like: Any) -> Any:
    """A Python number as a value of the type of `like`; anything else as it is."""
    return F.const(result, like) if isinstance(result, (int, float)) else result


def elementwise(name: str, *, aliases: Iterable[str] = (), gradient: Derivative | Sequence[Derivative] = (),
                inputs: Sequence[str] = (), broadcasts: bool = False, hidden: bool = False,
                doc: str = "", deviations: tuple[str, ...] = (),
                dtypes: Iterable[DType] = DType, base: type[Elementwise] = Elementwise, module: str = "",
                ) -> Callable[[Expression], type[Operator]]:
    """Register the elementwise operator whose meaning is the decorated function `f(F, x, ..., *, parameters)`.

    gradient: for each input (one that is no sequence: for the only input) an expression, SAME, or None for no
        gradient; () when MXNet registers none.  The names of an expression's arguments say what it needs: arguments
        and parameters of `f`, `y` (the output) and `dy` (its gradient).  Only these stay alive until backward.
    inputs: names of the inputs; default data, or lhs and rhs.
    doc: the public docstring, if not that of the function.  deviations, dtypes: as of any block.
    base: what the block is.  module: that registers it, if not that of the function.
    """
    def register(function: Expression) -> type[Operator]:
        arguments, keywords = _arguments(function)
        names = tuple(inputs or DEFAULT_NAMES[len(arguments) - 1])
        block = _block(name, function, doc or function.__doc__ or "", names, broadcasts, keywords, base)
        block.__module__ = module or function.__module__
        made = operator(name, aliases=aliases, hidden=hidden)(block)
        made.deviations, made.dtypes = deviations, frozenset(dtypes)
        derivatives = gradient if isinstance(gradient, Sequence) and not isinstance(gradient, str) else (gradient,)
        if derivatives:
            assert len(derivatives) == len(names), f"{name}: one derivative for each input"
            _register_gradient(made, arguments, names, derivatives, keywords)
        elif hidden:
            made.gradient = _gradient_by_expression
        return made
    return register


def _arguments(function: Expression) -> tuple[tuple[str, ...], Keywords]:
    """Of an expression: names of the operands, its positional arguments behind F; and its keywords, the parameters."""
    parameters = inspect.signature(function).parameters.values()
    keywords = {p.name: p.replace(annotation=_hint(function, p.annotation))
                for p in parameters if p.kind is p.KEYWORD_ONLY}
    return tuple([p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD])[1:], keywords


def _hint(function: Expression, annotation: Any) -> Any:
    """The type that an annotation names in the module of the function."""
    names = inspect.unwrap(function).__globals__
    return eval(annotation, names) if isinstance(annotation, str) else annotation


def _block(name: str, function: Expression, doc: str, inputs: tuple[str, ...], broadcasts: bool,
           fields: Keywords, base: type[Elementwise] = Elementwise) -> type[Operator]:
    """A block class that evaluates `function`, with its keywords as fields."""
    def expression(self: Any, F: Any, *values: Any) -> Any:
        halves = BFLOAT16 in [F.dtype(value) for value in values]
        result = (real(function) if halves else function)(F, *values, **{key: getattr(self, key) for key in fields})
        return as_value(F, result, values[-1])

    body: dict[str, Any] = {"__doc__": doc, "inputs": inputs,
                            "broadcasts": broadcasts, "expression": expression, "function": staticmethod(function),
                            "widened": frozenset(),     # by `real`
                            "__annotations__": {key: p.annotation for key, p in fields.items()}}
    body |= {key: p.default for key, p in fields.items() if p.default is not p.empty}
    return type(name, (base,), body)


def _register_gradient(block: type[Operator], arguments: tuple[str, ...], names: tuple[str, ...],
                       derivatives: Sequence[Derivative], keywords: Keywords) -> None:
    """Give `block` its gradient rule: one hidden operator for each expression, summed down to the input's shape."""
    rules = [_backward(block, argument if len(names) > 1 else "", derivative, keywords)
             if callable(derivative) else derivative for argument, derivative in zip(names, derivatives, strict=True)]

    def gradient(self: Any, g: Any, node: Node, dy: Value) -> list[Value | None]:
        known = {**dict(zip(arguments, node.inputs, strict=True)), "y": Value(node), "dy": dy}
        result: list[Value | None] = []
        for value, rule in zip(node.inputs, rules, strict=True):
            if isinstance(rule, tuple):
                backward, needs = rule
                op = backward(**{key: getattr(self, key) for key in parameters_of(backward)})  # type: ignore[arg-type]
                result.append(sum_to_shape(g, Value(g.node(op, [known[need] for need in needs])), value))
            else:
                result.append(sum_to_shape(g, dy, value) if rule == SAME else None)
        return result
    block.gradient = gradient  # type: ignore[assignment]


def _backward(block: type[Operator], argument: str, derivative: Expression,
              keywords: Keywords) -> tuple[type[Operator], tuple[str, ...]]:
    """The hidden operator of one derivative, and what it needs."""
    needs, own = _arguments(derivative)
    taken = {key: keywords[key] for key in own}
    name = f"_backward_{block.name.lstrip('_')}" + (f"_{argument}" if argument else "")
    made = _block(name, derivative, f"Gradient of {block.name}.", needs, True, taken)
    made.__module__, made.gradient = block.__module__, _gradient_by_expression
    return operator(name, hidden=True)(made), needs


def _gradient_by_expression(self: Any, g: Any, node: Node, dy: Value) -> list[Value | None]:
    """Gradients of gradients: the expression is differentiated as it stands."""
    from symc.ops.families.derivative import gradient_by_expression

    return gradient_by_expression(self, g, node, dy)


def sum_to_shape(g: Any, value: Value, like: Value) -> Value:
    """Sum `value` over the axes along which `like` was broadcast."""
    shape, target = value.type.dims, like.type.dims
    lead = len(shape) - len(target)
    axes = tuple(i for i, extent in enumerate(shape) if i < lead or extent != target[i - lead])
    return g.reshape(g.sum(value, axis=axes, keepdims=True), target) if axes else value
