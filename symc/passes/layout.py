"""Layouts: islands of blocked activations around convolutions, packed weights."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from dataclasses import dataclass, replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction, Index
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.operator import input_types, make, operation
from symc.passes.base import Pass
from symc.passes.fuse import kind_of
from symc.passes.partition import stable_nodes

BLOCK = 16                 # channels of a block; one AVX-512 register of float32, two of AVX2
FEWEST_CHANNELS = 8        # an image with fewer stays plain: most lanes of a block would be empty
LONG_SUM = 512             # summands from which on walking both operands across their rows misses the caches
LONG_SUM_EXTENT = 128      # rows and columns of the result for which rearranging both operands pays
TRANSPOSED, PANELS = "ba", f"Ba{BLOCK}b"    # of the operands of a long sum; transposing is slow: the narrower one
PackRule = Callable[[Node], str | None]


@dataclass(frozen=True)
class AssignLayouts(Pass):
    """Needs a typed graph of operators with lowerings and no layouts.

    Convolutions (and their gradients) read and write images in blocks of 16 channels; elementwise operators, pooling
    and Concat along channels stay in the layout of their inputs; everything else, and the roots, are plain.
    Both operands of a long sum over their rows (the gradient of a dense layer's weight) are rearranged too.
    `_relayout` nodes lie where the layouts of a value's writer and reader differ, and in front of weights:

        %c = Convolution(%x, %w)    →    %w/relayout: f32[..]:ABcd16b32a = _relayout(%w)
                                         %c: f32[..]:aBcd16b = Convolution(%x, %w/relayout)

    pack: the layout in which the code generator wants the second operand of a contraction, or None.
    parameters: names of the variables whose packed forms are prepared; other operands are packed only for windows.
    """

    name = "assign-layouts"
    enters_bodies = True
    pack: PackRule
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        work = _Assignment(self.pack, stable_nodes(graph, self.parameters))
        for node in graph.nodes:
            if node.op is not None:
                work.visit(node)
        if not work.new:
            return graph
        roots = {root: work.plain(root) for root in graph.roots}
        return graph.substitute(roots)

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        """Constants of a loop are packed in front of it (`HoistInvariants`)."""
        constants = frozenset(op.body_names()) if isinstance(op, Scan) else frozenset()
        return AssignLayouts(self.pack, frozenset(name for name in constants if name.startswith("c")))(body)


def blocked_layout(rank: int) -> str:
    """'aBcd16b' for rank 4: channels, axis 1, in blocks of 16."""
    letters = string.ascii_lowercase[:rank]
    return f"{letters[0]}{letters[1].upper()}{letters[2:]}{BLOCK}b"


class _Assignment:
    """Old value → new value with its layout; the relayouts made so far."""

    def __init__(self, pack: PackRule, stable: frozenset[Node]) -> None:
        self.pack = pack
        self.stable = stable      # nodes whose packed forms are made once
        self.new: dict[Value, Value] = {}
        self._relayouts: dict[tuple[Value, str | None], Value] = {}

    def visit(self, node: Node) -> None:
        rule = {"contraction": self.contraction, "elementwise": self.elementwise, "window": self.window,
                "reduction": self.keep_inputs}.get(kind_of(node), self.all_plain)
        if operation(node).name == "Concat":
            rule = self.concat
        elif kind_of(node) == "imperative" and operation(node).pattern == "reduction":
            rule = self.keep_inputs
        inputs, layout = rule(node)
        types = tuple(replace(t, layout=layout) for t in node.types)
        if tuple(inputs) != node.inputs or types != node.types:
            moved = replace(node, inputs=tuple(inputs), types=types)
            self.new.update(zip(node.outputs, moved.outputs, strict=True))

    # ---- one rule for each kind of operator: its new inputs and the layout of its outputs -----------------

    def contraction(self, node: Node) -> tuple[list[Value], str | None]:
        data, weight, *others = node.inputs
        if is_long_sum(node):
            rows, columns = node.types[0].dims
            layouts = (TRANSPOSED, PANELS) if rows <= columns else (PANELS, TRANSPOSED)
            return [self.relaid(data, layouts[0]), self.relaid(weight, layouts[1]), *map(self.plain, others)], None
        if not has_window(node) or not is_image(data.type) or node.types[0].dtype is not DType.float32:
            return [self.plain(data), self.packed(node, weight, reads_across(node)), *map(self.plain, others)], None
        spec, out = operation(node).contraction(input_types(node)), node.types[0]
        inputs = [self.image(data, spec, spec.lhs[1])]
        if operation(node).input_names()[1] != "weight":      # a weight gradient: two images, a plain result
            return [*inputs, self.image(weight, spec, spec.rhs[1]), *map(self.plain, others)], None
        in_blocks = out.dims[1] >= FEWEST_CHANNELS and spec.fits_blocks(spec.output[1], BLOCK)
        layout = blocked_layout(len(out.dims)) if in_blocks else None
        probe = replace(node, inputs=(inputs[0], weight, *others), types=(replace(out, layout=layout),))
        return [*inputs, self.packed(probe, weight, True), *map(self.plain, others)], layout

    def elementwise(self, node: Node) -> tuple[list[Value], str | None]:
        shape = node.types[0].dims
        layouts = {v.type.layout for v in map(self.current, node.inputs) if v.type.dims == shape} - {None}
        if not layouts or any(t.dims != shape for t in node.types):
            return self.all_plain(node)
        layout = layouts.pop()
        return [self.relaid(v, layout) if v.type.dims == shape else self.plain(v) for v in node.inputs], layout

    def window(self, node: Node) -> tuple[list[Value], str | None]:
        """Pooling: the layout of the input, but plain for a result of one pixel, which dense layers read."""
        layouts = {v.type.layout for v in map(self.current, node.inputs)} - {None}
        out = node.types[0]
        if not layouts or not has_channels(out):
            return self.all_plain(node)
        layout = layouts.pop()
        inputs = [self.relaid(v, layout) if has_channels(v.type) else self.plain(v) for v in node.inputs]
        return inputs, None if all(extent == 1 for extent in out.dims[2:]) else layout

    def concat(self, node: Node) -> tuple[list[Value], str | None]:
        inputs = [self.current(value) for value in node.inputs]
        layouts = {value.type.layout for value in inputs}
        if not is_image(node.types[0]) or operation(node).parameters()["dim"] != 1 or len(layouts) > 1:
            return self.all_plain(node)
        return inputs, layouts.pop()

    def keep_inputs(self, node: Node) -> tuple[list[Value], str | None]:
        return [self.current(value) for value in node.inputs], None

    def all_plain(self, node: Node) -> tuple[list[Value], str | None]:
        return [self.plain(value) for value in node.inputs], None

    # ---- a value in the layout wanted ----------------------------------------------------------------------

    def current(self, value: Value) -> Value:
        return self.new.get(value, value)

    def plain(self, value: Value) -> Value:
        return self.relaid(value, None)

    def image(self, value: Value, spec: Contraction, channels: Index) -> Value:
        """As it is when blocked already or of few channels, else blocked; plain where groups lie across blocks."""
        if not spec.fits_blocks(channels, BLOCK):
            return self.plain(value)
        now = self.current(value)
        if now.type.layout or not is_image(now.type) or now.type.dims[1] < FEWEST_CHANNELS:
            return now
        return self.relaid(value, blocked_layout(len(now.type.dims)))

    def packed(self, node: Node, weight: Value, always: bool) -> Value:
        """The second operand as the generator wants it, if packing pays: weights, or a window over it."""
        if not always and weight.node not in self.stable:
            return self.plain(weight)
        return self.relaid(weight, self.pack(node))

    def relaid(self, value: Value, layout: str | None) -> Value:
        now = self.current(value)
        if now.type.layout == layout:
            return now
        original = unpacked(now)
        if original.type.layout == layout:
            return original
        key = (original, layout)
        if key not in self._relayouts:
            node = original.node
            name = f"{node.name}/relayout" + (f".{layout}" if layout else "")
            made = Node(name, make("_relayout"), (original,), (replace(original.type, layout=layout),),
                        sources=node.sources)
            self._relayouts[key] = Value(made)
        return self._relayouts[key]


def unpacked(value: Value) -> Value:
    """What a relayout was made from."""
    while value.node.op is not None and value.node.op.name == "_relayout":
        value = value.node.inputs[0]
    return value


def is_long_sum(node: Node) -> bool:
    """aᵀ·b of many rows: what the gradient of a dense layer's weight is."""
    if len(node.types[0].dims) != 2 or node.types[0].dtype not in (DType.float32, DType.float64):
        return False
    spec = operation(node).contraction(input_types(node))
    summed = [name for name, _ in spec.lhs[0].terms if spec.lhs[0] == spec.rhs[0] and name in spec.reduced]
    is_long = [spec.sizes[name] >= LONG_SUM for name in summed] == [True]
    return is_long and len(spec.extents) == 3 and min(node.types[0].dims) >= LONG_SUM_EXTENT


def has_window(node: Node) -> bool:
    """Whether a contraction is a convolution, or the gradient of one."""
    spec = operation(node).contraction(input_types(node))
    return any(len(index.terms) > 1 for index in (*spec.lhs, *spec.rhs, *spec.output))


def reads_across(node: Node) -> bool:
    """Whether the second operand of a product has what is summed innermost, and is read once for each row of many."""
    spec = operation(node).contraction(input_types(node))
    rows = math.prod(spec.sizes[name] for name in spec.parallel if all(name not in dict(i.terms) for i in spec.rhs))
    return all(name in spec.reduced for name, _ in spec.rhs[-1].terms) and rows >= BLOCK


def has_channels(type: TensorType) -> bool:
    """Batch, channels, and one to three spatial dimensions."""
    return 3 <= len(type.dims) <= 5


def is_image(type: TensorType) -> bool:
    """The same, of float32 or bfloat16."""
    return has_channels(type) and type.dtype in (DType.float32, DType.bfloat16)
