"""The operators that Relax has too, with MXNet's meaning: those that TVM matches, fuses and schedules by name.

A rule gives the outputs of a node as Relax expressions of its inputs, or None where the node's parameters ask for
something that Relax's operator does not do; tensor expressions serve then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import relax
from tvm.relax import op as R

from symc.ir.graph import Node
from symc.ir.types import DType
from symc.ops.families.batch_norm import BatchNormInference
from symc.ops.families.convolution import Convolution, Deconvolution
from symc.ops.families.dense import FullyConnected
from symc.ops.families.indexing import Take
from symc.ops.families.matrix import MatrixProduct
from symc.ops.families.movement import Split, Transpose
from symc.ops.families.normalization import LayerNorm
from symc.ops.families.pooling import Pool
from symc.ops.families.reduce import AxisReduction
from symc.ops.families.slices import Slice
from symc.ops.families.softmax import RowSoftmax
from symc.ops.operator import Operator, operation
from symc.ops.shapes import axis_in

Expr = Any      # a Relax expression
Rule = Callable[[Any, Node, list[Expr]], "list[Expr] | None"]
RULES: dict[str, Rule] = {}


def relax_form(node: Node, inputs: Sequence[Expr]) -> list[Expr] | None:
    """The outputs of a node by Relax's own operators; None where there are none that do the same."""
    rule = RULES.get(operation(node).name)
    return rule(operation(node), node, list(inputs)) if rule else None


def is_kept(node: Node) -> bool:
    """Whether a node that symc would rewrite has an operator in Relax as a whole."""
    op = operation(node)
    if isinstance(op, LayerNorm):
        return op.visible_count == 1 and node.types[0].element is DType.float32
    return isinstance(op, FullyConnected) or (isinstance(op, BatchNormInference) and _is_real(node))


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule
    return register


# ---- elementwise ---------------------------------------------------------------------------------------------------

UNARY = {"_relu_of_nan": R.nn.relu, "sigmoid": R.sigmoid, "tanh": R.tanh, "exp": R.exp, "log": R.log, "sqrt": R.sqrt,
         "rsqrt": R.rsqrt, "square": R.square, "abs": R.abs, "negative": R.negative, "floor": R.floor, "ceil": R.ceil,
         "trunc": R.trunc, "fix": R.trunc, "sin": R.sin, "cos": R.cos, "tan": R.tan, "sinh": R.sinh, "cosh": R.cosh,
         "arcsin": R.asin, "arccos": R.acos, "arctan": R.atan, "arcsinh": R.asinh, "arccosh": R.acosh,
         "arctanh": R.atanh, "erf": R.erf, "_gelu": R.nn.gelu, "_selu": R.nn.selu}
BINARY = {"add": R.add, "sub": R.subtract, "mul": R.multiply, "div": R.divide, "power": R.power}
NAMES = {"add": ("elemwise_add", "broadcast_add", "_grad_add"), "sub": ("elemwise_sub", "broadcast_sub"),
         "mul": ("elemwise_mul", "broadcast_mul"), "div": ("elemwise_div", "broadcast_div"),
         "power": ("_power", "broadcast_power")}
SCALAR = {"_plus_scalar": R.add, "_minus_scalar": R.subtract, "_mul_scalar": R.multiply, "_div_scalar": R.divide,
          "_power_scalar": R.power}
REVERSED = {"_rminus_scalar": R.subtract, "_rdiv_scalar": R.divide, "_rpower_scalar": R.power}


def _is_real(node: Node) -> bool:
    """Whether inputs and outputs are of one of the types that are computed in their own."""
    types = {*(value.type.element for value in node.inputs), *(type.element for type in node.types)}
    return types in ({DType.float32}, {DType.float64})


