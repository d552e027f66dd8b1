"""What the rules of an operator read for a row of the batch, found by running `compute` and `imperative` themselves.

`Trace` is both the `te` of the one and the `k` of the other.  Elements have no values in it: it follows indices, and
notes which elements a result is made of.  What a rule writes for a row may depend on that row of its inputs alone, and
not on the number of the row.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from symc.ir.types import DType, Shape, TensorType
from symc.ops.operator import Operator
from symc.passes.row_indices import Affine, Atom, Index, Other, Quotient, Remainder, Row, Variable

SEVERAL = "computes a row of the batch from several rows, or from another one"
NUMBERED = "treats the rows of the batch differently, by their number"
GROWS = "has a result that grows along several axes with the batch"
UNKNOWN = "has no rule that shows whether it keeps the rows of the batch apart"
DATA = "decides by data, of whichever row, what is computed"


class Coupled(Exception):
    """Rows of the batch are not known to be computed apart; the message says why, beginning with a verb."""


@dataclass(frozen=True, slots=True)
class BatchAxis:
    """Where a value has the batch: `axis` has outer·N·inner elements, and belongs to row n at (i·N + n)·inner + j."""

    axis: int
    outer: int = 1
    inner: int = 1


@dataclass
class Scope:
    """What the body of a tensor, or a job, reads, writes and depends on."""

    accesses: list[tuple[Traced, tuple[Affine, ...]]] = field(default_factory=list)
    used: list[Affine] = field(default_factory=list)


@dataclass(eq=False)
class Traced:
    """A tensor and where its batch is."""

    trace: Trace
    shape: Shape
    dtype: DType
    batch: BatchAxis | None

    def __getitem__(self, indices: Any) -> Datum:
        self.trace.touch(self, indices)
        return Datum(self.trace, self.dtype)


class Datum:
    """An element, or what is computed of some."""

    def __init__(self, trace: Trace, dtype: DType) -> None:
        self.trace, self.dtype = trace, dtype

    def _combined(self, other: Any = None) -> Datum:
        return self.trace.combined("", self, other)

    def _compared(self, other: Any) -> Datum:
        return self.trace.combined("", self, other, dtype=DType.bool)

    def __neg__(self) -> Datum:
        return self._combined()

    def __bool__(self) -> bool:
        raise Coupled(DATA)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _combined
    __and__ = __or__ = _combined
    __invert__ = __neg__
    __lt__ = __le__ = __gt__ = __ge__ = _compared
    __eq__ = __ne__ = _compared     # type: ignore[assignment]
    __hash__ = None                 # type: ignore[assignment]


class Math:
    """The namespace F: all functions make a datum of data."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def dtype(self, x: Datum) -> DType:
        return x.dtype

    def cast(self, x: Any, dtype: DType) -> Datum:
        return self._trace.combined("cast", x, dtype=dtype)

    def const(self, value: float, like: Datum) -> Datum:
        return self._trace.combined("const", value, dtype=like.dtype)

    def where(self, chosen: Any, a: Any, b: Any) -> Datum:
        return self._trace.combined("where", a, b, chosen)

    def __getattr__(self, name: str) -> Callable[..., Datum]:
        return lambda *values: self._trace.combined(name, *values)


@dataclass(frozen=True)
class Reduced:
    """The body of a reduction."""

    extents: tuple[int, ...]
    element: Callable[..., Any]
    dtype: DType | None = None


@dataclass(frozen=True)
class Cell:
    """A variable of a kernel."""

    trace: Trace
    dtype: DType

    def get(self) -> Datum:
        return Datum(self.trace, self.dtype)

    def set(self, value: Any) -> None:
        self.trace.combined("set", value)


