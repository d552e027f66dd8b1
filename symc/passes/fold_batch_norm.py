"""Batch normalisation in inference, folded into the linear operator before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.families.batch_norm import BatchNormInference
from symc.ops.families.convolution import Convolution, Convolving, Deconvolution
from symc.ops.families.dense import FullyConnected
from symc.ops.operator import Operator
from symc.ops.record import record
from symc.ops.spatial import has_channels_last
from symc.passes.base import Pass, rewrite

LINEAR = (Convolution, Deconvolution, FullyConnected)


@record
class FoldBatchNorm(Pass):
    """Scale the weights instead of the output.

    Before: a typed graph of inference forms, not legalized yet.
        %c = Convolution(%data, %w) kernel=(3,3) num_filter=4 no_bias=True
        %b = _batch_norm_inference(%c, %gamma, %beta, %mean, %var)
    After: a linear operator that a BatchNorm alone reads is one node with it.
        %b/inverse_deviation1 = _inverse_deviation(%var)
        %b/elemwise_mul2 = elemwise_mul(%gamma, %b/inverse_deviation1)          the scale; not with fix_gamma
        ...                                                                     the shift: beta - mean · scale
        %b/broadcast_mul6 = broadcast_mul(%w, %b/reshape5)                      along the output channels
        %b = Convolution(%data, %b/broadcast_mul6, %b/elemwise_sub4) kernel=(3,3) num_filter=4  # from c, b

    The new weights are expressions of the parameters: constants are folded by `FoldConstants` in packages, computed
    by the plan's entry `prepare` in executors.
    """

    name = "fold-batch-norm"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        single = {value.node for value, readers in graph.readers.items() if len(readers) == 1} \
            - {value.node for value in graph.roots}
        originals = iter(graph.nodes)

        def visit(node: Node) -> tuple[Value, ...] | None:
            alone = {value.node for value in next(originals).inputs[:1]} <= single
            return (_folded(node),) if alone and _follows_linear(node) else None
        return rewrite(graph, visit)


def _follows_linear(node: Node) -> bool:
    """Whether `node` normalises the channels that a linear operator makes."""
    linear = node.inputs[0].node.op if isinstance(node.op, BatchNormInference) else None
    if not isinstance(linear, LINEAR):
        return False
    return _parameters(node).axis % len(node.types[0].dims) == _channel_axis(linear, len(node.types[0].dims))


def _channel_axis(linear: Operator, rank: int) -> int | None:
    """The dimension of the output that its channels are; None for a Deconvolution with channels last, whose weight
    has them in two places."""
    if isinstance(linear, FullyConnected):
        return 1 if linear.flatten else rank - 1
    assert isinstance(linear, Convolving)
    if not has_channels_last(linear.layout):
        return 1
    return None if isinstance(linear, Deconvolution) else rank - 1


def _folded(norm: Node) -> Value:
    """The linear operator before `norm` with the weights that include it."""
    linear = norm.inputs[0].node
    g = GraphBuilder(norm.name, merge_sources(linear, norm))
    scale, shift = _parameters(norm).scale_and_shift(g, *norm.inputs[1:])
    data, weight, *bias = linear.inputs
    dtype, wide = weight.type.element, scale.type.element
    if bias:
        shift = g.elemwise_add(g.elemwise_mul(_cast(g, bias[0], wide), scale), shift)
    scaled = _cast(g, _scaled(g, linear, _cast(g, weight, wide), scale), dtype)
    op: Any = linear.op
    folded = g.node(replace(op, no_bias=False), (data, scaled, _cast(g, shift, dtype)), norm.name)
    return Value(replace(folded, attrs=norm.attrs))


def _scaled(g: GraphBuilder, linear: Node, weight: Value, scale: Value) -> Value:
    """`weight` times `scale` along its output channels, which are spread over dimension 1 and the groups of
    dimension 0 in a Deconvolution, and dimension 0 elsewhere."""
    dims = weight.type.dims
    if not isinstance(linear.op, Deconvolution):
        return g.broadcast_mul(weight, g.reshape(scale, (dims[0], *(1 for _ in dims[1:]))))
    groups = linear.op.num_group
    split = g.reshape(weight, (groups, dims[0] // groups, *dims[1:]))
    factor = g.reshape(scale, (groups, 1, dims[1], *(1 for _ in dims[2:])))
    return g.reshape(g.broadcast_mul(split, factor), dims)


def _cast(g: GraphBuilder, value: Value, dtype: DType) -> Value:
    return value if value.type.element is dtype else g.op("Cast", value, dtype=dtype.name)


def _parameters(norm: Node) -> BatchNormInference:
    assert isinstance(norm.op, BatchNormInference)
    return norm.op
