"""Reductions over axes: sum, mean, prod, nansum, nanprod, max, min, norm, argmax, argmin."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, PartialShape, Shape, TensorType
from symc.ops.elementwise import elementwise, real
from symc.ops.math import NumPyMath
from symc.ops.operator import HALVES_AND_BOOL, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.shapes import axis_in, unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show
from symc.ops.specialise import specialised

REDUCERS = {"sum": np.add.reduce, "prod": np.multiply.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}


class AxisReduction(Operator):
    """Base of the reductions: the value of `conclude(F, total, count)`, the total being that of `term(F, x)`.

    A reduction over all axes gives shape (1,).  float16 is reduced in float32.
    """

    widened = HALVES_AND_BOOL
    takes_empty = True

    pattern = "reduction"
    reducer: ClassVar[Literal["sum", "prod", "max", "min"]]
    keepdims: bool = False

    def reduced_axes(self, rank: int) -> tuple[int, ...]:
        """The axes that are reduced, in order."""
        raise NotImplementedError

    def term(self, F: Any, x: Any) -> Any:
        return x

    def conclude(self, F: Any, total: Any, count: int) -> Any:
        return total

    def result_dtype(self, dtype: DType) -> DType:
        """The output's dtype from the input's."""
        return dtype

    def accumulator(self, dtype: DType) -> DType:
        """The dtype of the total."""
        return DType.float32 if dtype in (DType.float16, DType.bfloat16) else dtype

    def reduced(self, shape: PartialShape, keepdims: bool) -> PartialShape:
        """The output's shape."""
        axes = self.reduced_axes(len(shape))
        if keepdims:
            return tuple(1 if i in axes else d for i, d in enumerate(shape))
        return tuple(d for i, d in enumerate(shape) if i not in axes) or (1,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(self.reduced(s.data.shape, self.keepdims))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        given, result = t.data.dtype, t.output.dtype
        if given is not None:
            t.output.unify(self.result_dtype(given))
        elif result is not None and self.result_dtype(result) is result:
            t.data.unify(result)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        rank, dims = len(data.shape), outputs[0].dims
        axes = self.reduced_axes(rank)
        extents = [data.shape[axis] for axis in axes]
        wide = self.accumulator(data.dtype)

        def total(*i: Any) -> Any:
            kept = iter(i) if not self.keepdims else iter(k for axis, k in enumerate(i) if axis not in axes)
            place = [None if axis in axes else next(kept) for axis in range(rank)]

            def body(*r: Any) -> Any:
                at = iter(r)
                value = data[tuple(next(at) if k is None else k for k in place)]
                return self.term(te.F, value if wide is data.dtype else te.F.cast(value, wide))
            return getattr(te, self.reducer)(extents, body) if axes else body()
        totals = te.tensor(dims, total)
        count = math.prod(extents)
        return [te.tensor(dims, lambda *i: self._concluded(te.F, totals[i], count, data.dtype))]

    def _concluded(self, F: Any, total: Any, count: int, dtype: DType) -> Any:
        value = self.conclude(F, total, count)
        return value if self.accumulator(dtype) is self.result_dtype(dtype) else F.cast(value, self.result_dtype(dtype))

    def prepared(self, data: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return _prepared(self, data.shape, data.dtype)

    def reference(self, data: np.ndarray) -> np.ndarray:
        return self.prepared(data)(data)

    def kept(self, g: Any, node: Node, value: Value) -> Value:
        """`value`, of the output's shape, with its reduced axes kept, so that it broadcasts against the input."""
        return g.reshape(value, self.reduced(node.inputs[0].type.dims, True))


@functools.lru_cache(1024)
def _prepared(op: AxisReduction, shape: Shape, dtype: np.dtype) -> Callable[[np.ndarray], np.ndarray]:
    """The reduction of arrays of this shape and dtype."""
    given, axes = NumPyMath.dtype(np.empty(0, dtype)), op.reduced_axes(len(shape))
    wide, count = op.accumulator(given), math.prod(shape[axis] for axis in axes)
    term = specialised(lambda F, x: op.term(F, x if wide is given else F.cast(x, wide)), [dtype])
    summed = dtype if term is None else term(np.ones(1, dtype)).dtype
    conclude = specialised(lambda F, total: op._concluded(F, total, count, given), [summed])
    reduce: Any = REDUCERS[op.reducer]
    kept, result = op.reduced(shape, True), op.reduced(shape, op.keepdims)

    def reduced(data: np.ndarray) -> np.ndarray:
        total = reduce(data if term is None else term(data), axes, summed, None, True)       # keepdims
        value = total if conclude is None else conclude(total)
        return value if kept == result else value.reshape(result)
    return reduced


@record
class Reduction(AxisReduction):
    """Base of MXNet's reductions: over `axis`, over all others if `exclude`; None and () stand for all."""

    axis: Dims | None = None
    keepdims: bool = False
    exclude: bool = False

    def reduced_axes(self, rank: int) -> tuple[int, ...]:
        if not self.axis:
            return tuple(range(rank))
        axes = {axis_in(axis, rank) for axis in self.axis}
        if len(axes) < len(self.axis):
            raise Conflict(f"axis {show(self.axis)} names an axis twice")
        return tuple(i for i in range(rank) if (i in axes) != self.exclude)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        derivative = getattr(g, f"_backward_{self.name}")
        return [derivative(node.inputs[0], self.kept(g, node, Value(node)), self.kept(g, node, dy))]


def spread(g: Any, value: Value, like: Value) -> Value:
    """`value` broadcast to the shape of another; to broadcast_to an extent 0 would mean that of `value`."""
    shape = like.type.dims
    return g.zeros_like(like) if 0 in shape else g.broadcast_to(value, shape=shape)  # type: ignore[no-any-return]


@operator("sum", aliases=("_sparse_sum", "sum_axis"))
class Sum(Reduction):
    """Σ x; integers wrap.  MXNet: sum."""

    reducer = "sum"

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [spread(g, self.kept(g, node, dy), node.inputs[0])]


@operator("_square_sum")
class SquareSum(Reduction):
    """Σ x².  MXNet: _square_sum, which sums one axis of row-sparse arrays alone."""

    reducer = "sum"

    def term(self, F: Any, x: Any) -> Any:
        return x * x

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        (x,) = node.inputs
        return [g.elemwise_mul(spread(g, self.kept(g, node, dy), x), g.elemwise_add(x, x))]


@operator("mean", aliases=("_sparse_mean",))
class Mean(Reduction):
    """Σ x / n; of integers truncated, of truth values whether one is true.  MXNet: mean."""

    reducer = "sum"

    def conclude(self, F: Any, total: Any, count: int) -> Any:
        if F.dtype(total).is_float:
            return total / F.const(count, total)
        if F.dtype(total) is DType.bool:
            return total
        return F.cast(F.divide_truncating(F.cast(total, DType.int64), F.const(count, F.cast(total, DType.int64))),
                      F.dtype(total))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        count = math.prod(node.inputs[0].type.dims) // max(math.prod(dy.type.dims), 1)
        return [spread(g, g._div_scalar(self.kept(g, node, dy), scalar=float(count)), node.inputs[0])]


@operator("prod")
class Prod(Reduction):
    """Π x.  MXNet: prod; its gradient divides by x, so it is NaN where x is 0."""

    reducer = "prod"


@elementwise("_backward_prod", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
@real
def prod_gradient(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """Gradient of prod."""
    return dy * (y / x)


INFINITE = ("with infinities among the data the sums are infinite, or NaN if both signs occur; MXNet's compensated sum "
            "gives NaN once anything follows an infinity")


@operator("nansum")
class NanSum(Reduction):
    """Σ x, a NaN counting as 0.  MXNet: nansum."""

    reducer = "sum"
    deviations = (INFINITE,)

    def term(self, F: Any, x: Any) -> Any:
        return F.where(x == x, x, F.const(0, x))


@elementwise("_backward_nansum", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
def nansum_gradient(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """Gradient of nansum."""
    return F.where(x == x, dy, F.const(0, dy))


@operator("nanprod")
class NanProd(Reduction):
    """Π x, a NaN counting as 1.  MXNet: nanprod."""

    reducer = "prod"

    def term(self, F: Any, x: Any) -> Any:
        return F.where(x == x, x, F.const(1, x))


@elementwise("_backward_nanprod", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
@real
def nanprod_gradient(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """Gradient of nanprod."""
    return F.where(x == x, dy * (y / x), F.const(0, dy))


@operator("max", aliases=("max_axis",))
class Max(Reduction):
    """The largest x; NaN if there is one.  MXNet: max; its gradient goes to every x that is the largest."""

    takes_empty = False
    reducer = "max"


@operator("min", aliases=("min_axis",))
class Min(Reduction):
    """The smallest x; NaN if there is one.  MXNet: min; its gradient goes to every x that is the smallest."""

    takes_empty = False
    reducer = "min"


@elementwise("_backward_max", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
def max_gradient(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """Gradient of max."""
    return F.where(x == y, dy, F.const(0, dy))


@elementwise("_backward_min", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
def min_gradient(F: Any, x: Any, y: Any, dy: Any) -> Any:
    """Gradient of min."""
    return F.where(x == y, dy, F.const(0, dy))


@operator("norm", aliases=("_sparse_norm",))
class Norm(AxisReduction):
    """Σ |x| (ord=1) or √Σ x² (ord=2) over `axis`; None and () stand for all axes.

    MXNet: norm.  The sum of squares of float32 is taken in float64, so it does not overflow.  Of integers MXNet's
    scaled sum counts only the elements as large as the largest, which is kept: trunc(max |x| · √count).
    """

    ord: int = 2
    axis: Dims | None = None
    out_dtype: Literal["float16", "float32", "float64", "int32", "int64", "int8"] | None = None
    keepdims: bool = False
    reducer = "sum"
    deviations = (INFINITE,)

    def reduced_axes(self, rank: int) -> tuple[int, ...]:
        return Reduction(axis=self.axis).reduced_axes(rank)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.ord not in (1, 2):
            raise Conflict(f"ord is {self.ord}, norm knows 1 and 2")
        super().infer_shape(s)

    def result_dtype(self, dtype: DType) -> DType:
        return DType[self.out_dtype] if self.out_dtype else dtype

    def accumulator(self, dtype: DType) -> DType:
        return DType.float64 if dtype is not DType.float16 and self.ord == 2 else super().accumulator(dtype)

    def term(self, F: Any, x: Any) -> Any:
        return F.abs(x) if self.ord == 1 else x * x

    def conclude(self, F: Any, total: Any, count: int) -> Any:
        return total if self.ord == 1 else F.sqrt(total)

    def rewrite(self, g: Any, data: Value) -> list[Value] | None:
        if data.type.element.is_float or self.ord == 1:
            return None
        shape = self.reduced(data.type.dims, self.keepdims)
        sizes = g.abs(data)
        largest = g.max(sizes, axis=self.axis, keepdims=True)
        count = g.sum(g.broadcast_equal(sizes, largest), axis=self.axis, keepdims=True)
        wide = [g.Cast(value, dtype="float64") for value in (largest, count)]
        norm = g.elemwise_mul(wide[0], g.sqrt(wide[1]))
        return [g.reshape(g.Cast(norm, dtype=self.result_dtype(data.type.element).name), shape)]

    def prepared(self, data: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return super().prepared(data) if data.dtype.kind == "f" or self.ord == 1 else self._scaled

    def _scaled(self, data: np.ndarray) -> np.ndarray:
        axes = self.reduced_axes(data.ndim)
        largest = np.abs(data).max(axes, keepdims=True)
        norm = largest * np.sqrt((np.abs(data) == largest).sum(axes, keepdims=True))
        return NumPyMath.cast(norm, self.result_dtype(NumPyMath.dtype(data))).reshape(
            self.reduced(data.shape, self.keepdims))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        y, d = (self.kept(g, node, g.Cast(value, dtype=node.inputs[0].type.element.name) if self.out_dtype else value)
                for value in (Value(node), dy))
        return [g._backward_norm(node.inputs[0], y, d, ord=self.ord)]


@elementwise("_backward_norm", inputs=("data", "y", "dy"), broadcasts=True, hidden=True)
@real
def norm_gradient(F: Any, x: Any, y: Any, dy: Any, *, ord: int = 2) -> Any:
    """Gradient of norm; with ord=2 NaN where all x are 0."""
    if ord == 1:
        return F.where(x > 0, dy, F.where(x < 0, -dy, F.const(0, dy)))
    return dy * (x / y)


@record
class ArgReduction(Operator):
    """Base of argmax and argmin: the place of the first extreme value, or of the first NaN, as a number of the
    input's dtype; axis None counts through the flattened input.
    """

    widened = HALVES_AND_BOOL

    axis: int | None = None
    keepdims: bool = False
    pattern: ClassVar[str] = "reduction"
    finder: ClassVar[str]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(self._over().reduced(s.data.shape, self.keepdims))

    def _over(self) -> Reduction:
        return Reduction(axis=None if self.axis is None else (self.axis,))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        rank, dims = len(data.shape), outputs[0].dims
        at = None if self.axis is None else axis_in(self.axis, rank)
        find = getattr(te, self.finder)

        def place(*i: Any) -> Any:
            if at is None:
                return find(math.prod(data.shape), lambda r: data[unravel(r, data.shape)])
            kept = [*i[:at], *i[at + 1:]] if self.keepdims else list(i[:rank - 1])
            return find(data.shape[at], lambda r: data[(*kept[:at], r, *kept[at:])])
        places = te.tensor(dims, place)
        return [te.tensor(dims, lambda *i: te.F.cast(places[i], data.dtype))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        places = getattr(np, self.finder)(data, axis=self.axis)
        return np.asarray(places, data.dtype).reshape(
            self._over().reduced(data.shape, self.keepdims))  # type: ignore[arg-type]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("argmax")
class ArgMax(ArgReduction):
    """Where x is largest along `axis`.  MXNet: argmax."""

    finder = "argmax"


@operator("argmin")
class ArgMin(ArgReduction):
    """Where x is smallest along `axis`.  MXNet: argmin."""

    finder = "argmin"


@operator("argmax_channel")
class ArgMaxChannel(Operator):
    """Where x is largest along axis 1.  MXNet: argmax_channel."""

    widened = HALVES_AND_BOOL

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(ArgMax(axis=1)._over().reduced(s.data.shape, False))

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g.argmax(data, axis=1)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return ArgMax(axis=1).reference(data)
