"""Brings a contraction over laid-out tensors into loop nests whose addresses are affine in the loop axes.

A blocked layout splits axes into digits (channel c is 16·c/16 + c%16), a divisor splits output axes into phases so
that the kernel taps of each phase are known, and neighbouring axes that every operand walks alike are fused.  What is
left is plain data: extents, one address for each operand, and the constraints that padding and ragged ends leave.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_builder import Integer, total
from symc.ir.types import TensorType, parse_layout
from symc.ops.contraction import Contraction


@dataclass(frozen=True, slots=True)
class Affine:
    """offset + Σ coefficient·axis; each axis at most once, no zero coefficients."""

    offset: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(offset: int, terms: Sequence[tuple[str, int]]) -> Affine:
        sums: dict[str, int] = {}
        for axis, coefficient in terms:
            sums[axis] = sums.get(axis, 0) + coefficient
        return Affine(offset, tuple((axis, c) for axis, c in sums.items() if c))

    @property
    def axes(self) -> frozenset[str]:
        return frozenset(axis for axis, _ in self.terms)

    def coefficient(self, axis: str) -> int:
        return next((c for name, c in self.terms if name == axis), 0)

    def __add__(self, other: Affine) -> Affine:
        return Affine.of(self.offset + other.offset, self.terms + other.terms)

    def __mul__(self, factor: int) -> Affine:
        return Affine.of(self.offset * factor, [(axis, c * factor) for axis, c in self.terms])

    def __floordiv__(self, divisor: int) -> Affine:
        """Exact division."""
        assert all(number % divisor == 0 for number in (self.offset, *(c for _, c in self.terms)))
        return Affine.of(self.offset // divisor, [(axis, c // divisor) for axis, c in self.terms])

    def substitute(self, replacements: Mapping[str, Affine]) -> Affine:
        result = Affine(self.offset)
        for axis, c in self.terms:
            result += replacements[axis] * c if axis in replacements else Affine(0, ((axis, c),))
        return result

    def at(self, values: Mapping[str, Integer]) -> Integer:
        """The value where every axis of `values` has that value and all others are 0."""
        return total([(c, values[axis]) for axis, c in self.terms if axis in values], self.offset)

    def span(self, extents: Mapping[str, int]) -> tuple[int, int]:
        """Least and greatest value of the terms over the whole extents, without the offset."""
        ends = [c * (extents[axis] - 1) for axis, c in self.terms]
        return sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)


@dataclass(frozen=True, slots=True)
class Constraint:
    """0 <= position < extent."""

    position: Affine
    extent: int

    def holds(self, point: Mapping[str, int]) -> bool:
        return 0 <= sum(c * point[axis] for axis, c in self.position.terms) + self.position.offset < self.extent

    def always_holds(self, extents: Mapping[str, int]) -> bool:
        if any(extents[axis] == 0 for axis in self.position.axes):
            return True
        low, high = self.position.span(extents)
        return self.position.offset + low >= 0 and self.position.offset + high < self.extent


@dataclass(frozen=True, slots=True)
class Access:
    """How one tensor is walked.

    address: in elements.  guards: where one is broken the operand counts as 0 and may not be read.  blocked: axes
    that walk inside a block of the layout; whole blocks exist in memory, so that lanes past the end may be touched.
    """

    address: Affine
    guards: tuple[Constraint, ...] = ()
    blocked: frozenset[str] = frozenset()

    def elements(self, extents: Mapping[str, int]) -> int:
        """How many these extents of axes reach: as many as points, or as lie between the first and the last of those
        side by side."""
        found = reach = 1
        for step, extent in sorted((abs(step), extents[axis]) for axis, step in self.address.terms if axis in extents):
            last = reach + step * (extent - 1)
            found = min(found * extent, last) if step <= reach else found * extent
            reach = last
        return found


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops over `parallel` and `reduced` axes: outputs = epilogue(Σ lhs·rhs, *operands).

    bounds: points of the loops that break one do not exist (ragged ends of split axes).  accesses: lhs, rhs, the
    operands, and from number `first_output` on the outputs.
    """

    extents: Mapping[str, int]
    parallel: tuple[str, ...]
    reduced: tuple[str, ...]
    bounds: tuple[Constraint, ...]
    accesses: tuple[Access, ...]
    first_output: int

    @property
    def lhs(self) -> Access:
        return self.accesses[0]

    @property
    def rhs(self) -> Access:
        return self.accesses[1]

    @property
    def output(self) -> Access:
        """The first one, which decides in which order things are done."""
        return self.accesses[self.first_output]

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        return (*self.bounds, *(guard for access in self.accesses for guard in access.guards))

    def rebuild(self, extents: Mapping[str, int], replacements: Mapping[str, Affine],
                bounds: Sequence[Constraint] = ()) -> Nest:
        """Other axes in the place of some: `extents` has the new axes in the order of the old."""
        def move(constraints: Sequence[Constraint]) -> tuple[Constraint, ...]:
            moved = (Constraint(c.position.substitute(replacements), c.extent) for c in constraints)
            return tuple(c for c in moved if not c.always_holds(extents))

        def kept(axes: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new for old in axes for new in _successors(old, replacements) if new in extents)
        accesses = tuple(Access(access.address.substitute(replacements), move(access.guards), access.blocked)
                         for access in self.accesses)
        return Nest(extents, kept(self.parallel), kept(self.reduced), move([*self.bounds, *bounds]), accesses,
                    self.first_output)


