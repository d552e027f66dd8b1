"""The loops over a tensor's axes, how memory is walked by them, and which neighbours may be one loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tvm import sym, tirx

from symc.codegen.tir_condition import changes
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_index import free_variables
from symc.codegen.tir_memory import Buffer
from symc.frontend.te import Tensor
from symc.frontend.te_math import Expr, Indices, Scalar
from symc.ir.types import Shape, parse_layout

BLOCK = 16      # channels in a block of the layouts we choose


@dataclass(eq=False, slots=True)
class Loop:
    """A loop of `extent` steps.

    limit: (outer, total) when it is the inner part of an axis of `total` elements and the last step of `outer` has
    fewer.  members: the loops it stands for, whose places are (0, ..., 0, own).  breaks: steps where conditions change.
    edges: these, and the ends of the ranges of steps in which they change with other loops.
    """

    name: str
    extent: int
    limit: tuple[Loop, int] | None = None
    members: tuple[Loop, ...] = ()
    is_block: bool = False      # it walks the block of a split axis
    breaks: tuple[int, ...] = ()
    edges: frozenset[int] = frozenset()

    @property
    def interior(self) -> tuple[int, int]:
        """The longest range of steps between edges: there all conditions on the loop hold, or none does."""
        ends = sorted({0, self.extent, *self.edges})
        return max(itertools.pairwise(ends), key=lambda span: span[1] - span[0], default=(0, self.extent))


Places = Mapping[Loop, Any]     # where each loop stands


@dataclass(frozen=True, slots=True)
class Space:
    """Loops that walk the logical axes of `shape`: one for an axis, or an outer and an inner one where it is split."""

    shape: Shape
    axes: tuple[tuple[Loop, ...], ...]

    def indices(self, places: Places) -> Indices:
        """Logical indices, from the place of each loop."""
        result: list[Any] = []
        for loops in self.axes:
            outer = places[loops[0]]
            result.append(outer if len(loops) == 1 else outer * loops[1].extent + places[loops[1]])
        return tuple(result)

    def loops(self, layout: str | None = None) -> list[Loop]:
        """All loops, outermost first, in the order of a layout where it has blocks of the same axes."""
        outer = [loops[0] for loops in self.axes]
        inner = [loops[1] for loops in self.axes if len(loops) > 1]
        if layout is None:
            return [loop for loops in self.axes for loop in loops]
        order = dict.fromkeys(dim.axis for dim in parse_layout(layout) if dim.block == 1)
        return [outer[axis] for axis in order] + inner


def space(shape: Shape, split: Iterable[int], prefix: str = "i") -> Space:
    """The loops over `shape`; the axes in `split` go in blocks of 16."""
    axes: list[tuple[Loop, ...]] = []
    for axis, extent in enumerate(shape):
        if axis not in split:
            axes.append((Loop(f"{prefix}{axis}", extent),))
            continue
        outer = Loop(f"{prefix}{axis}_", -(-extent // BLOCK))
        limit = (outer, extent) if extent % BLOCK else None
        axes.append((outer, Loop(f"{prefix}{axis}b", BLOCK, limit, is_block=True)))
    return Space(shape, tuple(axes))


@dataclass(frozen=True, slots=True)
class Access:
    """A read or write at a flat index: its step along each loop (None: not linear), and whether it stays inside."""

    buffer: Buffer
    steps: Mapping[Loop, int | None]
    inside: bool
    is_store: bool = False


@dataclass
class Analysis:
    """What the code over some loops reads and writes.  pinned: loops whose place is more than part of an address."""

    loops: list[Loop] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    pinned: set[Loop] = field(default_factory=set)
    demands: list[tuple[Any, Indices]] = field(default_factory=list)
    split: set[Loop] = field(default_factory=set)
    evaluated: Mapping[Tensor, Sequence[Indices]] = field(default_factory=dict)
    variables: Mapping[Loop, Any] = field(default_factory=dict)

    def include(self, other: Analysis) -> None:
        self.loops += other.loops
        self.accesses += other.accesses
        self.pinned |= other.pinned
        self.demands += other.demands
        self.split |= other.split


def analyse(emitter: Emitter, loops: Sequence[Loop],
            body: Callable[[Places], tuple[Sequence[Scalar], Sequence[tuple[Buffer, Expr]]]]) -> Analysis:
    """Evaluate `body` at variables; it gives the values wanted and the places they are stored at.

    `emitter` is a fresh one that knows where tensors lie; nothing it holds is kept.
    """
    variables = {loop: emitter.variable(loop.name, loop.extent) for loop in loops}
    values, stores = body(variables)
    found = Analysis(list(loops), demands=list(emitter.demands), evaluated=emitter.evaluated, variables=variables)
    for definition in emitter.pending(values):
        if definition.buffer is not None:
            found.accesses.append(_access(emitter, definition.buffer, definition.index, variables, False))
    for buffer, index in stores:
        found.accesses.append(_access(emitter, buffer, emitter.simplify(index), variables, True))
    by_variable = {variable: loop for loop, variable in variables.items()}
    for expr in [*emitter.observed, *(index for _, indices in emitter.demands for index in indices)]:
        found.pinned |= {by_variable[v] for v in free_variables(expr) if v in by_variable}
    for loop, variable in variables.items():
        places = {place for expr in emitter.observed for place in changes(expr, variable, emitter.analyzer)}
        loop.breaks = tuple(sorted(place for place in places if 0 < place < loop.extent))
        ends = {place for expr in emitter.observed for place in changes(expr, variable, emitter.analyzer, far=True)}
        loop.edges |= {place for place in ends if 0 < place < loop.extent}
    for variable in emitter.blocked:
        if variable in by_variable:
            found.split.add(by_variable[variable])
    return found


def _access(emitter: Emitter, buffer: Buffer, index: Expr, variables: Mapping[Loop, Any], is_store: bool) -> Access:
    bound = emitter.analyzer.const_int_bound(index)
    inside = bound.min_value >= 0 and bound.max_value < buffer.count
    return Access(buffer, {loop: step_along(index, var) for loop, var in variables.items()}, inside, is_store)


def step_along(index: Expr, variable: Any) -> int | None:
    """By how much `index` grows with `variable`; None when it is not linear in it."""
    coefficients = sym.detect_linear_equation(index, [variable])
    if not coefficients or not isinstance(coefficients[0], tirx.IntImm):
        return None
    return int(coefficients[0].value)


def without_padding(loops: Sequence[Loop], found: Analysis) -> None:
    """Let blocks that are not full be walked to their end where that touches nothing outside: padding may hold
    anything."""
    if all(access.inside for access in found.accesses):
        for loop in loops:
            if loop not in found.pinned:
                loop.limit = None


def merged(loops: Sequence[Loop], found: Analysis, blocks: bool = False) -> list[Loop]:
    """The same walk with neighbours made one loop where every access goes through both at one step.

    blocks: also loops over the block of a split axis; its index is linear up to the block's end only, so the caller
    must look whether the accesses still are what was found.
    """
    result: list[Loop] = []
    for loop in loops:
        if loop.extent == 1 and loop not in found.pinned:
            continue
        if result and (blocks or not loop.is_block) and _may_merge(result[-1], loop, found):
            outer = result.pop()
            members = (*(outer.members or (outer,)), loop)
            loop = Loop(loop.name, outer.extent * loop.extent, None, members)
            for access in found.accesses:
                access.steps[loop] = access.steps[members[-1]]  # type: ignore[index]
        result.append(loop)
    return result


def merged_as_found(loops: Sequence[Loop], found: Sequence[Analysis],
                    again: Callable[[Sequence[Loop]], Sequence[Analysis]], blocks: bool = False) -> list[Loop]:
    """As `merged` for several pieces of code, unless an index leaves the range within which it is linear (i % 4 of an
    axis of 4): `again` analyses the code under the merged loops, and must find the same accesses."""
    whole = Analysis()
    for part in found:
        whole.include(part)
    walk = merged(loops, whole, blocks)
    if not any(loop.members for loop in walk):
        return walk
    other = again(walk)
    steps = [[[access.steps[loop] for loop in walk] for part in parts for access in part.accesses]
             for parts in (found, other)]
    if steps[0] == steps[1] and not any(loop.members for part in other for loop in part.pinned):
        return walk
    return [loop for loop in loops if loop.extent > 1 or loop in whole.pinned]


def _may_merge(outer: Loop, inner: Loop, found: Analysis) -> bool:
    pair = {outer, inner}
    limiting = {loop.limit[0] for loop in found.loops if loop.limit}
    if pair & (found.pinned | limiting) or any(loop.limit for loop in pair):
        return False
    steps = [(access.steps[outer], access.steps[inner]) for access in found.accesses]
    return all(small is not None and large == small * inner.extent for large, small in steps)


def expanded(places: Places, loops: Iterable[Loop]) -> dict[Loop, Any]:
    """`places` with those of the members of merged loops."""
    result = dict(places)
    for loop in loops:
        if loop in places and loop.members:
            result |= dict.fromkeys(loop.members[:-1], 0)
            result[loop.members[-1]] = places[loop]
    return result
