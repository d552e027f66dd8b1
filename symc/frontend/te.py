"""Tensor expressions: node → TE.

Operators are written over logical indices; a `Tensor` gives one element as a TIR expression.  Evaluating an element
needs an `Evaluator` (`codegen/tir_emit.py`), which shares common elements, places them in loops, and knows where
tensors that live in memory lie.  The functions of `TensorExpressions` are the `te` given to `Operator.compute`.

Indices are TIR integer expressions; under vectorisation the innermost one is a ramp, and expressions are vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from symc.frontend.te_math import (
    Expr,
    Indices,
    Scalar,
    TensorMath,
    Typing,
    as_expr,
    cast,
    computed_dtype,
    condition,
    evaluating,
    evaluator,
    lanes_of,
    literal,
    logical,
    paired,
    vector_dtype,
)
from symc.frontend.te_random import TensorDraws
from symc.ir.graph import Node
from symc.ir.types import DType, Shape, TensorType
from symc.ops.contraction import Contraction
from symc.ops.contraction import Index as AffineIndex
from symc.ops.operator import Operator, operation

NARROW = (DType.float16, DType.bfloat16)    # factors whose products are summed in float32


class Tensor:
    """An array of logical `shape`; `t[i, j]` is one element, evaluated where it is used."""

    def __init__(self, shape: Shape, dtype: DType) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype

    def __getitem__(self, indices: Any) -> Scalar:
        indices = indices if isinstance(indices, tuple) else (indices,)
        assert len(indices) == len(self.shape), f"{len(indices)} indices for shape {self.shape}"
        return evaluator().element(self, tuple(map(as_expr, indices)))


class Placeholder(Tensor):
    """A tensor in memory: an input of a group, or a result of an earlier kernel."""

    def __init__(self, type: TensorType) -> None:
        super().__init__(type.dims, type.element)
        self.type = type


class Viewed(Tensor):
    """The elements of `source`, in its logical order, under another shape."""

    def __init__(self, source: Tensor, shape: Shape) -> None:
        super().__init__(shape, source.dtype)
        self.source = source


class Computed(Tensor):
    """Each element by `body(*indices)`."""

    def __init__(self, shape: Shape, dtype: DType, body: Callable[..., Any]) -> None:
        super().__init__(shape, dtype)
        self.body = body


class Rounded(Computed):
    """The elements of `source` with fewer bits, as matrix instructions read them."""

    def __init__(self, source: Tensor, body: Callable[..., Any]) -> None:
        super().__init__(source.shape, source.dtype, body)
        self.source = source


class Part(Tensor):
    """One of several results that `body` computes together, as a tuple."""

    def __init__(self, shape: Shape, dtype: DType, family: Tensor, position: int) -> None:
        super().__init__(shape, dtype)
        self.family = family
        self.position = position


@dataclass(frozen=True)
class Reduction:
    """The body of a reduction: `kind` over `extents` of `element(*reduced indices)`."""

    kind: str
    extents: Shape
    element: Callable[..., Any]


@dataclass(frozen=True)
class Product:
    """The sums of products that a reduction is, and the tensors that are multiplied."""

    spec: Contraction
    inputs: tuple[Tensor, Tensor]


class Reduced(Tensor):
    """Each element a reduction: `body(*indices)` gives a `Reduction`, the same but for its indices everywhere.

    total: (axis, extent) of a reduced axis of which the result's first axis takes parts; the last may be shorter.
    product: what it is, if it is a contraction.
    """

    product: Product | None = None

    def __init__(self, shape: Shape, element_dtype: DType, body: Callable[..., Reduction], kind: str, extents: Shape,
                 total: tuple[int, int] | None = None) -> None:
        super().__init__(shape, DType.int64 if kind.startswith("arg") else element_dtype)
        self.element_dtype = element_dtype
        self.body = body
        self.kind = kind
        self.extents = extents
        self.total = total


# ---- the namespace of Operator.compute -------------------------------------------------------------------------------

class TensorExpressions:
    """The functions an operator's `compute` is given as `te`."""

    F = TensorMath

    def tensor(self, shape: Sequence[int], body: Callable[..., Any], dtype: DType | None = None) -> Tensor:
        """The tensor of `shape` with elements `body(*indices)`; dtype: by default that of the expression."""
        shape = tuple(shape)
        with evaluating(Typing()):
            sample = body(*(tirx.Var(f"i{n}", "int32") for n in range(len(shape))))
            if isinstance(sample, Reduction):
                element = sample.element(*(tirx.Var(f"r{n}", "int32") for n in range(len(sample.extents))))
                reduced = Reduced(shape, element.dtype, body, sample.kind, sample.extents)
                return reduced if dtype in (None, reduced.dtype) else self._cast(reduced, dtype)
        found = sample.dtype if isinstance(sample, Scalar) else dtype
        assert found is not None, "the body is a Python number: give a dtype"
        return Computed(shape, dtype or found, body)

    def rounded(self, tensor: Tensor, function: Callable[..., Any]) -> Rounded:
        """The tensor with elements function(F, x)."""
        return Rounded(tensor, lambda *indices: function(self.F, tensor[indices]))

    def _cast(self, tensor: Tensor, dtype: DType | None) -> Tensor:
        assert dtype is not None
        return Computed(tensor.shape, dtype, lambda *indices: cast(tensor[indices], dtype))

    def sum(self, extents: Sequence[int], element: Callable[..., Any]) -> Reduction:
        return Reduction("sum", tuple(extents), element)

    def prod(self, extents: Sequence[int], element: Callable[..., Any]) -> Reduction:
        return Reduction("prod", tuple(extents), element)

    def max(self, extents: Sequence[int], element: Callable[..., Any]) -> Reduction:
        return Reduction("max", tuple(extents), element)

    def min(self, extents: Sequence[int], element: Callable[..., Any]) -> Reduction:
        return Reduction("min", tuple(extents), element)

    def argmax(self, extent: int, element: Callable[..., Any]) -> Reduction:
        return Reduction("argmax", (extent,), element)

    def argmin(self, extent: int, element: Callable[..., Any]) -> Reduction:
        return Reduction("argmin", (extent,), element)

    def select(self, chosen: Any, a: Any, b: Any) -> Scalar:
        """`a` where the condition holds, else `b`; the untaken one is not evaluated."""
        first, second = paired(a, b)
        return evaluator().select(condition(chosen), first, second)

    def index(self, x: Any) -> Expr:
        """A data value as an index, truncated toward zero."""
        return evaluator().index_of(x)

    def value(self, index: Any, dtype: DType) -> Scalar:
        """An index as a data value."""
        if isinstance(index, int):
            return literal(index, dtype)
        target = vector_dtype(computed_dtype(dtype), lanes_of(index))
        return Scalar(tirx.Cast(target, index), dtype, evaluator().uses_of_index(index))

    def draws(self, seed: Scalar, salt: int, element: Any) -> TensorDraws:
        """The random draws of the element of that number (`ops.random`), for a seed (int64) and a salt."""
        return TensorDraws(seed, salt, element)

    def number(self, value: float, dtype: DType) -> Scalar:
        """A Python number as a data value."""
        return literal(value, dtype)

    def clamp(self, index: Any, low: Any, high: Any) -> Expr:
        return tirx.max(tirx.min(index, high), low)

    def all(self, *conditions: Any) -> Scalar:
        result = condition(True)
        for item in conditions:
            result = logical(tirx.And, result, item)
        return result

    def any(self, *conditions: Any) -> Scalar:
        result = condition(False)
        for item in conditions:
            result = logical(tirx.Or, result, item)
        return result


