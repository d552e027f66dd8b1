"""Contractions on a GPU: tiles of the output in registers, tiles of the operands in shared memory.

The axes of a contraction are joined to four numbers: b over those that both operands and the output have, m over those
of the left operand and the output, n over those of the right one and the output, k over those that are summed.  A
block of threads computes a tile of m and n for one b:

    for tiles of k:   registers → shared memory;  barrier;  next tiles: memory → registers;  multiply;  barrier

Images need no columns (im2col): where an element of an operand lies follows from m and k when it is loaded, padding
included.  A thread's results lie apart by a row of threads, so that neighbours store side by side; what follows the
sums elementwise is computed from registers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_reduce import stores_of, synchronise, unravelled
from symc.codegen.tir_machine import THREADS, Launch, launched
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_space import Loop, Places, analyse
from symc.frontend.te import Product, Reduced, TensorExpressions, operand
from symc.frontend.te_math import Expr, Indices, Scalar, evaluating, literal
from symc.ops.contraction import Contraction

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan, Stage

SIDE = 16               # threads along m, and along n
DEPTH = 16              # steps of k in a tile
SIZES = (8, 4, 2, 1)    # results of a thread along m, or n
PAD = 1                 # elements between rows of shared memory, so that columns fall into different banks
SMALLEST = 16           # of m and n, that a tile is worth while
PROCESSORS = 108        # of the GPU that tiles are chosen for
LOADS = 2               # what loading an operand costs, in multiplications
UNROLLED = tirx.ForKind.UNROLLED


def is_tiled(cluster: Cluster) -> bool:
    """Whether the cluster is one contraction of some size, and results that follow element by element."""
    sums = [stage.tensor for stage in cluster.stages if isinstance(stage.form, Reduced) and stage.form is stage.tensor]
    if len(sums) != 1 or not isinstance(sums[0], Reduced) or sums[0].product is None:
        return False
    wide = [sum(extent != 1 for extent in stage.tensor.shape) for stage in cluster.stages]
    if any(len(stage.rows) != count for stage, count in zip(cluster.stages, wide, strict=True)):
        return False
    sides = Sides.of(sums[0].product.spec)
    return min(sides.size("m"), sides.size("n")) >= SMALLEST and sides.size("k") > 1


@dataclass(frozen=True)
class Sides:
    """The axes of a contraction by what they are: 'b', 'm', 'n', 'k'; each with its extent."""

    axes: dict[str, tuple[tuple[str, int], ...]]

    @staticmethod
    def of(spec: Contraction) -> Sides:
        left, right = ({name for index in operand for name, _ in index.terms} for operand in (spec.lhs, spec.rhs))
        parallel = set(spec.parallel)

        def side(name: str) -> str:
            if name not in parallel:
                return "k"
            return "m" if name not in right else "n" if name not in left else "b"
        return Sides({key: tuple((name, extent) for name, extent in spec.extents if side(name) == key)
                      for key in "bmnk"})

    def size(self, side: str) -> int:
        return math.prod(extent for _, extent in self.axes[side])


@dataclass(frozen=True)
class Tile:
    """Results of a thread along m and n."""

    m: int
    n: int

    @property
    def rows(self) -> int:
        return self.m * SIDE

    @property
    def columns(self) -> int:
        return self.n * SIDE


def tile_for(sides: Sides) -> Tile:
    """The tile of least time: turns in which all blocks are done, times multiplications and loads of a thread."""
    def cost(tile: Tile) -> float:
        blocks = sides.size("b") * -(-sides.size("m") // tile.rows) * -(-sides.size("n") // tile.columns)
        return -(-blocks // PROCESSORS) * (tile.m * tile.n + LOADS * (tile.m + tile.n))
    return min((Tile(m, n) for m in SIZES for n in SIZES), key=cost)


def contraction_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for the contraction of a cluster and what follows from it."""
    stage = next(stage for stage in cluster.stages if isinstance(stage.form, Reduced))
    assert isinstance(stage.form, Reduced) and stage.form.product is not None
    sides = Sides.of(stage.form.product.spec)
    tile = tile_for(sides)
    blocks = [sides.size("b"), -(-sides.size("m") // tile.rows), -(-sides.size("n") // tile.columns)]
    launch = Launch(math.prod(blocks), THREADS)
    emitter = plan.emitter()
    with evaluating(emitter), launched(emitter, launch) as (block, thread):
        loops = [Loop(name, extent) for name, extent in zip("bmn", blocks, strict=True)]
        _Writer(plan, cluster, emitter, stage.form, tile, unravelled(emitter, block, loops), thread).write()
    used = [*emitter.used, *(buffer for one in cluster.stages for buffer in one.buffers)]
    return kernel_of(emitter, symbol, plan.parameters(used), launch.blocks, launch)


@dataclass
class _Load:
    """How the threads of a block load a tile of an operand: each `count` elements.

    rows: extent of the tile along m or n.  places: of each element, its row and its step of k.
    """

    operand: int
    side: str
    rows: int
    places: list[tuple[Any, Any]]
    axes: list[dict[str, Any]]          # of the row of each element
    exists: list[Expr | None]
    registers: Cells
    shared: Cells


class _Writer:
    def __init__(self, plan: GroupPlan, cluster: Cluster, emitter: Emitter, total: Reduced, tile: Tile,
                 block: Places, thread: Any) -> None:
        assert total.product is not None
        self.plan, self.cluster, self.emitter, self.total, self.tile = plan, cluster, emitter, total, tile
        self.product: Product = total.product
        self.spec = self.product.spec
        self.sides, self.thread = Sides.of(self.spec), thread
        places = {loop.name: place for loop, place in block.items()}
        self.batch = self._axes("b", places["b"])
        self.first = {"m": places["m"] * tile.rows, "n": places["n"] * tile.columns}
        self.te = TensorExpressions()

    def write(self) -> None:
        emitter, steps = self.emitter, -(-self.sides.size("k") // DEPTH)
        sums = emitter.cells(self.total.element_dtype, self.tile.m * self.tile.n)
        self._clear(sums)
        loads = [self._load(0, "m", self.tile.rows), self._load(1, "n", self.tile.columns)]
        along_m = self._stores_along_m()
        fast, slow = self.thread % SIDE, self.thread // SIDE
        own = {"m": fast if along_m else slow, "n": slow if along_m else fast}
        own = {side: emitter.name_index(side, place, SIDE) for side, place in own.items()}
        for load in loads:
            self._fetch(load, emitter.constant(0))
        with emitter.loop("step", steps) as step:
            for load in loads:
                self._share(load)
            synchronise(emitter)
            if steps > 1:
                with emitter.when(tirx.LT(step + 1, emitter.constant(steps))):
                    for load in loads:
                        self._fetch(load, (step + 1) * DEPTH)
            self._multiply(sums, loads, own)
            synchronise(emitter)
        self._store(sums, own)

    def _axes(self, side: str, number: Any) -> dict[str, Any]:
        """The axes of a side from their joined number."""
        loops = [Loop(name, extent) for name, extent in self.sides.axes[side]]
        return {loop.name: place for loop, place in unravelled(self.emitter, number, loops).items()}

    def _clear(self, sums: Cells) -> None:
        with self.emitter.loop("z", self.tile.m * self.tile.n, kind=UNROLLED) as at:
            self.emitter.write(sums, at, literal(0, sums.dtype), 1)

    # ---- operands ----------------------------------------------------------------------------------------

    def _load(self, number: int, side: str, rows: int) -> _Load:
        """Neighbouring threads load along whichever of rows and steps memory runs."""
        emitter, count = self.emitter, rows * DEPTH // THREADS
        along_rows = self._runs_along_rows(number, side)
        width, places = rows if along_rows else DEPTH, []
        for turn in range(count):
            at = self.thread + turn * THREADS
            place = emitter.simplify(at % width), emitter.simplify(at // width)
            places.append(place if along_rows else place[::-1])
        size, axes, exists = self.sides.size(side), [], []
        for row, _ in places:
            joined = emitter.name_index("r", self.first[side] + row, -(-size // rows) * rows)
            exists.append(tirx.LT(joined, emitter.constant(size)) if size % rows else None)
            axes.append(self._axes(side, joined))
        dtype = self.product.inputs[number].dtype
        return _Load(number, side, rows, places, axes, exists, emitter.cells(dtype, count),
                     emitter.cells(dtype, DEPTH * (rows + PAD), "shared"))

    def _runs_along_rows(self, number: int, side: str) -> bool:
        """Whether memory runs along m or n, rather than along k, in an operand."""
        emitter = self.plan.emitter()
        loops = {name: Loop(name, extent) for axes in self.sides.axes.values() for name, extent in axes}

        def body(places: Places) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            at = {loop.name: place for loop, place in places.items()}
            return [operand(self.te, self.product, number, at)], []
        with evaluating(emitter):
            found = analyse(emitter, list(loops.values()), body)

        def step(axes: Sequence[tuple[str, int]]) -> tuple[int, int]:
            steps = [(abs(access.steps[loops[name]] or 1 << 30), -extent) for access in found.accesses
                     for name, extent in axes if extent > 1]
            return min(steps, default=(1 << 30, 0))
        return step(self.sides.axes[side]) <= step(self.sides.axes["k"])

    def _fetch(self, load: _Load, first: Any) -> None:
        """Elements of the tiles that begin at step `first` of k, from memory to registers."""
        emitter, size = self.emitter, self.sides.size("k")
        for number, (_, depth) in enumerate(load.places):
            with emitter.block():
                joined = emitter.name_index("k", emitter.simplify(first + depth), -(-size // DEPTH) * DEPTH)
                guards = [tirx.LT(joined, emitter.constant(size))] if size % DEPTH else []
                guards += filter(None.__ne__, [load.exists[number]])
                at = {**self.batch, **load.axes[number], **self._axes("k", joined)}
                value = operand(self.te, self.product, load.operand, at)
                if guards:
                    value = self.te.select(self.te.all(*guards), value, 0)
                emitter.settle([value])
                emitter.write(load.registers, number, value, 1)

    def _share(self, load: _Load) -> None:
        emitter = self.emitter
        for number, (row, depth) in enumerate(load.places):
            value = emitter.read(load.registers, number, 1)
            emitter.write(load.shared, emitter.simplify(depth * (load.rows + PAD) + row), value, 1)

    # ---- sums --------------------------------------------------------------------------------------------

    def _multiply(self, sums: Cells, loads: Sequence[_Load], own: dict[str, Any]) -> None:
        emitter, counts = self.emitter, (self.tile.m, self.tile.n)
        factors = [emitter.cells(load.shared.dtype, count) for load, count in zip(loads, counts, strict=True)]
        with emitter.loop("k", DEPTH, kind=UNROLLED) as step:
            for load, count, registers in zip(loads, counts, factors, strict=True):
                with emitter.loop("i", count, kind=UNROLLED) as number:
                    place = step * (load.rows + PAD) + number * SIDE + own[load.side]
                    emitter.write(registers, number, emitter.read(load.shared, emitter.simplify(place), 1), 1)
            with emitter.loop("i", self.tile.m, kind=UNROLLED) as i, \
                    emitter.loop("j", self.tile.n, kind=UNROLLED) as j:
                place = emitter.simplify(i * self.tile.n + j)
                product = emitter.read(factors[0], i, 1) * emitter.read(factors[1], j, 1)
                emitter.write(sums, place, emitter.read(sums, place, 1) + product, 1)

    def _store(self, sums: Cells, own: dict[str, Any]) -> None:
        """What follows from each of a thread's sums."""
        emitter = self.emitter
        with emitter.loop("i", self.tile.m, kind=UNROLLED) as i, emitter.loop("j", self.tile.n, kind=UNROLLED) as j:
            at, guards = dict(self.batch), []
            for side, turn, rows in (("m", i, self.tile.rows), ("n", j, self.tile.columns)):
                size = self.sides.size(side)
                joined = emitter.name_index(side, emitter.simplify(self.first[side] + turn * SIDE + own[side]),
                                            -(-size // rows) * rows)
                if size % rows:
                    guards.append(tirx.LT(joined, emitter.constant(size)))
                at |= self._axes(side, joined)
            value = emitter.read(sums, emitter.simplify(i * self.tile.n + j), 1)
            with emitter.all_hold(guards):
                self._store_results(value, self._output(at))

    def _output(self, at: dict[str, Any]) -> Indices:
        """The indices of the output at a point of the axes."""
        return tuple(self.emitter.simplify(sum((at[name] * c for name, c in index.terms), index.offset))
                     for index in self.spec.output)

    def _store_results(self, total: Scalar, indices: Indices) -> None:
        emitter = self.emitter
        emitter.provide(self.total, lambda _: total)
        wide = [index for index, extent in zip(indices, self.total.shape, strict=True) if extent != 1]
        for stage in self.cluster.stages:
            value = total if stage.tensor is self.total else emitter.compute(stage.tensor, _at(stage, wide))
            emitter.settle([value])
            for buffer, place in stores_of(emitter, stage, _at(stage, wide)):
                emitter.store(buffer, place, value)

    def _stores_along_m(self) -> bool:
        """Whether results lie side by side along m, rather than along n."""
        emitter = self.plan.emitter()
        loops = {name: Loop(name, extent) for side in "bmn" for name, extent in self.sides.axes[side]}
        written = next(stage for stage in self.cluster.stages if stage.buffers)

        def body(places: Places) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            at = {loop.name: place for loop, place in places.items()}
            indices = tuple(sum((at[name] * c for name, c in index.terms), index.offset) for index in self.spec.output)
            wide = [index for index, extent in zip(indices, self.total.shape, strict=True) if extent != 1]
            return [], stores_of(emitter, written, _at(written, wide))
        with evaluating(emitter):
            (store,) = analyse(emitter, list(loops.values()), body).accesses[:1]
        return any(store.steps[loops[name]] == 1 for name, extent in self.sides.axes["m"] if extent > 1)


def _at(stage: Stage, wide: Sequence[Any]) -> Indices:
    """The indices of a stage at the indices of the sums' axes that are wider than 1."""
    indices: list[Any] = [0] * len(stage.tensor.shape)
    for axis, index in zip(stage.rows, wide, strict=True):
        indices[axis] = index
    return tuple(indices)
