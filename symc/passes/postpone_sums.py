"""Products that every step of a loop only adds up are one product behind the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Scan
from symc.ops.families.matrix import Dot
from symc.ops.record import record
from symc.passes.base import Pass


@record
class PostponeSums(Pass):
    """Take matrix products aᵀ·b that a loop does nothing with but sum over its steps out of the loop: the gradients of
    recurrent weights.

    Before: a typed graph.
        %y = _scan(%x, %z, %s) count=9 slices=2 states=1 {
          %p = dot(%x0, %x1) transpose_a=True
          %q = elemwise_add(%p, %s0)
          heads %q
        }
    After: the operands of all steps, stacked, are two matrices; the state is left to `PruneBodies`.
        %y/sum = dot(%y/x, %y/z) transpose_a=True                    of %x and %z as [9·rows, columns]
        %y/added = elemwise_add(%y/sum, %s)                          unless %s is zeros

    Operands that are no slices and no outputs of the loop become outputs.
    """

    name = "postpone-sums"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        return graph.rewrite(_visit)


def _visit(node: Node) -> Sequence[Value] | None:
    op = node.op
    if not isinstance(op, Scan) or op.conditional or op.limited or op.count < 2:
        return None
    products = {i: product for i in range(op.states) if (product := _summed_product(op, i)) is not None}
    return _postponed(node, op, products) if products else None


def _summed_product(op: Scan, state: int) -> Node | None:
    """The product aᵀ·b of matrices that each step adds to a state, which it reads for nothing else."""
    added = op.body.heads[op.stacked + state]
    if added.node.op is None or added.node.op.name != "elemwise_add" or op.body.heads.count(added) > 1:
        return None
    names = [value.node.name if value.node.is_variable else "" for value in added.node.inputs]
    if f"s{state}" not in names:
        return None
    position = names.index(f"s{state}")
    own, product = added.node.inputs[position], added.node.inputs[1 - position]
    if [*op.body.readers.get(own, ()), *(head for head in op.body.heads if head == own)] != [added.node]:
        return None
    if product.node.op != Dot(transpose_a=True) or not all(map(_is_stackable, product.node.inputs)):
        return None
    return product.node


def _is_stackable(value: Value) -> bool:
    """A matrix of the step; one that all steps share would be repeated."""
    shared = value.node.is_constant or (value.node.is_variable and value.node.name.startswith("c"))
    return len(value.type.dims) == 2 and not shared


def _postponed(node: Node, op: Scan, products: dict[int, Node]) -> list[Value]:
    """What stands for the outputs of the loop."""
    stacked, states = list(op.body.heads[:op.stacked]), op.body.heads[op.stacked:]
    for value in dict.fromkeys(operand for product in products.values() for operand in product.inputs):
        if value not in stacked and not _is_slice(value):
            stacked.append(value)
    types = [TensorType((op.count, *value.type.dims), value.type.dtype) for value in stacked[op.stacked:]]
    loop = replace(node, op=replace(op, graphs=(Graph((*stacked, *states)),)),
                   types=(*node.types[:op.stacked], *types, *node.types[op.stacked:]))
    outputs = [Value(loop, i) for i in range(op.stacked)]
    for i in range(op.states):
        product, initial = products.get(i), node.inputs[op.slices + i]
        final = Value(loop, len(stacked) + i)
        outputs.append(final if product is None else _summed(loop, product, stacked, initial))
    return outputs


def _is_slice(value: Value) -> bool:
    return value.node.is_variable and value.node.name.startswith("x")


def _summed(loop: Node, product: Node, stacked: Sequence[Value], initial: Value) -> Value:
    """The product over all steps, and what the sum began with."""
    g = GraphBuilder(f"{loop.name}/{product.name}", product.sources)

    def whole(value: Value) -> Value:
        stack = loop.inputs[int(value.node.name[1:])] if _is_slice(value) else Value(loop, stacked.index(value))
        steps, rows, columns = stack.type.dims
        return g.reshape(stack, (steps * rows, columns))
    assert isinstance(product.op, Dot)
    total = Value(g.node(product.op, [whole(value) for value in product.inputs]))
    began_empty = initial.node.op is not None and initial.node.op.name == "_zeros"
    return total if began_empty else g.elemwise_add(total, initial)