# ---- node → tensors --------------------------------------------------------------------------------------------------

def node_to_te(node: Node, inputs: Sequence[Tensor], te: TensorExpressions | None = None) -> list[Tensor]:
    """The outputs of `node` over its inputs' tensors.  The node is not imperative, and not left to be rewritten."""
    op, te = operation(node), te or TensorExpressions()
    if op.is_view:
        return [Viewed(inputs[0], node.types[0].dims)]
    if op.expression is not None:
        return expression_to_te(te, op, inputs, node.types)
    if op.compute is not None:
        outputs = op.compute(te, list(inputs), list(node.types))
        assert [t.shape for t in outputs] == [t.dims for t in node.types], f"{node}: compute gives other shapes"
        return [_typed(tensor, type.element) for tensor, type in zip(outputs, node.types, strict=True)]
    assert op.contraction is not None, f"{node} has no lowering to tensor expressions"
    return [contraction_to_te(te, op, inputs, node.types[0])]


def _typed(tensor: Tensor, dtype: DType) -> Tensor:
    if tensor.dtype is dtype:
        return tensor
    return Computed(tensor.shape, dtype, lambda *indices: cast(tensor[indices], dtype))


def expression_to_te(te: TensorExpressions, op: Operator, inputs: Sequence[Tensor],
                     types: Sequence[TensorType]) -> list[Tensor]:
    """An elementwise operator over inputs that broadcast by NumPy's rules."""
    shape = types[0].dims

    def body(*indices: Any) -> Any:
        return op.expression(te.F, *(t[broadcast_indices(t.shape, indices)] for t in inputs))
    if len(types) == 1:
        return [Computed(shape, types[0].element, body)]
    family = Computed(shape, types[0].element, body)
    return [Part(t.dims, t.element, family, position) for position, t in enumerate(types)]


