"""Runs the entries of a plan on a GPU, through a `Driver`: that of CUDA (`cuda.py`), or another that does the same.

Arrays that are bound lie on the device, where kernels use them in place, or on the host: what an entry reads of these
is copied to the device before it runs, what it writes is copied back after.  Everything else stays on the device: one
block of weights, one arena.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.runtime.device_memory import DeviceMemory, empty
from symc.runtime.devices import Driver, Function, KernelFailure, OutOfDeviceMemory, Pointer
from symc.runtime.libraries import LibraryProblem, Ready, Use
from symc.runtime.plan import (
    Buffer,
    Call,
    HostStep,
    KernelStep,
    LoopStep,
    Plan,
    Range,
    Step,
    buffer_ids,
    replaced_steps,
    steps_within,
    storage_dtype,
)
from symc.runtime.program import INSIDE, HostFunction, Part, Program

MOST_RECORDED = 1 << 14     # steps of a recording, those of all iterations counted
READ = ("input", "head_gradient", "state", "gradient", "status")     # kinds of buffers that an entry may read
REMEMBERED = 64     # combinations of arrays on which kernels were launched
WRITTEN = ("output", "gradient", "state", "status")


class DeviceProgram(Program):
    """A plan with its kernels on a device, and arrays bound to its buffers.  One thread runs it at a time.

    functions: the kernels by name.  weights, hosts: as of Program.  records: whether kernels that are launched on the
    same arrays again are recorded as one piece, for which `driver` is a stream that no one else uses.  device: the
    number of the GPU, if arrays on it are to be bound.
    """

    _is_ending = staticmethod(sys.is_finalizing)    # of the process, when modules are gone

    def __init__(self, plan: Plan, driver: Driver, functions: Mapping[str, Function],
                 weights: np.ndarray | None = None, hosts: Mapping[str, HostFunction] | None = None,
                 records: bool = True, device: int | None = None, placed_weights: DeviceMemory | None = None) -> None:
        """placed_weights: the same weights on the device, which other programs use too."""
        self._placed_weights = placed_weights
        self._device: dict[int, Pointer] = {}
        self._blocks: list[Pointer] = []
        self._lent: dict[int, DeviceMemory] = {}        # bound arrays that lie on the device
        self._mirrors: dict[int, Pointer] = {}          # where bound arrays are copied to that do not
        self._fetched: list[int] = []                   # head gradients to be copied within the device
        self._is_placed = False
        # steps and the places of bound arrays → what was recorded; None: launched once
        self._recorded: dict[tuple[int, ...], Callable[[], None] | None] = {}
        self._bound: dict[Range, list[int] | None] = {}
        self._asides: dict[int, Pointer] = {}           # where states wait that change places
        super().__init__(plan, None, weights, hosts)
        self.driver, self.records, self.device = driver, records, device
        if missing := [kernel.name for kernel in plan.kernels if kernel.name not in functions]:
            raise SymcError(f"the code for GPUs lacks the kernel '{missing[0]}' of the plan",
                            "compile the network again")
        self._functions = [functions[kernel.name] for kernel in plan.kernels]
        self._calls = {call.steps[0]: CalledSteps(call, plan, driver) for call in plan.calls}

    def __del__(self) -> None:
        if not self._is_ending():
            self._release()

    @property
    def libraries(self) -> list[Use]:
        """What the plan has for libraries, and whether they do it here."""
        return [call.use for call in self._calls.values()]

    def _release(self) -> None:
        """Give the memory back; the next run makes it anew."""
        for pointer in self._blocks:
            self.driver.release(pointer)
        for state in (self._blocks, self._mirrors, self._recorded, self._asides):
            state.clear()  # type: ignore[attr-defined]
        self._ready.clear()
        self._is_placed = False

    # ---- memory ------------------------------------------------------------------------------------------

    def takes(self, array: Any) -> bool:
        return super().takes(array) or array.device == self.device

    def beside(self, array: Any) -> Any:
        """Of an array on another device, on this one."""
        if isinstance(array, DeviceMemory) and self.device is not None:
            return empty(array.shape, array.dtype, self.device)
        return super().beside(array)

    def bind(self, number: int, array: np.ndarray | DeviceMemory, fits: bool = False) -> None:
        """As of Program; an array on the device is used in place."""
        if isinstance(array, np.ndarray):
            self._lent.pop(number, None)
            super().bind(number, array, fits)
        elif self.plan.buffers[number].kind == "head_gradient":     # another array each time, seldom a large one
            self.check_fits(number, array)
            self._lent[number] = array
            self._fetched.append(number)
        elif self._lent.get(number) is not array:
            self.check_fits(number, array)
            self._lent[number], self._device[number] = array, array.pointer

    def bind_new(self, number: int) -> np.ndarray:
        self._lent.pop(number, None)
        return super().bind_new(number)

    def run(self, entry: str) -> None:
        """As of Program.  KernelFailure: a kernel failed; OutOfDeviceMemory says what all of the plan needs."""
        try:
            super().run(entry)
        except KernelFailure as failure:
            raise self._of_nodes(failure) from failure
        except OutOfDeviceMemory as problem:
            self._release()
            raise OutOfDeviceMemory(f"{problem.message}; {self._need()}", problem.hint) from problem

    def _of_nodes(self, failure: KernelFailure) -> KernelFailure:
        """The failure, with the nodes that the kernels are of."""
        nodes = {self.plan.kernels[step.kernel].name: ", ".join(step.nodes) for step in self.plan.steps
                 if isinstance(step, KernelStep)}
        return KernelFailure([f"'{name}' (of {nodes[name]})" if name in nodes else name for name in failure.kernels],
                             failure.what, failure.hint)

    def _need(self) -> str:
        """What the plan needs of the device's memory."""
        plan = self.plan
        bound = sum(buffer.bytes for buffer in plan.buffers if buffer.kind not in INSIDE)
        needs = {"the arena": plan.arena_bytes, "weights": plan.weights_bytes, "bound arrays": bound}
        shown = ", ".join(f"{size / 2**20:.1f} MiB for {what}" for what, size in needs.items())
        return f"the network needs {sum(needs.values()) / 2**20:.1f} MiB: {shown}"

    def _allocate(self) -> None:
        """Make the blocks unless they are there."""
        if self._is_placed:
            return
        starts = {"arena": self._block(self.plan.arena_bytes, "the arena of intermediate results"),
                  "weight": self._weights_on_device()}
        for number, buffer in enumerate(self.plan.buffers):
            if buffer.kind in starts and buffer.offset is not None:
                self._device[number] = starts[buffer.kind] + buffer.offset
        self._workspace = self._block(max((call.workspace for call in self._calls.values()), default=0),
                                      "the workspace of libraries")
        self._is_placed = True

    def _weights_on_device(self) -> Pointer:
        if self._placed_weights is not None:
            return self._placed_weights.pointer
        pointer = self._block(self.plan.weights_bytes, "the block of weights")
        if self.weights is not None and self.weights.size:
            self.driver.write(pointer, self.weights)
        return pointer

    def _block(self, size: int, purpose: str) -> Pointer:
        if not size:
            return 0
        self._blocks.append(self.driver.allocate(size, purpose))
        return self._blocks[-1]

    def array(self, number: int) -> np.ndarray:
        """The bound array of a buffer; of one that lies on the device, a copy of what it holds."""
        if number in self._lent or number not in self._arrays and self._has_value(self.plan.buffers[number]):
            return self._held(number)
        return super().array(number)

    def _has_value(self, buffer: Buffer) -> bool:
        """Whether it is not for the caller to bind an array to it."""
        return buffer.kind in INSIDE

    def _held(self, number: int) -> np.ndarray:
        """A copy of what a buffer holds on the device."""
        buffer = self.plan.buffers[number]
        values = np.empty(buffer.shape, storage_dtype(buffer.dtype))
        self.driver.read(values, self._device[number])
        return values

    def _mirror(self, number: int) -> Pointer:
        """Where a host array is copied to, made when it is first needed."""
        if number not in self._mirrors:
            buffer = self.plan.buffers[number]
            self._mirrors[number] = self._block(buffer.bytes, f"{buffer.kind} '{buffer.name}'")
        return self._mirrors[number]

    # ---- running -----------------------------------------------------------------------------------------

    def _ensure_bound(self, number: int) -> None:
        if number not in self._lent:
            super()._ensure_bound(number)

    def _on_host(self, entry: str) -> list[int]:
        """The buffers of an entry whose arrays lie on the host."""
        return [number for number in self._buffers_of(entry) if number not in self._lent]

    def _run_entry(self, entry: str, parts: list[Part]) -> None:
        self._provide(entry)
        super()._run_entry(entry, parts)
        self._collect(entry)

    def _provide(self, entry: str) -> None:
        """Bring what an entry reads to the device."""
        for number in self._on_host(entry):
            self._device[number] = self._mirror(number)
            if self.plan.buffers[number].kind in READ:
                self.driver.write(self._device[number], self.array(number))
        for number in self._fetched:
            self._device[number] = self._mirror(number)
            self.driver.copy(self._device[number], self._lent[number].pointer, self.plan.buffers[number].bytes)
        self._fetched.clear()

    def _collect(self, entry: str) -> None:
        """Bring what an entry has written back."""
        for number in self._on_host(entry):
            if self.plan.buffers[number].kind in WRITTEN:
                self.driver.read(self.array(number), self._device[number])
        self.driver.wait()

    def run_step(self, number: int) -> None:
        """As of Program; the step is done when this returns."""
        if isinstance(self.plan.steps[number], KernelStep):
            call = self.called(number)
            self._launch_all(number, number + 1 if call is None else call.steps[1])
        else:
            super().run_step(number)
        self.driver.wait()

    def alone(self, bounds: Range) -> Sequence[int]:
        called = [self.called(number) for number in range(*bounds)]
        behind = {number for call in called if call is not None for number in range(call.steps[0] + 1, call.steps[1])}
        return [number for number in range(*bounds) if number not in behind]

    def called(self, number: int) -> Call | None:
        steps = self._calls.get(number)
        return steps.call if steps is not None and steps.has_begun else None

    def _runs_natively(self, step: Step) -> bool:
        """Kernels, and loops of them whose iterations are known beforehand."""
        return 0 < self._launches(step) <= MOST_RECORDED

    def _launches(self, step: Step) -> int:
        """How many steps of kernels run for a step; 0: more than these, or nobody knows before it runs.

        The number of an iteration comes from the host, whose memory a recording would read when it is replayed."""
        if isinstance(step, KernelStep):
            return 1
        if not isinstance(step, LoopStep) or step.trip is None or (step.predicate, step.counter) != (None, None):
            return 0
        inner = [self._launches(one) for one in self.plan.steps[slice(*step.body)]]
        return max(step.trip, 1) * (sum(inner) + len(step.carry) + 1) if all(inner) else 0

    def _native_part(self, bounds: Range) -> Part:
        return DeviceProgram._run_kernels, bounds

    def _run_kernels(self, bounds: Range) -> None:
        """Launch kernels; those that were launched on these arrays before as one recorded piece."""
        bound = self._bound_to(bounds) if self.records else None
        if bound is None:
            self._launch_all(*bounds)
            return
        key = *bounds, *[self._device[number] for number in bound]
        if key not in self._recorded:
            if len(self._recorded) >= REMEMBERED:
                self._recorded.clear()
            self._recorded[key] = None
            self._launch_all(*bounds)
            return
        again = self._recorded[key]
        if again is None:
            again = self._recorded[key] = self.driver.record(lambda: self._launch_all(*bounds))
        again()

    def _bound_to(self, steps: Range) -> list[int] | None:
        """The buffers that kernels use and to which arrays are bound; all else stays where it is.  None: not so where
        kernels work on parts of arrays, which are others in each iteration of a loop around them."""
        if steps not in self._bound:
            inner = list(steps_within(self.plan, steps))
            kinds = {number: self.plan.buffers[number].kind for step in inner for number in buffer_ids(step)}
            cut = {number for step in inner if isinstance(step, LoopStep) for number, _, _ in step.slices}
            moves = any(kind == "slice" and number not in cut for number, kind in kinds.items())
            self._bound[steps] = None if moves else sorted(n for n, kind in kinds.items() if kind not in INSIDE)
        return self._bound[steps]

    def _launch_all(self, first: int, last: int) -> None:
        number = first
        while number < last:
            if number in self._calls and self._calls[number].last <= last and self._call(self._calls[number]):
                number = self._calls[number].last
                continue
            step = self.plan.steps[number]
            if isinstance(step, LoopStep):
                self._run_loop(step, lambda body: self._launch_all(*body))
            else:
                assert isinstance(step, KernelStep)
                self._launch(step)
            number += 1

    def _call(self, steps: CalledSteps) -> bool:
        """Whether a library did what the steps do."""
        pointers = [self._device[number] for number in steps.call.buffers]
        if not steps.begin(self.driver, pointers, self._workspace):
            return False
        self._launch_all(*steps.call.rest)
        return True

    def _launch(self, step: KernelStep) -> None:
        if step.jobs:
            self.driver.launch(self._functions[step.kernel], step.jobs, self.plan.kernels[step.kernel].threads,
                               [self._device[number] for number in step.buffers])

    def _run_host(self, step: HostStep) -> None:
        inputs, outputs = ([self._held(number) for number in numbers] for numbers in (step.inputs, step.outputs))
        self.hosts[step.name](self, step.attributes, inputs, outputs)
        for number, values in zip((*step.inputs, *step.outputs), (*inputs, *outputs), strict=True):
            self.driver.write(self._device[number], values)

    # ---- loops and branches ------------------------------------------------------------------------------

    def _clear(self, number: int) -> None:
        self.driver.fill(self._device[number], self.plan.buffers[number].bytes)

    def _set(self, number: int, value: int) -> None:
        self.driver.write(self._device[number], np.full(self.plan.buffers[number].shape, value,
                                                        storage_dtype(self.plan.buffers[number].dtype)))

    def _cut(self, loop: LoopStep, index: int) -> None:
        for number, whole, stride in loop.slices:
            self._device[number] = self._device[whole] + index * stride

    def _carry(self, loop: LoopStep) -> None:
        """States that change places wait aside."""
        targets = {target for _, target in loop.carry}
        waiting = [source for source, _ in loop.carry if source in targets]
        for source in waiting:
            self.driver.copy(self._aside(source), self._device[source], self.plan.buffers[source].bytes)
        for source, target in loop.carry:
            place = self._asides[source] if source in waiting else self._device[source]
            self.driver.copy(self._device[target], place, self.plan.buffers[source].bytes)

    def _aside(self, number: int) -> Pointer:
        """Memory for what a buffer holds, made when the loop first runs, before it is recorded."""
        if number not in self._asides:
            self._asides[number] = self._block(self.plan.buffers[number].bytes, "a state of a loop")
        return self._asides[number]

    def _copy(self, source: int, target: int) -> None:
        self.driver.copy(self._device[target], self._device[source], self.plan.buffers[source].bytes)

    def _scalar(self, number: int) -> Any:
        return self._held(number).item()


class CalledSteps:
    """A call of a library in place of steps of a plan, where the library is there and takes it."""

    def __init__(self, call: Call, plan: Plan, driver: Driver) -> None:
        self.call, self.last = call, call.steps[1]
        self.ready: Ready | None = None
        self.has_begun = False      # when it was asked last
        self.reason = ""
        step, *_ = replaced_steps(plan, call)
        self.kernel, self.nodes = plan.kernels[step.kernel].name, step.nodes
        try:
            self.ready = driver.ready(call)
        except LibraryProblem as problem:
            self.reason = problem.message

    @property
    def workspace(self) -> int:
        return self.ready.workspace if self.ready is not None else 0

    @property
    def use(self) -> Use:
        return Use(self.call.library, self.nodes, self.ready is not None, self.reason)

    def begin(self, driver: Driver, pointers: list[Pointer], workspace: Pointer) -> bool:
        """Whether the library has begun; one that refuses is not asked again."""
        ready, self.has_begun = self.ready, False
        if ready is None or not ready.fits(pointers):
            return False
        try:
            driver.call(lambda stream: ready(pointers, workspace, stream), self.kernel)
        except LibraryProblem as problem:
            self.ready, self.reason = None, problem.message
            return False
        self.has_begun = True
        return True
