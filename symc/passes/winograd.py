"""3x3 convolutions in Winograd's form, where that is faster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symc.ir.graph import Graph, Node, Value, constant, merge_sources
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
from symc.ops.record import record
from symc.passes.base import Pass, rewrite
from symc.passes.layout import BLOCK, blocked_layout, unpacked
from symc.passes.partition import stable_nodes

LARGE_WEIGHTS = 8 << 20       # bytes that do not stay in the third cache beside others
# multiplications in whose time an element is ...
INPUT_TRANSFORMED = {2: 90, 3: 200, 4: 280}         # ... of a tile, at all points
OUTPUT_TRANSFORMED = {2: 100, 3: 260, 4: 400}
SUM_ADDED = 15                # ... of a volume's sums is written, or added, for one of the planes that it is of
WEIGHT_READ = 19              # ... of the weights, from memory
TILE_MOVED = ((7 << 20, 0), (14 << 20, 25), (math.inf, 50))    # ... of all tiles of so many bytes, written and read
LEAST_GAIN = 1.1
EXACT, FAST = (2, 3), (2, 3, 4)    # sizes of tiles; errors grow with them
COLUMNS = 1024                 # of a product of matrices for which no BLAS wakes threads, which wait for each other
INPUT_LAYOUT, WEIGHT_LAYOUT = f"abcD{BLOCK}d", f"Acb{BLOCK}a"
LAYOUTS = {4: (INPUT_LAYOUT, WEIGHT_LAYOUT), 5: (f"abcdeF{BLOCK}f", f"Adcb{BLOCK}a")}      # by the image's rank


@record
class UseWinograd(Pass):
    """Needs a typed graph with layouts.  Convolutions of 3x3 pixels, or of some planes of as many, whose weights seldom
    change become three steps.

        %y: f32[..]:aBcd16b = Convolution(%x, %w/relayout, %b) kernel=(3,3) ...
    →   %y/winograd_input = _winograd_input(%x) ...
        %y/winograd_weight = _winograd_weight(%w, %matrices)
        %y: f32[..]:aBcd16b = _winograd_product(%y/winograd_input, %y/winograd_weight, %b) ...

    parameters: names of the variables whose consequences are prepared.
    fast_math: also take tiles of 4x4 pixels, which are faster and whose errors are larger.
    """

    name = "use-winograd"
    parameters: frozenset[str] = frozenset()
    fast_math: bool = False

    def __call__(self, graph: Graph) -> Graph:
        stable = stable_nodes(graph, self.parameters)
        originals = iter(graph.nodes)
        shared: Inputs = {}

        def visit(node: Node) -> tuple[Value, ...] | None:
            original = next(originals)
            chosen = is_candidate(node) and original.inputs[1].node in stable
            size = best_size(_window(node), FAST if self.fast_math else EXACT) if chosen else None
            return (_winograd(node, size, shared),) if size else None
        return rewrite(graph, visit)


def is_candidate(node: Node) -> bool:
    """Whether `node` is a convolution of blocked float32 images or volumes that has a form of Winograd's; each plane
    that comes out meets one that goes in."""
    op = node.op
    if not isinstance(op, Convolution) or op.rank not in (2, 3) or node.types[0].dtype is not DType.float32:
        return False
    meets = all(pad < kernel for pad, kernel in zip(op.padding[:-2], op.kernel[:-2], strict=True))
    return (op.kernel[-2:] == (KERNEL, KERNEL) and op.strides[-2:] == (1, 1) and set(op.dilations) == {1}
            and op.num_group == 1 and meets
            and node.inputs[0].type.layout == node.types[0].layout == blocked_layout(op.rank + 2))


def best_size(window: Window, sizes: Sequence[int]) -> int | None:
    """The size of tiles that is fastest, None for the convolution as it is, by a count of multiplications that is the
    same for every CPU.  Volumes need a full block of channels: with 8 they took 1.4 times as long as they are."""
    if len(window.image) > 2:
        if min(window.in_channels, window.out_channels) < BLOCK:
            return None
        window = replace(window, out_channels=_whole_blocks(window.out_channels))
    costs = {size: _cost(window, size) for size in sizes}
    best = min(sizes, key=lambda size: costs[size])
    pairs = window.in_channels * window.out_channels
    direct = pairs * max(window.batch * _taps(window), math.prod(window.kernel) * WEIGHT_READ)
    return best if LEAST_GAIN * costs[best] <= direct else None


def _whole_blocks(channels: int) -> int:
    return -(-channels // BLOCK) * BLOCK


def _cost(window: Window, size: int) -> int:
    """Tiles that reach over the edge of the output cost as much as whole ones, padding costs as much as pixels, few
    pixels do not pay for the weights, of which there are more, and large images leave the caches once cut to tiles."""
    tiles = _tiles(window, size, 1)
    points, count = tiles.transforms.points, tiles.rows_of_image * tiles.columns
    taken, met, made = (window.batch * planes * count for planes in _planes(window))
    pairs = window.in_channels * window.out_channels
    products = points * pairs * max(met, math.prod(window.kernel[:-2]) * WEIGHT_READ)
    channels, added = window.in_channels, 0
    if len(window.image) > 2:
        channels, added = _whole_blocks(channels), points * window.out_channels * met * SUM_ADDED
    cut = points * channels * taken
    moved = next(cost for most, cost in TILE_MOVED if 4 * cut <= most)
    return (products + added + cut * moved + taken * channels * INPUT_TRANSFORMED[size]
            + made * window.out_channels * OUTPUT_TRANSFORMED[size])


def _planes(window: Window) -> tuple[int, int, int]:
    """Of a volume: how many go in, how many those that come out read, and how many come out; of an image 1."""
    return math.prod(window.image[:-2]), math.prod(_taps_of_axes(window)[:-2]), math.prod(window.output[:-2])


def _taps(window: Window) -> int:
    """How many multiplications a pair of channels of an image takes, without those by padding."""
    return math.prod(_taps_of_axes(window))


def _taps_of_axes(window: Window) -> list[int]:
    axes = zip(window.image, window.output, window.kernel, window.stride, window.pad, strict=True)
    return [sum(0 <= y * stride + tap - pad < image for y in range(output) for tap in range(kernel))
            for image, output, kernel, stride, pad in axes]


def rows_of_chunk(window: Window, size: int) -> int:
    """As many rows of tiles as make nearly equal chunks, of as many tiles as a job can do where it reads large weights
    from memory; else of half as many, which stay in the second cache."""
    tiles = _tiles(window, size, 1)
    weight = 4 * tiles.transforms.points * window.in_channels * window.out_channels * math.prod(window.kernel[:-2])
    most_tiles = tiles.transforms.tiles_of_job // (1 if weight > LARGE_WEIGHTS else 2)
    most = max(1, most_tiles // tiles.columns)
    if len(window.image) > 2:       # parts of planes, which are multiplied by other taps beside each other
        return max(rows for rows in range(1, most + 1) if tiles.rows_of_image % rows == 0)
    return -(-tiles.all_rows // -(-tiles.all_rows // most))


def _tiles(window: Window, size: int, rows: int) -> Tiles:
    *planes, height, width = window.output
    return Tiles(size, window.batch * math.prod(planes), height, width, rows)


def _window(node: Node) -> Window:
    assert isinstance(node.op, Convolution)
    return node.op.window(node.inputs[0].type)


Inputs = dict[tuple[Value, WinogradInput], Value]     # images cut alike, and their tiles


def _winograd(node: Node, size: int, shared: Inputs) -> Value:
    """The product, in whose epilogue goes what was in the convolution's."""
    op = node.op
    assert isinstance(op, Convolution)
    data, weight, *bias = node.inputs
    rows = rows_of_chunk(_window(node), size)
    cut = WinogradInput(tile=size, pad=op.padding[-2:], rows=rows)
    if (data, cut) not in shared:
        shared[data, cut] = _made(node, "input", cut, (data,), LAYOUTS[op.rank + 2][0])
    of_planes = {"stride": op.strides[0], "pad": op.padding[0]} if op.rank == 3 else {}
    product = WinogradProduct(tile=size, rows=rows, shape=node.types[0].dims, no_bias=op.no_bias, **of_planes)
    return Value(replace(node, op=product, inputs=(shared[data, cut], _weight(node, weight, size), *bias)))


