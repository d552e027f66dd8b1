"""Products in front of gates as LLVM IR: the sums of all gates of some hidden units, then what is made of these.

    void name(ptr data, ptr weight, ptr operand..., ptr output..., i64 begin, i64 end)

A job is one block of 16 hidden units and some rows of the batch.  It sums into memory of its own on the stack,
[gates][rows][16], by the writer of matrix products; a second writer walks the units and finds the sums of all their
gates there.  So a step of a recurrent layer needs no barrier between its product and its gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionKernel, kernel_of
from symc.codegen.llvm_elements import FLOAT32, Element, element_of
from symc.codegen.llvm_jobs import JOBS_WANTED, Tiling
from symc.codegen.llvm_math import VectorMath
from symc.codegen.llvm_nest import Access, Affine, Constraint, Nest
from symc.codegen.llvm_place import Cell, Place
from symc.codegen.llvm_round_tiles import RoundsWriter
from symc.codegen.llvm_schedule import LARGE_WEIGHTS, Core, Schedule, choose
from symc.codegen.llvm_tile import TileWriter
from symc.ir.types import TensorType
from symc.ops.contraction import Contraction

BLOCK = 16                  # hidden units of a job; those of a block of the weights
SUMS_OF_JOB = 32 << 10      # bytes on the stack
LEAST_ROWS = 8              # of a job, for which weights are read
ITEMSIZE = 4
FLOAT = "float"
WEIGHT = 1                  # among the operands of the products
FIRST_OPERAND = 2           # among the buffers

# epilogue(F, sums, operands) gives the outputs: values of one gate, or of all gates as lists
GateValue = Value | list[Value]
GateEpilogue = Callable[[VectorMath, list[Value], Sequence[GateValue]], Sequence[GateValue]]


@dataclass(frozen=True, slots=True)
class GateRequest:
    """One kernel to be: data (rows, depth) times weight (gates, units, depth), in blocks of 16 units with all their
    gates; operands and outputs are (rows, units) or, of all gates, (rows, gates·units), or repeated along these.
    """

    spec: Contraction
    data: TensorType
    weight: TensorType
    operands: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]

    @property
    def rows(self) -> int:
        return self.spec.sizes["m"]

    @property
    def gates(self) -> int:
        return self.spec.sizes["g"]

    @property
    def units(self) -> int:
        return self.spec.sizes["n"]

    @property
    def depth(self) -> int:
        return self.spec.sizes["k"]

    @property
    def blocks(self) -> int:
        """Of hidden units."""
        return -(-self.units // BLOCK)

    @property
    def types(self) -> tuple[TensorType, ...]:
        """Of the buffers, in the order of the kernel's parameters."""
        return (self.data, self.weight, *self.operands, *self.outputs)

    @property
    def rows_of_job(self) -> int:
        """All, or nearly equal shares where they are too many for the stack, or there would be few jobs."""
        most = SUMS_OF_JOB // (self.gates * BLOCK * ITEMSIZE)
        wanted = min(-(-JOBS_WANTED // self.blocks), -(-self.rows // LEAST_ROWS))
        return -(-self.rows // max(wanted, -(-self.rows // most)))

    @property
    def chunks(self) -> int:
        """Of rows."""
        return -(-self.rows // self.rows_of_job)

    def is_of_all(self, type: TensorType) -> bool:
        """Whether a tensor has a value for each gate."""
        return type.dims[-1:] == (self.gates * self.units,)


def generate(request: GateRequest, name: str, level: str, epilogue: GateEpilogue) -> ContractionKernel:
    """Write the kernel `name` for the CPU `level`.  The jobs of the last rows may be smaller than the others."""
    builder, core = Builder(), LEVELS[level].core
    whole, rest = divmod(request.rows, request.rows_of_job)
    writers = [_JobWriter(builder, request, core, request.rows_of_job, (0, whole), epilogue)]
    if rest:
        writers.append(_JobWriter(builder, request, core, rest, (whole, whole + 1), epilogue))
    return kernel_of(builder, writers, request, name, level)


class _JobWriter:
    """Writes the jobs of `rows` rows each in the chunks [first, end)."""

    def __init__(self, builder: Builder, request: GateRequest, core: Core, rows: int, chunks: tuple[int, int],
                 epilogue: GateEpilogue) -> None:
        self.builder, self.request, self.rows, self.chunks = builder, request, rows, chunks
        self.pointers = [Value(builder, f"%buffer{i}", POINTER) for i in range(len(request.types))]
        self.elements = [element_of(type.element, core.has_pairs) for type in request.types]
        sums = builder.register(f"alloca [{request.gates * rows * BLOCK} x {FLOAT}], align 64", POINTER)
        schedule = choose(self._product_nest(), core, ITEMSIZE)
        writer = RoundsWriter if schedule.rounds else TileWriter
        self.products = writer(builder, _streaming(schedule, request), [*self.elements[:2], FLOAT32],
                               [*self.pointers[:2], sums], lambda _, total: total)
        self.units = _UnitWriter(builder, request, core, sums, rows, self.elements, self.pointers, epilogue)

    @property
    def jobs(self) -> int:
        return self.request.blocks * (self.chunks[1] - self.chunks[0])

    def write_job(self, number: Integer) -> None:
        """All rows of a block first: so threads have weights of their own, which stay near them from step to step."""
        first, end = self.chunks
        block, chunk = number // (end - first), number % (end - first) + first
        self.units.prefetch(block, chunk)
        self._write_products(block, chunk)
        self.units.write_job(block * self.request.chunks + chunk)

    def _product_nest(self) -> Nest:
        """sums[g, m, n] = Σ data[m, k] · weight[g, k, n]."""
        strides = {"data": {"m": self.request.depth, "k": 1},
                   "weight": {"g": self.request.depth * BLOCK, "k": BLOCK, "n": 1},
                   "sums": {"g": self.rows * BLOCK, "m": BLOCK, "n": 1}}
        extents = {"g": self.request.gates, "m": self.rows, "n": BLOCK, "k": self.request.depth}
        kept = {axis: extent for axis, extent in extents.items() if extent > 1 or axis == "k"}
        accesses = [Access(Affine(0, tuple((axis, step) for axis, step in steps.items() if axis in kept)),
                           blocked=frozenset("n") & steps.keys()) for steps in strides.values()]
        return Nest(kept, tuple(axis for axis in kept if axis != "k"), ("k",), (), tuple(accesses), first_output=2)

    def _write_products(self, block: Integer, chunk: Integer) -> None:
        request, builder = self.request, self.builder
        starts = (chunk * (request.rows_of_job * request.depth), block * (request.gates * request.depth * BLOCK))
        moved = [builder.offset(pointer, start, element.memory) for pointer, start, element
                 in zip(self.pointers[:2], starts, self.elements[:2], strict=True)]
        self.products.pointers = [*moved, self.products.pointers[2]]

        def step(number: Integer, _: list[Value]) -> list[Value]:
            self.products.write_job(number)
            return []
        builder.loop(0, self.products.jobs, 1, step)


def _streaming(schedule: Schedule, request: GateRequest) -> Schedule:
    """Weights that stay in no second cache are asked for ahead."""
    weights = request.gates * request.blocks * BLOCK * request.depth * ITEMSIZE
    return replace(schedule, streamed=WEIGHT if weights > LARGE_WEIGHTS else None)


class _UnitWriter(TileWriter):
    """Hidden units of one row, whose sums are those of their gates."""

    def __init__(self, builder: Builder, request: GateRequest, core: Core, sums: Value, rows: int,
                 elements: Sequence[Element], pointers: Sequence[Value], epilogue: GateEpilogue) -> None:
        super().__init__(builder, _unit_schedule(request, core), elements, pointers, lambda _, total: total)
        self.request, self.sums, self.rows, self.make = request, sums, rows, epilogue
        self.outputs = range(self.nest.first_output, len(pointers))

    def _write_tile(self, place: Place) -> None:
        self.cells, self.loaded = list(self._all_cells(place)), {}
        place = replace(place, cursors={i: self._start(i, place) for i in range(FIRST_OPERAND, len(self.accesses))})
        for piece in range(self.schedule.pieces):
            self._write_units(place, [cell for cell in self.cells if cell.piece == piece])

    def _write_units(self, place: Place, cells: Sequence[Cell]) -> None:
        """One vector of units.  cells: one for each gate."""
        exists = self._exists(place, cells[0])
        sums = [self._sum(place, gate, cell.piece) for gate, cell in enumerate(cells)]
        operands = [self._operand(i, place, cells, exists) for i in range(FIRST_OPERAND, self.outputs.start)]
        results = self.make(VectorMath(self.builder), sums, operands)
        for i, result in zip(self.outputs, results, strict=True):
            for cell, value in zip(cells, result if isinstance(result, list) else [result], strict=False):
                self._store(i, place, cell, value, exists)

    def _sum(self, place: Place, gate: int, piece: int) -> Value:
        row = place.values["m"] - self.chunk * self.request.rows_of_job + gate * self.rows
        offset = row * BLOCK + piece * self.schedule.width
        return self.builder.load(self.builder.offset(self.sums, offset, FLOAT), self.vector)

    def _operand(self, access: int, place: Place, cells: Sequence[Cell], exists: Sequence[bool]) -> GateValue:
        found = [self._load(access, self.output_lanes, place, cell, exists) for cell in cells]
        return found if self.request.is_of_all(self.request.types[access]) else found[0]

    def write_job(self, number: Integer) -> None:
        self.chunk = number % self.request.chunks
        super().write_job(number)

    def prefetch(self, block: Integer, chunk: Integer) -> None:
        """What the units will read of each row lies in as many lines, which nothing else would ask for early."""
        first = chunk * self.request.rows_of_job
        for i in range(FIRST_OPERAND, self.outputs.start):
            address = self.accesses[i].address
            if address.coefficient("m"):
                gates = self.request.gates if address.coefficient("g") else 1
                start = address.at({"m": first, "n/16": block})

                def row(number: Integer, _: list[Value], i: int = i, gates: int = gates,
                        start: Integer = start) -> list[Value]:
                    for gate in range(gates):
                        step = self.accesses[i].address.at({"m": number}) + gate * self.request.units
                        self.builder.prefetch(self._offset(i, self.pointers[i], start + step))
                    return []
                self.builder.loop(0, self.rows, 1, row)


def _unit_schedule(request: GateRequest, core: Core) -> Schedule:
    """A job is some rows of a block of units; a tile one row, with all gates of each unit."""
    extents = {"m": request.rows, "g": request.gates, "n/16": request.blocks, "n%16": BLOCK}
    unit = Affine(0, (("n/16", BLOCK), ("n%16", 1)))
    bounds = (Constraint(unit, request.units),) if request.units % BLOCK else ()
    accesses = tuple(_access(request, type, unit) for type in request.types)
    nest = Nest(extents, tuple(extents), (), bounds, accesses, len(request.types) - len(request.outputs))
    tilings = (Tiling("n/16"), Tiling("m", 1, request.rows_of_job), Tiling("g", request.gates, 0))
    return Schedule(nest, core, ("n%16",), core.vector_bytes // ITEMSIZE, sums_lanes=False, tilings=tilings,
                    reduction=(), unrolled=frozenset(), checked=bounds, streamed=None, rows_ahead=None)


def _access(request: GateRequest, type: TensorType, unit: Affine) -> Access:
    """Of an operand or output, whose dimensions of extent 1 are repeated."""
    rows, width = (1, 1, *type.dims)[-2:]
    gates = (("g", request.units),) if width == request.gates * request.units else ()
    address = Affine(0, (("m", width),) if rows > 1 else ()) + Affine(0, gates)
    return Access(address + unit if width > 1 or request.units == 1 else address)
