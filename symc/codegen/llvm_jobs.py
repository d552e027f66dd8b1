"""Which tiles make a job, and in which order jobs run.

Rows are the axes that walk the broadcast operand alone (pixels of an image), columns those that walk the vector
operand alone (blocks of weights).  Jobs run in one of two orders, the one that reads less from beyond the second cache:

* column by column, each over all rows: weights are read once, the image again for every column;
* by chunks of rows, each over all columns: the image is read once, the weights again for every chunk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symc.codegen.choice import CHUNKS
from symc.codegen.llvm_nest import Access, Affine, Nest

JOBS_WANTED = 16
JOBS_IN_ROUNDS = 4   # wanted of long reductions, whose jobs read all the more the fewer tiles they have
ROWS_OF_A_JOB = 128
CACHE_LINE = 64      # bytes
CACHE = 384 << 10    # bytes that stay in the second cache of a core, while as much again passes through
ROWS_IN_ROUNDS = 128            # of a product, whose weights are read once for so many
SUMS_OF_COLUMNS = 128 << 10     # bytes of the stack, for the sums of several columns
LARGEST_SUMS = 32 << 10         # bytes of the sums of a job in rounds, which lie on its stack
MOST_CHAINS = 2                 # of sums for each accumulator
CHUNK = 256 << 10    # bytes of the broadcast operand that a chunk of rows reads


@dataclass(frozen=True, slots=True)
class Tiling:
    """One parallel axis in tiles of `size` points, of which a job does `tiles_per_job` (0: all)."""

    axis: str
    size: int = 1
    tiles_per_job: int = 1


def tile_sizes(extent: int, size: int) -> list[int]:
    """Nearly equal tiles of at most `size`, the larger first."""
    count = -(-extent // size)
    quotient, remainder = divmod(extent, count) if count else (0, 0)
    return [quotient + 1] * remainder + [quotient] * (count - remainder)


def _tiles_per_job(tiles: int, wanted: int) -> int:
    """About as many as wanted, such that the last job has nearly as many as the others, for threads get equal numbers
    of jobs; 0: all."""
    if 4 * wanted >= 3 * tiles:
        return 0
    near = range(max(1, 3 * wanted // 4), 5 * wanted // 4 + 1)
    return min(near, key=lambda count: (-tiles % count, abs(count - wanted)))


@dataclass(frozen=True, slots=True)
class Tiled:
    """A nest whose tiles are chosen: `sizes` of the axes that tiles have several points of, `row` among them."""

    nest: Nest
    lanes: Sequence[str]
    sizes: Mapping[str, int]
    row: str | None
    broadcast: Access
    vector: Access
    itemsize: int

    def tilings(self, order: str = "") -> tuple[Tiling, ...]:
        """All parallel axes but the lanes, outermost first; jobs are numbered with the last one fastest.

        order: that of a `Choice`; without both rows and columns there are no chunks.
        """
        chunk = self._points_of_a_chunk()
        if chunk is None or not (order == CHUNKS if order else self._reads_less_by_chunks(chunk)):
            return self._by_columns()
        return self._by_chunks(chunk)

    # ---- the choice ----------------------------------------------------------------------------------------

    def _points_of_a_chunk(self) -> int | None:
        """How many points of the rows a chunk has; None: there are no chunks."""
        rows, columns = self._rows(), self._columns()
        if not rows or not columns or any(self._is_coupled(axis) for axis in rows):
            return None
        points = self._points(rows)
        return min(max(1, CHUNK * points // self._bytes(self.broadcast, rows)),
                   -(-points * self._tiles(columns) // JOBS_WANTED))

    def _reads_less_by_chunks(self, chunk: int) -> bool:
        """Whether chunks of so many points read less from beyond the second cache."""
        rows, columns = self._rows(), self._columns()
        panels, chunks = self._tiles(columns), -(-self._points(rows) // chunk)
        image, weights = self._bytes(self.broadcast, rows), self._bytes(self.vector, columns)
        by_columns = weights + image * (panels if image + weights // panels > CACHE else 1)
        by_chunks = image + weights * (chunks if weights + image // chunks > CACHE else 1)
        return by_chunks < by_columns

    def _points(self, axes: Sequence[str]) -> int:
        return math.prod(self.nest.extents[axis] for axis in axes)

    def _bytes(self, access: Access, axes: Sequence[str]) -> int:
        """That `axes` and the reduced ones reach."""
        walked = (*axes, *self.nest.reduced, *self.lanes)
        return access.elements({axis: self.nest.extents[axis] for axis in walked}) * self.itemsize

    # ---- the orders ----------------------------------------------------------------------------------------

    def _by_columns(self) -> tuple[Tiling, ...]:
        """In the order of the output in memory; the rows last, as many of them to a job as leave jobs enough."""
        order, row = self._in_output_order(), self.row
        if row is None:
            return tuple(Tiling(axis, self._size(axis)) for axis in order)
        most = min(ROWS_OF_A_JOB // self._size(row), self._tiles(order) // JOBS_WANTED)
        per_job = _tiles_per_job(self._tiles([row]), max(1, most))
        columns = (Tiling(axis, self._size(axis)) for axis in order if axis != row)
        return (*columns, Tiling(row, self._size(row), 0 if self._is_coupled(row) else per_job))

    def in_rounds(self, limited: bool) -> tuple[Tiling, ...]:
        """The same where tiles sum in rounds (`llvm_rounds`): a job has one column and all rows, or as many of them as
        leave some jobs; and all taps, which read the same points.  limited: by what fits the stack, too."""
        taps = self.taps()
        rows = [axis for axis in self._rows() if axis not in taps]
        others = [axis for axis in self._in_output_order() if axis not in (*rows, *taps)]
        wanted, chosen = -(-JOBS_IN_ROUNDS // self._tiles(others)), [Tiling(axis, self._size(axis)) for axis in others]
        chosen += (Tiling(axis, self._size(axis), 0) for axis in taps)
        sums = self._points([*self.lanes, *taps, *rows]) * math.prod(map(self._size, others)) * self.itemsize
        for axis in rows:
            tiles, sums = self._tiles([axis]), sums // self.nest.extents[axis]
            per_job = max(1, tiles // wanted)
            if limited:
                per_job = max(1, min(per_job, LARGEST_SUMS // (sums * self._size(axis))))
            chosen.append(Tiling(axis, self._size(axis), per_job if per_job < tiles else 0))
            wanted = -(-wanted // -(-tiles // per_job))
        return tuple(chosen)

    def taps(self) -> list[str]:
        """The axes on which a window moves over the points of a longer reduced axis, most of which others read too."""
        return [axis for axis in self._in_output_order()
                if any(access.address.coefficient(axis) and self._overlaps(access.address, axis)
                       for access in (self.broadcast, self.vector))]

    def _overlaps(self, address: Affine, axis: str) -> bool:
        reach = self._reach(address, axis)
        points = self.nest.extents
        return any(0 < address.coefficient(reduced) <= reach < self._reach(address, reduced)
                   and points[axis] < points[reduced] for reduced in self.nest.reduced)

    def _reach(self, address: Affine, axis: str) -> int:
        return abs(address.coefficient(axis)) * (self.nest.extents[axis] - 1)

    def in_shared_rounds(self) -> tuple[Tiling, ...]:
        """The same for a product: a job has a chunk of rows, and several columns that share what a round reads."""
        (row,), (column,) = self._rows(), self._columns()
        rows, columns = self._tiles([row]), self._tiles([column])
        chunks = -(-self.nest.extents[row] // ROWS_IN_ROUNDS)
        sums = MOST_CHAINS * math.prod(self.nest.extents[axis] for axis in self.lanes) * self._size(column)
        most = SUMS_OF_COLUMNS // (min(ROWS_IN_ROUNDS, self.nest.extents[row]) * sums * self.itemsize)
        shared = _tiles_per_job(columns, max(1, min(most, chunks * columns // JOBS_WANTED)))
        others = [axis for axis in self._in_output_order() if axis not in (row, column)]
        return (*(Tiling(axis, self._size(axis)) for axis in others), Tiling(column, self._size(column), shared),
                Tiling(row, self._size(row), -(-rows // chunks)))

    def _by_chunks(self, points: int) -> tuple[Tiling, ...]:
        """Chunks of about `points` neighbouring points; the columns last."""
        rows, columns = self._rows(), self._columns()
        chunked: list[Tiling] = []
        for axis in reversed(rows):
            size = self._size(axis)
            chunked.insert(0, Tiling(axis, size, _tiles_per_job(self._tiles([axis]), max(1, points // size))))
            points //= self.nest.extents[axis]
        others = [axis for axis in self._in_output_order() if axis not in (*rows, *columns)]
        return (*(Tiling(axis, self._size(axis)) for axis in others), *chunked,
                *(Tiling(axis, self._size(axis)) for axis in columns))

    @property
    def weights(self) -> int:
        """Bytes of the vector operand."""
        return self._bytes(self.vector, self._columns())

    def is_product(self) -> bool:
        """Whether rows and columns are one axis each, of which any part can be taken."""
        return (self._rows() == [self.row] and len(self._columns()) == 1
                and not any(map(self._is_coupled, (*self._rows(), *self._columns()))))

    # ---- axes ----------------------------------------------------------------------------------------------

    def _in_output_order(self) -> list[str]:
        """Those that tiles walk, in the order of the output in memory."""
        address = self.nest.output.address
        free = (axis for axis in self.nest.parallel if axis not in self.lanes)
        return sorted(free, key=lambda axis: -abs(address.coefficient(axis)))

    def _rows(self) -> list[str]:
        return [axis for axis in self._in_output_order()
                if self.broadcast.address.coefficient(axis) and not self.vector.address.coefficient(axis)]

    def _columns(self) -> list[str]:
        return [axis for axis in self._in_output_order()
                if self.vector.address.coefficient(axis) and not self.broadcast.address.coefficient(axis)]

    def _size(self, axis: str) -> int:
        return self.sizes.get(axis, 1)

    def _tiles(self, axes: Sequence[str]) -> int:
        return math.prod(len(tile_sizes(self.nest.extents[axis], self._size(axis))) for axis in axes)

    def _is_coupled(self, axis: str) -> bool:
        """Whether the extent of `axis` depends on where another axis stands."""
        return any(axis in bound.position.axes for bound in self.nest.bounds)