def _successors(axis: str, replacements: Mapping[str, Affine]) -> tuple[str, ...]:
    return tuple(name for name, _ in replacements[axis].terms) if axis in replacements else (axis,)


def split_axis(nest: Nest, axis: str, points: Sequence[int]) -> Nest:
    """`axis` in digits: with points (8, 16), axis = 16·(axis/16) + 8·(axis%16/8) + axis%8.

    Each point divides the next; the last digit counts whole blocks, and a bound cuts the ragged end off.
    """
    digits = _digits(axis, nest.extents[axis], points)
    extents: dict[str, int] = {}
    for name, extent in nest.extents.items():
        extents.update([(digit, size) for digit, _, size in digits] if name == axis else [(name, extent)])
    position = _sum_of(digits)
    made = nest.rebuild(extents, {axis: position}, [Constraint(position, nest.extents[axis])])
    return replace(made, accesses=tuple(_with_digits(access, axis, position) for access in made.accesses))


def _with_digits(access: Access, axis: str, digits: Affine) -> Access:
    """A part of a block is inside that block too."""
    return replace(access, blocked=access.blocked - {axis} | digits.axes) if axis in access.blocked else access


def _sum_of(digits: Sequence[tuple[str, int, int]]) -> Affine:
    return Affine.of(0, [(name, unit) for name, unit, _ in digits])