@_rule(*UNARY)
def _unary(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    return [UNARY[op.name](*inputs)] if _is_real(node) else None


@_rule(*(name for names in NAMES.values() for name in names))
def _binary(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    kind = next(kind for kind, names in NAMES.items() if op.name in names)
    return [BINARY[kind](*inputs)] if _is_real(node) else None


@_rule(*SCALAR, *REVERSED)
def _scalar(op: Any, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    if not _is_real(node):
        return None
    number = relax.const(op.scalar, node.types[0].element.name)
    if op.name in SCALAR:
        return [SCALAR[op.name](inputs[0], number)]
    return [REVERSED[op.name](number, inputs[0])]


@_rule("_leaky")
def _leaky(op: Any, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    return [R.nn.leakyrelu(inputs[0], op.slope)] if _is_real(node) else None


@_rule("_copy", "BlockGrad", "make_loss", "MakeLoss")
def _identity(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr]:
    return inputs


@_rule("Cast", "amp_cast")
def _cast(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    source, target = node.inputs[0].type.element, node.types[0].element
    wide = (DType.float32, DType.float64, DType.int32, DType.int64)
    return [R.astype(inputs[0], target.name)] if source in wide and target in wide else None


# ---- movement ------------------------------------------------------------------------------------------------------


@_rule("_reshape", "Reshape", "Flatten", "expand_dims", "squeeze")
def _view(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr]:
    return [R.reshape(inputs[0], node.types[0].dims)]


@_rule("transpose")
def _transpose(op: Transpose, node: Node, inputs: list[Expr]) -> list[Expr]:
    return [R.permute_dims(inputs[0], list(op.order(len(node.types[0].dims))))]


@_rule("Concat", "_rnn_param_concat")
def _concat(op: Any, node: Node, inputs: list[Expr]) -> list[Expr]:
    return [R.concat(inputs, axis_in(op.dim, len(node.types[0].dims)))]


@_rule("SliceChannel", "_split_v2")
def _split(op: Split, node: Node, inputs: list[Expr]) -> list[Expr]:
    shape = node.inputs[0].type.dims
    axis = axis_in(op.axis, len(shape))
    begins = [begin for begin, _ in op.pieces(shape[axis])]
    parts = R.split(inputs[0], begins[1:], axis)
    pieces = [relax.TupleGetItem(parts, n) for n in range(len(begins))] if len(begins) > 1 else inputs
    return [R.reshape(piece, type.dims) for piece, type in zip(pieces, node.types, strict=True)] \
        if op.squeeze_axis else pieces


@_rule("slice")
def _slice(op: Slice, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    shape = node.inputs[0].type.dims
    windows = [window for window in op.windows(shape) if window is not None]
    cut = [axis for axis, window in enumerate(windows) if window != range(shape[axis])]
    if any(windows[axis].step < 0 for axis in cut) or not cut:
        return None
    bounds = [[getattr(windows[axis], bound) for axis in cut] for bound in ("start", "stop", "step")]
    return [R.strided_slice(inputs[0], cut, *bounds, assume_inbound=True)]


@_rule("broadcast_to", "broadcast_axis", "broadcast_like")
def _broadcast(op: Operator, node: Node, inputs: list[Expr]) -> list[Expr]:
    return [R.broadcast_to(inputs[0], node.types[0].dims)]


@_rule("take")
def _take(op: Take, node: Node, inputs: list[Expr]) -> list[Expr]:
    """Indices are truncated.  Its fast mode would read what lies outside."""
    mode = "wrap" if op.mode == "wrap" else "clip"
    return [R.take(inputs[0], R.astype(inputs[1], "int64"), axis_in(op.axis, len(node.inputs[0].type.dims)), mode)]


# ---- products ------------------------------------------------------------------------------------------------------


def _matrix(value: Expr, rank: int, is_transposed: bool) -> Expr:
    return R.permute_dims(value, [*range(rank - 2), rank - 1, rank - 2]) if is_transposed else value


@_rule("dot", "batch_dot")
def _product(op: MatrixProduct, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    if not _is_real(node):
        return None
    rank = len(node.inputs[0].type.dims)
    a, b = (_matrix(value, rank, flag)
            for value, flag in zip(inputs, (op.transpose_a, op.transpose_b), strict=True))
    return [R.matmul(a, b)]


@_rule("FullyConnected")
def _dense(op: FullyConnected, node: Node, inputs: list[Expr]) -> list[Expr]:
    data, weight, *bias = inputs
    if op.flatten and len(node.inputs[0].type.dims) != 2:
        data = R.reshape(data, op.rows_and_depth(node.inputs[0].type))
    product = R.matmul(data, R.permute_dims(weight, [1, 0]))
    return [R.add(product, bias[0]) if bias else product]


# ---- windows -------------------------------------------------------------------------------------------------------

CONVOLUTION = {1: R.nn.conv1d, 2: R.nn.conv2d, 3: R.nn.conv3d}
DECONVOLUTION = {1: R.nn.conv1d_transpose, 2: R.nn.conv2d_transpose, 3: R.nn.conv3d_transpose}
POOL = {"max": {1: R.nn.max_pool1d, 2: R.nn.max_pool2d, 3: R.nn.max_pool3d},
        "avg": {1: R.nn.avg_pool1d, 2: R.nn.avg_pool2d, 3: R.nn.avg_pool3d}}


@_rule("Convolution", "Convolution_v1")
def _convolution(op: Convolution, node: Node, inputs: list[Expr]) -> list[Expr]:
    made = CONVOLUTION[op.rank](inputs[0], inputs[1], op.strides, op.padding * 2, op.dilations, op.num_group)
    return [_with_bias(made, inputs[2:], op.rank)]


def _with_bias(made: Expr, bias: Sequence[Expr], rank: int) -> Expr:
    return R.add(made, R.reshape(bias[0], (1, -1, *(1,) * rank))) if bias else made


@_rule("Deconvolution")
def _deconvolution(op: Deconvolution, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    window = op.window(node.inputs[0].type)
    reached = [s * (x - 1) + d * (k - 1) + 1 - 2 * p for s, x, d, k, p in zip(
        window.stride, window.output, window.dilate, window.kernel, window.pad, strict=True)]
    more = [image - reach for image, reach in zip(window.image, reached, strict=True)]
    if any(not 0 <= extra < stride for extra, stride in zip(more, window.stride, strict=True)):
        return None
    made = DECONVOLUTION[op.rank](inputs[0], inputs[1], window.stride, window.pad * 2, tuple(more), window.dilate,
                                  op.num_group)
    return [_with_bias(made, inputs[2:], op.rank)]


@_rule("_pool")
def _pool(op: Pool, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    """Padding behind is what the windows reach; an average that counts more than the padded image is not Relax's."""
    image = node.inputs[0].type.dims[2:]
    behind = [(y - 1) * s + k - x - p for y, s, k, x, p in zip(
        op.extent, op.stride, op.kernel, image, op.pad, strict=True)]
    is_average = op.pool_type == "avg" and (not op.include_pad or op.counts_all(image))
    if not (is_average or op.pool_type == "max") or not _is_real(node) or any(
            pad >= k for pad, k in zip(behind, op.kernel, strict=True)):
        return None
    padding = (*op.pad, *(max(pad, 0) for pad in behind))
    make = POOL[op.pool_type][len(image)]
    return [make(inputs[0], op.kernel, op.stride, padding, count_include_pad=is_average and op.include_pad)]


# ---- rows ----------------------------------------------------------------------------------------------------------


@_rule("softmax", "log_softmax")
def _softmax(op: RowSoftmax, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    if op.factor != 1 or op.use_length or not _is_real(node):
        return None
    return [(R.nn.log_softmax if op.is_logarithm else R.nn.softmax)(inputs[0], op.axis)]


@_rule("LayerNorm")
def _layer_norm(op: LayerNorm, node: Node, inputs: list[Expr]) -> list[Expr]:
    return [R.nn.layer_norm(*inputs, axes=op.axis, epsilon=op.eps)]


@_rule("_batch_norm_inference")
def _batch_norm(op: BatchNormInference, node: Node, inputs: list[Expr]) -> list[Expr]:
    made = R.nn.batch_norm(*inputs, axis=axis_in(op.axis, len(node.types[0].dims)), epsilon=op.eps,
                           scale=not op.fix_gamma, training=False)
    return [relax.TupleGetItem(made, 0)]


@_rule("sum", "mean")
def _reduction(op: AxisReduction, node: Node, inputs: list[Expr]) -> list[Expr] | None:
    axes = op.reduced_axes(len(node.inputs[0].type.dims))
    if not _is_real(node) or not axes:
        return None
    made = (R.mean if op.name == "mean" else R.sum)(inputs[0], list(axes), op.keepdims)
    return [R.reshape(made, (1,))] if len(axes) == len(node.inputs[0].type.dims) and not op.keepdims else [made]
