"""Runs the entries of a plan: native steps through the driver; host steps, and loops and branches that hold them, from
here."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symc.errors import MXNetError, SymcError
from symc.runtime.calls import Call
from symc.runtime.library import Library
from symc.runtime.memory import ALIGNMENT, address_of, aligned_copy, aligned_empty, new_memory
from symc.runtime.plan import (
    BranchStep,
    HostStep,
    LoopStep,
    Plan,
    Range,
    Step,
    buffer_ids,
    runs_natively,
    steps_within,
    storage_dtype,
)
from symc.runtime.team import TEAM

# Kinds of buffers that lie in a block of the program, or in another buffer; arrays are bound to all others.
PLACED = ("arena", "weight")
INSIDE = (*PLACED, "slice")
ARENA = "the arena of intermediate results"

# (program, attributes, inputs, outputs): fills the output arrays in place; may call program.bind_symbol
HostFunction = Callable[["Program", Mapping[str, str], Sequence[np.ndarray], Sequence[np.ndarray]], None]
# What runs a part of a plan, and its argument behind the program: no method of it, which would make a cycle.
Part = tuple[Callable[[Any, Any], None], Any]


class SharedArena(threading.local):
    """An arena of `size` bytes for each thread, for programs of which it runs one at a time, from beginning to end."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._block: np.ndarray | None = None

    def take(self, size: int) -> np.ndarray:
        """The first bytes of the arena of this thread; memory that is not written to costs nothing."""
        if self._block is None:
            self._block = aligned_empty((self.size,), np.dtype(np.uint8), ARENA)
        assert size <= self.size
        return self._block[:size]


