"""How products of matrices over pairs of bfloat16 (`llvm_matrix_product`) are computed by the tiles of AMX.

Jobs copy their rows into a panel, in the order of rhs, zeros where windows leave the image.  Windows that move by
single pixels have a panel of pixels (`llvm_matrix_lines`), others of whole rows:

* A tile has up to 16 rows, as equal as they can be, and the most pairs that divide the depth: none reads past it.
* Sums are 2 x 2 tiles, or as many in a line where there is one tile of rows, or one vector of columns.
* A job has two tiles of rows, whose panel stays in the second cache beside the weights, or four where that is small,
  and as many columns as leave jobs enough, for each job copies its rows anew.  A panel that is deeper still is cut into
  rounds along the depth, which all tiles of the job add to their sums, in memory meanwhile, before the next is copied.

Of a panel of pixels windows read each line several times from the first cache, so that sums of four to six tiles of
rows by one of columns read the fewest weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from symc.codegen.llvm_jobs import JOBS_WANTED, Tiling, tile_sizes
from symc.codegen.llvm_matrix_lines import Lines, lines_of
from symc.codegen.llvm_matrix_product import LANES, Matrices, product_of
from symc.codegen.llvm_nest import Nest, split_axis
from symc.codegen.llvm_schedule import Core, Schedule

TILES, TILE_ROWS, TILE_PAIRS, PAIR_BYTES = 8, 16, 16, 4
LEAST_ROWS = 4                  # fewer leave tiles empty that take as long to load
LEAST_PAIRS = 6                 # of a tile
FEW_ROWS, MANY_ROWS = 32, 64    # of a job
SMALL_PANEL = 32 << 10          # bytes that stay in the first cache
PANEL = 192 << 10               # bytes that stay in the second cache while weights pass
LARGEST_PANEL = 256 << 10       # bytes of the stack
ROUND = 32 << 10                # bytes of the panel of a round, where there are several
SUMS = 128 << 10                # bytes of the stack, of all tiles of a job that sums in rounds
COLUMNS_OF_A_JOB = 8            # at least, for which copying rows costs little
MANY_WEIGHTS, FEW_CHUNKS = 256 << 10, 4     # bytes, and jobs that read them
PIXELS = 64 << 10               # bytes of a panel of pixels, of which a window reads a part
TALL_BLOCKS = (4, 5, 6, 3)      # tiles of rows that are summed at once, beside one of columns


@dataclass(frozen=True, slots=True)
class MatrixPlan:
    """How a product is computed.

    step: pairs that one instruction multiplies.  rounds: into how many the first axis of the depth is cut.  height:
    rows of a tile.  tiles, columns: of rows and of 16 outputs, of a job.  block: tiles of rows and columns that are
    summed at once.  is_direct: tiles of lhs are read where they lie.  lines: of a panel of pixels.
    """

    product: Matrices
    step: int
    rounds: int
    height: int
    tiles: int
    columns: int
    block: tuple[int, int]
    is_direct: bool
    lines: Lines | None = None

    @property
    def nest(self) -> Nest:
        return self.product.nest

    @property
    def all_rows(self) -> int:
        return self.lines.rows if self.lines else self.product.points(self.product.rows)

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

    @property
    def pixels(self) -> int:
        """Of the panel of a job."""
        return self.rows_of_job + self.lines.halo if self.lines else 0

    @property
    def panel(self) -> int:
        """Pairs that the panel of a job holds."""
        return self.pixels * self.lines.planes * self.lines.pixel if self.lines else self.rows_of_job * self.stride

    @property
    def asks_ahead(self) -> bool:
        """Whether weights are asked for before they are read: from beyond the second cache they come no sooner than
        the few pixels are multiplied."""
        weights = self.product.pairs * self.all_columns * LANES * PAIR_BYTES
        return self.lines is not None and weights >= MANY_WEIGHTS and self.chunks <= FEW_CHUNKS

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
    lines = lines_of(product)
    return lines and _plan_of_lines(lines) or _plan_of_rows(product)


def _plan_of_lines(lines: Lines) -> MatrixPlan | None:
    """None: the panel would be too large."""
    product = lines.product
    tiles, columns = -(-lines.rows // TILE_ROWS), product.points(product.columns)
    is_tall = lines.points > 1 and tiles > 2 or lines.has_odd_taps
    block = _tall_block(tiles, lines) if is_tall else _block(tiles, columns)
    blocks = -(-tiles // block[0])
    height = -(-lines.rows // (blocks * block[0]))
    bytes_of = lines.planes * lines.pixel * PAIR_BYTES
    most = _rows_of_a_job(product.pairs)
    if lines.halo:
        most = min(PIXELS // bytes_of - lines.halo, lines.rows // JOBS_WANTED)
    of_job = tile_sizes(blocks, max(1, most // (block[0] * height)))[0] * block[0]
    if (of_job * height + lines.halo) * bytes_of > LARGEST_PANEL:
        return None
    of_columns = _columns_of_job(product, -(-tiles // of_job), 0, block[1])
    return MatrixPlan(product, TILE_PAIRS, 1, height, of_job, of_columns, block, False, lines)


def _tall_block(tiles: int, lines: Lines) -> tuple[int, int]:
    """Of the fewest tiles in all."""
    sizes = [size for size in TALL_BLOCKS if size + (4 if lines.has_odd_taps else 2) <= TILES]
    return min(tiles, min(sizes, key=lambda size: -(-tiles // size) * size)), 1


def _plan_of_rows(product: Matrices) -> MatrixPlan | None:
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
