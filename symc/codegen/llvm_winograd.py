"""Winograd's convolutions as LLVM IR: the products of all points of some tiles, then their transformation and epilogue.

    void name(ptr data, ptr weight, ptr operand..., ptr output..., i64 begin, i64 end)

A job is one chunk of tiles and one, two or four blocks of 16 output channels.  It sums into memory of its own on the
stack, [points][blocks][tiles][16], by the writer of matrix products; a second writer, that of tiles of pixels, finds
its sums there instead of adding them up.  Of volumes, products are added for each plane that a window meets: the chunk
at the same place in that plane by the weights of the tap.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionKernel, ContractionRequest, Epilogue, kernel_of
from symc.codegen.llvm_elements import FLOAT32
from symc.codegen.llvm_jobs import Tiling
from symc.codegen.llvm_nest import Access, Affine, Nest, nests_of
from symc.codegen.llvm_place import Cell, Place
from symc.codegen.llvm_schedule import LARGE_WEIGHTS, Core, Schedule, choose
from symc.codegen.llvm_tile import TileWriter
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction, axes
from symc.ops.families.winograd import BLOCK, Depth, Tiles, WinogradProduct, transformed

FLOAT = "float"
ITEMSIZE = 4
FIRST_CACHE, SECOND_CACHE = 32 << 10, 1 << 20       # bytes of what stays there while as much again passes through
MOST_BLOCKS = 4             # of a job, whose sums then take 320 KB of the stack at most
LEAST_JOBS = 8              # that jobs of so many blocks must leave
ASKED_AHEAD = 128           # channels at least of rows that are; of shorter ones half would be what is at hand
WEIGHT = 1                  # among the operands of the products


def generate(op: WinogradProduct, request: ContractionRequest, name: str, level: str,
             epilogue: Epilogue) -> ContractionKernel:
    """Write the kernel `name` of `op` for the CPU `level`.  request: its spec is that of the products."""
    builder = Builder()
    plan = _Plan(op.tiles, op.depth(request.lhs, request.rhs), request, LEVELS[level].core)
    sums = builder.register(f"alloca [{plan.sums} x {FLOAT}], align 64", POINTER)
    writers = [_JobWriter(builder, plan, part, sums, epilogue) for part in plan.parts()]
    return kernel_of(builder, writers, request, name, level)


@dataclass(frozen=True)
class _Part:
    """Jobs that are alike: in each of the chunks [first_chunk, end_chunk) `tiles` tiles a job, from `first_tile` to
    `end_tile`; `blocks` blocks of output channels a job, from block `first_block` to `end_block`."""

    first_chunk: int
    end_chunk: int
    first_tile: int
    end_tile: int
    tiles: int
    first_block: int
    end_block: int
    blocks: int

    @property
    def columns(self) -> int:
        return (self.end_block - self.first_block) // self.blocks

    @property
    def segments(self) -> int:
        return (self.end_tile - self.first_tile) // self.tiles

    @property
    def jobs(self) -> int:
        return (self.end_chunk - self.first_chunk) * self.segments * self.columns


@dataclass(frozen=True)
class _Plan:
    """What all jobs have in common."""

    tiles: Tiles
    depth: Depth | None
    request: ContractionRequest
    core: Core

    @property
    def points(self) -> int:
        return self.tiles.transforms.points

    @property
    def channels(self) -> int:
        return self.request.spec.sizes["c"]

    @property
    def padded_channels(self) -> int:
        return -(-self.channels // BLOCK) * BLOCK

    @property
    def blocks(self) -> int:
        """Of output channels."""
        return -(-self.request.spec.sizes["o"] // BLOCK)

    @property
    def weight_of_point(self) -> int:
        """Elements, for one block of output channels."""
        return (self.depth.kernel if self.depth else 1) * self.channels * BLOCK

    @property
    def weight_bytes(self) -> int:
        return self.points * self.blocks * self.weight_of_point * ITEMSIZE

    @property
    def segment(self) -> int:
        """Tiles of a row that a job does: all, or nearly equal shares of a row that is too long."""
        count = -(-self.tiles.columns // self.tiles.transforms.tiles_of_job)
        return -(-self.tiles.columns // count)

    @property
    def places(self) -> int:
        """For the sums of a job's tiles; an odd number, as in a chunk."""
        return self.tiles.of_chunk if self.tiles.rows > 1 else self.segment | 1

    @property
    def blocks_of_job(self) -> int:
        """Two where the registers hold tiles of two blocks by many rows; four where that leaves jobs enough, and either
        the first cache has a point of the chunk for all four, or each job reads the chunk from beyond the second."""
        if self.core.registers < 32:
            return 1
        point = (self.places + MOST_BLOCKS * BLOCK) * self.padded_channels * ITEMSIZE
        chunk = self.points * self.tiles.of_chunk * self.padded_channels * ITEMSIZE
        jobs = self.tiles.chunks * (self.blocks // MOST_BLOCKS)
        pays = (point <= FIRST_CACHE or chunk > SECOND_CACHE) and jobs >= LEAST_JOBS
        return min(MOST_BLOCKS if pays else 2, self.blocks)

    @property
    def sums(self) -> int:
        """Elements of a job's own memory."""
        return self.points * self.blocks_of_job * self.places * BLOCK

    def parts(self) -> Iterator[_Part]:
        """All jobs do as much, but those of the last chunk, of the ends of long rows, and of the last block."""
        for (low, high, rows), (first, end, blocks) in itertools.product(
                _shares(self.tiles.all_rows, self.tiles.rows), _shares(self.blocks, self.blocks_of_job)):
            chunks = (low // self.tiles.rows, -(-high // self.tiles.rows))
            whole = [(0, rows * self.tiles.columns, rows * self.tiles.columns)]
            for tiles in _shares(self.tiles.columns, self.segment) if self.tiles.rows == 1 else whole:
                yield _Part(*chunks, *tiles, first, end, blocks)


def _shares(extent: int, size: int) -> list[tuple[int, int, int]]:
    """(begin, end, size) of the shares that are whole, and of what is left."""
    whole = extent // size * size
    found = ((0, whole, size), (whole, extent, extent - whole))
    return [(begin, end, share) for begin, end, share in found if begin < end]


class _JobWriter:
    """Writes the jobs of a part."""

    def __init__(self, builder: Builder, plan: _Plan, part: _Part, sums: Value, epilogue: Epilogue) -> None:
        self.builder, self.plan, self.part, self.sums = builder, plan, part, sums
        data, weight, *others = (Value(builder, f"%buffer{i}", POINTER) for i in range(len(plan.request.types)))
        self.data, self.weight = data, weight
        kinds = (True, False) if plan.depth and plan.depth.kernel > 1 else (True,)
        self.products = {is_first: self._products(is_first) for is_first in kinds}
        self.pixels = _PixelWriter(builder, _pixel_schedule(plan), [sums, sums, *others], epilogue, self)

    @property
    def jobs(self) -> int:
        return self.part.jobs

    def write_job(self, number: Integer) -> None:
        """Chunk by chunk, so that its data is read from the second cache for all blocks but the first."""
        part = self.part
        block = part.first_block + number % part.columns * part.blocks
        segment = number // part.columns % part.segments if part.segments > 1 else 0
        chunk = part.first_chunk + number // (part.columns * part.segments)
        tile = part.first_tile + segment * part.tiles
        self._write_products(chunk, tile, block)
        self._write_pixels(chunk, tile, block)

    def _products(self, is_first: bool) -> Schedule:
        plan = self.plan
        products = choose(self._product_nest(is_first), plan.core, ITEMSIZE)
        return replace(products, streamed=WEIGHT if plan.weight_bytes > LARGE_WEIGHTS else None)

    def _product_nest(self, is_first: bool) -> Nest:
        """sums[p, b, t, o] = Σ data[p, t, k, c] · weight[b, p, k, c, o], where k and c are the channels; without
        `is_first` that is added to the sums."""
        plan, part = self.plan, self.part
        line = BLOCK if plan.channels % BLOCK == 0 and plan.channels >= ASKED_AHEAD else plan.channels
        strides = {
            "data": {"p": plan.tiles.of_chunk * plan.padded_channels, "t": plan.padded_channels, "k": line, "c": 1},
            "weight": {"b": plan.points * plan.weight_of_point, "p": plan.weight_of_point, "k": line * BLOCK,
                       "c": BLOCK, "o": 1},
            "sums": {"p": part.blocks * plan.places * BLOCK, "b": plan.places * BLOCK, "t": BLOCK, "o": 1}}
        operands = [strides["data"], strides["weight"], *[strides["sums"]] * (1 if is_first else 2)]
        extents = {"p": plan.points, "b": part.blocks, "t": part.tiles, "o": BLOCK,
                   "k": plan.channels // line, "c": line}
        kept = {axis: extent for axis, extent in extents.items() if extent > 1 or axis == "c"}
        accesses = [Access(Affine(0, tuple((axis, step) for axis, step in steps.items() if axis in kept)),
                           blocked=frozenset("o") & steps.keys()) for steps in operands]
        summed = tuple(axis for axis in "kc" if axis in kept)
        return Nest(kept, tuple(axis for axis in kept if axis not in summed), summed, (), tuple(accesses),
                    first_output=len(operands) - 1)

    def _write_products(self, chunk: Integer, tile: Integer, block: Integer) -> None:
        depth, tiles = self.plan.depth, self.plan.tiles
        if depth is None:
            self._add_product(chunk, tile, block, 0, is_first=True)
            return
        plane, inner = chunk // tiles.chunks_of_image, chunk % tiles.chunks_of_image
        first = plane % depth.output * depth.stride + -depth.pad
        low = self.builder.maximum(0 - first, 0)
        high = self.builder.minimum(depth.image - first, depth.kernel)
        start = plane // depth.output * depth.image + first

        def add(tap: Integer, is_first: bool) -> None:
            self._add_product((start + tap) * tiles.chunks_of_image + inner, tile, block, tap, is_first)
        add(low, is_first=True)
        if depth.kernel > 1:
            self._loop(low + 1, high, lambda tap: add(tap, is_first=False))

    def _add_product(self, chunk: Integer, tile: Integer, block: Integer, tap: Integer, is_first: bool) -> None:
        """That of a chunk of the data and the weights of a tap."""
        plan, builder = self.plan, self.builder
        first = (chunk * (plan.points * plan.tiles.of_chunk) + tile) * plan.padded_channels
        data = builder.offset(self.data, first, FLOAT)
        weight = builder.offset(self.weight, block * (plan.points * plan.weight_of_point)
                                + tap * (plan.channels * BLOCK), FLOAT)
        pointers = [data, weight, *[self.sums] * (1 if is_first else 2)]
        writer = TileWriter(builder, self.products[is_first], [FLOAT32] * len(pointers), pointers, _added)
        self._loop(0, writer.jobs, writer.write_job)

    def _write_pixels(self, chunk: Integer, tile: Integer, block: Integer) -> None:
        tiles = self.plan.tiles

        def row(number: Integer) -> None:
            for i in range(self.part.blocks):
                offset = number * (tiles.columns * BLOCK) + i * self.plan.places * BLOCK
                sums = self.builder.offset(self.sums, offset, FLOAT)
                self.pixels.write_row(chunk * tiles.rows + number, tile, block + i, sums)
        self._loop(0, -(-self.part.tiles // tiles.columns), row)

    def _loop(self, begin: Integer, end: Integer, body: Callable[[Integer], None]) -> None:
        def step(number: Integer, _: list[Value]) -> list[Value]:
            body(number)
            return []
        self.builder.loop(begin, end, 1, step)


def _added(_: object, total: Value, *before: Value) -> Value:
    """A sum, added to that of the taps before, if there are any."""
    return total + before[0] if before else total


def _pixel_schedule(plan: _Plan) -> Schedule:
    """Tiles of the output: a job is a segment of a row of tiles in one block of channels.  No sum is left to do.

    z: the planes of volumes.
    """
    request, size = plan.request, plan.tiles.size
    out = request.outputs[0]
    reverse = TensorType(out.dims[::-1], DType.float32)      # walked so, no two axes join
    names = "noyx" if plan.depth is None else "nozyx"
    spec = Contraction(tuple(zip(names, out.dims, strict=True)), axes(names), axes(names[::-1]), axes("o"))
    types = [reverse, TensorType((out.dims[1],), DType.float32), *request.types[2:]]
    found = nests_of(spec, types, [operand.along for operand in request.operands])
    assert found is not None and len(found) == 1, "pixels lie in blocks of channels"
    nest, width = found[0], plan.core.vector_bytes // ITEMSIZE
    lanes, blocks = f"o%{BLOCK}", f"o/{BLOCK}"
    wanted = (Tiling("n"), Tiling("z"), Tiling("y", size), Tiling(blocks), Tiling("x", size, plan.segment))
    tilings = tuple(tiling for tiling in wanted if tiling.axis in nest.extents)
    assert {lanes, *(tiling.axis for tiling in tilings)} == set(nest.extents), f"axes {nest.extents}"
    return Schedule(nest, plan.core, (lanes,), width, sums_lanes=False, tilings=tilings, reduction=(),
                    unrolled=frozenset(), checked=nest.constraints, streamed=None, rows_ahead=None)


class _PixelWriter(TileWriter):
    """Tiles of pixels whose sums are those of the points of a transformed tile."""

    def __init__(self, builder: Builder, schedule: Schedule, pointers: Sequence[Value], epilogue: Epilogue,
                 job: _JobWriter) -> None:
        super().__init__(builder, schedule, [FLOAT32] * len(pointers), pointers, epilogue)
        self.plan, self.step = job.plan, job.part.blocks * job.plan.places * BLOCK
        self.sums = job.sums
        self.first_tile: Integer = 0

    def write_row(self, row: Integer, tile: Integer, block: Integer, sums: Value) -> None:
        """A segment of a row of tiles from `tile` on, in one block of channels.

        row: counted through the batch.  sums: those of the tile and the first point.
        """
        segments = -(-self.plan.tiles.columns // self.plan.segment)
        self.sums, self.first_tile = sums, tile
        self.write_job((row * self.plan.blocks + block) * segments + tile // self.plan.segment)

    def _tile_sizes(self, extent: int, size: int) -> list[int]:
        """All whole but the last."""
        return [min(size, extent - start) for start in range(0, extent, size)]

    def _write_tile(self, place: Place) -> None:
        """Piece by piece of the lanes: the points of one are as many vectors as there are registers."""
        for piece, cells in itertools.groupby(sorted(self._all_cells(place), key=_piece_of), key=_piece_of):
            made = self._pixels(place, piece)
            self.cells = list(cells)
            self._finish(place, [made[cell.point.get("y", 0)][cell.point.get("x", 0)] for cell in self.cells])
            self.builder.fence()

    def _pixels(self, place: Place, piece: int) -> list[list[Value]]:
        """One piece of the lanes of all pixels of a tile."""
        transforms = self.plan.tiles.transforms
        tile = place.values.get("x", 0) // self.plan.tiles.size - self.first_tile
        first = self.builder.offset(self.sums, tile * BLOCK + piece * self.schedule.width, FLOAT)
        side = range(len(transforms.image))
        points = [[self._point(first, i * len(side) + j) for j in side] for i in side]
        return transformed(transforms.output, points)

    def _point(self, first: Value, number: int) -> Value:
        """The sum of one point of a transformed tile."""
        return self.builder.load(self.builder.offset(first, number * self.step, FLOAT), self.vector)


def _piece_of(cell: Cell) -> int:
    return cell.piece
