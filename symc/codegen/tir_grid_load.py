"""How a block of threads loads a tile of an operand: memory → registers → shared memory.

Images need no columns (im2col): where an element lies follows from m and k when it is loaded, padding included.
Neighbouring threads load along whichever of the two memory runs; axes that memory runs through at one step are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_reduce import unravelled
from symc.codegen.tir_grid_tile import Sides
from symc.codegen.tir_machine import THREADS
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_space import Analysis, Loop, Places, analyse, expanded, merged_as_found
from symc.frontend.te import Product, TensorExpressions, operand
from symc.frontend.te_math import Expr, Scalar, evaluating
from symc.ir.types import DType

FAR = 1 << 30       # a step that is none


class SharedForm(Protocol):
    """How a tile lies in shared memory, `unit` neighbours along k in an element of it.

    depth: steps of k in a tile.
    """

    unit: int
    depth: int

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

    def axes(self, emitter: Emitter, number: Any) -> dict[str, Any]:
        places = expanded(unravelled(emitter, number, self.walk), self.walk)
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
        units = self.form.depth // self.form.unit
        total, width = self.extent * units, self.extent if self.along_rows else units
        self.turns, self.thread, self.rest = -(-total // THREADS), thread, total % THREADS
        places = []
        for turn in range(self.turns):
            at = thread + turn * THREADS
            place = self.emitter.simplify(at % width), self.emitter.simplify(at // width)
            places.append(place if self.along_rows else place[::-1])
        self.places = places
        self._find_rows(first)
        dtype = self.product.inputs[self.number].dtype
        self.registers = self.emitter.cells(dtype, self.turns * self.form.unit)
        size = 2 * self.form.shared_size(self.extent)
        self.shared = self.emitter.cells(self.form.shared_dtype(dtype), size, "shared")

    def _find_rows(self, first: Any) -> None:
        size, known = self.sides.size(self.side), dict[str, tuple[dict[str, Any], Expr | None]]()
        self.rows: list[tuple[dict[str, Any], Expr | None]] = []
        for row, _ in self.places:
            if str(row) not in known:
                joined = self.emitter.name_index("r", first + row, -(-size // self.extent) * self.extent)
                exists = tirx.LT(joined, self.emitter.constant(size)) if size % self.extent else None
                known[str(row)] = self.walk[self.side].axes(self.emitter, joined), exists
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
        size, depth = self.sides.size("k"), self.form.depth
        joined = self.emitter.name_index("k", step, -(-size // depth) * depth)
        guards = [tirx.LT(joined, self.emitter.constant(size))] if size % depth else []
        guards += [row[1]] if row[1] is not None else []
        at = {**self.batch, **row[0], **self.walk["k"].axes(self.emitter, joined)}
        value = operand(self.te, self.product, self.number, at)
        return self.te.select(self.te.all(*guards), value, 0) if guards else value

    def share(self, buffer: Any) -> None:
        """What is in registers, to the tile 0 or 1 in shared memory."""
        emitter, unit, start = self.emitter, self.form.unit, buffer * self.form.shared_size(self.extent)
        for turn, (row, place) in enumerate(self.places):
            with emitter.all_hold(self._is_mine(turn)):
                value = self.form.packed([emitter.read(self.registers, turn * unit + part, 1) for part in range(unit)])
                at = emitter.simplify(start + self.form.shared_place(self.extent, row, place))
                emitter.write(self.shared, at, value, 1)


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
    return TileLoad(emitter, product, number, side, sides, form, batch, extent, walk, along_rows)