class Program:
    """A plan with its code, its weights and arrays bound to its buffers.

    One thread runs it at a time: those who share it hold `lock` from binding arrays to the end of a run.
    `weights` are the bytes of weights.bin; without them the block is made here, for the entry `prepare` to fill.
    `hosts` are the functions of the host steps by name; `shared` an arena to use instead of one of its own.
    SymcError: one of the functions that the plan calls is missing.
    """

    def __init__(self, plan: Plan, library: Library | None, weights: np.ndarray | None = None,
                 hosts: Mapping[str, HostFunction] | None = None, shared: SharedArena | None = None) -> None:
        self.plan, self.library, self.hosts, self.shared = plan, library, dict(hosts or {}), shared
        self.lock = threading.RLock()
        self._runs: dict[Range, list[Part]] = {}
        self._callers: dict[str, tuple[int, ...]] = {}
        self._ready: dict[str, list[Part]] = {}     # entries all of whose buffers are there
        self.user: object = None            # marks whose arrays are bound; no reference: a cycle would keep these
        self.weights = weights if weights is None or address_of(weights) % ALIGNMENT == 0 else aligned_copy(weights)
        self.arena: np.ndarray | None = None
        self._arrays: dict[int, np.ndarray] = {}
        pointers = np.zeros(max(1, len(plan.buffers)), np.uintp)
        self._symbols = np.zeros(max(1, len(plan.symbols)), np.int64)
        self._tables = [ctypes.c_void_p(address_of(table)) for table in (pointers, self._symbols)]
        self._pointers = pointers.data      # sooner written than an array
        self._statuses = plan.of_kind("status")
        for number in self._statuses:
            self.bind(number, np.zeros(1, np.int32))
        self._refuse_unknown_hosts()

    def _refuse_unknown_hosts(self) -> None:
        for step in self.plan.steps:
            if isinstance(step, HostStep) and step.name not in self.hosts:
                raise SymcError(f"the program calls the host function '{step.name}', which is not registered",
                                f"pass hosts={{'{step.name}': function}}")

    def bind(self, number: int, array: np.ndarray, fits: bool = False) -> None:
        """Use `array` as buffer `number` from now on: its exact dtype and shape, C-contiguous, aligned to elements.

        fits: the caller has made sure of that.  SymcError: it is not so.
        """
        if self._arrays.get(number) is array:
            return
        if not fits:
            self.check_fits(number, array)
        self._use(number, array)

    def bind_new(self, number: int) -> np.ndarray:
        """A new array on the host, bound to buffer `number`, which is written to.  SymcError: not enough memory."""
        buffer = self.plan.buffers[number]
        array = new_memory(buffer.shape, storage_dtype(buffer.dtype), buffer.name)
        self._use(number, array)
        return array

    def _use(self, number: int, array: np.ndarray) -> None:
        self._arrays[number] = array
        self._pointers[number] = address_of(array)

    def takes(self, array: Any) -> bool:
        """Whether an array lies where it can be bound."""
        return isinstance(array, np.ndarray)

    def beside(self, array: Any) -> Any:
        """New memory like that of an array that lies elsewhere, where it can be bound."""
        return np.empty(array.shape, array.dtype)

    def check_fits(self, number: int, array: Any) -> None:
        """SymcError: a buffer cannot be such an array."""
        buffer = self.plan.buffers[number]
        assert buffer.kind not in PLACED, f"buffer '{buffer.name}' lies in the {buffer.kind} block"
        expected = storage_dtype(buffer.dtype)
        if array.dtype != expected or array.shape != buffer.shape:
            raise SymcError(f"{buffer.kind} '{buffer.name}' is {array.dtype} {array.shape}, "
                            f"expected {buffer.dtype} {buffer.shape}")
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise SymcError(f"{buffer.kind} '{buffer.name}' is not contiguous and aligned", "bind a copy of it")

    def bind_symbol(self, name: str, value: int) -> None:
        """Give the plan symbol `name` its value for the steps to come."""
        self._symbols[self.plan.symbols.index(name)] = value

    def array(self, number: int) -> np.ndarray:
        """The memory of buffer `number` as an array in its dtype and physical shape; a view, not a copy."""
        if number not in self._arrays:
            self._allocate()
            buffer = self.plan.buffers[number]
            if buffer.offset is None:
                raise SymcError(f"{buffer.kind} '{buffer.name}' is not bound to an array")
            if buffer.kind in PLACED:
                self._arrays[number] = self._place(number)
            else:
                self.bind(number, aligned_copy(self._place(number)))
        return self._arrays[number]

    def _place(self, number: int) -> np.ndarray:
        buffer = self.plan.buffers[number]
        block = self.arena if buffer.kind == "arena" else self.weights
        dtype = storage_dtype(buffer.dtype)
        size = int(np.prod(buffer.shape, dtype=np.int64)) * dtype.itemsize
        assert block is not None and buffer.offset is not None
        return block[buffer.offset:buffer.offset + size].view(dtype).reshape(buffer.shape)

    def run(self, entry: str) -> None:
        """Run the steps of `entry` on the bound arrays.

        SymcError: no such entry, or a buffer is not bound.  MXNetError: operators failed on their data.
        """
        parts = self._ready.get(entry)
        if parts is None:
            parts = self._ready[entry] = self._make_ready(entry)
        if self._statuses:
            self._clear_statuses()
        self._run_entry(entry, parts)
        if self._statuses:
            self._raise_failed()

    def _make_ready(self, entry: str) -> list[Part]:
        """What runs an entry.  SymcError: there is none, or a buffer is not bound."""
        if entry not in self.plan.entries:
            raise SymcError(f"the program has no entry '{entry}', only {', '.join(sorted(self.plan.entries))}",
                            "compile with train=True" if entry in ("forward", "backward") else "")
        self._allocate()
        for number in self._buffers_of(entry):
            self._ensure_bound(number)
        return self._parts(self.plan.entries[entry])

    def _clear_statuses(self) -> None:
        for number in self._statuses:
            self._arrays[number][0] = 0

    def _raise_failed(self) -> None:
        if failed := [self.plan.buffers[number].name for number in self._statuses if self._arrays[number][0]]:
            raise MXNetError("; ".join(failed))

    def _ensure_bound(self, number: int) -> None:
        """SymcError: no array is bound to a buffer, and it has no first values."""
        self.array(number)

    def _run_entry(self, entry: str, parts: list[Part]) -> None:
        for run, argument in parts:
            run(self, argument)

    def run_step(self, number: int) -> None:
        """Run one step alone, of an entry that has run: what times steps calls it for all that are `alone`, in their
        order."""
        self._run_range((number, number + 1))

    def alone(self, bounds: Range) -> Sequence[int]:
        """The steps of a range that run by themselves: of those that a library does at once the first."""
        return range(*bounds)

    def called(self, number: int) -> Call | None:
        """What a library does in place of step `number`, and those behind it."""
        return None

    def trips(self, loop: LoopStep) -> int:
        """How many iterations a loop that has run may take."""
        trips = loop.trip if loop.trip_buffer is None else int(self._scalar(loop.trip_buffer))
        assert trips is not None
        return trips

    def arm(self, branch: BranchStep) -> Range:
        """The steps that a branch runs, now that its predicate is known."""
        return branch.then if self._truth(branch.predicate) else branch.otherwise

    def _allocate(self) -> None:
        """Make the blocks that are not there yet, and point the buffers inside them to their places."""
        if self.arena is not None:
            return
        if self.weights is None:
            self.weights = aligned_empty((self.plan.weights_bytes,), np.dtype(np.uint8), "the block of weights")
        size = self.plan.arena_bytes
        self.arena = (aligned_empty((size,), np.dtype(np.uint8), ARENA) if self.shared is None
                      else self.shared.take(size))
        starts = {"weight": address_of(self.weights), "arena": address_of(self.arena)}
        for number, buffer in enumerate(self.plan.buffers):
            if buffer.kind in PLACED and buffer.offset is not None:
                self._pointers[number] = starts[buffer.kind] + buffer.offset

    def _buffers_of(self, entry: str) -> tuple[int, ...]:
        """Ids of the buffers that the caller must bind before `entry`."""
        if entry not in self._callers:
            used = {number for step in steps_within(self.plan, self.plan.entries[entry]) for number in buffer_ids(step)}
            self._callers[entry] = tuple(n for n in sorted(used) if self.plan.buffers[n].kind not in INSIDE)
        return self._callers[entry]

    def _run_range(self, bounds: Range) -> None:
        for run, argument in self._parts(bounds):
            run(self, argument)

    def _parts(self, bounds: Range) -> list[Part]:
        if bounds not in self._runs:
            self._runs[bounds] = [self._part(piece) for piece in _pieces(self.plan, bounds, self._runs_natively)]
        return self._runs[bounds]

    def _part(self, piece: Range | Step) -> Part:
        kind = type(self)
        match piece:
            case HostStep():
                return kind._run_host, piece
            case LoopStep():
                return kind._run_loop, piece
            case BranchStep():
                return kind._run_branch, piece
            case (first, last):
                return self._native_part((first, last))
        raise AssertionError(piece)

    def _native_part(self, bounds: Range) -> Part:
        """Its numbers are objects of ctypes already, which are passed on in half the time."""
        assert self.library is not None
        return Program._run_natively, functools.partial(self.library.run, *self._tables, *map(ctypes.c_int64, bounds))

    def _runs_natively(self, step: Step) -> bool:
        return runs_natively(self.plan, step)

    def _run_natively(self, run: Callable[[ctypes.c_void_p | None], int]) -> None:
        assert self.library is not None
        status = run(TEAM.address_for(self.library))
        assert status == 0, "there are steps among them that are not native steps of this library"

    def _run_branch(self, step: BranchStep) -> None:
        self._run_range(self.arm(step))

    def _run_host(self, step: HostStep) -> None:
        self.hosts[step.name](self, step.attributes, [self.array(number) for number in step.inputs],
                              [self.array(number) for number in step.outputs])

    def _run_loop(self, loop: LoopStep, run: Callable[[Range], None] | None = None) -> None:
        """run: runs an iteration; by default as any steps are run."""
        trips = self.trips(loop)
        for number in loop.clear:
            self._clear(number)
        for source, target in loop.initial:
            self._copy(source, target)
        trip = 0
        while trip < trips and (loop.predicate is None or self._truth(loop.predicate)):
            self._count(loop, trip)
            self._cut(loop, trips - 1 - trip if loop.reverse else trip)
            (run or self._run_range)(loop.body)
            self._carry(loop)
            trip += 1
        self._count(loop, trip)

    def _clear(self, number: int) -> None:
        self.array(number)[...] = 0

    def _count(self, loop: LoopStep, trip: int) -> None:
        if loop.counter is not None:
            self._set(loop.counter, trip)

    def _set(self, number: int, value: int) -> None:
        self.array(number)[...] = value

    def _cut(self, loop: LoopStep, index: int) -> None:
        """Point the slices of a loop to the parts number `index`."""
        for number, whole, stride in loop.slices:
            buffer = self.plan.buffers[number]
            part = _bytes(self.array(whole))[index * stride:index * stride + buffer.bytes]
            self._arrays[number] = part.view(storage_dtype(buffer.dtype)).reshape(buffer.shape)
            self._pointers[number] = address_of(part)

    def _carry(self, loop: LoopStep) -> None:
        targets = {target for _, target in loop.carry}
        kept = {source: _bytes(self.array(source)).copy() for source, _ in loop.carry if source in targets}
        for source, target in loop.carry:
            _bytes(self.array(target))[:] = kept[source] if source in kept else _bytes(self.array(source))

    def _copy(self, source: int, target: int) -> None:
        _bytes(self.array(target))[:] = _bytes(self.array(source))

    def _truth(self, number: int) -> bool:
        return bool(self._scalar(number))

    def _scalar(self, number: int) -> Any:
        return self.array(number).item()


def _bytes(array: np.ndarray) -> np.ndarray:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8)


def _pieces(plan: Plan, bounds: Range, is_native: Callable[[Step], bool]) -> Iterator[Range | Step]:
    """The range cut into runs of native steps, as ranges, and single steps of other kinds."""
    first, last = bounds
    start = first
    for number in range(first, last):
        step = plan.steps[number]
        if not is_native(step):
            if start < number:
                yield start, number
            yield step
            start = number + 1
    if start < last:
        yield start, last
