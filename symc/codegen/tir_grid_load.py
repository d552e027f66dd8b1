"""How a block of threads loads a tile of an operand: memory → registers → shared memory.

Images need no columns (im2col): where an element lies follows from m and k when it is loaded, padding included.
Neighbouring threads load along whichever of the two memory runs; axes that memory runs through at one step are one.
What lies in runs of 16 bytes is loaded so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tvm import tirx

from symc.codegen.cuda_source import ALIGNED, WORDS
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_reduce import unravelled
from symc.codegen.tir_grid_tile import Sides
from symc.codegen.tir_machine import THREADS
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_schedule import ramp
from symc.codegen.tir_space import Analysis, Loop, Places, analyse, expanded, merged_as_found
from symc.frontend.te import Product, Rounded, Tensor, TensorExpressions, operand
from symc.frontend.te_math import Expr, Scalar, evaluating, literal
from symc.ir.types import DType

FAR = 1 << 30       # a step that is none
RUN = 4             # words of 32 bits that are loaded at once


class SharedForm(Protocol):
    """How a tile lies in shared memory, `unit` neighbours along k in an element of it.

    depth: steps of k in a tile.  has_rows_together: whether neighbouring rows lie side by side; else neighbours along
    k do.
    """

    unit: int
    depth: int
    has_rows_together: bool

    def shared_dtype(self, dtype: DType) -> DType: ...

    def shared_size(self, rows: int) -> int: ...

    def shared_place(self, rows: int, row: Any, unit: Any) -> Any:
        """Where the unit of a row lies."""

    def packed(self, values: Sequence[Scalar]) -> Scalar:
        """The element of shared memory that holds a unit."""


class Walk:
    """How axes are walked by one number: neighbours that all accesses go through at one step are one loop."""

    def __init__(self, axes: Sequence[tuple[str, int]], loops: dict[str, Loop], walk: Sequence[Loop]) -> None:
        mine = {loops[name] for name, _ in axes}
        self.names = {loops[name]: name for name, _ in axes}
        self.walk = [loop for loop in walk if loop in mine or mine.issuperset(loop.members or (loop,))]

    def axes(self, emitter: Emitter, number: Any, extent: int) -> dict[str, Any]:
        """The places of the axes at `number`, which is below `extent`; beyond all steps the first axis leaves its
        own."""
        inner = math.prod(loop.extent for loop in self.walk[1:])
        places: dict[Loop, Any] = dict(unravelled(emitter, number, self.walk[1:]))
        if self.walk:
            first = self.walk[0]
            places[first] = emitter.name_index(first.name, number // inner, max(-(-extent // inner), first.extent))
        places = expanded(places, self.walk)
        return {name: places.get(loop, 0) for loop, name in self.names.items()}


def walks(emitter: Any, sides: Sides, body: Any) -> tuple[Analysis, dict[str, Loop], dict[str, Walk]]:
    """What `body` accesses along the axes of a contraction, the loop of each, and how each side is walked.

    emitter: makes fresh emitters.  body: from places of the axes by name to what `analyse` takes.
    """
    loops = {name: Loop(name, extent) for axes in sides.axes.values() for name, extent in axes}
    names = {loop: name for name, loop in loops.items()}

    def found_along(walk: Sequence[Loop]) -> Analysis:
        fresh = emitter()

        def at_places(places: Places) -> Any:
            all_places = {**dict.fromkeys(names, 0), **expanded(places, walk)}
            return body(fresh, {names[loop]: place for loop, place in all_places.items() if loop in names})
        with evaluating(fresh):
            return analyse(fresh, walk, at_places)
    first = found_along(list(loops.values()))
    result = {}
    for side, axes in sides.axes.items():
        own = [loops[name] for name, _ in axes]
        others = [loop for loop in loops.values() if loop not in own]

        def again(walk: Sequence[Loop], others: list[Loop] = others) -> list[Analysis]:
            return [found_along([*walk, *others])]
        result[side] = Walk(axes, loops, merged_as_found(own, [first], again))
    return first, loops, result


@dataclass
class TileLoad:
    """The part of a thread in loading tiles of operand `number`, whose rows run along `side`.

    exists: for each row that the thread loads whether it is there; rows, units: of each element of shared memory.
    """

    emitter: Emitter
    product: Product
    number: int
    side: str
    sides: Sides
    form: SharedForm
    batch: dict[str, Any]
    extent: int
    walk: dict[str, Walk]
    along_rows: bool
    te: TensorExpressions = field(default_factory=TensorExpressions)

    def begin(self, thread: Any, first: Any) -> None:
        """Find the thread's rows, the tile's first one being `first`; make registers, and memory for two tiles."""
        rows, units = self.extent // self.span[0], self.form.depth // self.form.unit // self.span[1]
        total, width = rows * units, rows if self.along_rows else units
        self.turns, self.thread, self.rest = -(-total // THREADS), thread, total % THREADS
        places = []
        for turn in range(self.turns):
            at = thread + turn * THREADS
            place = at % width, at // width
            row, unit = place if self.along_rows else place[::-1]
            places.append((self.emitter.simplify(row * self.span[0]), self.emitter.simplify(unit * self.span[1])))
        self.places = places
        self._find_rows(first)
        dtype = self.product.inputs[self.number].dtype
        self.registers = self._make_registers(dtype)
        size = 2 * self.form.shared_size(self.extent)
        self.shared = self.emitter.cells(self.form.shared_dtype(dtype), size, "shared")

    @property
    def span(self) -> tuple[int, int]:
        """Rows and units that a thread loads at once."""
        return 1, 1

    def _make_registers(self, dtype: DType) -> Cells:
        return self.emitter.cells(dtype, self.turns * self.form.unit)

    def _find_rows(self, first: Any) -> None:
        size, known = self.sides.size(self.side), dict[str, tuple[dict[str, Any], Expr | None]]()
        self.rows: list[tuple[dict[str, Any], Expr | None]] = []
        for row, _ in self.places:
            if str(row) not in known:
                whole = -(-size // self.extent) * self.extent
                joined = self.emitter.name_index("r", first + row, whole)
                exists = tirx.LT(joined, self.emitter.constant(size)) if size % self.extent else None
                known[str(row)] = self.walk[self.side].axes(self.emitter, joined, whole), exists
            self.rows.append(known[str(row)])

    def fetch(self, first: Any) -> None:
        """The tile that begins at step `first` of k, from memory to registers."""
        emitter, unit = self.emitter, self.form.unit
        for turn, (_, place) in enumerate(self.places):
            with emitter.all_hold(self._is_mine(turn)):
                for part in range(unit):
                    with emitter.block():
                        value = self._element(self.rows[turn], emitter.simplify(first + place * unit + part))
                        emitter.settle([value])
                        emitter.write(self.registers, turn * unit + part, value, 1)

    def _is_mine(self, turn: int) -> list[Expr]:
        last = self.rest and turn == self.turns - 1
        return [tirx.LT(self.thread, self.emitter.constant(self.rest))] if last else []

    def _element(self, row: tuple[dict[str, Any], Expr | None], step: Any) -> Scalar:
        at, guards = self._at(row, step)
        value = operand(self.te, self.product, self.number, at)
        return self.te.select(self.te.all(*guards), value, 0) if guards else value

    def _at(self, row: tuple[dict[str, Any], Expr | None], step: Any) -> tuple[dict[str, Any], list[Expr]]:
        """Where the axes stand at a step of k, and what must hold for it to be one of the contraction's."""
        size, depth = self.sides.size("k"), self.form.depth
        whole = -(-size // depth) * depth
        joined = self.emitter.name_index("k", step, whole)
        guards = [tirx.LT(joined, self.emitter.constant(size))] if size % depth else []
        guards += [row[1]] if row[1] is not None else []
        return {**self.batch, **row[0], **self.walk["k"].axes(self.emitter, joined, whole)}, guards

    def share(self, buffer: Any) -> None:
        """What is in registers, to the tile 0 or 1 in shared memory."""
        emitter, unit, start = self.emitter, self.form.unit, buffer * self.form.shared_size(self.extent)
        for turn, (row, place) in enumerate(self.places):
            with emitter.all_hold(self._is_mine(turn)):
                value = self.form.packed([emitter.read(self.registers, turn * unit + part, 1) for part in range(unit)])
                at = emitter.simplify(start + self.form.shared_place(self.extent, row, place))
                emitter.write(self.shared, at, value, 1)


@dataclass
class RunLoad(TileLoad):
    """A load of RUN words at once, of an operand that lies in `buffer` as it is (`_goes_in_runs`).

    Arrays may begin at any element, so kernels look where they do, and else load one element after the other.
    """

    buffer: Buffer | None = None

    @property
    def span(self) -> tuple[int, int]:
        return (RUN, 1) if self.along_rows else (1, RUN)

    def _make_registers(self, dtype: DType) -> Cells:
        return self.emitter.cells(dtype if self.form.unit == 1 else DType.int32, self.turns * RUN)

    def fetch(self, first: Any) -> None:
        assert self.buffer is not None
        emitter, start = self.emitter, tirx.BufferLoad(self.buffer.var, [self.emitter.constant(0)])
        aligned = tirx.call_extern("bool", ALIGNED, tirx.address_of(start))
        emitter.used[self.buffer] = None
        for condition, load in ((aligned, self._load_run), (tirx.Not(aligned), self._load_elements)):
            with emitter.when(condition):
                self._fetch(first, load)

    def _fetch(self, first: Any, load: Callable[[Buffer, Expr, int], None]) -> None:
        emitter = self.emitter
        for turn, (_, place) in enumerate(self.places):
            with emitter.all_hold(self._is_mine(turn)), emitter.block():
                at, guards = self._at(self.rows[turn], emitter.simplify(first + place * self.form.unit))
                if guards:
                    emitter.write(self.registers, turn * RUN, literal(0, self.registers.dtype), RUN)
                value = operand(self.te, self.product, self.number, at)
                found = _only_load(emitter, value)
                assert found is not None
                with emitter.all_hold(guards):
                    load(*found, turn * RUN)

    def _load_run(self, buffer: Buffer, index: Expr, register: int) -> None:
        emitter, size = self.emitter, RUN * self.form.unit
        start = emitter.name_index("w", index // size, -(-buffer.count // size)) * size     # where TVM sees a multiple
        if self.form.unit == 1:
            value = emitter.load_flat(buffer, ramp(emitter, start, RUN))
            emitter.settle([value])
            emitter.write(self.registers, register, value, RUN)
        else:
            places = [tirx.address_of(tirx.BufferLoad(*place)) for place in (
                (self.registers.buffer, [emitter.constant(register)]), (buffer.var, [start]))]
            emitter.add(tirx.Evaluate(tirx.call_extern("int32", WORDS, *places)))

    def _load_elements(self, buffer: Buffer, index: Expr, register: int) -> None:
        emitter, unit = self.emitter, self.form.unit
        with emitter.loop("u", RUN, kind=tirx.ForKind.UNROLLED) as number:
            values = [emitter.load_flat(buffer, emitter.simplify(index + number * unit + part)) for part in range(unit)]
            emitter.settle(values)
            value = values[0] if unit == 1 else self.form.packed(values)
            emitter.write(self.registers, register + number, value, 1)

    def share(self, buffer: Any) -> None:
        emitter, start = self.emitter, buffer * self.form.shared_size(self.extent)
        for turn, (row, place) in enumerate(self.places):
            with emitter.all_hold(self._is_mine(turn)):
                words, first = self._words(turn * RUN)
                lanes = RUN if self.along_rows == self.form.has_rows_together else 1
                for number in range(0, RUN, lanes):
                    beside = (row + number, place) if self.along_rows else (row, place + number)
                    at = emitter.simplify(start + self.form.shared_place(self.extent, *beside))
                    emitter.write(self.shared, at, emitter.read(words, first + number, lanes), lanes)

    def _words(self, first: int) -> tuple[Cells, int]:
        """Elements of shared memory from registers `first` and following: where these begin."""
        emitter, dtype = self.emitter, self.shared.dtype
        if self.registers.dtype is dtype:
            return self.registers, first
        words = emitter.cells(dtype, RUN)
        for number in range(RUN):
            emitter.write(words, number, self.form.packed([emitter.read(self.registers, first + number, 1)]), 1)
        return words, 0


def load_of(emitter: Emitter, fresh: Any, product: Product, number: int, sides: Sides, form: SharedForm, extent: int,
            batch: dict[str, Any]) -> TileLoad:
    """How operand 0, by m, or 1, by n, is loaded.  extent: rows of its tile; batch: where the axes of b stand."""
    side, te = "mn"[number], TensorExpressions()

    def body(_: Emitter, at: dict[str, Any]) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
        return [operand(te, product, number, at)], []
    found, loops, walk = walks(fresh, sides, body)

    def step(axes: Sequence[tuple[str, int]]) -> tuple[int, int]:
        steps = [(abs(access.steps[loops[name]] or FAR), -extent) for access in found.accesses
                 for name, extent in axes if extent > 1]
        return min(steps, default=(FAR, 0))
    along_rows = step(sides.axes[side]) <= step(sides.axes["k"])
    load = emitter, product, number, side, sides, form, batch, extent, walk, along_rows
    if along_rows and not form.has_rows_together or not _goes_in_runs(found, walk, side if along_rows else "k", form):
        return TileLoad(*load)
    left, right = product.inputs
    as_it_lies = Product(product.spec, (_as_it_lies(left), _as_it_lies(right)))
    first = _first_load(fresh(), as_it_lies, number)
    if first is None or first[1] % (RUN * form.unit):
        return TileLoad(*load)
    return RunLoad(emitter, as_it_lies, *load[2:], buffer=first[0])


def _goes_in_runs(found: Analysis, walk: Mapping[str, Walk], side: str, form: SharedForm) -> bool:
    """Whether an operand is one array, read without conditions and in whole runs along a side."""
    if len(found.accesses) != 1 or found.pinned or not walk[side].walk:
        return False
    (access,), inner, run = found.accesses, walk[side].walk[-1], RUN * form.unit
    dtype = access.buffer.type.element
    others = [access.steps[loop] for one in walk.values() for loop in one.walk if loop is not inner]
    return access.inside and (dtype is DType.float32 if form.unit == 1 else dtype.itemsize == 2) \
        and access.steps[inner] == 1 and inner.extent % run == 0 \
        and all(step is not None and step % run == 0 for step in others)


def _as_it_lies(tensor: Tensor) -> Tensor:
    """What is rounded before it is multiplied: shared memory gets it rounded anyway."""
    return tensor.source if isinstance(tensor, Rounded) else tensor


def _first_load(emitter: Emitter, product: Product, number: int) -> tuple[Buffer, int] | None:
    """Where the first element of an operand is loaded from; None: it is more than a load."""
    with evaluating(emitter):
        value = operand(TensorExpressions(), product, number, {name: 0 for name, _ in product.spec.extents})
    found = _only_load(emitter, value)
    return (found[0], int(found[1].value)) if found is not None else None


def _only_load(emitter: Emitter, value: Scalar) -> tuple[Buffer, Expr] | None:
    """Where a value lies that is loaded; None: it is more than that."""
    pending = emitter.pending([value])
    buffer = pending[0].buffer if len(pending) == 1 else None
    return (buffer, pending[0].index) if buffer is not None else None
