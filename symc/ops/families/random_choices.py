"""Random choices: integers, categories, permutations, and distinct categories of Zipf's distribution."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.random import NumPyDraws
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

CHUNK = 256             # samples of a job
MOST_TRIES = 2**31 - 1


class Seeded(Operator):
    """Base of the pure functions of a seed: an int64 of its own, the last input."""

    salt: int

    def draws(self, seed: np.ndarray, elements: np.ndarray) -> NumPyDraws:
        return NumPyDraws(int(seed[0]), self.salt, elements)

    def gradient(self, g: Any, node: Node, *dy: Value) -> list[Value | None]:
        return [None] * len(node.inputs)


# ---- integers ----------------------------------------------------------------------------------------------------


@operator("_random_randint", aliases=("random_randint",))
class RandomInteger(Operator):
    """Integers from low to high - 1, all with the same chance."""

    low: int
    high: int
    shape: Dims | None = None
    ctx: str = ""
    dtype: Literal["None", "int32", "int64"] = "None"
    inputs = ()
    is_random = True
    reads_types = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.low >= self.high:
            raise Conflict(f"there is no integer from low={self.low} to high - 1={self.high - 1}")
        if self.shape:
            s.output.unify(tuple(extent or None for extent in self.shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int32 if self.dtype == "None" else DType[self.dtype])

    def seeded(self, g: Any, seed: Value, salt: int, *, types: list[TensorType]) -> list[Value]:
        flat = g._draw_integers(seed, low=self.low, high=self.high, count=math.prod(types[0].dims),
                                dtype=types[0].element.name, salt=salt)
        return [g.reshape(flat, types[0].dims)]


@operator("_draw_integers", hidden=True)
class DrawnIntegers(Seeded):
    """`count` integers from low to high - 1."""

    low: int
    high: int
    count: int
    dtype: str
    salt: int
    inputs = ("seed",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        s.output.unify((self.count,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.output.unify(DType[self.dtype])

    def value(self, draws: Any) -> Any:
        below = draws.below(draws.bits(0), self.high - self.low)
        return draws.F.cast(below + self.low, DType[self.dtype])

    def reference(self, seed: np.ndarray) -> np.ndarray:
        return self.value(self.draws(seed, np.arange(self.count)))  # type: ignore[no-any-return]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [te.tensor((self.count,), lambda i: self.value(te.draws(inputs[0][0], self.salt, i)))]


# ---- categories --------------------------------------------------------------------------------------------------


@operator("_sample_multinomial", aliases=("sample_multinomial",))
class Multinomial(Operator):
    """Categories drawn with the probabilities that the last axis of data holds, in `shape` for each line.

    With get_prob a second output has the logarithms of their probabilities, through which data has a gradient.
    """

    shape: Dims = ()
    get_prob: bool = False
    dtype: Literal["float16", "float32", "float64", "int32", "uint8"] = "int32"
    is_random = True

    def output_names(self) -> list[str]:
        return ["output0", "output1"] if self.get_prob else ["output"]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank == 0:
            raise Conflict("data has no axis of probabilities")
        for output in s.outputs:
            output.unify((*s.data.shape[:-1], *self.shape) or (1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if t.data.known and not t.data.dtype.is_float:
            raise Conflict(f"data is {t.data.dtype.name}; probabilities are float16, float32 or float64")
        t.outputs[0].unify(DType[self.dtype])
        for output in t.outputs[1:]:
            output.unify(t.data.dtype)
            t.data.unify(output.dtype)

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        dims, count = data.type.dims, math.prod(self.shape)
        rows = g.reshape(data, (math.prod(dims[:-1]), dims[-1]))
        places = g._draw_categories(rows, seed, count=count, salt=salt)
        shape = (*dims[:-1], *self.shape) or (1,)
        chosen = g.reshape(places if self.dtype == "int32" else g.Cast(places, dtype=self.dtype), shape)
        if not self.get_prob:
            return [chosen]
        starts = g.constant(np.arange(math.prod(dims[:-1]), dtype=np.int32)[:, None] * dims[-1], DType.int32)
        number = g.broadcast_add(places, starts)
        return [chosen, g.reshape(g.log(g.take(g.reshape(data, (math.prod(dims),)), number)), shape)]


@operator("_draw_categories", hidden=True)
class DrawnCategories(Seeded):
    """For each row of probabilities `count` columns (int32).  The second output is scratch: the running sums."""

    count: int
    salt: int = 0
    inputs = ("data", "seed")
    outputs = ("output", "sums")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        if s.data.rank is not None:
            s.outputs[0].unify((s.data[0], self.count))
        s.outputs[1].unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.outputs[0].unify(DType.int32)
        t.outputs[1].unify(DType.float64)

    def reference(self, data: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, extent = data.shape
        sums = np.cumsum(data.astype(np.float64), axis=1)
        draws = self.draws(seed, np.arange(rows * self.count))
        u = draws.unit(draws.bits(0), DType.float64).reshape(rows, self.count)
        places = [np.searchsorted(line, row, side="right") for line, row in zip(sums, u, strict=True)]
        return np.minimum(np.array(places, np.int32).reshape(rows, self.count), np.int32(extent - 1)), sums

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, seed), (chosen, sums) = inputs, outputs
        rows, extent = data.shape
        with (k.jobs(rows, width=extent) as row,
              k.running(DType.float64, extent, lambda i: k.F.cast(data[row, i], DType.float64)) as (column, total)):
            k.store(sums, (row, column), total)
        samples = rows * self.count
        with k.jobs(-(-samples // CHUNK)) as job, k.loop((job * CHUNK, k.clamp(job * CHUNK + CHUNK, 0, samples))) as i:
            draws = k.draws(seed[0], self.salt, i)
            row = i // self.count
            k.store(chosen, (row, i % self.count), self.search(k, sums, row, draws.unit(draws.bits(0), DType.float64)))

    def search(self, k: Any, sums: Any, row: Any, u: Any) -> Any:
        """How many of the first extent - 1 sums of the row are at most u."""
        last = sums.shape[1] - 1
        found = k.cell(DType.int32, 0)
        for step in (1 << power for power in range(last.bit_length() - 1, -1, -1)):
            place = k.index(found.get()) + step
            beyond = sums[row, k.clamp(place - 1, 0, last)] <= u
            found.set(k.select(k.all(place <= last, beyond), found.get() + step, found.get()))
        return found.get()


# ---- permutations ------------------------------------------------------------------------------------------------


@operator("_shuffle", aliases=("shuffle",))
class Shuffle(Operator):
    """data with its first axis in a random order, each with the same chance."""

    is_random = True

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        count = data.type.dims[0]
        keys = g._draw_integers(seed, low=0, high=2**63 - 1, count=count, dtype="int64", salt=salt)
        order = g._argsort(g.reshape(keys, (1, count)))
        return [g.take(data, g.reshape(order, (count,)))]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank == 0:
            raise Conflict("data has no axis to shuffle")
        s.unify_all()


# ---- distinct categories of Zipf's distribution ------------------------------------------------------------------


@operator("_sample_unique_zipfian")
class UniqueZipfian(Operator):
    """Rows of distinct classes from [0, range_max), and for each row how many had to be drawn for that.

    A class c is drawn with probability (ln(c + 1½) - ln(c + ½)) / ln range_max, as exp(u·ln range_max)
    is rounded; class 0 from u = 0 on.
    """

    range_max: int
    shape: Dims | None = None
    inputs = ()
    outputs = ("output0", "output1")
    is_random = True
    reads_types = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.shape:
            s.outputs[0].unify(tuple(extent or None for extent in self.shape))
        if s.outputs[0].rank is None:
            return
        if s.outputs[0].rank != 2:
            raise Conflict(f"shape={self.shape} must have two dimensions: rows, and samples of a row")
        if (s.outputs[0][1] or 0) > self.range_max:
            raise Conflict(f"{s.outputs[0][1]} distinct samples of range_max={self.range_max} classes")
        s.outputs[1].unify(s.outputs[0].shape[:1])

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for output in t.outputs:
            output.unify(DType.int64)

    def seeded(self, g: Any, seed: Value, salt: int, *, types: list[TensorType]) -> list[Value]:
        rows, count = types[0].dims
        made = g.node(DrawnZipfian(range_max=self.range_max, rows=rows, count=count, salt=salt), [seed])
        return list(made.outputs[:2])


@operator("_draw_unique_zipfian", hidden=True)
class DrawnZipfian(Seeded):
    """See _sample_unique_zipfian.  The third output is scratch: a hash table for each row."""

    range_max: int
    rows: int
    count: int
    salt: int
    inputs = ("seed",)
    outputs = ("output0", "output1", "table")

    @property
    def slots(self) -> int:
        """Of a table; a power of two."""
        return 1 << (2 * self.count).bit_length()

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        for output, shape in zip(s.outputs, ((self.count,), (), (self.slots,)), strict=True):
            output.unify((self.rows, *shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (*t.inputs, *t.outputs):
            slot.unify(DType.int64)

    def value(self, draws: Any, number: Any) -> Any:
        """The class that a draw gives."""
        u = draws.unit(draws.bits(number), DType.float64)
        return draws.F.cast(draws.F.floor(draws.F.exp(u * math.log(self.range_max)) + 0.5), DType.int64) - 1

    def reference(self, seed: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = [self._row(int(seed[0]), row) for row in range(self.rows)]
        samples = np.array([values for values, _ in rows], np.int64).reshape(self.rows, self.count)
        table = np.zeros((self.rows, self.slots), np.int64)
        return samples, np.array([tries for _, tries in rows], np.int64), table

    def _row(self, seed: int, row: int) -> tuple[np.ndarray, int]:
        """The classes of a row, and the number of tries."""
        tries = 2 * self.count
        while True:
            draws = NumPyDraws(seed, self.salt, np.full(tries, row))
            _, first = np.unique(self.value(draws, np.arange(tries)), return_index=True)
            if len(first) >= self.count:
                kept = np.sort(first)[:self.count]
                return self.value(draws, np.arange(tries))[kept], int(kept[-1]) + 1 if self.count else 0
            tries *= 2

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        samples, tries, table = outputs
        with k.jobs(self.rows) as row:
            with k.loop(self.slots) as slot:
                k.store(table, (row, slot), -1)
            found, tried = k.cell(DType.int64, 0), k.cell(DType.int64, 0)
            going = k.cell(DType.bool, k.value(self.count, DType.int32) > 0)
            draws = k.draws(inputs[0][0], self.salt, row)
            with k.repeat(going, MOST_TRIES) as number:
                value = self.value(draws, number)
                slot = self._slot(k, table, row, value)
                with k.when(table[row, slot] == -1):
                    k.store(table, (row, slot), value)
                    k.store(samples, (row, k.index(found.get())), value)
                    found.set(found.get() + 1)
                tried.set(tried.get() + 1)
                going.set(found.get() < self.count)
            k.store(tries, (row,), tried.get())

    def _slot(self, k: Any, table: Any, row: Any, value: Any) -> Any:
        """Where a value lies in a table, or belongs: the first such or empty slot from the value's own on."""
        place = k.cell(DType.int64, value)
        searching = k.cell(DType.bool, True)
        with k.repeat(searching, self.slots):
            slot = k.index(place.get()) % self.slots
            held = table[row, slot]
            searching.set(k.all(held != -1, held != value))
            place.set(k.select(searching.get(), place.get() + 1, place.get()))
        return k.index(place.get()) % self.slots
