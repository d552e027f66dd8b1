"""Which nests over pairs of bfloat16 are multiplied by the tiles of AMX, and how.

A nest is a product of matrices if every axis is one of these: rows walk lhs alone (images, lines and pixels), columns
and lanes walk rhs alone (blocks of 16 outputs, and what is in them), a batch walks both (groups), the depth is summed.
rhs has the depth at one step in memory, as packed weights do, so that any 16 pairs of it are 16 lines of a tile.  lhs
need not: jobs copy their rows into a panel, in the order of rhs, zeros where windows leave the image.

* A tile has up to 16 rows, as equal as they can be, and the most pairs that divide the depth: none reads past it.
* Sums are 2 x 2 tiles, or as many in a line where there is one tile of rows, or one vector of columns.
* A job has two tiles of rows, whose panel stays in the second cache beside the weights, or four where that is small,
  and as many columns as leave jobs enough, for each job copies its rows anew.  A panel that is deeper still is cut into
  rounds along the depth, which all tiles of the job add to their sums, in memory meanwhile, before the next is copied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from symc.codegen.llvm_jobs import JOBS_WANTED, Tiling, tile_sizes
from symc.codegen.llvm_nest import Access, Nest, split_axis
from symc.codegen.llvm_schedule import Core, Schedule

LANES = 16                      # float32 sums in a line of a tile
TILE_ROWS, TILE_PAIRS, PAIR_BYTES = 16, 16, 4
LEAST_ROWS = 4                  # fewer leave tiles empty that take as long to load
LEAST_PAIRS = 6                 # of a tile
FEW_ROWS, MANY_ROWS = 32, 64    # of a job
SMALL_PANEL = 32 << 10          # bytes that stay in the first cache
PANEL = 192 << 10               # bytes that stay in the second cache while weights pass
LARGEST_PANEL = 256 << 10       # bytes of the stack
ROUND = 32 << 10                # bytes of the panel of a round, where there are several
SUMS = 128 << 10                # bytes of the stack, of all tiles of a job that sums in rounds
COLUMNS_OF_A_JOB = 8            # at least, for which copying rows costs little


@dataclass(frozen=True, slots=True)
class Matrices:
    """A nest whose axes are those of a product; rows, batch and depth from the outermost to the innermost.

    unit: elements of rhs from one pair of the depth to the next.  pairs: how many there are.
    """

    nest: Nest
    lane: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    batch: tuple[str, ...]
    depth: tuple[str, ...]
    unit: int
    pairs: int

    def points(self, axes: Sequence[str]) -> int:
        return math.prod(self.nest.extents[axis] for axis in axes)

    def step_of(self, axis: str) -> int:
        """Pairs of the depth from one point of a summed axis to the next."""
        return self.nest.rhs.address.coefficient(axis) // self.unit


@dataclass(frozen=True, slots=True)
class MatrixPlan:
    """How a product is computed.

    step: pairs that one instruction multiplies.  rounds: into how many the first axis of the depth is cut.  height:
    rows of a tile.  tiles, columns: of rows and of 16 outputs, of a job.  block: tiles of rows and columns that are
    summed at once.  is_direct: tiles of lhs are read where they lie.
    """

    product: Matrices
    step: int
    rounds: int
    height: int
    tiles: int
    columns: int
    block: tuple[int, int]
    is_direct: bool

    @property
    def nest(self) -> Nest:
        return self.product.nest

    @property
    def all_rows(self) -> int:
        return self.product.points(self.product.rows)

    @property
    def row_tiles(self) -> int:
        return -(-self.all_rows // self.height)

    @property
    def all_columns(self) -> int:
        return self.product.points(self.product.columns)

    @property
    def chunks(self) -> int:
        """Jobs that share the rows of a batch."""
        return -(-self.row_tiles // self.tiles)

    @property
    def groups(self) -> int:
        """Jobs that share the columns."""
        return -(-self.all_columns // self.columns)

    @property
    def jobs(self) -> int:
        return self.product.points(self.product.batch) * self.chunks * self.groups

    @property
    def rows_of_job(self) -> int:
        return self.tiles * self.height

    @property
    def steps(self) -> int:
        """Of a round."""
        return self.product.pairs // self.rounds // self.step

    @property
    def stride(self) -> int:
        """Pairs from one row of the panel to the next: an odd number of cache lines, so that rows share no set."""
        inner = self.product.depth[self.rounds > 1:]
        lines = -(-self.product.points(inner) // TILE_PAIRS)
        return TILE_PAIRS * (lines + 1 - lines % 2)

    def schedule(self, core: Core) -> Schedule:
        """For what writes the outputs of a row: tiles of columns."""
        per_job = 0 if self.groups == 1 else self.columns // self.block[1]
        tilings = tuple(Tiling(axis, self.block[1], per_job) for axis in self.product.columns)
        return Schedule(self.nest, core, (self.product.lane,), LANES, False, tilings, self.product.depth, frozenset(),
                        self.nest.bounds, None, None)


def plan_of(nest: Nest) -> MatrixPlan | None:
    """How tiles compute the nest, over pairs; None where they cannot, or would not pay."""
    product = product_of(nest)
    if product is None or product.points(product.rows) < LEAST_ROWS:
        return None
    rows = product.points(product.rows)
    height = -(-rows // -(-rows // TILE_ROWS))
    tiles = -(-rows // height)
    of_job = tile_sizes(tiles, _rows_of_a_job(product.pairs) // height)[0]
    is_direct = _is_direct(product) and rows % height == 0
    rounds = _rounds(product, of_job * height)
    if rounds > 1:
        product = _cut(product, rounds)
    step = _step(product.pairs // rounds)
    if step < LEAST_PAIRS or of_job * height * product.pairs // rounds * PAIR_BYTES > LARGEST_PANEL:
        return None
    block = _block(of_job, product.points(product.columns))
    columns = _columns_of_job(product, -(-tiles // of_job), of_job * height if rounds > 1 else 0, block[1])
    return MatrixPlan(product, step, rounds, height, of_job, columns, block, is_direct)


def _rows_of_a_job(pairs: int) -> int:
    """Few, so that the panel is near, where weights are read from the second cache for each two tiles of rows all the
    same; many where it is small, or goes in rounds, for which all weights are read anew."""
    few = FEW_ROWS * pairs * PAIR_BYTES
    return MANY_ROWS if 2 * few <= SMALL_PANEL or few > PANEL else FEW_ROWS


def _step(pairs: int) -> int:
    """The most pairs of a tile that divide the depth."""
    return max(step for step in range(1, TILE_PAIRS + 1) if pairs % step == 0)


def _block(tiles: int, columns: int) -> tuple[int, int]:
    """Of four sums, whose factors take four tiles more at most."""
    if tiles == 1:
        return 1, min(4, columns)
    return (min(4, tiles), 1) if columns == 1 else (2, 2)


def _columns_of_job(product: Matrices, chunks: int, rows_in_rounds: int, block: int) -> int:
    """A multiple of `block`, or all."""
    columns = product.points(product.columns)
    jobs = chunks * product.points(product.batch)
    wanted = max(COLUMNS_OF_A_JOB, columns * jobs // JOBS_WANTED)
    if rows_in_rounds:
        wanted = min(wanted, SUMS // (rows_in_rounds * LANES * 4))
    groups = max(1, -(-columns // wanted))
    return min(columns, block * -(-columns // (groups * block)))


def _rounds(product: Matrices, rows: int) -> int:
    """Into how many the depth is cut, each of which has whole points of its outermost axis."""
    if rows * product.pairs * PAIR_BYTES <= PANEL or any(bound.position.axes & set(product.depth)
                                                for bound in product.nest.bounds):
        return 1
    outer = product.nest.extents[product.depth[0]]
    inner = product.points(product.depth[1:])
    sizes = [size for size in range(1, outer + 1) if outer % size == 0 and _step(size * inner) >= LEAST_PAIRS]
    fitting = [size for size in sizes if rows * size * inner * PAIR_BYTES <= ROUND]
    return outer // max(fitting, default=min(sizes, default=outer))


def _cut(product: Matrices, rounds: int) -> Matrices:
    """The first axis of the depth as rounds and what is in them."""
    first, *inner = product.depth
    size = product.nest.extents[first] // rounds
    if size == 1:
        return product
    nest = split_axis(product.nest, first, [size])
    depth = (f"{first}/{size}", f"{first}%{size}", *inner)
    return Matrices(nest, product.lane, product.columns, product.rows, product.batch, depth, product.unit,
                    product.pairs)


def _is_direct(product: Matrices) -> bool:
    """Whether lhs has its rows at one step, and the depth in each as tiles do."""
    lhs = product.nest.lhs
    in_order = all(lhs.address.coefficient(axis) == product.step_of(axis) for axis in product.depth)
    return in_order and not lhs.guards and len(product.rows) == 1


# ---- what axes are --------------------------------------------------------------------------------------------------


def product_of(nest: Nest) -> Matrices | None:
    """The nest as a product of matrices; None: it is none, or lies in memory otherwise."""
    left, right = nest.lhs.address, nest.rhs.address
    lanes = [axis for axis in nest.parallel if _is_lane(nest, axis)]
    depth = tuple(sorted(nest.reduced, key=lambda axis: -right.coefficient(axis)))
    if len(lanes) != 1 or not depth or nest.rhs.guards or not _is_contiguous(nest.lhs, depth):
        return None
    free = sorted((axis for axis in nest.parallel if axis not in lanes),
                  key=lambda axis: -nest.output.address.coefficient(axis))
    columns = tuple(axis for axis in free if not left.coefficient(axis) and right.coefficient(axis))
    rows = tuple(axis for axis in free if left.coefficient(axis) and not right.coefficient(axis))
    batch = tuple(axis for axis in free if left.coefficient(axis) and right.coefficient(axis))
    unit, pairs = right.coefficient(depth[-1]), _pairs(nest, depth)
    if len(columns) > 1 or len(columns + rows + batch) < len(free) or unit < LANES or not pairs:
        return None
    bounded = {axis for bound in nest.bounds for axis in bound.position.axes}
    if bounded & {*rows, *batch} or not _is_uniform(nest, depth):
        return None
    return Matrices(nest, lanes[0], columns, rows, batch, depth, unit, pairs)


def _is_lane(nest: Nest, axis: str) -> bool:
    """Whether 16 neighbours of rhs and of each output, all of which exist in memory, belong to one element of lhs."""
    cut = any(axis in bound.position.axes for bound in nest.bounds)
    steps = [access.address.coefficient(axis) for access in (nest.rhs, *nest.accesses[nest.first_output:])]
    return (nest.extents[axis] == LANES and not nest.lhs.address.coefficient(axis) and set(steps) == {1}
            and (not cut or axis in nest.rhs.blocked))


def _is_contiguous(lhs: Access, depth: Sequence[str]) -> bool:
    return lhs.address.coefficient(depth[-1]) == 1


def _is_uniform(nest: Nest, depth: Sequence[str]) -> bool:
    """Whether rhs has all points of the depth at one step."""
    steps = [nest.rhs.address.coefficient(axis) for axis in depth]
    return all(outer == inner * nest.extents[axis]
               for outer, inner, axis in zip(steps, steps[1:], depth[1:], strict=False))


def _pairs(nest: Nest, depth: Sequence[str]) -> int:
    """How many pairs of the depth exist; 0: those that do are no row."""
    whole = math.prod(nest.extents[axis] for axis in depth)
    unit = nest.rhs.address.coefficient(depth[-1])
    for bound in nest.bounds:
        walked = bound.position.axes & set(depth)
        if not walked:
            continue
        steps = all(nest.rhs.address.coefficient(axis) == unit * bound.position.coefficient(axis)
                    for axis in depth if nest.extents[axis] > 1)
        if walked != bound.position.axes or not steps or not walked <= nest.lhs.blocked | {depth[0]}:
            return 0
        whole = min(whole, bound.extent - bound.position.offset)
    return whole
