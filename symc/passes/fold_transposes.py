"""Products of stacks of matrices read and write them as they lie: transposed, or as parts of larger arrays."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import Shape
from symc.ops.builder import GraphBuilder
from symc.ops.families.matrix import BatchDot
from symc.ops.families.strided_product import STILL, StridedProduct
from symc.ops.operator import is_view, operation
from symc.ops.record import Record, record
from symc.passes.base import Pass, rewrite, take_over
from symc.passes.simplify import permutation, view_of

CLOSE = 1024                       # bytes between rows of the second operand that the first cache still holds together
ROWS, COLUMNS, SUMMED = "mnk"      # the axes of each product; those of the stacks are the letters from a on


@record
class FoldTransposes(Pass):
    """Transposes and slices around stacked products become strides and offsets of these.

    Before: a typed graph of operators with lowerings, whose views are `_reshape`, and of something that is no view.
        %t = transpose(%x) axes=(0,2,1,3)                  with %x: f32[2,5,3,4], three heads, and %y: f32[6,4,7]
        %a = _reshape(%t) shape=(6,5,4)
        %p = batch_dot(%a, %y)
        %q = _reshape(%p) shape=(2,3,5,7)
        %z = transpose(%q) axes=(0,2,1,3)
    After:
        %v = _reshape(%y) shape=(2,3,4,7)
        %z = _strided_product(%x, %v) axes=abmnk extents=(2,3,5,7,4) left=amb.. right=abkn result=ambn ...

    The second operand is read as it lies only if its columns lie side by side there, for vectors run along them, and
    its rows not far apart, for it is read again for every few rows of the first; else its transpose stays, in the
    shape that lets a change of layout join it.  The result is written transposed if nothing else reads it, and its
    columns still lie side by side.
    """

    name = "fold-transposes"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        graph = rewrite(graph, _with_strides)
        originals = iter(graph.nodes)
        roots = frozenset(graph.roots)

        def visit(node: Node) -> Sequence[Value] | None:
            product = _transposed_product(graph, roots, next(originals))
            return None if product is None else _written_transposed(node)
        return rewrite(graph, visit)


@record
class Operand(Record):
    """A stack of matrices inside `value`: the axis of each dimension, and where it starts."""

    value: Value
    names: str
    begin: Shape


# Operands


def _with_strides(node: Node) -> Sequence[Value] | None:
    """The outputs of a node whose inputs are in their final form."""
    if is_view(node) and is_view(node.inputs[0].node):
        return view_of(node.inputs[0], [node])
    if not isinstance(node.op, BatchDot):
        return None
    g = GraphBuilder(node.name, node.sources)
    stacks = [_stack(value) for value in node.inputs]
    chosen = next((stack for stack in stacks if stack is not None), None)
    if chosen is None:
        return None
    lead = wide(chosen.type.dims[:-2])
    operands = [_plain(g, value, lead, end) if stack is None or wide(stack.type.dims[:-2]) != lead
                else _folded(stack, end) for stack, value, end in zip(stacks, node.inputs, _ends(node.op), strict=True)]
    made = _product(g, node, lead, operands[0], operands[1])
    return take_over(node, (g.reshape(made, node.types[0].dims),), g)


def _ends(op: BatchDot) -> tuple[str, str]:
    """The axes of the last two dimensions of each operand of a batch_dot."""
    return (SUMMED + ROWS if op.transpose_a else ROWS + SUMMED,
            COLUMNS + SUMMED if op.transpose_b else SUMMED + COLUMNS)


def _stack(value: Value) -> Value | None:
    """The transpose that a stack (b, p, q) is a view of, if that leaves the matrices alone."""
    base = value.node.inputs[0] if is_view(value.node) else value
    same = base.type.dims[-2:] == value.type.dims[-2:] and permutation(base.node) is not None
    return base if same else None


def wide(shape: Shape) -> Shape:
    return tuple(extent for extent in shape if extent != 1)


def letters(shape: Shape) -> str:
    """Axes of the dimensions that number the matrices; those of extent 1 have none."""
    names = iter(string.ascii_lowercase)
    return "".join(STILL if extent == 1 else next(names) for extent in shape)


def _folded(stack: Value, end: str) -> Operand:
    """The stack where it comes from; itself if it is the second operand, and not well read there."""
    whole = Operand(stack, letters(stack.type.dims[:-2]) + end, (0,) * len(stack.type.dims))
    found = as_it_lies(whole)
    return found if COLUMNS not in end or _is_well_read(found) else whole


def as_it_lies(operand: Operand) -> Operand:
    """The operand inside of what it is the transpose, or a part, of."""
    if permutation(operand.value.node) is not None and not any(operand.begin):
        operand = _before_transpose(operand)
    while (before := _before_slice(operand)) is not None:
        operand = before
    return operand


def _is_well_read(operand: Operand) -> bool:
    """Whether columns lie side by side, and rows close together."""
    type, row = operand.value.type, operand.names.find(SUMMED)
    step = math.prod(type.dims[row + 1:]) * type.element.itemsize
    return operand.names.endswith(COLUMNS) and row >= 0 and step <= CLOSE


def _before_transpose(operand: Operand) -> Operand:
    axes = permutation(operand.value.node)
    assert axes is not None
    names = dict(zip(axes, operand.names, strict=True))
    return replace(operand, value=operand.value.node.inputs[0], names="".join(names[i] for i in range(len(axes))))


def _before_slice(operand: Operand) -> Operand | None:
    """The operand inside of what it is a slice of, or a view of a slice without its dimensions of extent 1."""
    node = operand.value.node
    if is_view(node):
        return _before_slice(_before_view(operand)) if _is_slice(node.inputs[0].node) and _drops_units(node) else None
    if not _is_slice(node):
        return None
    windows = operation(node).windows(node.inputs[0].type.dims)  # type: ignore[attr-defined]
    begin = tuple(at + window.start for at, window in zip(operand.begin, windows, strict=True))
    return replace(operand, value=node.inputs[0], begin=begin)


def _is_slice(node: Node) -> bool:
    op: Any = node.op
    return op is not None and op.name == "slice" and all(step in (None, 1) for step in op.step)


def _drops_units(view: Node) -> bool:
    return wide(view.inputs[0].type.dims) == wide(view.types[0].dims)


def _before_view(operand: Operand) -> Operand:
    base = operand.value.node.inputs[0]
    moving = iter([name for name, extent in zip(operand.names, operand.value.type.dims, strict=True) if extent != 1])
    names = "".join(STILL if extent == 1 else next(moving) for extent in base.type.dims)
    return Operand(base, names, (0,) * len(names))


def _plain(g: GraphBuilder, value: Value, lead: Shape, end: str) -> Operand:
    """A stack (b, p, q) with its matrices numbered by more dimensions."""
    base = value.node.inputs[0] if is_view(value.node) else value
    shape = (*lead, *value.type.dims[-2:])
    return Operand(g.reshape(base, shape), letters(lead) + end, (0,) * len(shape))


def _product(g: GraphBuilder, node: Node, lead: Shape, left: Operand, right: Operand) -> Value:
    assert isinstance(node.op, BatchDot)
    sizes = {name: extent for value, end in zip(node.inputs, _ends(node.op), strict=True)
             for name, extent in zip(end, value.type.dims[-2:], strict=True)}
    axes, result = letters(lead) + ROWS + COLUMNS + SUMMED, letters(lead) + ROWS + COLUMNS
    extents = (*lead, *(sizes[name] for name in (ROWS, COLUMNS, SUMMED)))
    return g.op("_strided_product", left.value, right.value, axes=axes, extents=extents, left=left.names,
                right=right.names, result=result, left_begin=left.begin, right_begin=right.begin)


def as_strided(g: GraphBuilder, node: Node, inputs: Sequence[Value], lead: Shape) -> Value:
    """A batch_dot of `inputs` as a `_strided_product` whose stacks are numbered by dimensions `lead`."""
    assert isinstance(node.op, BatchDot)
    left, right = (_plain(g, value, lead, names) for value, names in zip(inputs, _ends(node.op), strict=True))
    return _product(g, node, lead, left, right)


# Results


def _transposed_product(graph: Graph, roots: frozenset[Value], node: Node) -> Node | None:
    """The product whose result only this transpose reads, and leaves in rows."""
    axes = permutation(node)
    if axes is None or len(axes) < 3 or axes[-1] != len(axes) - 1:
        return None
    value = node.inputs[0]
    base = value.node.inputs[0] if is_view(value.node) else value
    if any(v in roots or len(graph.readers[v]) > 1 for v in {value, base}):
        return None
    if isinstance(base.node.op, BatchDot):
        return base.node if value.type.dims[-2:] == base.type.dims[-2:] else None
    fits = isinstance(base.node.op, StridedProduct) and wide(value.type.dims) == wide(base.type.dims)
    return base.node if fits else None


def _written_transposed(node: Node) -> Sequence[Value]:
    """The outputs of a transpose, as its product writes them."""
    axes, value = permutation(node), node.inputs[0]
    g = GraphBuilder(node.name, node.sources)
    product = value.node.inputs[0].node if is_view(value.node) else value.node
    if isinstance(product.op, BatchDot):
        product = as_strided(g, product, product.inputs, wide(value.type.dims[:-2])).node
    op: Any = product.op
    moving = iter([name for name in op.result if op.sizes[name] != 1])
    names = [STILL if extent == 1 else next(moving) for extent in value.type.dims]
    result = "".join(names[axis] for axis in axes or ()).replace(STILL, "")
    made = g.node(replace(op, result=result), product.inputs)
    return take_over(node, (g.reshape(Value(made), node.types[0].dims),), g)
