"""Convolutions of images of few channels, as those of a picture, over pairs of columns."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.builder import GraphBuilder
from symc.ops.families.convolution import Convolution
from symc.ops.families.widened_convolution import WidenedConvolution
from symc.ops.operator import make
from symc.ops.record import record
from symc.ops.spatial import has_channels_last
from symc.passes.base import Pass, rewrite
from symc.passes.layout import FEWEST_CHANNELS, is_image
from symc.passes.partition import stable_nodes


@record
class PairColumns(Pass):
    """Needs a typed graph of operators with lowerings.  Windows that move by an even number of columns over an image of
    few channels and even width begin at even columns and have an even number of them, by columns of zeros:

        %y = Convolution(%x, %w, %b) kernel=(7,7) stride=(2,2) pad=(3,3) num_filter=64
    →   %w/widened = Pad(%w) mode=constant pad_width=(0,0,0,0,0,0,1,0)
        %y = _widened_convolution(%x, %w/widened, %b) kernel=(7,7) stride=(2,2) pad=(3,3) num_filter=64 before=1

    So products of bfloat16 have pairs where there is no even number of channels (`NarrowFactors`).
    parameters: names of the variables that change seldom.
    """

    name = "pair-columns"
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        stable = stable_nodes(graph, self.parameters)
        originals = iter(graph.nodes)

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            return _widened(node) if _has_columns(node) and original.inputs[1].node in stable else None
        return rewrite(graph, visit)


def _has_columns(node: Node) -> bool:
    """Whether columns of a convolution can be taken in pairs, and channels should not be."""
    op = node.op
    if type(op) is not Convolution or has_channels_last(op.layout) or op.num_group > 1 or op.rank != 2:
        return False
    data = node.inputs[0].type
    return (is_image(data) and data.dtype is DType.float32 and data.dims[1] < FEWEST_CHANNELS and op.kernel[-1] > 1
            and data.dims[-1] % 2 == op.strides[-1] % 2 == 0 and op.dilations[-1] == 1)


def _widened(node: Node) -> tuple[Value, ...] | None:
    """None: the window is one of pairs as it is."""
    op, (data, weight, *bias) = node.op, node.inputs
    assert isinstance(op, Convolution)
    before = op.padding[-1] % 2
    after = (before + op.kernel[-1]) % 2
    if not before and not after:
        return None
    name = f"{node.name}/widened"
    pad = make("Pad", mode="constant", pad_width=(0, 0, 0, 0, 0, 0, before, after))
    zeros = GraphBuilder(name, node.sources).node(pad, (weight,), name)
    own = {field.name: getattr(op, field.name) for field in dataclasses.fields(op)}
    widened = WidenedConvolution(**own, before=before, after=after)
    return replace(node, op=widened, inputs=(data, Value(zeros), *bias)).outputs
