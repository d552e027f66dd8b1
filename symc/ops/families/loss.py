"""Loss heads: operators whose gradient is that of a loss and ignores the head gradient."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.families.softmax import Softmax
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims, within
from symc.ops.record import record
from symc.ops.shapes import product
from symc.ops.slots import Conflict, ShapeSlot, Slots, unify

SMALLEST_PROBABILITY = 1e-8   # what softmax_cross_entropy takes the logarithm of at least


class LossHead(Operator):
    """Base of the heads with a label, which inference does not need."""

    inputs = ("data", "label")
    is_loss = True

    def inference(self, g: Any, data: Value, label: Value) -> list[Value]:
        return self.rewrite(g, data, label)  # type: ignore[no-any-return]


# ---- SoftmaxOutput ---------------------------------------------------------------------------------------------


@operator("SoftmaxOutput", aliases=("Softmax",))
class SoftmaxOutput(LossHead):
    """Softmax of data; the gradient is that of the cross entropy with label, times grad_scale.  MXNet: SoftmaxOutput.

    data (N, K, ...): the K classes lie along axis 1 with multi_output, along the last axis with preserve_shape, and
    else are all but the first axis.  label holds class numbers, truncated; one beyond [0, K) is no class.  A label of
    the shape of data holds probabilities.  smooth_alpha is taken from the label's class and shared by the others
    (not with multi_output).  With use_ignore, rows labelled ignore_label have no gradient.  normalization divides by
    the number of labels (batch) or of those that are not ignore_label (valid); multi_output otherwise by the number
    of labels of a sample.  out_grad multiplies by the output, not its gradient, as in MXNet 1.9.1.
    """

    dtypes = REAL

    grad_scale: float = 1.0
    ignore_label: float = -1.0
    multi_output: bool = False
    use_ignore: bool = False
    preserve_shape: bool = False
    normalization: Literal["batch", "null", "valid"] = "null"
    out_grad: bool = False
    smooth_alpha: float = within(0, 1, 0.0)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is None:
            return
        if s.data.rank < 2:
            raise Conflict(f"data has {s.data.rank} dimensions, at least 2 are needed")
        if s.label.rank == s.data.rank and s.label.shape[1:] != (1, *s.data.shape[2:]):
            unify(s.label, s.data)
        elif not self.multi_output:
            s.label.unify(s.data.shape[:-1])
        elif s.label.rank is None or s.label.rank == 2:
            s.label.unify((s.data[0], product(s.data.shape[2:])))
        elif s.label.rank == s.data.rank:
            s.label.unify((s.data[0], 1, *s.data.shape[2:]))
        else:
            s.label.unify((s.data[0], *s.data.shape[2:]))

    def viewed(self, shape: Dims) -> Dims:
        """Samples, classes, and labels of one sample."""
        if self.multi_output:
            return (shape[0], shape[1], math.prod(shape[2:]))
        if self.preserve_shape:
            return (math.prod(shape[:-1]), shape[-1], 1)
        return (shape[0], math.prod(shape[1:]), 1)

    def rewrite(self, g: Any, data: Value, label: Value) -> list[Value]:
        shape = data.type.dims
        if self.multi_output or self.preserve_shape or len(shape) == 2:
            return [g.softmax(data, axis=1 if self.multi_output else -1)]
        return [g.reshape(g.softmax(g.reshape(data, self.viewed(shape)[:2])), shape)]

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        y = Softmax(axis=1).reference(data.reshape(self.viewed(data.shape)))
        return y.reshape(data.shape)  # type: ignore[no-any-return]

    def gradient(self, g: Any, node: Node, dy: None) -> list[Value | None]:
        y, label = Value(node), node.inputs[1]
        shape = y.type.dims
        if label.type.shape == shape:
            dx = g._backward_regression(y, label, form="linear", scale=self.grad_scale)
        else:
            dx = g.reshape(self._class_gradient(g, y, label), shape)
        return [g.elemwise_mul(dx, y) if self.out_grad else dx, None]

    def _class_gradient(self, g: Any, y: Value, label: Value) -> Value:
        """The gradient by class numbers, under the view."""
        view = self.viewed(y.type.dims)
        count = math.prod(label.type.dims)
        scale = self.grad_scale
        if self.normalization == "batch":
            scale /= view[0] if self.multi_output else count
        if self.multi_output and self.normalization != "valid":
            scale /= view[2]
        labels = g.reshape(g.reshape(label, (count,)), (view[0], view[2])) if count == view[0] * view[2] else \
            self._first_labels(g, label, view)
        inputs = [g.reshape(y, view), labels]
        if self.normalization == "valid":
            inputs.append(g._count_labels(label, ignore_label=int(self.ignore_label)))
        op = BackwardSoftmaxOutput(scale=scale, alpha=0.0 if self.multi_output else self.smooth_alpha,
                                   ignore_label=int(self.ignore_label) if self.use_ignore else None,
                                   is_counted=self.normalization == "valid")
        return Value(g.node(op, inputs))

    def _first_labels(self, g: Any, label: Value, view: Dims) -> Value:
        """Of more labels than rows, one a row is read: data of several axes that is flattened."""
        flat = g.reshape(label, (math.prod(label.type.dims),))
        return g.reshape(g.slice_axis(flat, axis=0, begin=0, end=view[0]), (view[0], 1))  # type: ignore[no-any-return]


@operator("_backward_softmax_output", hidden=True)
class BackwardSoftmaxOutput(Operator):
    """(y - target) · scale for y (n, classes, s) and class numbers label (n, s), divided by `count` if is_counted.

    target is 1 - alpha for the label's class and alpha/(classes - 1) for the others.
    """

    scale: float
    alpha: float = 0.0
    ignore_label: int | None = None
    is_counted: bool = False

    def argument_names(self) -> list[str]:
        return ["y", "label", "count"] if self.is_counted else ["y", "label"]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.y, s.output)

    def reference(self, y: np.ndarray, label: np.ndarray, *count: np.ndarray) -> np.ndarray:
        number = np.expand_dims(label.astype(np.int64), 1)
        is_class = number == np.arange(y.shape[1]).reshape(1, -1, 1)
        dx = self.element(NumPyMath, y, is_class, y.shape[1], *count)
        return dx if self.ignore_label is None else np.where(number == self.ignore_label, y.dtype.type(0), dx)

    def element(self, F: Any, y: Any, is_class: Any, classes: int, *count: Any) -> Any:
        others = self.alpha / (classes - 1) if classes > 1 else 0.0
        dx = F.where(is_class, y - (1 - self.alpha), y - others if others else y)
        dx = dx if self.scale == 1 else dx * self.scale
        return dx / count[0] if count else dx

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        y, label, *count = inputs
        F = te.F

        def dx(n: Any, c: Any, s: Any) -> Any:
            number = te.index(label[n, s])
            value = self.element(F, y[n, c, s], number == c, y.shape[1], *(t[0] for t in count))
            return value if self.ignore_label is None else F.where(number == self.ignore_label, 0, value)
        return [te.tensor(y.shape, dx)]


@operator("_count_labels", hidden=True)
class CountLabels(Operator):
    """The number of labels, truncated, that are not ignore_label, but at least 1; shape (1,)."""

    ignore_label: int
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))

    def reference(self, label: np.ndarray) -> np.ndarray:
        return np.maximum(np.count_nonzero(label.astype(np.int64) != self.ignore_label), 1).astype(label.dtype)[None]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (label,), dtype, F = inputs, outputs[0].element, te.F

        def counts(*i: Any) -> Any:
            return F.where(te.index(label[i]) == self.ignore_label, te.value(0, dtype), te.value(1, dtype))
        total = te.tensor((1,), lambda _: te.sum(label.shape, counts))
        return [te.tensor((1,), lambda i: F.max_nan(total[i], 1))]


# ---- regression ------------------------------------------------------------------------------------------------


@record
class RegressionOutput(LossHead):
    """Base of the regressions; label has the elements of data, under any shape with the same first extent.

    The gradient is times grad_scale and divided by the number of labels of a sample.
    """

    dtypes = REAL

    grad_scale: float = 1.0

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is None:
            return
        if s.label.rank is None:
            is_column = s.data.rank == 2 and s.data[1] == 1
            s.label.unify(s.data.shape[:1] if is_column else s.data.shape)
        elif s.label.rank == s.data.rank:
            unify(s.label, s.data)
        elif s.label.known and s.data.known and (
                s.label[0] != s.data[0] or math.prod(s.label.dims) != math.prod(s.data.dims)):
            raise Conflict(f"label is {s.label.shape}, data {s.data.shape}: they must hold equally many elements")

    def difference(self, g: Any, node: Node, form: str) -> list[Value | None]:
        """The gradient of data by one of the forms of `_backward_regression`."""
        y, label = Value(node), node.inputs[1]
        shape = y.type.dims
        scale = self.grad_scale * label.type.dims[0] / max(math.prod(label.type.dims), 1)
        return [g._backward_regression(y, g.reshape(label, shape), form=form, scale=scale), None]


@operator("LinearRegressionOutput", aliases=("_sparse_LinearRegressionOutput",))
class LinearRegressionOutput(RegressionOutput):
    """data itself; the gradient is data - label.  MXNet: LinearRegressionOutput."""

    def rewrite(self, g: Any, data: Value, label: Value) -> list[Value]:
        return [data]

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        return data

    def gradient(self, g: Any, node: Node, dy: None) -> list[Value | None]:
        return self.difference(g, node, "linear")


@operator("MAERegressionOutput", aliases=("_sparse_MAERegressionOutput",))
class MAERegressionOutput(LinearRegressionOutput):
    """data itself; the gradient is the sign of data - label.  MXNet: MAERegressionOutput."""

    def gradient(self, g: Any, node: Node, dy: None) -> list[Value | None]:
        return self.difference(g, node, "sign")


@operator("LogisticRegressionOutput", aliases=("_sparse_LogisticRegressionOutput",))
class LogisticRegressionOutput(RegressionOutput):
    """sigmoid(data); the gradient is that less label.  MXNet: LogisticRegressionOutput."""

    def rewrite(self, g: Any, data: Value, label: Value) -> list[Value]:
        return [g.sigmoid(data)]

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        return np.asarray(NumPyMath.sigmoid(data), data.dtype)

    def gradient(self, g: Any, node: Node, dy: None) -> list[Value | None]:
        return self.difference(g, node, "linear")


@operator("_backward_regression", hidden=True)
class BackwardRegression(Elementwise):
    """(y - label)·scale, or its sign times scale."""

    form: Literal["linear", "sign"] = "linear"
    scale: float = 1.0
    inputs = ("y", "label")

    def expression(self, F: Any, *inputs: Any) -> Any:
        d = inputs[0] - inputs[1]
        if self.form == "sign":
            d = F.where(d > 0, F.const(1, d), F.where(d < 0, F.const(-1, d), d))
        return d if self.scale == 1 else d * self.scale


# ---- the others ------------------------------------------------------------------------------------------------


@operator("SVMOutput")
class SVMOutput(LossHead):
    """data itself; the gradient is that of the one-against-all hinge loss, squared unless use_linear.

    data (..., classes), label (...) class numbers.  MXNet: SVMOutput.
    """

    margin: float = 1.0
    regularization_coefficient: float = 1.0
    use_linear: bool = False

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None:
            s.label.unify(s.data.shape[:-1])
            for axis, extent in enumerate(s.label.shape):
                s.data.unify_axis(axis, extent)

    def rewrite(self, g: Any, data: Value, label: Value) -> list[Value]:
        return [data]

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        return data

    def gradient(self, g: Any, node: Node, dy: None) -> list[Value | None]:
        data, label = node.inputs
        rows = (math.prod(data.type.dims[:-1]), data.type.dims[-1])
        dx = g._backward_SVMOutput(g.reshape(data, rows), g.reshape(label, rows[:1]), margin=self.margin,
                                   use_linear=self.use_linear, scale=self.regularization_coefficient)
        return [g.reshape(dx, data.type.dims), None]


@operator("_backward_SVMOutput", hidden=True)
class BackwardSVMOutput(Operator):
    """Gradient of the hinge loss: with t = 1 for the label's class and -1 for the others and h = margin - t·x where
    that is positive, -t·scale (linear) or -2·t·h·scale."""

    margin: float
    scale: float
    use_linear: bool
    inputs = ("data", "label")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)

    def element(self, F: Any, x: Any, is_class: Any) -> Any:
        target = F.where(is_class, F.const(1, x), F.const(-1, x))
        slack = self.margin - target * x
        slope = -target * self.scale if self.use_linear else -target * slack * (2 * self.scale)
        return F.where(slack > 0, slope, F.const(0, x))

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        return self.element(NumPyMath, data, label.astype(np.int64)[:, None] == np.arange(data.shape[1]))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, label = inputs
        return [te.tensor(data.shape, lambda n, c: self.element(te.F, data[n, c], te.index(label[n]) == c))]


@operator("softmax_cross_entropy")
class SoftmaxCrossEntropy(Operator):
    """-Σ log softmax(data)[n, label[n]], each probability counted as at least 1e-8; shape (1,).

    data (N, classes), label (N,) class numbers.  MXNet: softmax_cross_entropy.
    """

    dtypes = REAL

    inputs = ("data", "label")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))
        if s.data.rank not in (None, 2):
            raise Conflict(f"data has {s.data.rank} dimensions, expected 2")
        if s.data.rank is not None:
            s.label.unify(s.data.shape[:1])
            s.data.unify_axis(0, s.label[0])

    def rewrite(self, g: Any, data: Value, label: Value) -> list[Value]:
        return [g._cross_entropy(g.softmax(data), label)]

    def reference(self, data: np.ndarray, label: np.ndarray) -> np.ndarray:
        return CrossEntropy().reference(Softmax().reference(data), label)  # type: ignore[no-any-return]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, label = node.inputs
        rows, classes = data.type.dims
        y = g.reshape(g.softmax(data), (rows, classes, 1))
        dx = g.reshape(g._backward_softmax_output(y, g.reshape(label, (rows, 1)), scale=1.0), (rows, classes))
        return [g.broadcast_mul(dx, g.reshape(dy, (1, 1))), None]


@operator("_cross_entropy", hidden=True)
class CrossEntropy(Operator):
    """-Σ log y[n, label[n]] of probabilities y (N, classes), those below 1e-8 raised to it; shape (1,)."""

    inputs = ("y", "label")
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))

    def term(self, F: Any, probability: Any) -> Any:
        return -F.log(F.max_nan(probability, F.const(SMALLEST_PROBABILITY, probability)))

    def reference(self, y: np.ndarray, label: np.ndarray) -> np.ndarray:
        number = np.clip(label.astype(np.int64), 0, y.shape[1] - 1)
        return self.term(NumPyMath, y[np.arange(len(y)), number]).sum(keepdims=True)  # type: ignore[no-any-return]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        y, label = inputs

        def term(n: Any) -> Any:
            return self.term(te.F, y[n, te.clamp(te.index(label[n]), 0, y.shape[1] - 1)])
        return [te.tensor((1,), lambda _: te.sum((y.shape[0],), term))]
