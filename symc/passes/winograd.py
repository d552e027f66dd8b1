"""3x3 convolutions in Winograd's form, where that is faster."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from symc.ir.graph import Graph, Node, Value, constant, merge_sources
from symc.ir.layouts import to_physical
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Window
from symc.ops.families.convolution import Convolution
from symc.ops.families.winograd import (
    KERNEL,
    Tiles,
    WinogradInput,
    WinogradProduct,
    WinogradWeight,
    weight_matrices,
)
from symc.ops.inference import infer_types_of
from symc.ops.operator import Operator
from symc.passes.base import Pass, rewrite
from symc.passes.layout import BLOCK, blocked_layout, unpacked
from symc.passes.partition import stable_nodes

import os
TILES_OF_CHUNK = int(os.environ.get("WT",63))     # what the sums of a job, of all points and 16 channels, may take of the stack: 64 KB
INPUT_LAYOUT, WEIGHT_LAYOUT = f"abcD{BLOCK}d", f"Acb{BLOCK}a"


@dataclass(frozen=True)
class UseWinograd(Pass):
    """Needs a typed graph with layouts.  Convolutions of 3x3 pixels whose weights seldom change become three steps.

        %y: f32[..]:aBcd16b = Convolution(%x, %w/relayout, %b) kernel=(3,3) ...
    →   %y/winograd_input = _winograd_input(%x) ...
        %y/winograd_weight = _winograd_weight(%w, %matrices)
        %y: f32[..]:aBcd16b = _winograd_product(%y/winograd_input, %y/winograd_weight, %b) ...

    Constant weights are transformed here.  parameters: names of the variables whose consequences are prepared.
    """

    name = "use-winograd"
    parameters: frozenset[str] = frozenset()
    tile: int = 2

    def __call__(self, graph: Graph) -> Graph:
        stable = stable_nodes(graph, self.parameters)
        originals = iter(graph.nodes)

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            chosen = is_candidate(node) and original.inputs[1].node in stable and wins(_window(node), self.tile)
            return (_winograd(node, self.tile),) if chosen else None
        return rewrite(graph, visit)


def is_candidate(node: Node) -> bool:
    """Whether `node` is a convolution of blocked float32 images that has a form of Winograd's."""
    op = node.op
    return (isinstance(op, Convolution) and op.kernel == (KERNEL, KERNEL) and node.types[0].dtype is DType.float32
            and op.strides == op.dilations == (1, 1) and op.num_group == 1
            and node.inputs[0].type.layout == node.types[0].layout == blocked_layout(4))


def wins(window: Window, size: int) -> bool:
    """TODO"""
    return min(window.in_channels, window.out_channels) >= 32


def _window(node: Node) -> Window:
    assert isinstance(node.op, Convolution)
    return node.op.window(node.inputs[0].type)


def rows_of_chunk(window: Window, size: int) -> int:
    """As many rows of tiles as make nearly equal chunks of at most TILES_OF_CHUNK tiles."""
    height, width = window.output
    tiles = Tiles(size, window.batch, height, width, rows=1)
    most = max(1, TILES_OF_CHUNK // tiles.columns)
    return -(-tiles.all_rows // -(-tiles.all_rows // most))


def _winograd(node: Node, size: int) -> Value:
    """The product in whose epilogue goes what was in the convolution's."""
    op = node.op
    assert isinstance(op, Convolution)
    data, weight, *bias = node.inputs
    cut = WinogradInput(tile=size, pad=op.padding, rows=rows_of_chunk(_window(node), size))
    tiles = _made(node, "input", cut, (data,), INPUT_LAYOUT)
    product = WinogradProduct(tile=size, shape=node.types[0].dims, no_bias=op.no_bias)
    return Value(replace(node, op=product, inputs=(tiles, _weight(node, weight, size), *bias)))


def _weight(node: Node, packed: Value, size: int) -> Value:
    """The transformed weight of which `packed` is a relayout; a constant if that is one."""
    plain = unpacked(packed)
    matrices = weight_matrices(size)
    op = WinogradWeight()
    if plain.node.value is None:
        type = TensorType(matrices.shape, DType.float32)
        factors = constant(f"{node.name}/winograd_matrices", matrices, type, node.sources)
        return _made(node, "weight", op, (plain, Value(factors)), WEIGHT_LAYOUT)
    value = op.reference(plain.node.value, matrices)
    type = TensorType(value.shape, DType.float32, WEIGHT_LAYOUT)
    physical = np.ascontiguousarray(to_physical(value, WEIGHT_LAYOUT))
    return Value(constant(f"{node.name}/winograd_weight", physical, type, merge_sources(node, plain.node)))


def _made(node: Node, what: str, op: Operator, inputs: tuple[Value, ...], layout: str) -> Value:
    name = f"{node.name}/winograd_{what}"
    types = tuple(replace(type, layout=layout) for type in infer_types_of(op, name, inputs))
    return Value(Node(name, op, inputs, types, sources=node.sources))
