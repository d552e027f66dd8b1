"""Batch normalisation in inference, folded into the linear operator before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.operator import operation
from symc.passes.base import Pass, rewrite

# linear operators whose output channels are dimension 1 of the output
LINEAR = frozenset({"Convolution", "Convolution_v1", "Deconvolution", "FullyConnected"})


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """Scale the weights instead of the output.

    Before: a typed, legalized graph of inference forms.
        %c = Convolution(%data, %w) kernel=(3,3) num_filter=4 no_bias=True
        %b = _batch_norm_inference(%c, %gamma, %beta, %mean, %var)
    After: a linear operator that a BatchNorm alone reads is one node with it.
        %scale = gamma / √(var + eps)                    (gamma counts as 1 with fix_gamma)
        %shift = beta - mean · scale                     (+ bias · scale, if %c has a bias)
        %folded = %w · scale, along the output channels
        %b = Convolution(%data, %folded, %shift) kernel=(3,3) num_filter=4  # from c, b

    The new weights are expressions of the parameters: constants are folded by `FoldConstants` in packages, computed
    by the plan's entry `prepare` in executors.
    """

    name = "fold-batch-norm"

    def __call__(self, graph: Graph) -> Graph:
        single = {value.node for value, readers in graph.readers.items() if len(readers) == 1} \
            - {value.node for value in graph.roots}
        foldable = {node for node in graph.nodes if _follows_linear(node) and node.inputs[0].node in single}
        originals = iter(graph.nodes)

        def visit(node: Node) -> tuple[Value, ...] | None:
            return (_folded(node),) if next(originals) in foldable else None
        return rewrite(graph, visit) if foldable else graph


def _follows_linear(node: Node) -> bool:
    """Whether `node` normalises the channels that a linear operator makes."""
    if node.op is None or node.op.name != "_batch_norm_inference":
        return False
    linear, op = node.inputs[0].node, _parameters(node)
    return linear.op is not None and linear.op.name in LINEAR and op.axis % len(node.types[0].dims) == 1


def _folded(norm: Node) -> Value:
    """The linear operator before `norm` with the weights that include it."""
    linear = norm.inputs[0].node
    g = GraphBuilder(norm.name, merge_sources(linear, norm))
    scale, shift = _scale_and_shift(g, norm)
    data, weight, *bias = linear.inputs
    dtype, wide = weight.type.element, scale.type.element
    if bias:
        shift = g.elemwise_add(g.elemwise_mul(_cast(g, bias[0], wide), scale), shift)
    scaled = _cast(g, _scaled(g, linear, _cast(g, weight, wide), scale), dtype)
    op: Any = linear.op
    folded = g.node(replace(op, no_bias=False), (data, scaled, _cast(g, shift, dtype)), norm.name)
    return Value(replace(folded, attrs=norm.attrs))


def _scale_and_shift(g: GraphBuilder, norm: Node) -> tuple[Value, Value]:
    """The factor and the summand, one for each channel, that the normalisation comes to."""
    op = _parameters(norm)
    _, gamma, beta, mean, variance = norm.inputs
    scale = g.rsqrt(g.op("_plus_scalar", variance, scalar=op.eps))
    if not op.fix_gamma:
        scale = g.elemwise_mul(gamma, scale)
    return scale, g.elemwise_sub(beta, g.elemwise_mul(mean, scale))


def _scaled(g: GraphBuilder, linear: Node, weight: Value, scale: Value) -> Value:
    """`weight` times `scale` along its output channels, which are spread over dimension 1 and the groups of
    dimension 0 in a Deconvolution, and dimension 0 elsewhere."""
    dims = weight.type.dims
    if operation(linear).name != "Deconvolution":
        return g.broadcast_mul(weight, g.reshape(scale, (dims[0], *(1 for _ in dims[1:]))))
    groups = _parameters(linear).num_group
    split = g.reshape(weight, (groups, dims[0] // groups, *dims[1:]))
    factor = g.reshape(scale, (groups, 1, dims[1], *(1 for _ in dims[2:])))
    return g.reshape(g.broadcast_mul(split, factor), dims)


def _cast(g: GraphBuilder, value: Value, dtype: DType) -> Value:
    return value if value.type.element is dtype else g.op("Cast", value, dtype=dtype.name)


def _parameters(node: Node) -> Any:
    return operation(node)
