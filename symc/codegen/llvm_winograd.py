"""Winograd's convolutions as LLVM IR: the products of all points of some tiles, then their transformation and epilogue.

    void name(ptr data, ptr weight, ptr operand..., ptr output..., i64 begin, i64 end)

A job is one chunk of tiles and one or two blocks of 16 output channels.  It sums into memory of its own on the stack,
[points][blocks][tiles][16], by the writer of matrix products; a second writer, that of tiles of pixels, finds its sums
there instead of adding them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from symc.codegen.llvm_builder import Builder, Integer, Type, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionKernel, ContractionRequest, Epilogue, kernel_of
from symc.codegen.llvm_nest import Access, Affine, Nest, nests_of
from symc.codegen.llvm_schedule import Core, Schedule, Tiling, choose
from symc.codegen.llvm_tile import Place, TileWriter
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction, axes
from symc.ops.families.winograd import BLOCK, Tiles, WinogradProduct, transformed

FLOAT = "float"
ITEMSIZE = 4
SUMS_OF_JOB = 64 << 10      # bytes of the stack


def generate(op: WinogradProduct, request: ContractionRequest, name: str, level: str,
             epilogue: Epilogue) -> ContractionKernel:
    """Write the kernel `name` of `op` for the CPU `level`.  request: its spec is that of the products."""
    builder = Builder()
    plan = _Plan(op.tiles(request.lhs), request, LEVELS[level].core)
    sums = builder.register(f"alloca [{plan.sums} x {FLOAT}], align 64", Type("ptr"))
    writers = [_JobWriter(builder, plan, part, sums, epilogue) for part in plan.parts()]
    return kernel_of(builder, writers, request, name, level)


@dataclass(frozen=True)
class _Part:
    """Jobs that are alike: chunks [first_chunk, end_chunk) of `rows` rows of tiles, `blocks` blocks of channels each
    from block `first_block` to `end_block`."""

    first_chunk: int
    end_chunk: int
    rows: int
    first_block: int
    end_block: int
    blocks: int

    @property
    def columns(self) -> int:
        return (self.end_block - self.first_block) // self.blocks

    @property
    def jobs(self) -> int:
        return (self.end_chunk - self.first_chunk) * self.columns


@dataclass(frozen=True)
class _Plan:
    """What all jobs have in common."""

    tiles: Tiles
    request: ContractionRequest
    core: Core

    @property
    def points(self) -> int:
        return self.tiles.transforms.points

    @property
    def channels(self) -> int:
        return self.request.spec.sizes["c"]

    @property
    def blocks(self) -> int:
        """Of output channels."""
        return -(-self.request.spec.sizes["o"] // BLOCK)

    @property
    def blocks_of_job(self) -> int:
        """Two where the registers hold tiles of two vectors by many rows, and the stack the sums."""
        fits = 2 * self.points * self.tiles.of_chunk * BLOCK * ITEMSIZE <= SUMS_OF_JOB
        import os
        return int(os.environ.get("WB") or (2 if fits and self.blocks > 1 else 1))

    @property
    def sums(self) -> int:
        """Elements of a job's own memory."""
        return self.points * self.blocks_of_job * self.tiles.of_chunk * BLOCK

    def parts(self) -> Iterator[_Part]:
        """All chunks are whole but the last, all jobs have as many blocks but those of the last."""
        tiles, blocks = self.tiles, self.blocks_of_job
        whole = tiles.all_rows // tiles.rows
        for first, end, rows in ((0, whole, tiles.rows), (whole, tiles.chunks, tiles.all_rows % tiles.rows)):
            even = self.blocks // blocks * blocks
            for low, high, count in ((0, even, blocks), (even, self.blocks, 1)):
                if first < end and low < high:
                    yield _Part(first, end, rows, low, high, count)


