"""Views between a kernel and what is elementwise behind it go behind both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import Shape
from symc.ops.builder import GraphBuilder
from symc.ops.elementwise import Elementwise
from symc.ops.operator import is_view
from symc.ops.record import record
from symc.passes.base import Pass, rewrite
from symc.passes.fuse import kind_of
from symc.passes.layout import is_image
from symc.passes.simplify import view_of

FUSED_BEHIND = {"contraction": 0, "rows": 1, "reduction": 1, "window": 1, "injective": 2, "elementwise": 2}


@record
class DelayViews(Pass):
    """Compute elementwise operators in the shape in which their operand was made, so that fusion meets the two.

    Before: a typed graph of operators with lowerings, whose views are `_reshape`, and of something that is no view.
        %f = FullyConnected(%x, %w) num_hidden=8 no_bias=True      with %x: f32[6,4]  %y: f32[2,3,8]  %b: f32[1,1,8]
        %r = _reshape(%f) shape=(2,3,8)
        %s = elemwise_add(%r, %y)
        %t = broadcast_add(%s, %b)
    After: the other operands are viewed in that shape too; those that are repeated must be repeated along whole
    dimensions of it.
        %f = FullyConnected(%x, %w) num_hidden=8 no_bias=True
        %s/reshape1 = _reshape(%y) shape=(6,8)
        %s = elemwise_add(%f, %s/reshape1)
        %t/reshape1 = _reshape(%b) shape=(1,8)
        %t = broadcast_add(%s, %t/reshape1)
        %t/reshape2 = _reshape(%t) shape=(2,3,8)

    Images, which the layout pass may block, are left alone beside operands that are none.  Updates of variables are
    left too.
    """

    name = "delay-views"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        updates = frozenset(update.value.node for update in graph.updates)
        originals = iter(graph.nodes)
        return rewrite(graph, lambda node: None if next(originals) in updates else _delayed(node))


def _delayed(node: Node) -> Sequence[Value] | None:
    """The outputs of a node whose inputs are in their final form."""
    if node.op is None or not node.inputs:
        return None
    if is_view(node) and is_view(node.inputs[0].node):
        return view_of(node.inputs[0], [node])
    shapes = {type.dims for type in node.types}
    if not isinstance(node.op, Elementwise) or len(shapes) > 1 or 0 in node.types[0].dims:
        return None
    g = GraphBuilder(node.name, node.sources)
    for base in _bases(node):
        operands = [_in_shape(g, value, node.types[0].dims, base) for value in node.inputs]
        found = [value for value in operands if value is not None]
        if len(found) == len(operands):
            made = replace(g.node(node.op, found, node.name), attrs=node.attrs)
            return [g.reshape(value, type.dims) for value, type in zip(made.outputs, node.types, strict=True)]
    return None


def _bases(node: Node) -> Iterator[Value]:
    """What lies under the views among the operands of the whole shape, if a kernel computes it that `node` may join.

    Those come first that gain most.
    """
    whole = [value for value in node.inputs if value.type.dims == node.types[0].dims]
    viewed = [value.node.inputs[0] for value in whole if is_view(value.node)]
    fitting = [base for base in viewed if base.node.op is not None and kind_of(base.node) in FUSED_BEHIND]
    for base in sorted(fitting, key=lambda base: FUSED_BEHIND[kind_of(base.node)]):
        if not is_image(base.type) or all(_is_made_in(value, base.type.dims) for value in whole):
            yield base


def _is_made_in(value: Value, shape: Shape) -> bool:
    return is_view(value.node) and value.node.inputs[0].type.dims == shape


def _in_shape(g: GraphBuilder, value: Value, out: Shape, base: Value) -> Value | None:
    """An operand of a result of shape `out`, for the result in the shape of `base`; None if that cannot be."""
    shape = broadcast_in(value.type.dims, out, base.type.dims)
    if shape is None:
        return None
    if value.node.is_constant:
        assert value.node.value is not None
        return value if value.type.dims == shape else g.constant(value.node.value.reshape(shape), value.type.element)
    return g.reshape(value.node.inputs[0] if is_view(value.node) else value, shape)


def broadcast_in(operand: Shape, out: Shape, other: Shape) -> Shape | None:
    """The shape in which an operand that is broadcast to `out` is broadcast to `other`, a view of `out`.

    None when it is repeated along a part of a dimension of `other`.
    """
    padded = (1,) * (len(out) - len(operand)) + operand
    result = [1] * len(other)
    for ours, theirs in _factors(out, other):
        extents = {(padded[axis], out[axis]) for axis in ours if out[axis] != 1}
        if all(own == whole for own, whole in extents):
            for axis in theirs:
                result[axis] = other[axis]
        elif any(own != 1 for own, _ in extents):
            return None
    return tuple(result)


def _factors(a: Shape, b: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """The fewest axes of both, in order, that have as many elements together.  Axes of extent 1 belong to none."""
    ours, theirs = ([axis for axis, extent in enumerate(shape) if extent != 1] for shape in (a, b))
    while ours:
        left, right = [ours.pop(0)], [theirs.pop(0)]
        while (sizes := [math.prod(shape[axis] for axis in axes)
                         for shape, axes in ((a, left), (b, right))])[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                left.append(ours.pop(0))
            else:
                right.append(theirs.pop(0))
        yield left, right
