"""Chooses how a loop nest runs: what the lanes of a vector walk, what a tile of accumulators covers, what a job is.

Rules, in the order in which they are applied:

* Lanes walk the axis on which both operands are cheapest to read: one element for all lanes (broadcast) or neighbouring
  elements (a vector).  Without such an axis among those of the output, lanes walk a reduced axis and are added up at
  the end; where there is none either, lanes are gathered one by one.
* The tile covers a row axis, along which the vector operand does not change, and a column axis, along which the
  broadcast operand does not; their sizes are those that a small model of the core finds fastest.
* Where there is but one vector for all elements, each multiplication would read one, as many as a core can: taps of a
  window are written out in one step, and read together what several of them multiply.
* A reduction that reads more than stays in the second cache is cut into rounds, which all tiles of a job take one after
  the other (`llvm_rounds`).
* Which tiles make a job is in `llvm_jobs`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symc.codegen.choice import MODEL, Choice
from symc.codegen.llvm_ahead import NextPanel, next_panel
from symc.codegen.llvm_jobs import CACHE, CACHE_LINE, JOBS_IN_ROUNDS, MOST_CHAINS, Tiled, Tiling, tile_sizes
from symc.codegen.llvm_nest import Access, Affine, Constraint, Nest, split_axis
from symc.codegen.llvm_rounds import OF_SUMS, OF_TAPS, OF_WINDOWS, Limits, cut_into_rounds, cut_product

PER_CYCLE, LATENCY = 2, 4     # multiplications that a core begins in a cycle, and cycles until one is done
UNDER_WAY = PER_CYCLE * LATENCY
CYCLES_OF_A_LINE = 1          # that comes from the second cache
TILE_AHEAD = 24 << 10         # bytes that the next tile may put into the first cache beside the present one
BLOCKS_AHEAD = 2
LARGE_WEIGHTS = 1 << 20       # bytes that stay in no second cache
STEPS_UNROLLED = 4            # points of the innermost loop in one block: in longer ones LLVM hoists loads, and spills
REGISTERS_OF_PAIRS = 4
TILES_TRIED = 3               # for enough jobs in rounds
CASES_WRITTEN_OUT = 7         # of padding that get code of their own, for loops that then know their bounds
INSTRUCTIONS_UNROLLED = 160   # multiplications in one block where all taps share their loads (depthwise)


@dataclass(frozen=True, slots=True)
class Core:
    """What the choice needs to know of a core.  has_pairs: it has AVX512_BF16; has_tiles: and AMX for bfloat16."""

    registers: int
    vector_bytes: int
    has_pairs: bool = False
    has_tiles: bool = False
    prefetched_bytes: int = 8192   # of weights on their way to the first cache, for all columns of a tile together

    def for_pairs(self) -> Core:
        """Without an instruction for pairs, both halves of a vector, of an element, and a mask need registers too."""
        return self if self.has_pairs else replace(self, registers=self.registers - REGISTERS_OF_PAIRS)

    def chains(self, accumulators: int) -> int:
        """How many sums to keep for each accumulator, so that enough multiplications are under way at once."""
        return MOST_CHAINS if accumulators < UNDER_WAY and self.holds(2 * accumulators, 1) else 1

    def holds(self, rows: int, columns: int) -> bool:
        """Whether a tile's accumulators and the operands of one step stay in registers; LLVM needs one to spare."""
        return _registers_of(rows, columns) < self.registers

    def is_full(self, rows: int, columns: int) -> bool:
        """Whether such a tile takes all registers but that one."""
        return _registers_of(rows, columns) + 1 >= self.registers


