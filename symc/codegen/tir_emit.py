"""Writes loop nests of TIR from tensor elements.

An `Emitter` evaluates elements (it is the `Evaluator` of `frontend.te_math`).  Each distinct element becomes a
definition, bound to a variable at the outermost loop in which all it depends on is known: common elements are
computed once, and what does not vary in a loop is computed before it.  Code is written already vectorised: the index of
a vectorised loop is a ramp.

Reads under `te.select` that may leave the buffer are redirected to its first element where they are not wanted, so
nothing is read that may not be, and no branch breaks a vector apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tvm
from tvm import sym, tirx
from tvm_ffi import StructuralKey

from symc.codegen.tir_condition import settled_condition
from symc.codegen.tir_index import LARGE, clamped, flat_index, free_variables, redirected, view_indices
from symc.codegen.tir_memory import INDEX, Buffer, Cells, cell_value
from symc.frontend.te import Computed, Part, Reduced, Tensor, Viewed
from symc.frontend.te_math import (
    Expr,
    Indices,
    Scalar,
    cast,
    computed_dtype,
    lanes_of,
    literal,
    load_conversion,
    logical,
    store_conversion,
    vector_dtype,
    widened,
)
from symc.ir.types import DType, block_of


@dataclass(eq=False, slots=True)
class Definition:
    """A named element: `cells` = `expr`, or a read of `buffer` at the flat `index`, or the choice of `select`.

    The name is a local variable, not a binding: TVM substitutes bindings, which takes exponential time on a chain of
    elements that are each used twice.
    """

    cells: Cells
    number: int
    lanes: int
    depth: int
    uses: frozenset[Definition]
    expr: Expr = None
    buffer: Buffer | None = None
    index: Expr = None
    select: tuple[Scalar, Scalar, Scalar] | None = None
    emitted: bool = False
    was_raised: bool = False        # written further in than it was remembered for


@dataclass(slots=True)
class Level:
    """An open loop: its statements so far, and the elements that are forgotten when it closes."""

    statements: list[Any] = field(default_factory=list)
    remembered: list[Any] = field(default_factory=list)


Demand = tuple[Reduced, Indices]


class Emitter:
    """Builds the body of one kernel.  `demands` collects elements of reductions that nothing provides."""

    def __init__(self, index_dtype: str = INDEX) -> None:
        self.index_dtype = index_dtype
        self.place_dtype = DType.of(index_dtype)    # of indices that are values
        self.analyzer = sym.Analyzer()
        self.levels = [Level()]
        self.demands: list[Demand] = []
        self.observed: list[Expr] = []      # indices that are more than part of an address
        self.blocked: set[Any] = set()      # index variables that walk an axis that some buffer has in blocks
        self._depths: dict[Any, int] = {}
        self._memo: dict[Any, Any] = {}
        self._buffers: dict[Tensor, Buffer] = {}
        self._providers: dict[Tensor, Callable[[Indices], Scalar]] = {}
        self._of_var: dict[Any, Definition] = {}
        self._count = 0
        self.evaluated: dict[Tensor, list[Indices]] = {}    # computed tensors that call functions, and where
        self.watched: set[Tensor] = set()                   # those to note down even if they call none
        self._calls = 0
        self.used: dict[Buffer, None] = {}  # buffers that have been read
        self.row_offset = 0                 # which vector of rows is written, in a kernel of reductions
        self._floor = 0                     # the innermost loop or branch that may not be left
        self.shared_bytes = 0               # of cells that the threads of a block share

    # ---- loops and statements ----------------------------------------------------------------------------

    def constant(self, value: int) -> Expr:
        return tirx.const(value, self.index_dtype)

    def simplify(self, expr: Expr) -> Expr:
        return self.analyzer.simplify(expr)

    def variable(self, name: str, extent: int) -> Any:
        """A new index variable in [0, extent), known at the innermost open loop."""
        return self.known(tirx.Var(self._name(name), self.index_dtype), extent)

    @contextlib.contextmanager
    def loop(self, name: str, extent: int | Expr, bound: int | None = None,
             kind: tirx.ForKind = tirx.ForKind.SERIAL) -> Iterator[Any]:
        """A loop from 0; `bound` is the largest extent when it varies."""
        if isinstance(extent, int) and extent == 1:
            with self.block():
                yield self.constant(0)
            return
        self.levels.append(Level())
        var = self.variable(name, extent if isinstance(extent, int) else bound or LARGE)
        yield var
        level = self._close()
        upper = self.constant(extent) if isinstance(extent, int) else extent
        if level.statements:
            self.add(tirx.For(var, self.constant(0), upper, kind, sequence(level.statements)))

    @contextlib.contextmanager
    def span(self, low: Expr, high: Expr) -> Iterator[Any]:
        """A serial loop over [low, high), which may be empty."""
        self.levels.append(Level())
        outside, self._floor = self._floor, len(self.levels) - 1
        var = self._between("s", low, high)
        yield var
        self._floor = outside
        level = self._close()
        if level.statements:
            extent = self.simplify(tirx.Sub(high, low))
            self.add(tirx.For(var, low, extent, tirx.ForKind.SERIAL, sequence(level.statements)))

    def _between(self, name: str, low: Expr, high: Expr) -> Any:
        """A new index variable in [low, high), known here."""
        var = tirx.Var(self._name(name), self.index_dtype)
        least = self.analyzer.const_int_bound(low).min_value
        end = max(self.analyzer.const_int_bound(high).max_value, least + 1)
        if end - least < LARGE:     # else the range overflows, and the analyzer draws wrong conclusions
            self.analyzer.bind(var, tvm.ir.Range(least, end))
        self._depths[var] = len(self.levels) - 1
        return var

    def name_between(self, name: str, expr: Expr, low: Expr, high: Expr) -> Any:
        """`expr`, known to lie in [low, high), bound to an index variable here."""
        var = self._between(name, low, high)
        self.add(tirx.Bind(var, self.simplify(expr)))
        return var

    @contextlib.contextmanager
    def repetition(self, going: Cells, count: Cells, at_most: int) -> Iterator[None]:
        """A loop as long as the cell `going` holds, which is a condition, and `count` is below `at_most`."""
        holds, counted = self._content(going, 0, 1).expr, self._content(count, 0, 1).expr
        self.levels.append(Level())
        outside, self._floor = self._floor, len(self.levels) - 1
        yield
        self._floor = outside
        body = sequence(self._close().statements)
        self.add(tirx.While(tirx.And(holds, tirx.LT(counted, tirx.const(at_most, "int32"))), body))

    @contextlib.contextmanager
    def job_loop(self, begin: Any, end: Any, count: int) -> Iterator[Any]:
        """The outermost loop, over jobs [begin, end) of `count`, which are i64; yields the job as an index."""
        assert len(self.levels) == 1, "jobs are the outermost loop"
        self.levels.append(Level())
        job = tirx.Var("job", "int64")
        self._depths[job] = self._floor = 1
        yield self.name_index("j", tirx.Cast(self.index_dtype, job), count)
        level = self._close()
        body = sequence(level.statements or [tirx.Evaluate(0)])
        self.add(tirx.For(job, begin, tirx.Sub(end, begin), tirx.ForKind.SERIAL, body))

    @contextlib.contextmanager
    def root(self) -> Iterator[list[Any]]:
        """What is written within is all that the kernel does; yields the list that holds it afterwards, alone."""
        assert len(self.levels) == 1, "the root is outermost"
        self.levels.append(Level())
        self._floor = 1
        yield self.levels[0].statements
        level = self._close()
        self.add(sequence(level.statements or [tirx.Evaluate(0)]))

    def known(self, var: Any, extent: int) -> Any:
        """`var`, an index in [0, extent) that is known at the innermost open loop."""
        self.analyzer.bind(var, tvm.ir.Range(0, max(extent, 1)))
        self._depths[var] = len(self.levels) - 1
        return var

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """A scope whose elements are forgotten at its end."""
        self.levels.append(Level())
        yield
        for statement in self._close().statements:
            self.add(statement)

    @contextlib.contextmanager
    def when(self, chosen: Expr) -> Iterator[None]:
        """A branch; what is first wanted in it is not computed outside."""
        self.levels.append(Level())
        outside, self._floor = self._floor, len(self.levels) - 1
        yield
        self._floor = outside
        level = self._close()
        settled = settled_condition(chosen, self.analyzer)
        if settled is True:
            self.levels[-1].statements += level.statements
        elif settled is not False and level.statements:
            self.add(tirx.IfThenElse(settled, sequence(level.statements), None))

    @contextlib.contextmanager
    def all_hold(self, conditions: Iterable[Expr]) -> Iterator[None]:
        """A branch within a branch for each condition."""
        with contextlib.ExitStack() as stack:
            for chosen in conditions:
                stack.enter_context(self.when(chosen))
            yield

    def _close(self) -> Level:
        level = self.levels.pop()
        for key in level.remembered:
            self._memo.pop(key, None)
        return level

    def add(self, statement: Any) -> None:
        self.levels[-1].statements.append(statement)

    def name_index(self, name: str, expr: Expr, extent: int) -> Any:
        """`expr`, known to lie in [0, extent), bound to an index variable here; constants stay themselves."""
        expr = self.simplify(expr)
        if extent == 1:
            return self.constant(0)
        if isinstance(expr, (tirx.IntImm, tirx.Var)) and self.analyzer.const_int_bound(expr).max_value < extent:
            return expr
        var = self.variable(name, extent)
        self.add(tirx.Bind(var, expr))
        return var

    def store(self, buffer: Buffer, index: Expr, value: Scalar) -> None:
        """Write `value`, which has been through `settle`."""
        index = self.simplify(index)
        lanes = lanes_of(index)
        assert value.lanes in (1, lanes), "a vector has no place in one element"
        wide = Scalar(widened(value.expr, lanes), value.dtype, value.uses)
        self.add(tirx.BufferStore(buffer.var, store_conversion(wide), [index]))

    # ---- variables that change ---------------------------------------------------------------------------

    def cells(self, dtype: DType, count: int, scope: str = "local") -> Cells:
        """Variables of one dtype, undefined at first; scope: 'local', or 'shared' by the threads of a block."""
        made = self._new_cells(dtype, count, scope)
        if scope == "shared":
            self.shared_bytes += count * np.dtype(str(made.buffer.dtype)).itemsize
        self.add(tirx.AllocBuffer(made.buffer))
        return made

    def _new_cells(self, dtype: DType, count: int, scope: str = "local") -> Cells:
        name = "int8" if dtype is DType.bool else computed_dtype(dtype)
        return Cells(tirx.decl_buffer((count,), name, self._name("v"), scope=scope), dtype)

    def read(self, cells: Cells, offset: int | Expr, lanes: int) -> Scalar:
        """What cells [offset, offset + lanes) hold now."""
        return self.now(self._content(cells, offset, lanes))

    def _content(self, cells: Cells, offset: int | Expr, lanes: int,
                 uses: frozenset[Definition] = frozenset()) -> Scalar:
        loaded = tirx.BufferLoad(cells.buffer, [self._range(offset, lanes)])
        if cells.dtype is DType.bool:
            loaded = tirx.NE(loaded, widened(tirx.const(0, "int8"), lanes))
        return Scalar(loaded, cells.dtype, uses)

    def write(self, cells: Cells, offset: int | Expr, value: Scalar, lanes: int) -> None:
        """Set cells to `value`, which has been through `settle`."""
        wide = Scalar(widened(value.expr, lanes), value.dtype)
        self.add(tirx.BufferStore(cells.buffer, cell_value(wide), [self._range(offset, lanes)]))

    def read_all(self, cells: Sequence[Cells]) -> tuple[Scalar, ...]:
        """What variables of one element hold."""
        return tuple(self.read(cell, 0, 1) for cell in cells)

    def write_all(self, cells: Sequence[Cells], values: Sequence[Scalar]) -> None:
        """Set variables of one element, all at once."""
        self.settle(values)
        settled = [self.now(value) for value in values]
        for cell, value in zip(cells, settled, strict=True):
            self.write(cell, 0, value, 1)

    def now(self, value: Scalar) -> Scalar:
        """`value`, whose definitions are settled, computed at this place of the code."""
        found = self._define(value.lanes, value.dtype, frozenset(), len(self.levels) - 1)
        (definition,) = found.uses
        self._assign(definition, value, len(self.levels) - 1)
        return found

    def _assign(self, definition: Definition, value: Scalar, depth: int) -> None:
        expr = cell_value(Scalar(widened(value.expr, definition.lanes), value.dtype))
        self.levels[depth].statements += [
            tirx.AllocBuffer(definition.cells.buffer),
            tirx.BufferStore(definition.cells.buffer, expr, [self._range(0, definition.lanes)])]
        definition.emitted = True

    def _range(self, offset: int | Expr, lanes: int) -> Expr:
        start = self.constant(offset) if isinstance(offset, int) else offset
        return start if lanes == 1 else tirx.Ramp(start, self.constant(1), lanes)

    # ---- the Evaluator -----------------------------------------------------------------------------------

    def place(self, tensor: Tensor, buffer: Buffer) -> None:
        """`tensor` lies in `buffer`."""
        self._buffers[tensor] = buffer

    def unplace(self, tensor: Tensor) -> None:
        """`tensor` lies in no memory yet."""
        self._buffers.pop(tensor, None)

    def provide(self, tensor: Tensor, provider: Callable[[Indices], Scalar]) -> None:
        """Elements of `tensor`, a reduction computed in this kernel, are those of `provider`."""
        self._providers[tensor] = provider

    def element(self, tensor: Tensor, indices: Indices) -> Scalar:
        value = self._family(tensor, indices)
        assert isinstance(value, Scalar)
        return value

    def _family(self, tensor: Tensor, indices: Indices) -> Any:
        """The element, or the tuple of elements of a tensor that has `Part`s."""
        exprs = [self.constant(i) if isinstance(i, int) else i for i in indices]
        key = (tensor, StructuralKey(exprs))
        if key not in self._memo:
            value = self._evaluate(tensor, tuple(exprs))
            self._memo[key] = value
            values = value if isinstance(value, tuple) else (value,)
            depth = max((d.depth for v in values for d in v.uses), default=0)
            self.levels[min(depth, len(self.levels) - 1)].remembered.append(key)
        return self._memo[key]

    def _evaluate(self, tensor: Tensor, indices: Indices) -> Any:
        if tensor in self._providers:
            return self._providers[tensor](indices)
        if tensor in self._buffers:
            return self.load(self._buffers[tensor], indices)
        return self.compute_any(tensor, indices)

    def compute(self, tensor: Tensor, indices: Indices) -> Scalar:
        """The element of a tensor that is being written: computed, wherever it may lie."""
        value = self.compute_any(tensor, indices)
        assert isinstance(value, Scalar)
        return value

    def compute_any(self, tensor: Tensor, indices: Indices) -> Any:
        indices = tuple(self.constant(i) if isinstance(i, int) else i for i in indices)
        if isinstance(tensor, Viewed):
            moved = view_indices(tensor.shape, tensor.source.shape, indices)
            return self.element(tensor.source, tuple(map(self.simplify, moved)))
        if isinstance(tensor, Part):
            return self.shared(typed(self._family(tensor.family, indices)[tensor.position], tensor.dtype))
        if isinstance(tensor, Reduced):
            self.demands.append((tensor, indices))
            return self.unknown(tensor.dtype, indices)
        assert isinstance(tensor, Computed), "a tensor that is nowhere"
        before = self._calls
        value = tensor.body(*indices)
        if self._calls > before or tensor in self.watched:
            self.evaluated.setdefault(tensor, []).append(indices)
        if isinstance(value, tuple):
            return tuple(typed(part, tensor.dtype, literal_only=True) for part in value)
        return self.shared(typed(value, tensor.dtype))

    def as_value(self, index: Any, dtype: DType) -> Scalar:
        """An index as an integer value."""
        index = self.constant(index) if isinstance(index, int) else index
        target = vector_dtype(computed_dtype(dtype), lanes_of(index))
        return Scalar(index if str(index.ty) == target else tirx.Cast(target, index), dtype, self._uses(index))

    def unknown(self, dtype: DType, indices: Indices) -> Scalar:
        """A value that stands for an element while a nest is analysed."""
        lanes = max((lanes_of(i) for i in indices), default=1)
        return Scalar(tirx.Var(self._name("unknown"), vector_dtype(computed_dtype(dtype), lanes)), dtype)

    def load(self, buffer: Buffer, indices: Indices) -> Scalar:
        """The element of `buffer` at logical `indices`."""
        self.blocked |= {index for axis, index in enumerate(indices)
                         if isinstance(index, tirx.Var) and block_of(buffer.type.layout, axis) > 1}
        return self.load_flat(buffer, self.flat_index(buffer, indices))

    def flat_index(self, buffer: Buffer, indices: Indices) -> Expr:
        index = self.simplify(flat_index(buffer.type, indices, self.constant(0)))
        return index.value if isinstance(index, tirx.Broadcast) else index

    def load_flat(self, buffer: Buffer, index: Expr, depth: int = 0) -> Scalar:
        """The element at a flat index, defined no further out than loop `depth`."""
        dtype, uses = buffer.type.element, self._uses(index)
        found = self._define(lanes_of(index), dtype, uses, max(depth, self.depth_of(index)))
        (definition,) = found.uses
        definition.buffer, definition.index = buffer, index
        return found

    def shared(self, value: Scalar) -> Scalar:
        if isinstance(value.expr, (tirx.Var, tirx.FloatImm, tirx.IntImm, tirx.Broadcast, tvm.ir.expr.TensorLoad)):
            return value
        self._calls += isinstance(value.expr, tvm.ir.Call)
        found = self._define(value.lanes, value.dtype, value.uses, self.depth_of(value.expr))
        (definition,) = found.uses
        definition.expr = value.expr
        return found

    def select(self, chosen: Scalar, a: Scalar, b: Scalar) -> Scalar:
        folded = settled_condition(chosen.expr, self.analyzer) if not chosen.uses else chosen.expr
        if isinstance(folded, bool):
            return a if folded else b
        chosen = Scalar(folded, DType.bool, chosen.uses)
        self.observed.append(folded)
        lanes = max(chosen.lanes, a.lanes, b.lanes)
        depth = max(self.depth_of(x.expr) for x in (chosen, a, b))
        found = self._define(lanes, a.dtype, chosen.uses | a.uses | b.uses, depth)
        (definition,) = found.uses
        definition.select = (chosen, a, b)
        return found

    def index_of(self, value: Scalar) -> Expr:
        index = self.shared(Scalar(tirx.Cast(vector_dtype(self.index_dtype, value.lanes), value.expr),
                                   self.place_dtype, value.uses))
        return index.expr

    def uses_of_index(self, index: Expr) -> frozenset[Definition]:
        if not isinstance(index, (int, bool)):
            self.observed.append(index)
        return self._uses(index)

    def _uses(self, index: Expr) -> frozenset[Definition]:
        if isinstance(index, int) or not self._of_var:
            return frozenset()
        return frozenset(self._of_var[v] for v in free_variables(index) if v in self._of_var)

    def depth_of(self, expr: Expr) -> int:
        """The innermost loop on which `expr` depends through index variables."""
        found = 0
        for var in free_variables(expr):
            definition = self._of_var.get(var)
            found = max(found, definition.depth if definition else self._depths.get(var, 0))
        return found

    def _define(self, lanes: int, dtype: DType, uses: frozenset[Definition], depth: int) -> Scalar:
        depth = max([self._floor, depth, *(use.depth for use in uses)])
        definition = Definition(self._new_cells(dtype, lanes), self._count, lanes, depth, uses)
        self._of_var[definition.cells.buffer] = definition
        return self._content(definition.cells, 0, lanes, frozenset((definition,)))

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    # ---- settling: from definitions to statements --------------------------------------------------------

    def pending(self, values: Sequence[Scalar]) -> list[Definition]:
        """The definitions that `values` need and that are not written yet, each after what it uses."""
        order: list[Definition] = []
        seen: set[Definition] = set()
        stack = [(definition, False) for value in values for definition in in_order(value.uses)]
        while stack:
            definition, finished = stack.pop()
            if finished:
                order.append(definition)
            elif definition not in seen and not definition.emitted:
                seen.add(definition)
                stack.append((definition, True))
                stack += [(use, False) for use in in_order(definition.uses)]
        return order

    def settle(self, values: Sequence[Scalar]) -> None:
        """Write the definitions that `values` need, each at its own loop."""
        order = self.pending(values)
        guards = self._guards(order, values)
        guarded = {definition: guard for definition, guard in guards.items()
                   if guard is not None and definition.buffer and self._may_leave(definition)}
        self._clamp_those_in_circles(guarded)
        waiting = [(definition, False) for definition in reversed(order)]
        while waiting:
            definition, ready = waiting.pop()
            if definition.emitted:
                continue
            guard = guarded.get(definition)
            needs = definition.uses | (guard.uses if guard is not None else frozenset())
            missing = [use for use in in_order(needs) if not use.emitted]
            if missing and not ready:
                waiting += [(definition, True), *((use, False) for use in missing)]
                continue
            self._write(definition, guard)
        self._forget([definition for definition in order if guards[definition] is not None or definition.was_raised])

    def _guards(self, order: list[Definition], values: Sequence[Scalar]) -> dict[Definition, Scalar | None]:
        """For each definition the condition under which it is wanted; None: always."""
        wanted: dict[Definition, Scalar | None] = {use: None for value in values for use in value.uses}

        def want(uses: frozenset[Definition], guard: Scalar | None) -> None:
            for use in in_order(uses):
                if use not in wanted or guard is None:
                    wanted[use] = guard
                elif wanted[use] is not None and wanted[use] is not guard:
                    wanted[use] = logical(tirx.Or, wanted[use], guard)
        for definition in reversed(order):
            guard = wanted[definition]
            if definition.select is None:
                want(definition.uses, guard)
                continue
            chosen, a, b = definition.select
            want(chosen.uses | (a.uses & b.uses), guard)
            want(a.uses - b.uses, both(guard, chosen))
            want(b.uses - a.uses, both(guard, ~chosen))
        return wanted

    def _clamp_those_in_circles(self, guarded: dict[Definition, Scalar]) -> None:
        """Take reads away whose guard follows from what they read; anywhere in the buffer does no harm."""
        for definition in list(guarded):
            if self._needs(guarded[definition].uses, definition, guarded):
                assert definition.buffer is not None
                definition.index = clamped(definition.index, definition.buffer.count)
                del guarded[definition]

    def _needs(self, uses: frozenset[Definition], wanted: Definition, guarded: dict[Definition, Scalar]) -> bool:
        """Whether what `uses` follow from, guards included, holds `wanted`."""
        seen, waiting = set(uses), list(uses)
        while waiting:
            definition = waiting.pop()
            further = definition.uses | (guarded[definition].uses if definition in guarded else frozenset())
            waiting += further - seen
            seen |= further
        return wanted in seen

    def _may_leave(self, definition: Definition) -> bool:
        assert definition.buffer is not None
        index = definition.index
        ends = [index]
        if isinstance(index, tirx.Ramp):
            ends = [index.base, index.base + index.stride * (int(index.lanes) - 1)]
        elif lanes_of(index) > 1:
            return True
        bounds = [self.analyzer.const_int_bound(end) for end in ends]
        return any(bound.min_value < 0 or bound.max_value >= definition.buffer.count for bound in bounds)

    def _write(self, definition: Definition, guard: Scalar | None) -> None:
        depth = max([definition.depth, *(use.depth for use in definition.uses)])
        if guard is not None:
            depth = max([depth, self.depth_of(guard.expr), *(use.depth for use in guard.uses)])
        definition.depth, definition.was_raised = depth, depth > definition.depth
        if definition.buffer is not None:
            index = definition.index
            if guard is not None:
                index = redirected(index, guard.expr, definition.buffer.count)
            loaded = tirx.BufferLoad(definition.buffer.var, [index])
            self.used[definition.buffer] = None
            dtype = definition.buffer.type.element
            value = Scalar(load_conversion(widened(loaded, max(definition.lanes, lanes_of(index))), dtype), dtype)
        elif definition.select is not None:
            exprs = [widened(x.expr, definition.lanes) for x in definition.select]
            value = Scalar(tirx.Select(*exprs), definition.cells.dtype)
        else:
            value = Scalar(definition.expr, definition.cells.dtype)
        self._assign(definition, value, depth)

    def _forget(self, definitions: list[Definition]) -> None:
        """Elements read under a condition, or within a loop, are not the ones that others may want."""
        dropped = set(definitions)
        if dropped:
            self._memo = {key: value for key, value in self._memo.items()
                          if not any(use in dropped for v in (value if isinstance(value, tuple) else (value,))
                                     for use in v.uses)}


def in_order(definitions: frozenset[Definition]) -> list[Definition]:
    """As they were made, for code that is the same in every run."""
    return sorted(definitions, key=lambda definition: definition.number)


def both(guard: Scalar | None, chosen: Scalar) -> Scalar:
    return chosen if guard is None else logical(tirx.And, guard, chosen)


def typed(value: Any, dtype: DType, literal_only: bool = False) -> Scalar:
    """A body's result as an element of `dtype`."""
    if not isinstance(value, Scalar):
        return literal(value, dtype)
    return value if literal_only else cast(value, dtype)


def sequence(statements: Sequence[Any]) -> Any:
    return statements[0] if len(statements) == 1 else tirx.SeqStmt(list(statements))