def _weight(node: Node, packed: Value, size: int) -> Value:
    """The transformed weight of which `packed` is a relayout."""
    plain, matrices = unpacked(packed), weight_matrices(size)
    factors = constant(f"{node.name}/winograd_matrices", matrices, TensorType(matrices.shape, DType.float32),
                       node.sources)
    made = _made(node, "weight", WinogradWeight(), (plain, Value(factors)), LAYOUTS[len(plain.type.dims)][1])
    return Value(replace(made.node, sources=merge_sources(node, plain.node)))


def transformed(weight: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """What `WinogradWeight` makes of `weight` as it lies under its layout, in products of matrices so small that all
    but the result stays in the caches.  Many are one call: threads that do this beside each other seldom meet."""
    if weight.ndim == 5:        # taps of planes are as channels, outside of them
        made = transformed(weight.swapaxes(1, 2).reshape(len(weight), -1, *weight.shape[3:]), matrices)
        return made.reshape(*made.shape[:2], weight.shape[2], weight.shape[1], BLOCK)
    filters, channels, *taps = weight.shape
    factors, rows = matrices.reshape(len(matrices), -1), weight.reshape(filters, channels, math.prod(taps))
    rows = np.pad(rows, ((0, -filters % BLOCK), (0, 0), (0, 0))) if filters % BLOCK else rows
    made = np.empty((len(rows) // BLOCK, len(matrices), channels, BLOCK), np.float32)
    for number, block in enumerate(made.reshape(len(made), len(matrices), -1)):
        by_tap = np.ascontiguousarray(rows[number * BLOCK:(number + 1) * BLOCK].T).reshape(math.prod(taps), -1)
        whole = block.shape[1] // COLUMNS * COLUMNS
        np.matmul(factors, _cut(by_tap[:, :whole]), out=_cut(block[:, :whole]))
        np.matmul(factors, by_tap[:, whole:], out=block[:, whole:])
    return made


def _cut(matrix: np.ndarray) -> np.ndarray:
    """A matrix as several of COLUMNS columns."""
    return matrix.reshape(len(matrix), -1, COLUMNS).transpose(1, 0, 2)


def _made(node: Node, what: str, op: Operator, inputs: tuple[Value, ...], layout: str) -> Value:
    name = f"{node.name}/winograd_{what}"
    types = tuple(replace(type, layout=layout) for type in infer_types_of(op, inputs))
    return Value(Node(name, op, inputs, types, sources=node.sources))