def _registers_of(rows: int, columns: int) -> int:
    return rows * columns + min(rows, columns) + 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """lanes: the axes that `width` lanes walk, slowest first, in pieces of one vector; reduced axes if `sums_lanes`.

    tilings: all other parallel axes, outermost first.  reduction: all other reduced axes, outermost first, with
    `unrolled` ones written out.  checked: the constraints that are settled while writing, for each tile by itself; all
    others limit a reduction loop at run time.  streamed: the access whose vectors are prefetched.  rows_ahead: the
    access whose rows are, and by how many elements.  next_panel: the weights that are asked for ahead.  rounds: how
    many of the outermost reduced axes are walked around all tiles of a job, instead of inside each.  asks_for_output:
    whether tiles ask for the lines they will write, before they sum.
    """

    nest: Nest
    core: Core
    lanes: tuple[str, ...]
    width: int
    sums_lanes: bool
    tilings: tuple[Tiling, ...]
    reduction: tuple[str, ...]
    unrolled: frozenset[str]
    checked: tuple[Constraint, ...]
    streamed: int | None
    rows_ahead: tuple[int, int] | None
    rounds: int = 0
    next_panel: NextPanel | None = None
    asks_for_output: bool = False

    @property
    def pieces(self) -> int:
        """Vectors that all lanes together take."""
        return math.prod(self.nest.extents[axis] for axis in self.lanes) // self.width if self.lanes else 1

    def chunks(self, tiling: Tiling) -> int:
        tiles = len(tile_sizes(self.nest.extents[tiling.axis], tiling.size))
        return -(-tiles // tiling.tiles_per_job) if tiling.tiles_per_job else 1

    @property
    def jobs(self) -> int:
        return math.prod(self.chunks(tiling) for tiling in self.tilings)


def lane_offsets(access: Access, lanes: Sequence[str], extents: Mapping[str, int]) -> list[int]:
    """Offset of each lane's element from that of lane 0."""
    ranges = [[access.address.coefficient(axis) * i for i in range(extents[axis])] for axis in lanes]
    return [sum(offsets) for offsets in itertools.product(*ranges)]


def choose(nest: Nest, core: Core, itemsize: int, choice: Choice = MODEL) -> Schedule:
    """The schedule of this choice; of ranks beyond the last tile, that of the last; orders are of no matter in rounds.

    Where tiles leave too few jobs in rounds, one of the next that leaves more takes their place.
    """
    found = _schedule(nest, core, itemsize, choice)
    if not found.rounds or found.jobs >= JOBS_IN_ROUNDS:
        return found
    others = (_schedule(nest, core, itemsize, replace(choice, rank=choice.rank + i)) for i in range(1, TILES_TRIED))
    return max((found, *(other for other in others if other.rounds)), key=lambda one: min(one.jobs, JOBS_IN_ROUNDS))


def _schedule(nest: Nest, core: Core, itemsize: int, choice: Choice) -> Schedule:
    loops = _with_lanes(nest, core.vector_bytes // itemsize)
    row, sizes, shared = _tile(loops, core, itemsize, choice.rank)
    tiled = loops.tiled(row, sizes, itemsize)
    of_weights = bool(tiled.taps()) or loops.leaps(itemsize) > 0
    loops, tilings = (loops.with_taps(shared), ()) if shared else _in_rounds(loops, tiled, of_weights)
    tilings = tilings or loops.tiled(row, sizes, itemsize).tilings(choice.order)
    nest, lanes, reduction, (broadcast, vector) = loops.nest, loops.lanes, loops.reduction, loops.roles
    accumulators = math.prod(sizes.values()) * loops.pieces
    unrolled = frozenset(reduction[-1:]) if shared else frozenset()
    if loops.shares_taps:
        unrolled = _unrolled(nest, reduction, accumulators)
    whole = not (loops.rounds or unrolled or loops.sums_lanes)
    return Schedule(
        nest, core, lanes, loops.width, loops.sums_lanes, tilings, reduction, unrolled,
        checked=_checked(loops, sizes, unrolled),
        streamed=nest.accesses.index(vector) if _is_streamed(nest, vector, lanes, reduction, itemsize) else None,
        rows_ahead=_rows_ahead(nest, broadcast, row, sizes, reduction, itemsize),
        rounds=loops.rounds,
        next_panel=next_panel(nest, vector, lanes, tilings, itemsize) if whole else None,
        asks_for_output=not loops.rounds and of_weights and _writes_much(nest, lanes, itemsize))


@dataclass(frozen=True, slots=True)
class _Loops:
    """A nest whose lanes are chosen.  reduction, rounds: as in `Schedule`."""

    nest: Nest
    lanes: tuple[str, ...]
    width: int
    sums_lanes: bool
    reduction: tuple[str, ...]
    rounds: int = 0

    @property
    def roles(self) -> tuple[Access, Access]:
        """(broadcast, vector) operand.  Where lanes walk both, the one that more output axes walk counts as broadcast.
        """
        lhs, rhs = self.nest.lhs, self.nest.rhs
        if _is_broadcast(lhs, self.lanes) != _is_broadcast(rhs, self.lanes):
            return (lhs, rhs) if _is_broadcast(lhs, self.lanes) else (rhs, lhs)
        walked = [sum(axis in self.nest.parallel for axis in access.address.axes) for access in (lhs, rhs)]
        return (lhs, rhs) if walked[0] >= walked[1] else (rhs, lhs)

    @property
    def pieces(self) -> int:
        """Vectors of the lanes that can do something."""
        return 1 if self.sums_lanes else -(-_live_lanes(self.nest, self.lanes) // self.width)

    @property
    def shares_taps(self) -> bool:
        """Whether lanes walk both operands, as in depthwise convolutions."""
        return not _is_broadcast(self.roles[0], self.lanes) and not self.sums_lanes

    def leaps(self, itemsize: int) -> int:
        """Elements of a cache line where every step of the reduction reads other lines of the broadcast operand, as in
        the gradients of weights; 0 where steps read on in a line."""
        step = abs(self.roles[0].address.coefficient(self.reduction[-1])) if self.reduction else 0
        return CACHE_LINE // itemsize if step * itemsize >= CACHE_LINE else 0

    def tiled(self, row: str | None, sizes: Mapping[str, int], itemsize: int) -> Tiled:
        return Tiled(self.nest, self.lanes, sizes, row, *self.roles, itemsize)

    def with_taps(self, taps: _Taps) -> _Loops:
        """With these inside all other reduced axes."""
        axis, points = taps
        others = [other for other in self.reduction if other != axis]
        if points == 1:
            return replace(self, reduction=(*others, axis))
        place, digits = self.reduction.index(axis), (f"{axis}/{points}", f"{axis}%{points}")
        return replace(self, nest=split_axis(self.nest, axis, [points]),
                       reduction=(*others[:place], digits[1], *others[place:], digits[0]))

    def cut(self, nest: Nest, reduction: tuple[str, ...], rounds: int) -> _Loops:
        return replace(self, nest=nest, reduction=reduction, rounds=rounds)


# Lanes


@dataclass(frozen=True, slots=True)
class _Candidate:
    nest: Nest
    lanes: tuple[str, ...]
    sums_lanes: bool
    cost: float


def _with_lanes(nest: Nest, width: int) -> _Loops:
    """The cheapest lanes, of `width` in a vector, and all reduced axes but these in the order of the vector operand."""
    chosen = min(_lane_candidates(nest, width), key=lambda c: c.cost)
    loops = _Loops(chosen.nest, chosen.lanes, width if chosen.lanes else 1, chosen.sums_lanes, ())
    vector = loops.roles[1].address
    inner = (axis for axis in chosen.nest.reduced if axis not in chosen.lanes)
    return replace(loops, reduction=tuple(sorted(inner, key=lambda axis: -abs(vector.coefficient(axis)))))


def _lane_candidates(nest: Nest, width: int) -> Iterator[_Candidate]:
    for axis in sorted(nest.parallel, key=lambda axis: nest.output.address.coefficient(axis)):
        if nest.extents[axis] % width == 0 and nest.extents[axis] <= 2 * width or _is_digit(nest, axis, width):
            yield _parallel_candidate(nest, (axis,), width)
        elif axis not in _all_blocked(nest):
            yield _parallel_candidate(split_axis(nest, axis, [width]), (f"{axis}%{width}",), width)
        for outer in nest.parallel:
            if _walk_together(nest, outer, axis, width):
                yield _parallel_candidate(nest, (outer, axis), width)
    for axis in nest.reduced:
        steps = [access.address.coefficient(axis) for access in (nest.lhs, nest.rhs)]
        if steps == [1, 1] and (axis not in _all_blocked(nest) or _is_digit(nest, axis, width)):
            yield _summed_candidate(nest, axis, width)
    yield _Candidate(nest, (), False, 1e9)


def _is_digit(nest: Nest, axis: str, width: int) -> bool:
    return axis in _all_blocked(nest) and nest.extents[axis] % width == 0


def _all_blocked(nest: Nest) -> frozenset[str]:
    return frozenset().union(*(access.blocked for access in nest.accesses))


def _walk_together(nest: Nest, outer: str, inner: str, width: int) -> bool:
    """Small groups: the output walks the two as one axis, and together they fill vectors."""
    both = nest.extents[outer] * nest.extents[inner]
    address = nest.output.address
    return (outer != inner and nest.extents[inner] < width and both % width == 0 and both <= 2 * width
            and address.coefficient(inner) == 1 and address.coefficient(outer) == nest.extents[inner])


def _parallel_candidate(nest: Nest, lanes: tuple[str, ...], width: int) -> _Candidate:
    steps = math.prod(nest.extents[axis] for axis in nest.reduced)
    reading = _reading_cost(nest, nest.lhs, lanes, width) + _reading_cost(nest, nest.rhs, lanes, width)
    writing = 0 if _is_consecutive(nest, nest.output, lanes) else 2 * width / max(1, steps)
    return _Candidate(nest, lanes, False, (1 + reading + writing) / _filled(nest, lanes))


def _summed_candidate(nest: Nest, axis: str, width: int) -> _Candidate:
    lanes = (axis,)
    if nest.extents[axis] != width:
        nest, lanes = split_axis(nest, axis, [width]), (f"{axis}%{width}",)
    steps = math.prod(nest.extents[axis] for axis in nest.reduced)
    reading = _reading_cost(nest, nest.lhs, lanes, width) + _reading_cost(nest, nest.rhs, lanes, width)
    return _Candidate(nest, lanes, True, (1.2 + reading + 4 * width * width / max(1, steps)) / _filled(nest, lanes))


def _filled(nest: Nest, lanes: tuple[str, ...]) -> float:
    """The share of lanes that do something."""
    shares = [1.0]
    for bound in nest.bounds:
        if bound.position.axes & set(lanes):
            whole = bound.position.span(nest.extents)[1] + 1
            shares.append(bound.extent / whole)
    return max(1e-3, min(shares))


def _live_lanes(nest: Nest, lanes: Sequence[str]) -> int:
    """How many lanes can do something in any tile: 3 of 16 where the output has 3 channels."""
    limits = [bound.extent for bound in nest.bounds if bound.position.axes == set(lanes)]
    return min([math.prod(nest.extents[axis] for axis in lanes), *limits])


def _reading_cost(nest: Nest, access: Access, lanes: tuple[str, ...], width: int) -> float:
    """Per multiplication, in units of its own cost."""
    guarded = 1.0 if any(guard.position.axes & set(lanes) for guard in access.guards) else 0.0
    if _is_broadcast(access, lanes) or _is_consecutive(nest, access, lanes):
        return guarded
    offsets = lane_offsets(access, lanes, nest.extents)
    in_block = all(axis in access.blocked for axis in lanes if access.address.coefficient(axis))
    return 0.5 if in_block and max(offsets) < len(offsets) else guarded + width


def _is_broadcast(access: Access, lanes: Sequence[str]) -> bool:
    return all(access.address.coefficient(axis) == 0 for axis in lanes)


def _is_consecutive(nest: Nest, access: Access, lanes: Sequence[str]) -> bool:
    offsets = lane_offsets(access, lanes, nest.extents)
    return offsets == list(range(len(offsets)))


# Tiles

_Taps = tuple[str, int]     # every so many points of a reduced axis

# The row axis; sizes of the row axis and of the column axis; the taps that read elements together.
_Tile = tuple[str | None, dict[str, int], _Taps | None]


def _tile(loops: _Loops, core: Core, itemsize: int, rank: int) -> _Tile:
    """rank: see `Choice`."""
    nest, pieces, leaps, (broadcast, vector) = loops.nest, loops.pieces, loops.leaps(itemsize), loops.roles

    def stride(access: Access, axis: str) -> int:
        return abs(access.address.coefficient(axis))
    free = [axis for axis in nest.parallel if axis not in loops.lanes]
    rows = [axis for axis in free if not stride(vector, axis) and stride(broadcast, axis)]
    columns = [axis for axis in free if not stride(broadcast, axis) and stride(vector, axis)]
    guarded = {axis for guard in vector.guards for axis in guard.position.axes}
    column = min(columns, key=lambda axis: (axis in guarded, stride(vector, axis)), default=None)
    found: list[tuple[float, int, _Tile]] = []
    for row in [*rows, None]:
        for height, blocks in itertools.product(range(1, 15), (1, 2, 3, 4, 8)):
            if not _fits(nest, row, height, column, blocks) or not core.holds(height, blocks * pieces):
                continue
            cost = _cycles(nest.extents.get(row or "", 1), height, nest.extents.get(column or "", 1), blocks, pieces)
            lines = min(height, -(-height * stride(broadcast, row) // leaps)) if leaps and row else 0
            cost += CYCLES_OF_A_LINE * lines / (height * blocks * pieces)
            sizes = {axis: size for axis, size in ((column, blocks), (row, height)) if axis}
            found.append((round(cost, 3), stride(broadcast, row) if row else 0, (row, sizes, None)))
        if row is not None and pieces * nest.extents.get(column or "", 1) == 1 and not loops.sums_lanes:
            found += [(round(cost, 3), stride(broadcast, row), (row, {row: height}, taps))
                      for taps, height, cost in _sharing(loops, core, row)]
    distinct = _distinct(nest, [tile for *_, tile in sorted(found, key=lambda tile: tile[:2])])
    return distinct[min(rank, len(distinct) - 1)] if distinct else (None, {}, None)


def _sharing(loops: _Loops, core: Core, row: str) -> Iterator[tuple[_Taps, int, float]]:
    """Tiles of one vector, of which each multiplication would read an element of its own, as many as a core can: taps
    of a window in one step read together what several of them multiply, while their vectors stay in registers.

    Gives (the taps, height, cycles)."""
    address, rows = loops.roles[0].address, loops.nest.extents[row]
    for axis in loops.reduction if not loops.shares_taps else ():
        points = _joined_with(loops.nest, address, axis, row)
        taps, step = loops.nest.extents[axis] // points, address.coefficient(axis) * points
        for height in range(2, min(rows, INSTRUCTIONS_UNROLLED // max(1, taps), core.registers - taps - 2) + 1):
            pixels = itertools.product(range(height), range(taps))
            reads = len({address.coefficient(row) * i + step * j for i, j in pixels})
            if taps < reads < height * taps:
                yield (axis, points), height, _cycles_of_sharing(rows, height, taps, reads)


def _joined_with(nest: Nest, address: Affine, axis: str, row: str) -> int:
    """Points of what is joined with the taps of a window that moves along `row`: its channels, where nothing is padded.
    """
    step = abs(address.coefficient(axis))
    points = abs(address.coefficient(row)) // step if step else 1
    return points if points and nest.extents[axis] % points == 0 and points < nest.extents[axis] else 1


def _distinct(nest: Nest, tiles: Sequence[_Tile]) -> list[_Tile]:
    """Those that cut axes into other tiles than all in front of them."""
    seen: dict[object, _Tile] = {}
    for row, sizes, shared in tiles:
        cut = tuple((axis, tuple(tile_sizes(nest.extents[axis], size))) for axis, size in sizes.items())
        seen.setdefault((row, cut, shared), (row, sizes, shared))
    return list(seen.values())


def _fits(nest: Nest, row: str | None, height: int, column: str | None, blocks: int) -> bool:
    return height <= nest.extents.get(row or "", 1) and blocks <= nest.extents.get(column or "", 1)


def _cycles(rows: int, height: int, columns: int, blocks: int, pieces: int) -> float:
    """Cycles of one multiplication of vectors, over all tiles."""
    total = 0.0
    sizes = (Counter(tile_sizes(rows, height)).items(), Counter(tile_sizes(columns, blocks)).items())
    for (t, t_count), (b, b_count) in itertools.product(*sizes):
        vectors = b * pieces
        total += t_count * b_count * _cycles_of_step(t * vectors, 1, t, vectors)
    return total / (rows * columns * pieces)


def _cycles_of_sharing(rows: int, height: int, taps: int, reads: int) -> float:
    """The same, of a tile of one vector whose taps are written out."""
    return len(tile_sizes(rows, height)) * _cycles_of_step(height, taps, reads, taps) / (rows * taps)


def _cycles_of_step(sums: int, points: int, elements: int, vectors: int) -> float:
    """Of a tile, at `points` points of the reduction written out together, which read so many elements and vectors.

    Two elements are broadcast in a cycle, but one vector is loaded, for most come from the second cache.
    """
    loads = elements / 2 + vectors
    return max(sums * points / PER_CYCLE, LATENCY * points, loads) + 0.02 * loads


def _is_streamed(nest: Nest, vector: Access, lanes: Sequence[str], reduction: Sequence[str], itemsize: int) -> bool:
    """Packed weights that are large, and used for so few rows that loading them is what takes the time."""
    walked = math.prod(nest.extents[axis] for axis in vector.address.axes)
    rows = math.prod(nest.extents[axis] for axis in nest.parallel if axis not in vector.address.axes)
    steps = [abs(vector.address.coefficient(axis)) for axis in reduction[-1:]]
    packed = steps == [math.prod(nest.extents[axis] for axis in lanes)]
    return packed and walked * itemsize > LARGE_WEIGHTS and 2 < rows <= 256


def _rows_ahead(nest: Nest, broadcast: Access, row: str | None, sizes: Mapping[str, int], reduction: Sequence[str],
                itemsize: int) -> tuple[int, int] | None:
    """Of blocked images read pixel by pixel, whose short pieces the core does not foresee: those two blocks of channels
    on; or those of the next tile, where tiles are small, the next one mostly lies beside, and the image is large.
    Windows read most of theirs again, from the first cache."""
    address = broadcast.address
    if row is None or len(reduction) != 2 or broadcast.guards:
        return None
    blocks, channels = reduction
    if nest.extents[channels] * itemsize != CACHE_LINE or address.coefficient(channels) != 1:
        return None
    tile, pixels = sizes[row] * nest.extents[blocks] * CACHE_LINE, nest.extents[row]
    if tile <= TILE_AHEAD and pixels >= 8 * sizes[row] and pixels * nest.extents[blocks] * CACHE_LINE > CACHE:
        return nest.accesses.index(broadcast), address.coefficient(row) * sizes[row]
    return nest.accesses.index(broadcast), address.coefficient(blocks) * BLOCKS_AHEAD


def _writes_much(nest: Nest, lanes: Sequence[str], itemsize: int) -> bool:
    """Whether vectors are written to lines that the second cache does not have."""
    written = math.prod(nest.extents[axis] for axis in nest.output.address.axes)
    return _is_consecutive(nest, nest.output, lanes) and written * itemsize > CACHE


def _unrolled(nest: Nest, reduction: Sequence[str], accumulators: int) -> frozenset[str]:
    """The innermost reduced axes, as many as stay a small block: their taps share loads."""
    chosen: list[str] = []
    size = accumulators
    for axis in reversed(reduction):
        size *= nest.extents[axis]
        if size > INSTRUCTIONS_UNROLLED:
            break
        chosen.append(axis)
    return frozenset(chosen)


def _in_rounds(loops: _Loops, tiled: Tiled, of_weights: bool) -> tuple[_Loops, tuple[Tiling, ...]]:
    """The loops in rounds and the tilings of their jobs; none where rounds would not pay.  of_weights: whether this is
    a gradient of weights, by how operands are walked."""
    nest, lanes, reduction, itemsize = loops.nest, loops.lanes, loops.reduction, tiled.itemsize
    if loops.sums_lanes:
        return loops, ()
    if tiled.row is not None and tiled.is_product() and _is_one_sum(nest, reduction):
        shared = loops.cut(*cut_product(nest, reduction, tiled.row, tiled.weights, itemsize))
        if shared.rounds:
            return shared, shared.tiled(tiled.row, tiled.sizes, itemsize).in_shared_rounds()
    if not lanes or not _may_go_in_rounds(loops, tiled.sizes, of_weights):
        return loops, ()
    written = frozenset().union(*(c.position.axes for c in nest.constraints
                                  if loops.shares_taps or not _limits_loops(c, nest, lanes, tiled.sizes, ())))
    for limited, limits in _ways_to_cut(loops, tiled, of_weights):
        tilings = tiled.in_rounds(limited)
        cut = loops.cut(*cut_into_rounds(nest, reduction, tilings, lanes, itemsize, limits, written))
        if cut.rounds:
            return cut, tilings
    return loops, ()


def _ways_to_cut(loops: _Loops, tiled: Tiled, of_weights: bool) -> Iterator[tuple[bool, Limits]]:
    """Whether jobs are limited by the sums that fit the stack, and what rounds are worth then; the better one first."""
    if of_weights:
        yield True, OF_TAPS if tiled.taps() else OF_SUMS
        return
    if loops.shares_taps or not _padded(loops.nest, loops.reduction):
        yield False, OF_SUMS
    if not loops.shares_taps:
        yield True, OF_WINDOWS


def _padded(nest: Nest, reduction: Sequence[str]) -> list[Constraint]:
    """The constraints that summing meets."""
    return [c for c in nest.constraints if c.position.axes & set(reduction)]


def _is_one_sum(nest: Nest, reduction: Sequence[str]) -> bool:
    """Whether what is summed lies in a row, or in blocks of channels."""
    blocked = nest.lhs.blocked | nest.rhs.blocked
    return len(reduction) == 1 or len(reduction) == 2 and reduction[1] in blocked


def _may_go_in_rounds(loops: _Loops, sizes: Mapping[str, int], of_weights: bool) -> bool:
    """Whether few cases of padding would be written out: those of rounds are, for every tile of a job."""
    nest, reduction = loops.nest, loops.reduction
    padded = _padded(nest, reduction)
    if loops.shares_taps:
        return all(_cases(c, nest, [axis for axis in c.position.axes if axis in nest.parallel])
                   <= CASES_WRITTEN_OUT // 2 for c in padded)
    written = [c for c in padded if not _limits_loops(c, nest, (), sizes, ())]
    if of_weights and any(reduction[-1] not in c.position.axes for c in written):
        return False
    return all(_cases(c, nest, [axis for axis in reduction if axis in c.position.axes]) <= CASES_WRITTEN_OUT
               for c in written)


def _limits_loops(constraint: Constraint, nest: Nest, lanes: Sequence[str], sizes: Mapping[str, int],
                  summed: Sequence[str]) -> bool:
    """Whether padding of axes that tiles have one point of can limit the loop over the innermost of them.

    summed: the reduced axes that tiles walk; all others are rounds."""
    axes = constraint.position.axes
    return (constraint not in nest.bounds and bool(axes & set(nest.reduced)) and not axes & set(lanes)
            and len(axes & set(summed)) <= 1 and all(sizes.get(axis, 1) == 1 for axis in axes))


def _checked(loops: _Loops, sizes: Mapping[str, int], unrolled: frozenset[str]) -> tuple[Constraint, ...]:
    """The constraints that are settled while writing."""
    nest, lanes, reduction, rounds = loops.nest, loops.lanes, loops.reduction, loops.rounds
    if rounds and not loops.shares_taps:
        return tuple(c for c in nest.constraints if not _limits_loops(c, nest, lanes, sizes, reduction[rounds:]))
    written_out = unrolled | set(reduction[-1:]) | set(reduction[:rounds])
    return tuple(c for c in nest.constraints if _is_checked(c, nest, lanes, sizes, written_out))


def _is_checked(constraint: Constraint, nest: Nest, lanes: Sequence[str], sizes: Mapping[str, int],
                written_out: frozenset[str]) -> bool:
    """A constraint of one reduced axis and of axes that a tile has one point of can limit the loop instead.

    written_out: reduced axes whose points are written out, at least some to a round.
    """
    axes = constraint.position.axes
    reduced = [axis for axis in axes if axis in nest.reduced]
    single = [axis for axis in axes if axis in nest.parallel and sizes.get(axis, 1) == 1]
    if _cases(constraint, nest, single) > CASES_WRITTEN_OUT:
        written_out = frozenset()
    return (len(reduced) != 1 or constraint in nest.bounds or bool(axes & (set(lanes) | written_out))
            or any(sizes.get(axis, 1) > 1 for axis in axes))


def _cases(constraint: Constraint, nest: Nest, axes: Sequence[str]) -> int:
    """In how many ways the points of one axis meet the constraint."""
    if len(axes) != 1:
        return 1
    unit, (low, high) = constraint.position.coefficient(axes[0]), constraint.position.span({**nest.extents, axes[0]: 1})
    starts = [constraint.position.offset + unit * i for i in range(nest.extents[axes[0]])]
    return len({(min(0, start + low), max(0, start + high - constraint.extent + 1)) for start in starts})
