"""Schedules: jobs, tiles and vectors of a kernel."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_space import Loop, Places
from symc.frontend.te_math import Expr

MOST_BREAKS = 6         # of a vectorised loop, each with code of its own


@dataclass(frozen=True, slots=True)
class Tile:
    """The part of a loop that one job walks: `size` steps, fewer in the last part."""

    loop: Loop
    size: int

    @property
    def parts(self) -> int:
        return -(-self.loop.extent // self.size)


def tiles(loops: Sequence[Loop], elements: int, multiple: int) -> list[Tile]:
    """Tiles of about `elements` elements from the inside out; the innermost is cut at a multiple of `multiple`.

    A block that may not be full is never cut: every loop takes at least one step.
    """
    result: list[Tile] = []
    room = elements
    for position, loop in enumerate(reversed(loops)):
        size = loop.extent if loop.limit else min(loop.extent, max(room, 1))
        if size < loop.extent and position == 0:
            size = max(size // multiple, 1) * multiple
        result.append(Tile(loop, max(size, 1)))
        room = room // max(loop.extent, 1)
    return result[::-1]


def job_count(cut: Sequence[Tile]) -> int:
    return math.prod(tile.parts for tile in cut)


def origins(emitter: Emitter, job: Any, cut: Sequence[Tile]) -> dict[Loop, Any]:
    """The first step of each tile of a job."""
    result: dict[Loop, Any] = {}
    rest = job
    for tile in reversed(cut):
        part = emitter.name_index(f"{tile.loop.name}p", rest % tile.parts, tile.parts)
        rest = rest // tile.parts
        result[tile.loop] = emitter.simplify(part * tile.size)
    return result


def steps_of(emitter: Emitter, tile: Tile, origin: Any, places: Places) -> int | Expr:
    """How many steps of a tile there are: fewer in the last tile of a loop, and in the last block of an axis."""
    count: int | Expr = tile.size
    if tile.loop.extent % tile.size:
        count = tirx.min(emitter.constant(tile.size), tile.loop.extent - origin)
    if tile.loop.limit:
        outer, total = tile.loop.limit
        left = as_index(emitter, total - places.get(outer, 0) * tile.loop.extent - origin)
        count = tirx.min(emitter.constant(count) if isinstance(count, int) else count, left)
    return count if isinstance(count, int) else emitter.simplify(count)


@contextlib.contextmanager
def walked(emitter: Emitter, cut: Sequence[Tile], start: Places) -> Iterator[dict[Loop, Any]]:
    """Serial loops over the tiles; yields the place of each loop."""
    places: dict[Loop, Any] = dict(start)
    with contextlib.ExitStack() as stack:
        for tile in cut:
            origin = start[tile.loop]
            steps = steps_of(emitter, tile, origin, places)
            step = stack.enter_context(emitter.loop(tile.loop.name, steps, tile.size))
            places[tile.loop] = emitter.simplify(origin + step)
        yield places


def pieces(count: int, lanes: int) -> list[tuple[int, int]]:
    """(offset, size) of vectors, of powers of two, that make up `count` < `lanes` elements."""
    result = []
    offset = 0
    while offset < count:
        size = 1 << ((count - offset).bit_length() - 1)
        size = min(size, lanes)
        result.append((offset, size))
        offset += size
    return result


Body = Callable[[Any], None]    # writes the code for a place of the vectorised loop: an index or a ramp


def ramp(emitter: Emitter, start: Any, lanes: int) -> Expr:
    if lanes == 1:
        return emitter.simplify(start)
    return emitter.simplify(start + tirx.Ramp(emitter.constant(0), emitter.constant(1), lanes))


def vectors(emitter: Emitter, start: Any, count: int, lanes: int, body: Body) -> None:
    """`body` over [start, start + count), a loop of vectors and then smaller ones."""
    full = count // lanes
    if full:
        with emitter.loop("v", full) as step:
            body(ramp(emitter, start + step * lanes, lanes))
    for offset, size in pieces(count - full * lanes, lanes):
        with emitter.block():
            body(ramp(emitter, start + full * lanes + offset, size))


def vectorised(emitter: Emitter, tile: Tile, origin: Any, places: Places, lanes: int, body: Body) -> None:
    """`body` over the steps of a tile in vectors, in runs between which conditions change."""
    breaks = tile.loop.breaks
    if tile.size == tile.loop.extent and not tile.loop.limit and 0 < len(breaks) <= MOST_BREAKS:
        for first, last in itertools.pairwise((0, *breaks, tile.size)):
            vectors(emitter, emitter.constant(first), last - first, lanes, body)
        return
    for count in counts(emitter, tile, origin, places):
        vectors(emitter, origin, count, lanes, body)


def counts(emitter: Emitter, tile: Tile, origin: Any, places: Places) -> Iterator[int]:
    """The number of steps of a tile, as it is known when code is written: one, or two, each with code of its own."""
    loop = tile.loop
    if loop.limit:
        assert tile.size == loop.extent, "a block is not cut"
        outer, total = loop.limit
        yield from _parts(emitter, places.get(outer, 0), total, tile.size)
    else:
        yield from _parts(emitter, emitter.simplify(origin // tile.size), loop.extent, tile.size)


def _parts(emitter: Emitter, part: Any, total: int, size: int) -> Iterator[int]:
    """`size` for whole parts of `total`, what is left for the last, each in its own branch."""
    full = total // size
    if total % size == 0:
        yield size
        return
    if full:
        with emitter.when(tirx.LT(as_index(emitter, part), emitter.constant(full))):
            yield size
    with emitter.when(tirx.GE(as_index(emitter, part), emitter.constant(full))):
        yield total % size


def as_index(emitter: Emitter, place: Any) -> Expr:
    return emitter.constant(place) if isinstance(place, int) else place