def broadcast_indices(shape: Shape, indices: Indices) -> Indices:
    """Where the element at `indices` of the broadcast result lies in an input of `shape`."""
    own = indices[len(indices) - len(shape):]
    return tuple(0 if extent == 1 else index for extent, index in zip(shape, own, strict=True))


def contraction_to_te(te: TensorExpressions, op: Operator, inputs: Sequence[Tensor], type: TensorType) -> Tensor:
    """A contraction as a plain reduction, and its epilogue."""
    spec = op.contraction([TensorType(t.shape, t.dtype) for t in inputs])
    dtype = type.element if inputs[0].dtype in NARROW else inputs[0].dtype
    total = contraction_total(te, spec, inputs, type.dims, dtype)
    dims = op.finish_dims(len(type.dims))
    if not dims and len(inputs) == 2:
        return _typed(Computed(type.dims, type.element, lambda *i: op.finish(te.F, total[i])), type.element)

    def finish(*indices: Any) -> Scalar:
        others = (t[tuple(indices[d] for d in where)] for t, where in zip(inputs[2:], dims, strict=True))
        return op.finish(te.F, total[indices], *others)  # type: ignore[no-any-return]
    return Computed(type.dims, type.element, finish)


def contraction_total(te: TensorExpressions, spec: Contraction, inputs: Sequence[Tensor], shape: Shape,
                      dtype: DType) -> Tensor:
    """The sums of products of `spec` over logical output indices, in the factors' dtype or a wider one."""
    sizes, product = spec.sizes, Product(spec, (inputs[0], inputs[1]))
    reduced = tuple(name for name in spec.reduced)

    def body(*indices: Any) -> Reduction:
        outer = _axes_of_output(spec, indices)

        def element(*inner: Any) -> Scalar:
            at = outer | dict(zip(reduced, inner, strict=True))
            return cast(operand(te, product, 0, at), dtype) * cast(operand(te, product, 1, at), dtype)
        return te.sum(tuple(sizes[name] for name in reduced), element)
    total = te.tensor(shape, body)
    if isinstance(total, Reduced):
        total.product = product
    return total


def _axes_of_output(spec: Contraction, indices: Indices) -> dict[str, Any]:
    """The parallel axes from the output's indices: an output index is an axis, or several joined (g·C + c)."""
    at: dict[str, Any] = {}
    for index, place in zip(spec.output, indices, strict=True):
        remaining = place
        for name, coefficient in index.terms[:-1]:
            at[name], remaining = remaining // coefficient, remaining % coefficient
        at[index.terms[-1][0]] = remaining
    return at


def operand(te: TensorExpressions, product: Product, number: int, at: dict[str, Any]) -> Scalar:
    """The left (0) or right (1) operand at a point of the axes, 0 outside of it and where a division leaves a
    remainder."""
    tensor, index = product.inputs[number], (product.spec.lhs, product.spec.rhs)[number]
    places, guards = [], list[Any]()
    for dim, extent in zip(index, tensor.shape, strict=True):
        place = sum((at[name] * c for name, c in dim.terms), dim.offset)
        if dim.divisor > 1:
            guards.append(place % dim.divisor == 0)
            place = place // dim.divisor
        if dim.divisor > 1 or _leaves(dim, product.spec.sizes, extent):
            guards += [place >= 0, place < extent]
        places.append(place)
    value = tensor[tuple(places)]
    return te.select(te.all(*guards), value, 0) if guards else value


def _leaves(dim: AffineIndex, sizes: dict[str, int], extent: int) -> bool:
    """Whether some points of the axes lie outside the dimension: windows over padding do."""
    ends = [c * (sizes[name] - 1) for name, c in dim.terms]
    lowest, highest = (dim.offset + sum(pick(end, 0) for end in ends) for pick in (min, max))
    return lowest < 0 or highest >= extent
