"""Layouts: islands of blocked activations around convolutions, packed weights."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction, Index
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.families.resampling import Resample
from symc.ops.operator import input_types, make, operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.fuse import kind_of
from symc.passes.layout_choice import ANY, BLOCKED, OWN, PLAIN, Needs, blocked_nodes
from symc.passes.partition import stable_nodes

BLOCK = 16                 # channels of a block; one AVX-512 register of float32, two of AVX2
FEWEST_CHANNELS = 8        # an image with fewer stays plain: most lanes of a block would be empty
GATHERED = 4               # bytes moved in the time in which one is read element by element, across rows
LONG_SUM = 512             # summands from which on walking both operands across their rows misses the caches
MOST_LANES = 128           # rows of a dense layer that take its weight as it lies
LONG_SUM_EXTENT = 128      # rows and columns of the result for which rearranging both operands pays
TRANSPOSED, PANELS = "ba", f"Ba{BLOCK}b"    # of the operands of a long sum; transposing is slow: the narrower one
PackRule = Callable[[Node], str | None]


@record
class AssignLayouts(Pass):
    """Needs a typed graph of operators with lowerings and no layouts.

    Convolutions (and their gradients) read and write images in blocks of 16 channels; what computes pixel by pixel or
    in windows, and Concat along channels, work in either layout, which is chosen for all of them together
    (`layout_choice`); everything else, and the roots, are plain.
    Both operands of a long sum over their rows (the gradient of a dense layer's weight) are rearranged too.
    Dense layers of few rows whose weight is another in each run read it as it lies, and have vectors along the rows of
    their data instead: that is transposed, and what they write is, for which `layout_choice` counts it as in blocks.
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
        stable = stable_nodes(graph, self.parameters)
        blocked = blocked_nodes(graph.nodes, graph.roots, lambda node: needs_of(node, stable), BLOCK)
        work = _Assignment(self.pack, stable, blocked)
        for node in graph.nodes:
            if node.op is not None:
                work.visit(node)
        if not work.new:
            return graph
        roots = {root: work.plain(root) for root in graph.roots}
        return graph.substitute(roots)

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        """Constants of a loop are packed in front of it (`HoistInvariants`)."""
        return AssignLayouts(self.pack, constants_in_body(op))(body)


def constants_in_body(op: ControlFlow) -> frozenset[str]:
    """Names of the variables of a body that are the same in each step of a loop."""
    names = op.body_names() if isinstance(op, Scan) else []
    return frozenset(name for name in names if name.startswith("c"))


def blocked_layout(rank: int) -> str:
    """'aBcd16b' for rank 4: channels, axis 1, in blocks of 16; matrices are transposed."""
    letters = string.ascii_lowercase[:rank]
    return TRANSPOSED if rank == 2 else f"{letters[0]}{letters[1].upper()}{letters[2:]}{BLOCK}b"


class _Assignment:
    """Old value → new value with its layout; the relayouts made so far."""

    def __init__(self, pack: PackRule, stable: frozenset[Node], blocked: frozenset[Node]) -> None:
        self.pack = pack
        self.stable = stable      # nodes whose packed forms are made once
        self.blocked = blocked    # free nodes that work on blocks
        self.new: dict[Value, Value] = {}
        self._relayouts: dict[tuple[Value, str | None], Value] = {}

    def visit(self, node: Node) -> None:
        rule = self.contraction if kind_of(node) == "contraction" else self.as_needed
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
        inputs, layout = self.as_needed(node)
        if reads_rows(node, self.stable):
            return inputs, layout
        if not reads_images(node):
            return [inputs[0], self.packed(node, weight, reads_across(node)), *inputs[2:]], None
        if not has_weight(node):
            return inputs, None
        probe = replace(node, inputs=(inputs[0], weight, *others), types=(replace(node.types[0], layout=layout),))
        return [inputs[0], self.packed(probe, weight, True), *inputs[2:]], layout

    def as_needed(self, node: Node) -> tuple[list[Value], str | None]:
        """The inputs, and the layout of the outputs, as `needs_of` says and the choice for free nodes."""
        needs, own = needs_of(node, self.stable), BLOCKED if node in self.blocked else PLAIN
        inputs = []
        for value, wanted in zip(node.inputs, needs.inputs, strict=True):
            in_blocks = (own if wanted == OWN else wanted) == BLOCKED
            layout = blocked_layout(len(value.type.dims)) if in_blocks else None
            inputs.append(self.current(value) if wanted == ANY else self.relaid(value, layout))
        is_blocked = (own if needs.output == OWN else needs.output) == BLOCKED
        return inputs, blocked_layout(len(node.types[0].dims)) if is_blocked else None

    # ---- a value in the layout wanted ----------------------------------------------------------------------

    def current(self, value: Value) -> Value:
        return self.new.get(value, value)

    def plain(self, value: Value) -> Value:
        return self.relaid(value, None)

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


def needs_of(node: Node, stable: frozenset[Node]) -> Needs:
    """In which layouts a node reads and writes.  stable: nodes whose packed forms are made once."""
    kind, plain = kind_of(node), Needs((PLAIN,) * len(node.inputs), PLAIN)
    if kind == "contraction":
        if reads_rows(node, stable):
            return Needs((BLOCKED, *plain.inputs[1:]), BLOCKED)
        return _needs_of_contraction(node)
    if kind == "reduction" or kind == "imperative" and operation(node).pattern == "reduction":
        return Needs(tuple(PLAIN if len(value.type.dims) == 2 else ANY for value in node.inputs), PLAIN)
    if kind == "elementwise" or operation(node).name == "Concat" and operation(node).parameters()["dim"] == 1:
        return _needs_of_pixels(node)
    return _needs_of_windows(node) if kind in ("window", "injective") else plain


def _needs_of_contraction(node: Node) -> Needs:
    others = (PLAIN,) * (len(node.inputs) - 2)
    if not reads_images(node):
        return Needs((PLAIN, PLAIN, *others), PLAIN)
    spec, (left, right, *_) = operation(node).contraction(input_types(node)), (value.type for value in node.inputs)
    data = _image(left, spec, spec.lhs[1])
    if not has_weight(node):        # a weight gradient: two images, a plain result
        return Needs((data, _image(right, spec, spec.rhs[1]), *others), PLAIN)
    return Needs((data, PLAIN, *others), _image(node.types[0], spec, spec.output[1]))


def _image(type: TensorType, spec: Contraction, channels: Index) -> str:
    """In blocks, but images of few channels, and those of which groups lie across blocks."""
    in_blocks = is_image(type) and type.dims[1] >= FEWEST_CHANNELS and spec.fits_blocks(channels, BLOCK)
    return BLOCKED if in_blocks else PLAIN


def _needs_of_pixels(node: Node) -> Needs:
    """An elementwise operator: operands of the shape of the result are in its layout."""
    shape, joins = node.types[0].dims, operation(node).name == "Concat"
    has_layouts = has_channels(node.types[0]) or len(shape) == 2 and all(shape) and not joins
    may_be = has_layouts and shape[1] >= FEWEST_CHANNELS and all(t.dims == shape for t in node.types)
    inputs = (OWN if may_be and (joins or value.type.dims == shape) else PLAIN for value in node.inputs)
    return Needs(tuple(inputs), OWN if may_be else PLAIN)


def _needs_of_windows(node: Node) -> Needs:
    """Pooling, resizing, padding: images to images of as many channels; one pixel is plain, for dense layers."""
    images = {value.type.dims[:2] for value in (*node.inputs, *node.outputs) if has_channels(value.type)}
    if len(images) != 1 or not all(has_channels(type) for type in node.types) or min(images)[1] < FEWEST_CHANNELS:
        return Needs((PLAIN,) * len(node.inputs), PLAIN)
    is_pixel = all(extent == 1 for extent in node.types[0].dims[2:])
    inputs = tuple(OWN if has_channels(value.type) else PLAIN for value in node.inputs)
    cost = sum(value.type.bytes for value in node.inputs) if kind_of(node) == "window" else 0
    if isinstance(op := node.op, Resample) and op.axis == len(node.types[0].dims) - 1:
        cost = GATHERED * node.types[0].bytes
    return Needs(inputs, PLAIN if is_pixel else OWN, cost)


def reads_images(node: Node) -> bool:
    """Whether a contraction is a convolution of images, or the gradient of one."""
    return has_window(node) and is_image(node.inputs[0].type) and node.types[0].dtype is DType.float32


def reads_rows(node: Node, stable: frozenset[Node]) -> bool:
    """Whether a dense layer reads the rows of its weight as they lie: rearranging what it reads and writes beside moves
    less than half as much, and its rows fill vectors."""
    if has_window(node) or node.inputs[1].node in stable:
        return False
    data, weight, result = (*(value.type for value in node.inputs[:2]), node.types[0])
    if {(len(type.dims), type.dtype) for type in (data, weight, result)} != {(2, DType.float32)}:
        return False
    return (reads_across(node) and data.dims[0] == result.dims[0] and data.dims[0] % BLOCK == 0
            and data.dims[0] <= MOST_LANES and weight.bytes > 2 * (data.bytes + result.bytes))


def has_weight(node: Node) -> bool:
    return operation(node).input_names()[1] == "weight"


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
    """Batch, channels, and one to three spatial dimensions, none of extent 0."""
    return 3 <= len(type.dims) <= 5 and all(type.dims)


def is_image(type: TensorType) -> bool:
    """The same, of float32 or bfloat16."""
    return has_channels(type) and type.dtype in (DType.float32, DType.bfloat16)