class Trace:
    """size: of the batch, a prime number that divides no other extent.

    signature: numbers and indices that the rule has made, but those of the batch: with a batch of another size the same
    rule has the same.
    """

    def __init__(self, size: int) -> None:
        self.size, self.F = size, Math(self)
        self.signature: list[Any] = []
        self.scope = Scope()
        self._numbers = itertools.count()

    # ---- what indices and elements tell ---------------------------------------------------------------------

    def affine(self, index: Any) -> Affine:
        return index.affine if isinstance(index, Index) else Affine((), int(index))

    def variable(self, extent: int | None) -> tuple[Variable, Index]:
        made = Variable(next(self._numbers), extent)
        return made, Index(Affine(((made, 1),)), self)

    def other(self, *made: Affine) -> Affine:
        return Affine(((Other(next(self._numbers), made), 1),))

    def condition(self, used: Sequence[Affine]) -> Datum:
        self.scope.used += used
        return Datum(self, DType.bool)

    def touch(self, tensor: Traced, indices: Any) -> None:
        places = tuple(map(self.affine, indices if isinstance(indices, tuple | list) else (indices,)))
        assert len(places) == len(tensor.shape)
        self.scope.accesses.append((tensor, places))
        at = None if tensor.batch is None else tensor.batch.axis
        self.signature.append([_shown(place) for axis, place in enumerate(places) if axis != at])

    def combined(self, name: str, *values: Any, dtype: DType | None = None) -> Datum:
        for value in values:
            if isinstance(value, Index):
                self.scope.used.append(value.affine)
                self.signature.append(_shown(value.affine))
            elif not isinstance(value, Datum):
                self.signature.append(value)
        self.signature.append(name)
        found = dtype or next((value.dtype for value in values if isinstance(value, Datum)), DType.float32)
        return Datum(self, found)

    # ---- the namespace of `compute` -------------------------------------------------------------------------

    def tensor(self, shape: Sequence[int], body: Callable[..., Any], dtype: DType | None = None) -> Traced:
        before, self.scope = self.scope, Scope()
        axes = [self.variable(extent) for extent in shape]
        made = body(*(index for _, index in axes))
        if isinstance(made, Reduced):
            self.signature.append(made.extents)
            element = self.combined("reduced", made.element(*(self.variable(extent)[1] for extent in made.extents)))
            made = Datum(self, made.dtype or element.dtype)
        found = self.combined("", made, dtype=dtype)
        batch = self._batch_of(tuple(shape), [axis for axis, _ in axes])
        self.scope = before
        return Traced(self, tuple(shape), found.dtype, batch)

    def sum(self, extents: Sequence[int], element: Callable[..., Any]) -> Reduced:
        return Reduced(tuple(extents), element)

    prod = max = min = sum

    def argmax(self, extent: int, element: Callable[..., Any]) -> Reduced:
        return Reduced((extent,), element, DType.int64)

    argmin = argmax

    def select(self, chosen: Any, a: Any, b: Any) -> Datum:
        return self.combined("select", a, b, chosen)

    def index(self, x: Any) -> Any:
        return Index(self.other(), self) if isinstance(x, Datum) else x

    def value(self, index: Any, dtype: DType) -> Datum:
        return self.combined("value", index, dtype=dtype)

    number = value

    def clamp(self, index: Any, low: Any, high: Any) -> Index:
        own, *limits = map(self.affine, (index, low, high))
        above, below = own.plus(limits[0], -1).bounds[0], own.plus(limits[1], -1).bounds[1]
        is_inside = above is not None and above >= 0 and below is not None and below <= 0
        return Index(own if is_inside else self.other(own, *limits), self)

    def all(self, *conditions: Any) -> Datum:
        return self.combined("all", *conditions, dtype=DType.bool)

    any = all

    def draws(self, *_: Any) -> Any:
        raise Coupled(NUMBERED)

    # ---- and of `imperative` --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def jobs(self, count: int, width: int = 1) -> Iterator[Index]:
        self.scope = Scope()
        job, index = self.variable(count)
        yield index
        self._check_jobs(job)

    @contextlib.contextmanager
    def loop(self, extent: Any) -> Iterator[Index]:
        yield self._step(*(extent if isinstance(extent, tuple) else (0, extent)))

    each = loop

    def reduce(self, kind: str, dtype: DType, extent: Any, element: Callable[[Any], Any]) -> Any:
        with self.loop(extent) as step:
            return self.combined("reduce", element(step))

    @contextlib.contextmanager
    def running(self, dtype: DType, extent: int, element: Callable[[Any], Any]) -> Iterator[tuple[Index, Any]]:
        with self.loop(extent) as step:
            yield step, self.combined("running", element(step))

    def _step(self, low: Any, high: Any) -> Index:
        self.combined("loop", low, high)
        first, end = self.affine(low), self.affine(high)
        if first.terms:
            return Index(self.other(first, end), self)
        return self.variable(None if end.terms else max(end.offset - first.offset, 0))[1] + low

    @contextlib.contextmanager
    def repeat(self, going: Cell, at_most: int) -> Iterator[Index]:
        yield self._step(0, at_most)

    @contextlib.contextmanager
    def when(self, chosen: Any) -> Iterator[None]:
        self.combined("when", chosen)
        yield

    def vectors(self, extent: Any, dtype: DType, body: Callable[[Any], None]) -> None:
        body(self._step(0, extent))

    def pieces(self, start: Any, extent: int, dtype: DType) -> list[tuple[Any, int]]:
        return [(self._step(0, extent) + start, extent)]

    def store(self, tensor: Traced, indices: Any, value: Any) -> None:
        self.combined("store", value)
        self.touch(tensor, indices)

    def fail_when(self, chosen: Any) -> None:
        self.combined("fail", chosen)

    def cell(self, dtype: DType, initial: Any, lanes: int = 1) -> Cell:
        made = Cell(self, dtype)
        made.set(initial)
        return made

    # ---- conclusions ----------------------------------------------------------------------------------------

    def grown(self, shape: Shape) -> list[int]:
        """The axes whose extents are multiples of the batch."""
        return [axis for axis, extent in enumerate(shape) if extent and extent % self.size == 0]

    def only_grown(self, shape: Shape) -> int | None:
        """The axis along which a value of this shape grows with the batch, if it does."""
        grown = self.grown(shape)
        if len(grown) > 1:
            raise Coupled(GROWS)
        return grown[0] if grown else None

    def _rows(self) -> list[tuple[Row | None, BatchAxis]]:
        """To which row each access to a tensor with the batch belongs; None: to none in particular."""
        return [(Row.of(places[tensor.batch.axis]), tensor.batch) for tensor, places in self.scope.accesses
                if tensor.batch is not None]

    def _batch_of(self, shape: Shape, axes: Sequence[Variable]) -> BatchAxis | None:
        """Where the tensor whose body is the scope has the batch."""
        at, rows = self.only_grown(shape), self._rows()
        if at is None:
            if rows:
                raise Coupled(SEVERAL)
            return None
        row, found = Row(axes[at]), {BatchAxis(at, 1, shape[at] // self.size)}
        if rows:
            row = rows[0][0] or row
            found = {BatchAxis(at, batch.outer, batch.inner * row.by) for _, batch in rows}
        batch = found.pop()
        if found or row.variable != axes[at] or any(other != row for other, _ in rows) \
                or shape[at] != batch.outer * self.size * batch.inner:
            raise Coupled(SEVERAL)
        self._check_numbers(row)
        return batch

    def _check_jobs(self, job: Variable) -> None:
        """All that a job reads and writes is of one row, which its number gives."""
        rows = {row for row, _ in self._rows()}
        row = rows.pop() if rows else None
        if rows or row is None or row.variable != job:
            raise Coupled(SEVERAL)
        self._check_numbers(row)

    def _check_numbers(self, row: Row) -> None:
        others = (place for tensor, places in self.scope.accesses for axis, place in enumerate(places)
                  if tensor.batch is None or axis != tensor.batch.axis)
        if any(map(row.decides, (*others, *self.scope.used))):
            raise Coupled(NUMBERED)


def trace_compute(trace: Trace, op: Operator, inputs: Sequence[tuple[TensorType, BatchAxis | None]],
                  outputs: Sequence[TensorType]) -> list[BatchAxis | None]:
    """Where the outputs of `compute` have the batch.  Coupled: rows are not computed apart."""
    made = op.compute(trace, [Traced(trace, type.dims, type.element, batch) for type, batch in inputs], list(outputs))
    return [tensor.batch for tensor in made]


def trace_imperative(trace: Trace, op: Operator, inputs: Sequence[tuple[TensorType, BatchAxis | None]],
                     outputs: Sequence[TensorType]) -> list[BatchAxis | None]:
    """The same for `imperative`, which must have the batch in all outputs, at one place with that of its inputs."""
    parts = {(batch.outer, batch.inner) for _, batch in inputs if batch is not None}
    axes = [trace.only_grown(type.dims) for type in outputs]
    if len(parts) > 1 or None in axes:
        raise Coupled(SEVERAL)
    parts = parts or {(1, type.dims[axis] // trace.size) for axis, type in zip(axes, outputs, strict=True)
                      if axis is not None}
    batches = [BatchAxis(axis, *part) for axis in axes if axis is not None for part in parts]
    if len(batches) != len(outputs) or any(type.dims[batch.axis] != batch.outer * trace.size * batch.inner
                                           for type, batch in zip(outputs, batches, strict=True)):
        raise Coupled(SEVERAL)
    targets = [Traced(trace, type.dims, type.element, batch) for type, batch in zip(outputs, batches, strict=True)]
    op.imperative(trace, [Traced(trace, type.dims, type.element, batch) for type, batch in inputs], targets)
    return list(batches)


def _shown(index: Affine) -> Any:
    """An index without the extents of its variables."""
    return [(_shown_atom(atom), coefficient) for atom, coefficient in index.terms], index.offset


def _shown_atom(atom: Atom) -> Any:
    match atom:
        case Variable():
            return atom.number
        case Quotient() | Remainder():
            return type(atom).__name__, _shown(atom.of), atom.by
        case Other():
            return atom.number, [_shown(index) for index in atom.made]
