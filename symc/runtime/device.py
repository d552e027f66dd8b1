"""Runs the entries of a plan on a GPU, through a `Driver`: that of CUDA (`cuda.py`), or another that does the same.

Arrays that are bound lie on the host: what an entry reads is copied to the device before it runs, what it writes is
copied back after.  Everything else stays on the device: one block of weights, one arena.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from symc.runtime.plan import Buffer, HostStep, KernelStep, LoopStep, Plan, Step, storage_dtype
from symc.runtime.program import HostFunction, Program

READ = ("input", "head_gradient", "state", "gradient", "status")     # kinds of buffers that an entry may read
WRITTEN = ("output", "gradient", "state", "status")

Pointer = int
Function = Any      # of a driver: a kernel that can be launched


class Driver(Protocol):
    """What a device does, in the order in which it is told to; `read` and `wait` end when all before them is done."""

    def allocate(self, size: int, purpose: str) -> Pointer:
        """Memory on the device, `size` bytes.  SymcError: there is not as much."""

    def release(self, pointer: Pointer) -> None: ...

    def write(self, target: Pointer, source: np.ndarray) -> None:
        """Copy an array to the device."""

    def read(self, target: np.ndarray, source: Pointer) -> None:
        """Copy from the device into an array."""

    def copy(self, target: Pointer, source: Pointer, size: int) -> None: ...

    def clear(self, target: Pointer, size: int) -> None: ...

    def launch(self, function: Function, blocks: int, threads: int, pointers: Sequence[Pointer]) -> None: ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What `work` tells the device, as one piece that can be repeated."""

    def wait(self) -> None: ...


class DeviceProgram(Program):
    """A plan with its kernels on a device, and host arrays bound to its buffers.  One thread runs it at a time.

    functions: the kernels by name.  weights, hosts: as of Program.
    """

    def __init__(self, plan: Plan, driver: Driver, functions: Mapping[str, Function],
                 weights: np.ndarray | None = None, hosts: Mapping[str, HostFunction] | None = None) -> None:
        super().__init__(plan, None, weights, hosts)
        self.driver = driver
        self._functions = [functions[kernel.name] for kernel in plan.kernels]
        self._device: dict[int, Pointer] = {}
        self._blocks: list[Pointer] = []
        self._recorded: dict[tuple[int, int], Callable[[], None]] = {}

    def __del__(self) -> None:
        for pointer in getattr(self, "_blocks", ()):
            self.driver.release(pointer)

    # ---- memory ------------------------------------------------------------------------------------------

    def _allocate(self) -> None:
        """Make the blocks, and a place for each bound array, unless they are there."""
        if self._blocks:
            return
        starts = {"arena": self._block(self.plan.arena_bytes, "the arena of intermediate results"),
                  "weight": self._block(self.plan.weights_bytes, "the block of weights")}
        if self.weights is not None and self.weights.size:
            self.driver.write(starts["weight"], self.weights)
        for number, buffer in enumerate(self.plan.buffers):
            if buffer.kind in starts and buffer.offset is not None:
                self._device[number] = starts[buffer.kind] + buffer.offset
            elif buffer.kind not in (*starts, "slice"):
                self._device[number] = self._block(buffer.bytes, f"{buffer.kind} '{buffer.name}'")

    def _block(self, size: int, purpose: str) -> Pointer:
        self._blocks.append(self.driver.allocate(max(size, 1), purpose))
        return self._blocks[-1]

    def array(self, number: int) -> np.ndarray:
        """The bound array of a buffer; of one that has none, a copy of what it holds."""
        buffer = self.plan.buffers[number]
        if number in self._arrays or not self._has_value(buffer):
            return super().array(number)
        return self._held(number)

    def _has_value(self, buffer: Buffer) -> bool:
        """Whether it is not for the caller to bind an array to it."""
        return buffer.kind in ("arena", "weight", "slice")

    def _held(self, number: int) -> np.ndarray:
        """A copy of what a buffer holds on the device."""
        buffer = self.plan.buffers[number]
        values = np.empty(buffer.shape, storage_dtype(buffer.dtype))
        self.driver.read(values, self._device[number])
        return values

    # ---- running -----------------------------------------------------------------------------------------

    def _provide(self, entry: str) -> None:
        for number in self._buffers_of(entry):
            if self.plan.buffers[number].kind in READ:
                self.driver.write(self._device[number], self.array(number))

    def _collect(self, entry: str) -> None:
        for number in self._buffers_of(entry):
            if self.plan.buffers[number].kind in WRITTEN:
                self.driver.read(self.array(number), self._device[number])

    def _runs_natively(self, step: Step) -> bool:
        return isinstance(step, KernelStep)

    def _run_natively(self, first: int, last: int) -> None:
        """As one recorded piece, unless where slices lie changes from one time to the next."""
        def launch() -> None:
            for step in self.plan.steps[first:last]:
                assert isinstance(step, KernelStep)
                self._launch(step)
        if any(self.plan.buffers[number].kind == "slice" for step in self.plan.steps[first:last]
               if isinstance(step, KernelStep) for number in step.buffers):
            launch()
            return
        if (first, last) not in self._recorded:
            self._recorded[first, last] = self.driver.record(launch)
        self._recorded[first, last]()

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
        self.driver.clear(self._device[number], self.plan.buffers[number].bytes)

    def _set(self, number: int, value: int) -> None:
        self.driver.write(self._device[number], np.full(self.plan.buffers[number].shape, value,
                                                        storage_dtype(self.plan.buffers[number].dtype)))

    def _cut(self, loop: LoopStep, index: int) -> None:
        for number, whole, stride in loop.slices:
            self._device[number] = self._device[whole] + index * stride

    def _carry(self, loop: LoopStep) -> None:
        targets = {target for _, target in loop.carry}
        kept = {source: self._held(source) for source, _ in loop.carry if source in targets}
        for source, target in loop.carry:
            if source in kept:
                self.driver.write(self._device[target], kept[source])
            else:
                self._copy(source, target)

    def _copy(self, source: int, target: int) -> None:
        self.driver.copy(self._device[target], self._device[source], self.plan.buffers[source].bytes)

    def _scalar(self, number: int) -> Any:
        return self._held(number).item()
