"""Attention as LLVM IR: scores, softmax and mixtures of values of some queries at a time.

    void name(ptr query, ptr key, ptr value, ptr operand..., ptr result, i64 begin, i64 end)

A job is a block of queries of one head.  Its scores are made transposed, [keys][queries], so that lanes walk queries:
keys and values are read where they lie, a softmax adds up no lanes of one vector, and only the queries are turned, into
memory of the job.  Both products are written by the writer of all contractions; the scores between them lie on the
stack.  Keys are taken in rounds: sums so far are scaled down whenever a larger score comes.
Source of this form of the softmax: Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Type, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import write_jobs
from symc.codegen.llvm_elements import FLOAT32
from symc.codegen.llvm_jobs import Tiling
from symc.codegen.llvm_math import VectorMath, exp_of_negative
from symc.codegen.llvm_nest import Access, Affine, Nest, split_axis
from symc.codegen.llvm_schedule import Core, choose
from symc.codegen.llvm_tile import TileWriter
from symc.codegen.llvm_transpose import transposed
from symc.ops.families.blocked_attention import COLUMNS, KEYS, ROWS, SUMMED, BlockedAttention, Strides

FLOAT, ITEMSIZE = "float", 4
QUERIES = 64                # of a job
VECTORS_AT_ONCE = 2         # of queries whose exponentials are made in turn
KEYS_OF_A_ROUND = 64        # whose scores, keys and values stay in the first cache
QUERY, KEY, VALUE = range(3)
Pointwise = Callable[..., Any]      # pointwise(F, score, *operands): what the softmax is taken of, and multiplied with


@dataclass(frozen=True, slots=True)
class AttentionRequest:
    """strides: of query, key, value, the operands and the result; operands have none where they are repeated.
    has_factors: whether pointwise gives what the softmax is multiplied with too."""

    op: BlockedAttention
    strides: tuple[Strides, ...]
    pointwise: Pointwise
    of_query: Callable[[Any, Value], Value] = lambda F, query: query
    has_factors: bool = False


def generate(request: AttentionRequest, name: str, level: str) -> tuple[str, int]:
    """A module with the kernel `name` for the CPU `level`, and its number of jobs."""
    builder = Builder()
    memory = _Memory.of(builder, request, LEVELS[level].core)
    writers = [_JobWriter(builder, request, memory, *share) for share in _shares(request.op.sizes[ROWS], QUERIES)]
    write_jobs(builder, writers)
    builder.emit("ret void")
    last = len(request.strides) - 1
    buffers = [f"ptr {'noalias readonly ' if i < last else 'noalias '}%buffer{i}" for i in range(last + 1)]
    header = f"void @{name}({', '.join(buffers)}, i64 %begin, i64 %end)"
    text = builder.function(header, "nounwind #0") + builder.declared() + LEVELS[level].attributes
    return text, sum(writer.jobs for writer in writers)


def _shares(extent: int, size: int) -> list[tuple[int, int, int]]:
    """(begin, end, size) of the shares that are whole, and of what is left."""
    whole = extent // size * size
    found = ((0, whole, size), (whole, extent, extent - whole))
    return [(begin, end, share) for begin, end, share in found if begin < end]


def _padded(extent: int, width: int) -> int:
    return -(-extent // width) * width


@dataclass(frozen=True, slots=True)
class _Memory:
    """A job's own memory, on the stack.  queries: [depth][lanes]; scores, factors: [keys of a round][lanes]; largest,
    totals, scales: [lanes], of the scores, of their exponentials, and what sums so far are multiplied with; sums:
    [queries][columns]."""

    core: Core
    lanes: int
    keys: int
    queries: Value
    scores: Value
    factors: Value
    largest: Value
    totals: Value
    scales: Value
    sums: Value

    @staticmethod
    def of(builder: Builder, request: AttentionRequest, core: Core) -> _Memory:
        sizes, width = request.op.sizes, core.vector_bytes // ITEMSIZE
        lanes = _padded(min(sizes[ROWS], QUERIES), width)
        keys = -(-sizes[KEYS] // -(-sizes[KEYS] // KEYS_OF_A_ROUND))
        amounts = (sizes[SUMMED] * lanes, keys * lanes, keys * lanes * request.has_factors, *3 * (lanes,),
                   lanes * sizes[COLUMNS])
        places = [builder.register(f"alloca [{amount} x {FLOAT}], align 64", POINTER) for amount in amounts]
        return _Memory(core, lanes, keys, *places)

    @property
    def width(self) -> int:
        return self.core.vector_bytes // ITEMSIZE


class _JobWriter:
    """Writes the jobs of the queries [first, end) of each head, `rows` to a job."""

    def __init__(self, builder: Builder, request: AttentionRequest, memory: _Memory, first: int, end: int,
                 rows: int) -> None:
        self.builder, self.request, self.memory = builder, request, memory
        self.op, self.sizes, self.rows, self.first = request.op, request.op.sizes, rows, first
        self.blocks = (end - first) // rows
        self.lanes = _padded(rows, memory.width)
        self.vector = Type(FLOAT, memory.width)
        self.starts: list[Value] = []        # of all tensors, for the job's head and first query

    @property
    def jobs(self) -> int:
        return self.blocks * math.prod(self.op.extents[:-4])

    def write_job(self, number: Integer) -> None:
        """The blocks of a head follow each other: its keys and values stay in the second cache."""
        at: dict[str, Integer] = {ROWS: number % self.blocks * self.rows + self.first}
        number = number // self.blocks
        for axis in reversed(self.op.heads):
            at[axis], number = number % self.sizes[axis], number // self.sizes[axis]
        pointers = (Value(self.builder, f"%buffer{i}", POINTER) for i in range(len(self.request.strides)))
        self.starts = [self._at(pointer, strides, at)
                       for pointer, strides in zip(pointers, self.request.strides, strict=True)]
        self._turn_queries()
        self._write_rounds()

    def _at(self, pointer: Value, strides: Strides, at: Mapping[str, Integer]) -> Value:
        steps = Affine.of(strides.offset, list(strides.steps.items()))
        return self.builder.offset(pointer, steps.at(at), FLOAT)

    # ---- queries

    def _turn_queries(self) -> None:
        """queries[k, m] = query[m, k]; what lies past the last query repeats that one."""
        steps, width, depth = self.request.strides[QUERY].steps, self.memory.width, self.sizes[SUMMED]
        step = steps.get(SUMMED, 0)
        for first in range(0, self.lanes, width):
            rows = [min(first + i, self.rows - 1) * steps.get(ROWS, 0) for i in range(width)]
            start = self.builder.offset(self.memory.queries, first, FLOAT)
            if step == 1:
                whole = depth // width * width
                self._loop(0, whole, partial(self._turn, rows, start, width), width)
                self._turn(rows, start, depth % width, whole)
            else:
                self._loop(0, depth, partial(self._gather, rows, start, step))

    def _turn(self, rows: Sequence[int], start: Value, count: int, k: Integer) -> None:
        """`count` elements of some queries from element `k` on."""
        if not count:
            return
        valid = [lane < count for lane in range(self.memory.width)]
        query = self.builder.offset(self.starts[QUERY], k, FLOAT)
        vectors = [self.builder.load_lanes(self.builder.offset(query, row, FLOAT), self.vector, valid) for row in rows]
        place = self.builder.offset(start, k * self.memory.lanes, FLOAT)
        for i, vector in enumerate(transposed(self.builder, vectors)[:count]):
            self._store_query(vector, self.builder.offset(place, i * self.memory.lanes, FLOAT))

    def _gather(self, rows: Sequence[int], start: Value, step: int, k: Integer) -> None:
        query = self.builder.offset(self.starts[QUERY], k * step, FLOAT)
        if list(rows) == list(range(rows[0], rows[0] + len(rows))):
            vector = self.builder.load(self.builder.offset(query, rows[0], FLOAT), self.vector)
        else:
            vector = self.builder.zero(self.vector)
            for lane, row in enumerate(rows):
                element = self.builder.load(self.builder.offset(query, row, FLOAT), Type(FLOAT))
                vector = self.builder.insert(vector, element, lane)
        self._store_query(vector, self.builder.offset(start, k * self.memory.lanes, FLOAT))

    def _store_query(self, vector: Value, place: Value) -> None:
        self.builder.store(self.request.of_query(VectorMath(self.builder), vector), place)

    # ---- rounds

    def _write_rounds(self) -> None:
        memory, columns = self.memory, self.sizes[COLUMNS]
        for i in range(self.lanes // memory.width):
            self.builder.store(self.builder.constant(float("-inf"), self.vector), self._vectors_from(memory.largest, i))
            self.builder.store(self.builder.zero(self.vector), self._vectors_from(memory.totals, i))
        self._loop(0, memory.lanes * columns, lambda i: self.builder.store(
            self.builder.zero(self.vector), self.builder.offset(memory.sums, i, FLOAT)), memory.width)
        for begin, end, keys in _shares(self.sizes[KEYS], memory.keys):
            self._loop(begin, end, partial(self._add_round, keys), keys)
        self._loop(0, self.rows, self._write_row)

    def _add_round(self, keys: int, key: Integer) -> None:
        self._write_scores(key, keys)
        for begin, end, count in _shares(self.lanes // self.memory.width, VECTORS_AT_ONCE):
            self._loop(begin, end, partial(self._add_exponentials, keys, count), count)
        self._write_mixtures(key, keys)

    def _add_exponentials(self, keys: int, count: int, first: Integer) -> None:
        """The scores of some vectors of queries from vector `first` on become exponentials, which the totals include.

        A row without finite scores has no maximum to subtract; its total is 0, and its mixture NaN.
        """
        memory, builder = self.memory, self.builder
        largest, totals, scales, scores, factors = (self._vectors_from(pointer, first) for pointer in (
            memory.largest, memory.totals, memory.scales, memory.scores, memory.factors))
        before = [self._load(largest, i) for i in range(count)]
        found = self._largest_scores(scores, keys, before)
        finite = [builder.select(value == float("-inf"), 0, value) for value in found]
        for i, total in enumerate(self._exponentials(scores, factors, keys, finite)):
            scale = exp_of_negative(builder, self._distance(before[i], finite[i]))
            builder.store(found[i], self._vectors_from(largest, i))
            builder.store(scale, self._vectors_from(scales, i))
            builder.store(builder.fma(self._load(totals, i), scale, total), self._vectors_from(totals, i))

    def _write_row(self, row: Integer) -> None:
        """The result of one query from its sums."""
        builder, width, columns = self.builder, self.memory.width, self.sizes[COLUMNS]
        total = builder.load(builder.offset(self.memory.totals, row, FLOAT), Type(FLOAT))
        scale = builder.splat(1 / total, width)
        sums = builder.offset(self.memory.sums, row * columns, FLOAT)
        result = builder.offset(self.starts[-1], row * self.request.strides[-1].steps[ROWS], FLOAT)
        for first in range(0, columns, width):
            valid = [first + lane < columns for lane in range(width)]
            found = builder.load_lanes(builder.offset(sums, first, FLOAT), self.vector, valid)
            builder.store_lanes(found * scale, builder.offset(result, first, FLOAT), valid)

    # ---- scores and their softmax

    def _write_scores(self, key: Integer, keys: int) -> None:
        """scores[n, m], factors[n, m] = pointwise(Σ key[n, k]·queries[k, m], operands[m, n])."""
        memory, operands = self.memory, self.request.strides[3:-1]
        outputs = [memory.scores, memory.factors][:1 + self.request.has_factors]
        steps = [self._only(self.request.strides[KEY], KEYS, SUMMED), {SUMMED: memory.lanes, ROWS: 1},
                 *(self._only(strides, ROWS, KEYS) for strides in operands)]
        rows = self.rows if any(ROWS in walked for walked in steps[2:]) else self.lanes
        nest = _nest({KEYS: keys, ROWS: rows, SUMMED: self.sizes[SUMMED]}, steps,
                     [{KEYS: memory.lanes, ROWS: 1} for _ in outputs], SUMMED, ROWS, memory.width)
        pointers = [self._key(KEY, key), memory.queries,
                    *(self._key(i, key) for i in range(3, len(self.request.strides) - 1)), *outputs]
        self._write(nest, pointers, self.request.pointwise)

    def _key(self, tensor: int, key: Integer) -> Value:
        """Where the first key of a round lies."""
        step = self.request.strides[tensor].steps.get(KEYS, 0)
        return self.builder.offset(self.starts[tensor], key * step if step else 0, FLOAT)

    def _only(self, strides: Strides, *axes: str) -> dict[str, int]:
        return {axis: strides.steps[axis] for axis in axes if strides.steps.get(axis)}

    def _largest_scores(self, scores: Value, keys: int, before: Sequence[Value]) -> list[Value]:
        """Of each query, `before` included; NaN is passed over: it reaches the sums of exponentials."""
        def step(key: Integer, largest: list[Value]) -> list[Value]:
            place = self.builder.offset(scores, key * self.memory.lanes, FLOAT)
            found = [self._load(place, i) for i in range(len(largest))]
            return [self.builder.select(x > y, x, y) for x, y in zip(found, largest, strict=True)]
        return self.builder.loop(0, keys, 1, step, before)

    def _exponentials(self, scores: Value, factors: Value, keys: int, largest: Sequence[Value]) -> list[Value]:
        """The scores become exponentials, times the factors.  Returns the sums of exponentials."""
        def step(key: Integer, totals: list[Value]) -> list[Value]:
            place, factor = (self.builder.offset(start, key * self.memory.lanes, FLOAT) for start in (scores, factors))
            made = []
            for i, total in enumerate(totals):
                weight = exp_of_negative(self.builder, self._distance(self._load(place, i), largest[i]))
                share = weight * self._load(factor, i) if self.request.has_factors else weight
                self.builder.store(share, self._vectors_from(place, i))
                made.append(total + weight)
            return made
        return self.builder.loop(0, keys, 1, step, [self.builder.zero(self.vector) for _ in largest])

    def _distance(self, score: Value, largest: Value) -> Value:
        distance = score - largest
        return distance if self.op.temperature == 1 else distance / self.op.temperature

    def _load(self, pointer: Value, number: int) -> Value:
        return self.builder.load(self._vectors_from(pointer, number), self.vector)

    def _vectors_from(self, pointer: Value, number: Integer) -> Value:
        return self.builder.offset(pointer, number * self.memory.width, FLOAT)

    # ---- mixtures of values

    def _write_mixtures(self, key: Integer, keys: int) -> None:
        """sums[m, v] = sums[m, v]·scales[m] + Σ scores[n, m]·value[n, v]."""
        memory, sums = self.memory, {ROWS: self.sizes[COLUMNS], COLUMNS: 1}
        steps = [{KEYS: memory.lanes, ROWS: 1}, self._only(self.request.strides[VALUE], KEYS, COLUMNS), {ROWS: 1}, sums]
        nest = _nest({ROWS: self.rows, COLUMNS: self.sizes[COLUMNS], KEYS: keys}, steps, [sums], KEYS)
        pointers = [memory.scores, self._key(VALUE, key), memory.scales, memory.sums, memory.sums]
        self._write(nest, pointers, lambda _, total, scale, before: self.builder.fma(before, scale, total))

    # ---- both products

    def _write(self, nest: Nest, pointers: Sequence[Value], epilogue: Callable[..., object]) -> None:
        """All tiles, those of queries innermost: each key and value is read once from beyond the first cache."""
        schedule = choose(nest, self.memory.core, ITEMSIZE)
        assert not schedule.rounds, "the operands of a block stay in the second cache"
        tilings = sorted(schedule.tilings, key=lambda tiling: tiling.axis.startswith(ROWS))
        schedule = replace(schedule, tilings=tuple(Tiling(tiling.axis, tiling.size, 0) for tiling in tilings))
        TileWriter(self.builder, schedule, [FLOAT32] * len(pointers), pointers, epilogue).write_job(0)

    def _loop(self, begin: Integer, end: Integer, body: Callable[[Integer], None], step: int = 1) -> None:
        def step_of(number: Integer, _: list[Value]) -> list[Value]:
            body(number)
            return []
        self.builder.loop(begin, end, step, step_of)


def _nest(extents: Mapping[str, int], operands: Sequence[Mapping[str, int]], outputs: Sequence[Mapping[str, int]],
          reduced: str, blocked: str = "", width: int = 1) -> Nest:
    """operands: how lhs, rhs and the operands are walked.  blocked: an axis of which rhs and the outputs hold whole
    blocks of `width`."""
    kept = {axis: extent for axis, extent in extents.items() if extent > 1 or axis in (reduced, blocked)}
    accesses = [Access(Affine.of(0, [(axis, step) for axis, step in walked.items() if axis in kept]))
                for walked in (*operands, *outputs)]
    nest = Nest(kept, tuple(axis for axis in kept if axis != reduced), (reduced,), (), tuple(accesses),
                first_output=len(operands))
    if not blocked:
        return nest
    nest = split_axis(nest, blocked, [width])
    whole = frozenset({f"{blocked}%{width}"})
    return replace(nest, accesses=tuple(
        replace(access, blocked=whole) if i == 1 or i >= nest.first_output else access
        for i, access in enumerate(nest.accesses)))