def _digits(axis: str, extent: int, points: Sequence[int]) -> list[tuple[str, int, int]]:
    """(name, unit, extent) of each digit, the most significant first."""
    units = [1, *sorted(points)]
    assert all(b % a == 0 for a, b in itertools.pairwise(units)), f"{points} do not divide each other"
    digits = [(f"{axis}/{units[-1]}", units[-1], -(-extent // units[-1]))]
    for low, high in reversed(list(itertools.pairwise(units))):
        digits.append((f"{axis}%{high}" + (f"/{low}" if low > 1 else ""), low, high // low))
    return digits


@dataclass(frozen=True, slots=True)
class Walk:
    """Positions of one tensor in its logical dimensions, before its layout is applied."""

    type: TensorType
    positions: tuple[Affine, ...]
    is_window: bool = False   # may leave the tensor: needs guards


Along = Sequence[int | None]   # for each dimension of an operand, the dimension of the output it runs along


def nests_of(spec: Contraction, types: Sequence[TensorType], along: Sequence[Along]) -> list[Nest] | None:
    """The nests that together compute `spec`, one for each phase; None when an address is not affine.

    types: of lhs, rhs, operands, outputs.  along: of each operand; None stands for an extent of 1.
    """
    if not all(map(_is_simply_blocked, types)):
        return None
    nests = [None if phase is None else _phase_nest(phase, types, along) for phase in _phases(spec)]
    found = [nest for nest in nests if nest is not None]
    if len(found) < len(nests):
        return None
    return [_fuse(nest) for nest in found if all(nest.extents[axis] for axis in nest.parallel)]


def _is_simply_blocked(type: TensorType) -> bool:
    """At most one inner block for each dimension."""
    blocked = [dim.axis for dim in parse_layout(type.layout) if dim.block > 1] if type.layout else []
    return len(blocked) == len(set(blocked))


# Phases: indices with a divisor


@dataclass(frozen=True, slots=True)
class _Phase:
    """positions: in each dimension of lhs, of rhs and of the output."""

    extents: Mapping[str, int]
    positions: tuple[tuple[Affine, ...], ...]
    parallel: tuple[str, ...]

    @property
    def reduced(self) -> tuple[str, ...]:
        return tuple(axis for axis in self.extents if axis not in self.parallel)

    def substitute(self, extents: Mapping[str, int], replacements: Mapping[str, Affine]) -> _Phase:
        positions = tuple(tuple(position.substitute(replacements) for position in operand)
                          for operand in self.positions)
        parallel = (*self.parallel, *(axis for axis in extents if axis not in self.extents and axis != "never"))
        return _Phase({**self.extents, **extents}, positions, parallel)

    def with_position(self, operand: int, dim: int, position: Affine) -> _Phase:
        changed = [list(positions) for positions in self.positions]
        changed[operand][dim] = position
        return replace(self, positions=tuple(map(tuple, changed)))


def _phases(spec: Contraction) -> Iterator[_Phase | None]:
    """One for each range of remainders of each divided index; None in the place of what cannot be split."""
    sides = (spec.lhs, spec.rhs, spec.output)
    positions = tuple(tuple(Affine.of(index.offset, index.terms) for index in indices) for indices in sides)
    divided = [(side, dim, index.divisor) for side, indices in enumerate(sides)
               for dim, index in enumerate(indices) if index.divisor > 1]
    return _split_phases(_Phase(spec.sizes, positions, spec.parallel), divided)


def _split_phases(phase: _Phase, divided: list[tuple[int, int, int]]) -> Iterator[_Phase | None]:
    """divided: (operand, dimension, divisor) of the indices that are left to split."""
    if not divided:
        yield phase
        return
    (operand, dim, divisor), *rest = divided
    position = phase.positions[operand][dim]
    free = [axis for axis, c in position.terms if axis in phase.parallel and c == 1]
    taps = [axis for axis, _ in position.terms if axis not in phase.parallel]
    if len(free) != 1 or len(taps) > 1 or len(position.terms) != len(free) + len(taps):
        yield None
        return
    for first, count, found in _remainders(phase, position, free[0], taps, divisor):
        part = _at_remainders(phase, free[0], taps, divisor, first, count, found)
        quotient = Affine() if found.taps == 0 else part.positions[operand][dim] // divisor
        yield from _split_phases(part.with_position(operand, dim, quotient), rest)


@dataclass(frozen=True, slots=True)
class _Remainder:
    """The points of the output axis that leave one remainder, and the taps that leave none in the index.

    points, taps: how many.  start: the first tap, less the remainder; the others follow in distances of `step`.
    """

    points: int
    taps: int
    start: int
    step: int


def _remainders(phase: _Phase, position: Affine, free: str, taps: list[str],
                divisor: int) -> Iterator[tuple[int, int, _Remainder]]:
    """(first, count, what they have in common) of neighbouring remainders that one nest can serve."""
    coefficient = position.coefficient(taps[0]) if taps else 0
    extent = phase.extents[taps[0]] if taps else 1
    step = divisor // math.gcd(coefficient, divisor)

    def describe(remainder: int) -> _Remainder:
        fixed = position.offset + remainder
        start = next((k for k in range(step) if (fixed + coefficient * k) % divisor == 0), extent)
        points = -(-(phase.extents[free] - remainder) // divisor)
        return _Remainder(points, max(0, -(-(extent - start) // step)), start - remainder, step)
    # As the remainder grows by 1 so does the first tap: only with these coefficients is the quotient the same.
    joins = taps and (1 + coefficient) % divisor == 0
    found = [describe(remainder) for remainder in range(divisor)]
    first = 0
    for i in range(1, divisor + 1):
        if i == divisor or not joins or found[i] != found[first]:
            yield first, i - first, found[first]
            first = i


def _at_remainders(phase: _Phase, free: str, taps: list[str], divisor: int, first: int, count: int,
                   found: _Remainder) -> _Phase:
    """free = divisor·free + first + remainder.  The axis 'never' of extent 0 says that there are no taps."""
    remainder = Affine(first) if count == 1 else Affine(first, ((f"{free}:{divisor}", 1),))
    extents = {free: found.points}
    replacements = {free: Affine(0, ((free, divisor),)) + remainder}
    if count > 1:
        extents[f"{free}:{divisor}"] = count
    if found.taps == 0:
        extents["never"] = 0
    elif taps:
        extents[taps[0]] = found.taps
        replacements[taps[0]] = Affine(found.start, ((taps[0], found.step),)) + remainder
    return phase.substitute(extents, replacements)


# Layouts


def _phase_nest(phase: _Phase, types: Sequence[TensorType], along: Sequence[Along]) -> Nest | None:
    lhs, rhs, output = phase.positions
    operands = [tuple(Affine() if dim is None else output[dim] for dim in dims) for dims in along]
    positions = [lhs, rhs, *operands, *[output] * (len(types) - len(operands) - 2)]
    walks = [Walk(type, walked, is_window=i < 2) for i, (type, walked) in enumerate(zip(types, positions, strict=True))]
    points = _split_points(walks, phase.extents)
    if points is None:
        return None
    nest = Nest(phase.extents, phase.parallel, phase.reduced, (), (), 2 + len(operands))
    digits = {axis: _digits(axis, phase.extents[axis], sorted(found)) for axis, found in points.items()}
    for axis, found in points.items():
        nest = split_axis(nest, axis, sorted(found))
    replacements = {axis: _sum_of(found) for axis, found in digits.items()}
    accesses = [_access(walk, replacements, phase.extents, nest.extents) for walk in walks]
    found_accesses = tuple(access for access in accesses if access is not None)
    return replace(nest, accesses=found_accesses) if len(found_accesses) == len(accesses) else None


def _split_points(walks: Sequence[Walk], extents: Mapping[str, int]) -> dict[str, set[int]] | None:
    """Where each axis must be split so that the blocks of every layout are walked by digits of their own."""
    points: dict[str, set[int]] = {}
    for walk in walks:
        for dim, block in _blocks(walk.type).items():
            terms = [(axis, c) for axis, c in walk.positions[dim].terms if extents[axis] != 1 and c % block]
            for axis, coefficient in terms:
                if coefficient < 0 or block % coefficient:
                    return None
                if len(terms) == 1 or extents[axis] * coefficient > block:   # an axis alone walks whole blocks
                    points.setdefault(axis, set()).add(block // coefficient)
    fit = all(b % a == 0 for found in points.values() for a, b in itertools.pairwise(sorted(found)))
    return points if fit else None


def _blocks(type: TensorType) -> dict[int, int]:
    """Block size of each blocked logical dimension."""
    return {dim.axis: dim.block for dim in parse_layout(type.layout) if dim.block > 1} if type.layout else {}


def _access(walk: Walk, replacements: Mapping[str, Affine], whole: Mapping[str, int],
            extents: Mapping[str, int]) -> Access | None:
    """The address of `walk` and what guards it; None when a block is not walked by digits of its own.

    whole: extents before the split.  A position that stays inside its dimension over these needs no guard: where the
    digits of a ragged axis leave it, the bounds of the nest say so.
    """
    positions = [position.substitute(replacements) for position in walk.positions]
    blocks, strides = _blocks(walk.type), _strides(walk.type)
    address, blocked = Affine(), frozenset[str]()
    for dim, position in enumerate(positions):
        block = blocks.get(dim, 1)
        inner = Affine(0, tuple((axis, c) for axis, c in position.terms if c % block))
        outer = Affine(position.offset, tuple((axis, c) for axis, c in position.terms if c % block == 0))
        if block > 1 and (position.offset % block or inner.span(extents)[1] >= block):
            return None
        address += inner * strides[dim][1] + (outer // block) * strides[dim][0]
        blocked |= inner.axes
    guards = tuple(Constraint(position, size)
                   for position, original, size in zip(positions, walk.positions, walk.type.dims, strict=True)
                   if walk.is_window and not Constraint(original, size).always_holds(whole))
    return Access(address, guards, blocked)


def _strides(type: TensorType) -> dict[int, tuple[int, int]]:
    """Elements from one block to the next, and from one position in a block to the next, of each logical dimension."""
    strides: dict[int, tuple[int, int]] = {}
    step = 1
    layout = parse_layout(type.layout or "abcdefghijklmnopqrstuvwxyz"[:len(type.dims)])
    for dim, extent in zip(reversed(layout), reversed(type.physical), strict=True):
        outer, inner = strides.get(dim.axis, (0, 0))
        strides[dim.axis] = (outer, step) if dim.block > 1 else (step, inner)
        step *= extent
    return strides


# Simplification


def _fuse(nest: Nest) -> Nest:
    """Drop axes of extent 1, and join neighbours that every operand walks as one."""
    guarded = {axis for guard in (*nest.lhs.guards, *nest.rhs.guards) for axis in guard.position.axes}
    units = {axis for axis, extent in nest.extents.items() if extent == 1}
    units -= guarded & set(nest.reduced)   # their loops are where padding is skipped
    nest = nest.rebuild({a: e for a, e in nest.extents.items() if a not in units}, dict.fromkeys(units, Affine()))
    while (pair := _fusable_pair(nest)) is not None:
        nest = _join(nest, *pair)
    return nest


def _fusable_pair(nest: Nest) -> tuple[str, str] | None:
    constrained = {axis for constraint in nest.constraints for axis in constraint.position.axes}
    for axes in (nest.parallel, nest.reduced):
        for outer, inner in itertools.permutations([axis for axis in axes if axis not in constrained], 2):
            if all(access.address.coefficient(outer) == access.address.coefficient(inner) * nest.extents[inner]
                   for access in nest.accesses):
                return outer, inner
    return None


def _join(nest: Nest, outer: str, inner: str) -> Nest:
    """outer·extent(inner) + inner becomes one axis."""
    joined = f"{outer}.{inner}"
    extents: dict[str, int] = {}
    for axis, extent in nest.extents.items():
        if axis == inner:
            extents[joined] = extent * nest.extents[outer]
        elif axis != outer:
            extents[axis] = extent
    nest = nest.rebuild(extents, {outer: Affine(), inner: Affine(0, ((joined, 1),))})

    def change(access: Access) -> Access:
        both = outer in access.blocked and inner in access.blocked
        return replace(access, blocked=(access.blocked - {outer, inner}) | ({joined} if both else frozenset()))
    return replace(nest, accesses=tuple(map(change, nest.accesses)))