class _JobWriter:
    """Writes the jobs of a part."""

    def __init__(self, builder: Builder, plan: _Plan, part: _Part, sums: Value, epilogue: Epilogue) -> None:
        self.builder, self.plan, self.part, self.sums = builder, plan, part, sums
        data, weight, *others = (Value(builder, f"%buffer{i}", Type("ptr")) for i in range(len(plan.request.types)))
        self.data, self.weight = data, weight
        self.products = choose(self._product_nest(), plan.core, ITEMSIZE)
        import os
        from dataclasses import replace
        if os.environ.get("WPF"):
            self.products = replace(self.products, core=replace(plan.core,prefetched_bytes=int(os.environ["WPF"])), streamed=1)
        self.pixels = _PixelWriter(builder, _pixel_schedule(plan), [sums, sums, *others], epilogue, self)

    @property
    def jobs(self) -> int:
        return self.part.jobs

    @property
    def tiles(self) -> int:
        return self.part.rows * self.plan.tiles.columns

    def write_job(self, number: Integer) -> None:
        chunk = self.part.first_chunk + number // self.part.columns
        block = self.part.first_block + number % self.part.columns * self.part.blocks
        self._write_products(chunk, block)
        self._write_pixels(chunk, block)

    def _product_nest(self) -> Nest:
        """sums[p, b, t, o] = Σ data[p, t, c] · weight[b, p, c, o]."""
        plan, part = self.plan, self.part
        padded = -(-plan.channels // BLOCK) * BLOCK
        strides = {
            "data": {"p": plan.tiles.of_chunk * padded, "t": padded, "c": 1},
            "weight": {"b": plan.points * plan.channels * BLOCK, "p": plan.channels * BLOCK, "c": BLOCK, "o": 1},
            "sums": {"p": part.blocks * plan.tiles.of_chunk * BLOCK, "b": plan.tiles.of_chunk * BLOCK, "t": BLOCK, "o": 1}}
        extents = {"p": plan.points, "b": part.blocks, "t": self.tiles, "o": BLOCK, "c": plan.channels}
        kept = {axis: extent for axis, extent in extents.items() if extent > 1 or axis == "c"}
        accesses = [Access(Affine(0, tuple((axis, step) for axis, step in steps.items() if axis in kept)),
                           blocked=frozenset("o") & steps.keys()) for steps in strides.values()]
        return Nest(kept, tuple(axis for axis in kept if axis != "c"), ("c",), (), tuple(accesses), first_output=2)

    def _write_products(self, chunk: Integer, block: Integer) -> None:
        plan, builder = self.plan, self.builder
        padded = -(-plan.channels // BLOCK) * BLOCK
        data = builder.offset(self.data, chunk * (plan.points * plan.tiles.of_chunk * padded), FLOAT)
        weight = builder.offset(self.weight, block * (plan.points * plan.channels * BLOCK), FLOAT)
        writer = TileWriter(builder, self.products, FLOAT, [data, weight, self.sums], lambda _, total: total)
        self._loop(writer.jobs, writer.write_job)

    def _write_pixels(self, chunk: Integer, block: Integer) -> None:
        def row(number: Integer) -> None:
            for i in range(self.part.blocks):
                self.pixels.write_row(chunk * self.plan.tiles.rows + number, number, block + i, i)
        self._loop(self.part.rows, row)

    def _loop(self, count: int, body: Callable[[Integer], None]) -> None:
        def step(number: Integer, _: list[Value]) -> list[Value]:
            body(number)
            return []
        self.builder.loop(0, count, 1, step)


def _pixel_schedule(plan: _Plan) -> Schedule:
    """Tiles of the output, one row of them to a job, blocks of channels inside: no sum is left to do."""
    request, size = plan.request, plan.tiles.size
    out = request.outputs[0]
    reverse = TensorType(out.dims[::-1], DType.float32)      # walked so, no two axes join
    spec = Contraction(tuple(zip("noyx", out.dims, strict=True)), axes("noyx"), axes("xyon"), axes("o"))
    types = [reverse, TensorType((out.dims[1],), DType.float32), *request.types[2:]]
    found = nests_of(spec, types, [operand.along for operand in request.operands])
    assert found is not None and len(found) == 1, "pixels lie in blocks of channels"
    nest, width = found[0], plan.core.vector_bytes // ITEMSIZE
    lanes = f"o%{BLOCK}"
    sizes = {"n": Tiling("n"), "y": Tiling("y", size), f"o/{BLOCK}": Tiling(f"o/{BLOCK}"), "x": Tiling("x", size, 0)}
    tilings = tuple(tiling for axis, tiling in sizes.items() if axis in nest.extents)
    assert {lanes, *(tiling.axis for tiling in tilings)} == set(nest.extents), f"axes {nest.extents}"
    return Schedule(nest, plan.core, (lanes,), width, False, tilings, (), frozenset(), nest.constraints, None)


class _PixelWriter(TileWriter):
    """Tiles of pixels whose sums are those of the points of a transformed tile."""

    def __init__(self, builder: Builder, schedule: Schedule, pointers: Sequence[Value], epilogue: Epilogue,
                 job: _JobWriter) -> None:
        super().__init__(builder, schedule, FLOAT, pointers, epilogue)
        self.job, self.size = job, job.plan.tiles.size
        self.first: Value = job.sums     # of the row of tiles: that of the first tile and point

    def write_row(self, row: Integer, row_of_chunk: Integer, block: Integer, block_of_job: int) -> None:
        """A row of tiles, counted through the batch, in one block of channels."""
        offset = row_of_chunk * (self.job.plan.tiles.columns * BLOCK) + block_of_job * self.job.plan.tiles.of_chunk * BLOCK
        self.first = self.builder.offset(self.job.sums, offset, FLOAT)
        self.write_job(row * self.job.plan.blocks + block)

    def _tile_sizes(self, extent: int, size: int) -> list[int]:
        """All whole but the last, if the axis is one of pixels."""
        return [min(size, extent - start) for start in range(0, extent, size)]

    def _write_tile(self, place: Place) -> None:
        self.cells = list(self._all_cells(place))
        made = [self._pixels(place, piece) for piece in range(self.schedule.pieces)]
        self._finish(place, [made[cell.piece][cell.point.get("y", 0)][cell.point.get("x", 0)] for cell in self.cells])

    def _pixels(self, place: Place, piece: int) -> list[list[Value]]:
        """One piece of the lanes of all pixels of a tile."""
        transforms, job = self.job.plan.tiles.transforms, self.job
        at = place.values.get("x", 0) // self.size * BLOCK + piece * self.schedule.width
        first = self.builder.offset(self.first, at, FLOAT)
        step, side = job.part.blocks * job.plan.tiles.of_chunk * BLOCK, len(transforms.image)
        points = [[self._load_at(first, (i * side + j) * step, self.vector) for j in range(side)] for i in range(side)]
        return transformed(transforms.output, points)
