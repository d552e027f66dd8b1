"""Images padded with zeros in front of a convolution that can pad them itself."""

from __future__ import annotations

from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ops.families.convolution import Convolution
from symc.ops.families.movement import Pad
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.spatial import has_channels_last
from symc.passes.base import Pass, rewrite


@record
class FoldPadding(Pass):
    """A convolution pads the image that it reads.

    Before: a typed graph of inference forms.
        %p = Pad(%data) mode=constant pad_width=(0,0,0,0,1,1,1,1)
        %c = Convolution(%p, %w) kernel=(3,3) num_filter=4
    After: zeros that are alike before and after each dimension are the convolution's own.
        %c = Convolution(%data, %w) kernel=(3,3) num_filter=4 pad=(1,1)  # from p, c
    """

    name = "fold-padding"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _folded)


def _folded(node: Node) -> tuple[Value, ...] | None:
    op, padding = node.op, node.inputs[0].node if node.inputs else None
    if not isinstance(op, Convolution) or has_channels_last(op.layout) or padding is None:
        return None
    widths = _zeros_around(padding)
    if widths is None:
        return None
    pad = tuple(own + more for own, more in zip(op.padding, widths, strict=True))
    inputs = (padding.inputs[0], *node.inputs[1:])
    return replace(node, op=replace(op, pad=pad), inputs=inputs, sources=merge_sources(padding, node)).outputs


def _zeros_around(node: Node) -> Dims | None:
    """By how many zeros a node widens each spatial dimension of an image, if by as many before as after."""
    if not isinstance(node.op, Pad) or node.op.mode != "constant" or node.op.constant_value != 0:
        return None
    before, after = node.op.pad_width[4::2], node.op.pad_width[5::2]
    return before if before == after else None
