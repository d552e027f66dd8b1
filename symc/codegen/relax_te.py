"""Operators as TVM's tensor expressions, unscheduled: what TVM fuses and schedules for its targets.

The rules are those of `frontend/te.py`; elements are TIR expressions over `te.compute` tensors, values computed in the
dtypes of `te_math.COMPUTED`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

from symc.codegen.relax_math import PortableMath, as_meant
from symc.codegen.tir_index import view_indices
from symc.codegen.tir_monoid import State, monoid
from symc.codegen.tir_plan import constant_tensor
from symc.frontend.te import (
    Computed,
    Part,
    Placeholder,
    Reduced,
    Reduction,
    Tensor,
    TensorExpressions,
    Viewed,
    node_to_te,
)
from symc.frontend.te_math import COMPUTED, Expr, Indices, Scalar, cast, computed_dtype, evaluating, literal
from symc.frontend.te_random import TensorDraws
from symc.ir.graph import Node
from symc.ir.types import DType, Shape

LARGEST_TREE = 4096     # operations in one element's expression, which TVM takes as a tree


class LargeExpression(Exception):
    """An element's expression is too large for a tree: it wants statements."""


class PortableExpressions(TensorExpressions):
    """`te` for any of TVM's targets."""

    F = PortableMath

    def draws(self, seed: Scalar, salt: int, element: Any) -> TensorDraws:
        raise LargeExpression


def relax_dtype(dtype: DType) -> str:
    """The name of a dtype in Relax."""
    return dtype.name


class TensorPrinter:
    """The `Evaluator` (see `te_math`) under which tensors become those of TVM."""

    def __init__(self, placed: dict[Tensor, te.Tensor]) -> None:
        self.placed = placed

    def printed(self, tensor: Tensor) -> te.Tensor:
        """The TVM tensor with the elements of `tensor` in the dtype that they are computed in."""
        if tensor not in self.placed:
            self.placed[tensor] = self._reduction(tensor) if isinstance(tensor, Reduced) else self._computed(tensor)
        return self.placed[tensor]

    def output(self, tensor: Tensor) -> te.Tensor:
        """The TVM tensor with the elements of `tensor` in its dtype."""
        if tensor.dtype not in COMPUTED and not isinstance(tensor, (Viewed, Placeholder)):
            return self.printed(tensor)
        return _tensor(tensor.shape, lambda *i: store(self._direct(tensor, i)), "output")

    def _direct(self, tensor: Tensor, indices: Indices) -> Scalar:
        is_alone = isinstance(tensor, (Computed, Part)) and tensor not in self.placed
        return self._body(tensor, indices) if is_alone else self.element(tensor, indices)

    def _computed(self, tensor: Tensor) -> te.Tensor:
        return _tensor(tensor.shape, lambda *i: self._body(tensor, i).expr, "computed")

    def _body(self, tensor: Tensor, indices: Indices) -> Scalar:
        assert isinstance(tensor, (Computed, Part)), "a tensor that is nowhere"
        value = tensor.body(*indices) if isinstance(tensor, Computed) else self._part(tensor, indices)
        value = cast(value, tensor.dtype) if isinstance(value, Scalar) else literal(value, tensor.dtype)
        if value.weight > LARGEST_TREE:
            raise LargeExpression
        return value

    def _part(self, part: Part, indices: Indices) -> Any:
        assert isinstance(part.family, Computed)
        return part.family.body(*indices)[part.position]

    def _reduction(self, tensor: Reduced) -> te.Tensor:
        axes = [te.reduce_axis((0, _extent(extent)), f"r{n}") for n, extent in enumerate(tensor.extents)]
        kind = monoid(tensor.kind, tensor.element_dtype, DType.int64)
        reducer = te.comm_reducer(_combined(kind.merge, kind.dtypes), lambda *_: _exprs(kind.start(1)), tensor.kind)
        is_argument = tensor.kind.startswith("arg")

        def body(*indices: Any) -> Any:
            reduction: Reduction = tensor.body(*indices)
            variables = [axis.var for axis in axes]
            element = reduction.element(*variables)
            state = _exprs([element, Scalar(variables[0], DType.int64)][:len(kind.dtypes)])
            return reducer(state, axis=axes)
        made = te.compute(_extents(tensor.shape), body, name=tensor.kind)
        return made[1] if is_argument else made

    # ---- the Evaluator -----------------------------------------------------------------------------------

    def element(self, tensor: Tensor, indices: Indices) -> Scalar:
        while isinstance(tensor, Viewed):
            indices = view_indices(tensor.shape, tensor.source.shape, indices)
            tensor = tensor.source
        loaded = self.printed(tensor)(*(_extent(index) if isinstance(index, int) else index for index in indices))
        return Scalar(load(loaded, tensor.dtype), tensor.dtype)

    def shared(self, value: Scalar) -> Scalar:
        return value

    def select(self, chosen: Scalar, a: Scalar, b: Scalar) -> Scalar:
        expr = tirx.if_then_else(chosen.expr, a.expr, b.expr)
        return Scalar(expr, a.dtype, weight=chosen.weight + a.weight + b.weight)

    def index_of(self, value: Scalar) -> Expr:
        return tirx.Cast("int64", value.expr)

    def uses_of_index(self, index: Expr) -> frozenset[Any]:
        return frozenset()


def _combined(merge: Callable[[State, State], State], dtypes: Sequence[DType]) -> Callable[..., Any]:
    """The `fcombine` of a reducer, which TVM gives variables, and for several of them sequences."""
    def values(given: Any) -> State:
        parts = given if isinstance(given, Sequence) else [given]
        return tuple(Scalar(part, dtype) for part, dtype in zip(parts, dtypes, strict=True))
    return lambda a, b: _exprs(merge(values(a), values(b)))


def _exprs(values: Sequence[Scalar]) -> Any:
    exprs = tuple(as_meant(value.expr) for value in values)
    return exprs if len(exprs) > 1 else exprs[0]


def load(expr: Expr, dtype: DType) -> Expr:
    """The computed value of an element as it lies in memory."""
    return tirx.Cast(computed_dtype(dtype), expr) if dtype in COMPUTED and str(expr.ty) != "float32" else expr


def store(value: Scalar) -> Expr:
    """The element in memory of a computed value."""
    return tirx.Cast(relax_dtype(value.dtype), value.expr) if value.dtype in COMPUTED else value.expr


def _tensor(shape: Shape, element: Callable[..., Expr], name: str) -> te.Tensor:
    return te.compute(_extents(shape), lambda *indices: as_meant(element(*indices)), name)


def _extent(extent: int) -> Expr:
    return tirx.const(extent, "int64")


def _extents(shape: Shape) -> tuple[Expr, ...]:
    return tuple(map(_extent, shape))


def is_number(node: Node) -> bool:
    """Whether a node is a constant of one element, which stands in the code that reads it."""
    return node.value is not None and node.value.size == 1


def tensor_function(node: Node) -> Callable[..., list[te.Tensor]]:
    """The function from TVM's tensors of a node's inputs, but for constants of one element, to those of its outputs.

    The node has a lowering to tensor expressions.  LargeExpression: see there.
    """
    def function(*inputs: te.Tensor) -> Any:
        places = [constant_tensor(value.node) if is_number(value.node) else Placeholder(value.type)
                  for value in node.inputs]
        given = [place for place in places if isinstance(place, Placeholder)]
        printer = TensorPrinter(dict(zip(given, inputs, strict=True)))
        with evaluating(printer):
            outputs = node_to_te(node, places, PortableExpressions())
            made = [printer.output(tensor) for tensor in outputs]
        return made if len(made) > 1 else made[0]
    return function
