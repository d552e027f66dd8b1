"""Joining and cutting without moving: parts of a value are written, or read, where they lie in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, takewhile

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import TensorType, block_of, parse_layout
from symc.ops.builder import GraphBuilder
from symc.ops.families.movement import Join, Split
from symc.ops.families.placement import Joined, Piece
from symc.ops.families.slices import Slice
from symc.ops.operator import operation
from symc.ops.record import record
from symc.ops.shapes import axis_in, with_extent
from symc.passes.base import Pass
from symc.passes.fuse import kind_of
from symc.passes.materialize import storages
from symc.passes.partition import PREPARE, partition

INJECTIVE = ("elementwise", "injective")
OF_OTHERS = ("host", "control")      # kinds of nodes whose results are not written by kernels of their own


@record
class PlaceParts(Pass):
    """Needs what `Fuse` needs, which comes next.  A Concat whose inputs lie one behind the other in its result becomes
    `_joined`: what computes them writes them there.  Parts that are cut off in the same way, and that more than
    elementwise operators read, become `_piece`.

        %y = Concat(%a, %b)                 →   %y = _joined(%a, %b)
        %z:2 = SliceChannel(%y)             →   %z = _piece(%y) axis=1 begin=0 end=8
                                                %z.1 = _piece(%y) axis=1 begin=8 end=16

    Each value is part of one other value at most; a value that the user holds, a parameter or what follows from
    parameters alone is none, and has none.  parameters: see `Fuse`.
    """

    name = "place-parts"
    parameters: frozenset[str] = frozenset()

    def __call__(self, graph: Graph) -> Graph:
        placing = _Placing(graph, self.parameters)
        chosen = iter([placing.choose(node) for node in graph.nodes])
        return graph.rewrite(lambda node: placed(node) if next(chosen) else None)


def placed(node: Node) -> Sequence[Value]:
    """The values that stand in place of a Concat, or of one that cuts."""
    if isinstance(node.op, Join):
        return replace(node, op=Joined(node.op.num_args, node.op.dim)).outputs
    return [_piece(node, value, axis, begin)
            for value, (axis, begin) in zip(node.outputs, cuts_of(node) or [], strict=True)]


def _piece(node: Node, value: Value, axis: int, begin: int) -> Value:
    whole = node.inputs[0].type
    extent = value.type.dims[axis] if len(value.type.dims) == len(whole.dims) else 1
    type = replace(value.type, shape=with_extent(whole.dims, axis, extent))
    name = f"{node.name}.{value.index}" if value.index else node.name
    piece = Value(replace(node, name=name, op=Piece(axis, begin, begin + extent), types=(type,)))
    return GraphBuilder(name, node.sources).reshape(piece, value.type.dims)


class _Placing:
    """Chooses nodes in topological order."""

    def __init__(self, graph: Graph, parameters: frozenset[str]) -> None:
        self.readers = graph.readers
        self.storage = storages(graph)
        self.entry = partition(graph, parameters)
        self.held = frozenset(self.storage[root] for root in graph.roots)
        self.parts: set[Value] = set()
        self.chosen: set[Node] = set()

    def choose(self, node: Node) -> bool:
        """Whether the node becomes a placement; its parts are part of nothing else then."""
        if not self._is_computed(node) or not self.held.isdisjoint(node.outputs):
            return False
        parts = self._joined(node) if isinstance(node.op, Join) else self._cut(node)
        self.parts.update(parts)
        if parts:
            self.chosen.add(node)
        return bool(parts)

    def _joined(self, node: Node) -> list[Value]:
        """The storages that become parts of the result of a Concat; none when it has to move them."""
        (whole,) = node.outputs
        axis = axis_in(operation(node).parameters()["dim"], len(whole.type.dims))
        parts = [self.storage[value] for value in node.inputs]
        begins = accumulate((value.type.dims[axis] for value in node.inputs[:-1]), initial=0)
        alike = all(value.type.layout == whole.type.layout for value in node.inputs)
        free = len(set(parts)) == len(parts) and all(map(self._may_be_part, parts))
        if not (alike and free and all(is_one_run(whole.type, axis, begin) for begin in begins)):
            return []
        writers = [part.node for part in parts]
        return [] if all(map(self._moves, (*writers, *self.readers.get(whole, ())))) else parts

    def _may_be_part(self, value: Value) -> bool:
        is_free = value not in self.held and value not in self.parts
        return is_free and self._is_computed(value.node) and (
            value.node in self.chosen or kind_of(value.node) not in OF_OTHERS)

    def _is_computed(self, node: Node) -> bool:
        """Whether it is computed anew in each run."""
        return node.op is not None and self.entry[node] != PREPARE

    def _cut(self, node: Node) -> list[Value]:
        """The outputs of a node that cuts its input, if they become parts of it."""
        cuts = cuts_of(node)
        if cuts is None:
            return []
        source = self.storage[node.inputs[0]]
        in_arena = self._is_computed(source.node) and source not in self.held
        type = node.inputs[0].type
        fits = all(is_one_run(type, axis, begin) and out.type.layout == type.layout
                   for (axis, begin), out in zip(cuts, node.outputs, strict=True))
        readers = [reader for value in node.outputs for reader in self.readers.get(value, ())]
        return [*node.outputs] if in_arena and fits and not all(map(self._moves, readers)) else []

    def _moves(self, node: Node) -> bool:
        """Whether the node is computed in one kernel with what it reads, as a rule."""
        return node not in self.chosen and kind_of(node) in INJECTIVE


def cuts_of(node: Node) -> list[tuple[int, int]] | None:
    """For each output of a node that cuts along one axis: the axis, and where on it the output begins."""
    op, shape = operation(node), node.inputs[0].type.dims if node.inputs else ()
    if isinstance(op, Split):
        axis = axis_in(op.axis, len(shape))
        return [(axis, begin) for begin, _ in op.pieces(shape[axis])]
    if not isinstance(op, Slice):
        return None
    windows = [window for window in op.windows(shape) if window is not None]
    cut = [axis for axis, window in enumerate(windows) if window != range(shape[axis])]
    return [(cut[0], windows[cut[0]].start)] if len(cut) == 1 and windows[cut[0]].step == 1 else None


def is_one_run(type: TensorType, axis: int, begin: int) -> bool:
    """Whether the elements from `begin` of `axis` on lie behind all before them."""
    if begin % block_of(type.layout, axis):
        return False
    walk = [dim.axis for dim in parse_layout(type.layout)] if type.layout else range(len(type.dims))
    return all(extent == 1 for extent, _ in takewhile(lambda item: item[1] != axis,
                                                      zip(type.physical, walk, strict=True)))
