"""Operators that do nothing, or less than they say."""

from __future__ import annotations

from typing import Any

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ops.builder import GraphBuilder
from symc.ops.operator import is_view, operation
from symc.ops.record import record
from symc.passes.base import Pass, rewrite, take_over

# forward they give back their first input; their gradients, if wanted, are in the graph already
IDENTITIES = frozenset({"_copy", "BlockGrad", "_identity_with_attr_like_rhs", "make_loss", "MakeLoss",
                        "LinearRegressionOutput", "MAERegressionOutput", "SVMOutput"})
# these give back their first input when they keep its type: what they add, take or repeat is then nothing
IDENTITIES_BY_TYPE = frozenset({"Cast", "amp_cast", "broadcast_to", "broadcast_axis", "broadcast_like", "slice_like",
                                "slice_axis", "tile", "repeat", "Pad", "Crop"})
SINGLE_INPUT_IDENTITIES = frozenset({"Concat", "add_n"})
SCALAR_IDENTITIES = {"_mul_scalar": "1.0", "_div_scalar": "1.0", "_power_scalar": "1.0", "_minus_scalar": "0.0"}


@record
class Simplify(Pass):
    """Remove operators whose result is their input, bit for bit, and write the others in their plainest form.

    Before: a typed, legalized graph; gradients, if any are wanted, already in it (BlockGrad goes).
        %a = Flatten(%x)                                 with %x: f32[2,3,4]
        %b = Reshape(%a) shape=(4,-1)
        %c = transpose(%b) axes=(1,0)
        %d = transpose(%c) axes=(1,0)
        %y = _mul_scalar(%d) scalar=1.0
        heads %y
    After: views are `_reshape`, of something that is no view; no transpose reads a transpose, none moves only
    dimensions of extent 1; nothing copies, casts, broadcasts or slices to what was there already.
        %b = _reshape(%x) shape=(4,6)  # from a, b, c, d, y
        heads %b
    """

    name = "simplify"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _simplified)


def _simplified(node: Node) -> tuple[Value, ...] | None:
    """The plainest form of a node whose inputs are in theirs; None if it is that already."""
    if node.op is None or len(node.types) != 1 or not node.inputs:
        return None
    if _is_identity(node):
        return (node.inputs[0],)
    if permutation(node) is not None:
        return _simplified_transpose(node)
    return _simplified_view(node) if is_view(node) else None


def _is_identity(node: Node) -> bool:
    """Whether the output is the first input, bit for bit."""
    op: Any = node.op
    if op.name in IDENTITIES:
        return True
    if node.types[0] != node.inputs[0].type:
        return False
    if op.name in SINGLE_INPUT_IDENTITIES:
        return len(node.inputs) == 1
    if op.name == "slice":
        return all(step is None or step > 0 for step in op.step)
    if op.name == "_plus_scalar":   # of floats it is none: -0.0 + 0 is 0.0
        return op.scalar == 0 and not node.types[0].element.is_float
    return op.name in IDENTITIES_BY_TYPE or str(float(getattr(op, "scalar", "nan"))) == SCALAR_IDENTITIES.get(op.name)


def _simplified_view(node: Node) -> tuple[Value, ...] | None:
    base = node.inputs[0]
    if operation(node).name == "_reshape" and not is_view(base.node) and base.type != node.types[0]:
        return None
    return view_of(base, [node])


def _simplified_transpose(node: Node) -> tuple[Value, ...] | None:
    """One transpose of what is no transpose; a view where only dimensions of extent 1 move."""
    axes, base, passed = permutation(node), node.inputs[0], [node]
    while (inner := permutation(base.node)) is not None:
        axes = tuple(inner[axis] for axis in axes or ())
        passed.append(base.node)
        base = base.node.inputs[0]
    wide = [axis for axis in axes or () if base.type.dims[axis] != 1]
    if wide == sorted(wide):
        return view_of(base, passed)
    if len(passed) == 1 and operation(node).name == "transpose":
        return None
    g = GraphBuilder(node.name, merge_sources(*reversed(passed)))
    return take_over(node, (g.op("transpose", base, axes=axes),), g)


def view_of(base: Value, passed: list[Node]) -> tuple[Value, ...]:
    """What lies under the views from `base` on, in the shape of passed[0], for which it stands; `passed` vanish."""
    while is_view(base.node):
        passed = [*passed, base.node]
        base = base.node.inputs[0]
    g = GraphBuilder(passed[0].name, merge_sources(*reversed(passed)))
    return take_over(passed[0], (g.reshape(base, passed[0].types[0].dims),), g)


def permutation(node: Node) -> tuple[int, ...] | None:
    """For each dimension of the output the one of the input, if that is all the node does."""
    op: Any = node.op
    if op is None or op.name not in ("transpose", "SwapAxis"):
        return None
    axes = list(range(len(node.types[0].dims)))
    if op.name == "SwapAxis":
        axes[op.dim1], axes[op.dim2] = axes[op.dim2], axes[op.dim1]
        return tuple(axes)
    return tuple(axis % len(axes) for axis in op.axes) or tuple(reversed(axes))
