"""Affine indices of loops and elements, as far as is needed to tell which row of a batch an element belongs to.

    (i0, 3·r1 + 2, job // 64)

An index is a sum of atoms with whole coefficients: variables, quotients, remainders, and what else indices are made of.
`Index` overloads arithmetic as the indices of `te` do; comparisons that its bounds do not decide are conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Variable:
    """Of a loop or an axis: 0 to extent - 1; None: it is not known how many."""

    number: int
    extent: int | None


@dataclass(frozen=True, slots=True)
class Quotient:
    of: Affine
    by: int


@dataclass(frozen=True, slots=True)
class Remainder:
    of: Affine
    by: int


@dataclass(frozen=True, slots=True)
class Other:
    """An index that is no such expression of those that it is `made` of, among them data."""

    number: int
    made: tuple[Affine, ...]


Atom = Variable | Quotient | Remainder | Other
Bounds = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Affine:
    """Σ coefficient·atom + offset; each atom once, no coefficient 0, in the order of their appearance."""

    terms: tuple[tuple[Atom, int], ...]
    offset: int = 0

    def plus(self, other: Affine, times: int = 1) -> Affine:
        """self + times·other."""
        sums = dict(self.terms)
        for atom, coefficient in other.terms:
            sums[atom] = sums.get(atom, 0) + times * coefficient
        return Affine(tuple((atom, c) for atom, c in sums.items() if c), self.offset + times * other.offset)

    def times(self, factor: int) -> Affine:
        return Affine(()).plus(self, factor)

    @property
    def atom(self) -> Atom | None:
        """The atom that this index is, if it is one alone."""
        return self.terms[0][0] if len(self.terms) == 1 and self.terms[0][1] == 1 and not self.offset else None

    @property
    def bounds(self) -> Bounds:
        """The least and the largest value, as far as they are known."""
        low: int | None = self.offset
        high: int | None = self.offset
        for atom, coefficient in self.terms:
            least, most = _bounds_of(atom)
            if coefficient < 0:
                least, most = most, least
            low = None if low is None or least is None else low + coefficient * least
            high = None if high is None or most is None else high + coefficient * most
        return low, high


def _bounds_of(atom: Atom) -> Bounds:
    match atom:
        case Variable():
            return 0, None if atom.extent is None else max(atom.extent - 1, 0)
        case Quotient():
            low, high = atom.of.bounds
            return None if low is None else low // atom.by, None if high is None else high // atom.by
        case Remainder():
            return 0, atom.by - 1
        case Other():
            return None, None


def divided(index: Affine, by: int) -> Affine:
    """index // by, rounded down."""
    whole, rest = _split(index, by)
    if _lies_within(rest, by):
        return whole
    atom = rest.atom
    if isinstance(atom, Quotient):      # (x // a) // b
        return whole.plus(Affine(((Quotient(atom.of, atom.by * by), 1),)))
    return whole.plus(Affine(((Quotient(rest, by), 1),)))


def remaining(index: Affine, by: int) -> Affine:
    """index % by, not negative."""
    _, rest = _split(index, by)
    return rest if _lies_within(rest, by) else Affine(((Remainder(rest, by), 1),))


def _split(index: Affine, by: int) -> tuple[Affine, Affine]:
    """whole and rest of index = by·whole + rest, of which the rest has what does not divide."""
    whole = Affine(tuple((atom, c // by) for atom, c in index.terms if c % by == 0), index.offset // by)
    rest = Affine(tuple((atom, c) for atom, c in index.terms if c % by), index.offset % by)
    return whole, rest


def _lies_within(index: Affine, extent: int) -> bool:
    low, high = index.bounds
    return low is not None and high is not None and low >= 0 and high < extent


@dataclass(frozen=True, slots=True)
class Row:
    """Which row of a batch something belongs to: an index that is a variable, or a variable // by."""

    variable: Variable
    by: int = 1

    @staticmethod
    def of(index: Affine) -> Row | None:
        """The row that an index is, if it is of this form."""
        match index.atom:
            case Variable() as variable:
                return Row(variable)
            case Quotient(Affine() as inner, by) if isinstance(inner.atom, Variable):
                return Row(inner.atom, by)
        return None

    def decides(self, index: Affine) -> bool:
        """Whether the index may have another value in another row."""
        return any(self._decides(atom) for atom, _ in index.terms)

    def _decides(self, atom: Atom) -> bool:
        match atom:
            case Variable():
                return atom == self.variable
            case Quotient():
                return self.decides(atom.of)
            case Remainder(Affine() as inner, by):
                return self.decides(inner) and not self._repeats(inner, by)
            case Other():
                return any(self.decides(index) for index in atom.made)

    def _repeats(self, index: Affine, by: int) -> bool:
        """Whether index % by is the same in every row: rows begin at multiples of `by`."""
        match index.atom:
            case Variable():
                return self.by % by == 0
            case Quotient(Affine() as inner, divisor) if isinstance(inner.atom, Variable):
                return self.by % (divisor * by) == 0
        return False


class Index:
    """An index as rules write it.  use: is told indices on which a condition depends."""

    __slots__ = ("affine", "trace")

    def __init__(self, affine: Affine, trace: Any) -> None:
        self.affine, self.trace = affine, trace

    def _with(self, other: Any, combine: Callable[[Affine, Affine], Affine]) -> Index:
        return Index(combine(self.affine, self.trace.affine(other)), self.trace)

    def __add__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: a.plus(b))

    def __sub__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: a.plus(b, -1))

    def __rsub__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: b.plus(a, -1))

    def __neg__(self) -> Index:
        return Index(self.affine.times(-1), self.trace)

    def __mul__(self, other: Any) -> Index:
        return self._with(other, self._product)

    def _product(self, a: Affine, b: Affine) -> Affine:
        if not b.terms:
            return a.times(b.offset)
        return b.times(a.offset) if not a.terms else self.trace.other(a, b)

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: divided(a, b.offset) if _divides(b) else self.trace.other(a, b))

    def __mod__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: remaining(a, b.offset) if _divides(b) else self.trace.other(a, b))

    def __rfloordiv__(self, other: Any) -> Index:
        return self._with(other, lambda a, b: self.trace.other(b, a))

    __rmod__ = __rfloordiv__

    def _compare(self, other: Any, is_decided: Callable[[Bounds], bool]) -> Any:
        if not isinstance(other, (int, Index)):
            return NotImplemented
        difference = self.affine.plus(self.trace.affine(other), -1)
        return self.trace.condition([] if is_decided(difference.bounds) else [difference])

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, lambda b: _is(b[1], lambda high: high < 0) or _is(b[0], lambda low: low >= 0))

    def __ge__(self, other: Any) -> Any:
        return self < other

    def __le__(self, other: Any) -> Any:
        return self._compare(other, lambda b: _is(b[1], lambda high: high <= 0) or _is(b[0], lambda low: low > 0))

    def __gt__(self, other: Any) -> Any:
        return self <= other

    def __eq__(self, other: Any) -> Any:
        return self._compare(other, lambda b: b == (0, 0) or _is(b[1], lambda high: high < 0)
                             or _is(b[0], lambda low: low > 0))

    __ne__ = __eq__         # which way a condition goes does not matter, only on what it depends
    __hash__ = None         # type: ignore[assignment]


def _divides(index: Affine) -> bool:
    return not index.terms and index.offset > 0


def _is(bound: int | None, holds: Callable[[int], bool]) -> bool:
    return bound is not None and holds(bound)
