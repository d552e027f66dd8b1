"""A compiled network as the user sees it: named inputs in, outputs and gradients out."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symc.errors import SymcError
from symc.runtime import random
from symc.runtime.context import host_context
from symc.runtime.library import Library
from symc.runtime.machine import this_machine
from symc.runtime.memory import aligned_copy
from symc.runtime.ndarray import NDArray
from symc.runtime.package import Package, Target, open_package
from symc.runtime.plan import Buffer, Plan, storage_dtype
from symc.runtime.program import HostFunction, Program, SharedArena

if TYPE_CHECKING:
    from symc.runtime.batch import ModuleOfBatches
    from symc.runtime.shapes import ModuleOfShapes


class Description(NamedTuple):
    """Name, shape and dtype of an input or output; the extent of a batch of any size is its name."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


class _OfThread(threading.local):
    """What a thread has of its own of a module."""

    program: Program | None = None
    gradients: dict[str, NDArray] | None = None


class CompiledModule:
    """Runs a plan.  Any number of threads may use it: each has its own program, that is arena and bound arrays, so
    `backward` follows the `forward` of the same thread.  `inputs` and `outputs` describe what goes in and out.
    """

    def __init__(self, plan: Plan, library: Library | None, weights: np.ndarray | None = None,
                 hosts: Mapping[str, HostFunction] | None = None, arena: SharedArena | None = None) -> None:
        """arena: for modules of which a thread runs one at a time, each from beginning to end."""
        self.plan, self.library, self.hosts, self.arena = plan, library, dict(hosts or {}), arena
        self.weights = Program(plan, library, weights, self.hosts).weights
        self.inputs = self._describe("input")
        self.outputs = self._describe("output")
        by_name = {plan.buffers[number].name: number for number in plan.of_kind("input")}
        self._inputs = {name: number for name, number in by_name.items() if name != random.SEED}
        self._seed = by_name.get(random.SEED)
        self.output_numbers, self._gradients = plan.of_kind("output"), plan.of_kind("gradient")
        self._local = _OfThread()

    def _describe(self, kind: str) -> tuple[Description, ...]:
        buffers = [self.plan.buffers[number] for number in self.plan.of_kind(kind)]
        return tuple(Description(buffer.name, buffer.shape, buffer.dtype) for buffer in buffers
                     if buffer.name != random.SEED)

    @property
    def program(self) -> Program:
        """The program of the calling thread."""
        local = self._local
        if local.program is None:
            local.program = self._new_program()
        return local.program

    def _new_program(self) -> Program:
        return Program(self.plan, self.library, self.weights, self.hosts, self.arena)

    def forward(self, is_train: bool = False, **inputs: Any) -> list[NDArray]:
        """Outputs for inputs by name: NDArrays, NumPy arrays, or what NumPy makes an array of.

        is_train runs the entry that `backward` continues.  SymcError: an input is missing, unknown, or has another
        shape or a dtype that cannot be converted safely.
        """
        program, numbers = self.program, self._inputs
        if inputs.keys() != numbers.keys():
            self.refuse_names(inputs)
        for name, value in inputs.items():
            number = numbers[name]
            program.bind(number, self._argument(number, value), fits=True)
        if self._seed is not None:
            program.bind(self._seed, np.array([random.next_seed()], np.int64))
        outputs = self._bind_new(program, self.output_numbers)
        program.run("forward" if is_train else "infer")
        return outputs

    def backward(self, out_grads: Any = None) -> None:
        """Gradients of the last `forward(is_train=True)` of this thread, to be found in `gradients`.

        out_grads: an array, or one for each output that needs a head gradient, in their order.
        """
        program = self.program
        numbers = self.plan.of_kind("head_gradient")
        given = [] if out_grads is None else list(out_grads) if isinstance(out_grads, list | tuple) else [out_grads]
        if len(given) != len(numbers):
            names = ", ".join(self.plan.buffers[number].name for number in numbers) or "none"
            raise SymcError(f"backward has {len(given)} head gradients, expected {len(numbers)}: {names}")
        for number, value in zip(numbers, given, strict=True):
            program.bind(number, self._argument(number, value))
        if self._local.gradients is None:
            arguments = [self.plan.buffers[number].name for number in self._gradients]
            self._local.gradients = dict(zip(arguments, self._bind_new(program, self._gradients), strict=True))
        program.run("backward")

    @property
    def gradients(self) -> dict[str, NDArray]:
        """Gradients by argument, written by the last `backward` of this thread; the arrays are used again."""
        if self._local.gradients is None:
            raise SymcError("there are no gradients before backward has run in this thread")
        return self._local.gradients

    def _bind_new(self, program: Program, numbers: Sequence[int]) -> list[NDArray]:
        """New arrays on the host, bound to the buffers of the given numbers, which are written to."""
        context = host_context()
        return [NDArray(program.bind_new(number), context) for number in numbers]

    def reshape(self, **shapes: Sequence[int]) -> CompiledModule:
        """This module, which has one plan.  SymcError: that is for other shapes."""
        own = {one.name: one.shape for one in self.inputs}
        if any(own[name] != shape for name, shape in named_shapes(self.inputs, shapes).items()):
            raise not_compiled(shapes, [own])
        return self

    def input_number(self, name: str) -> int:
        """The buffer of an input."""
        return self._inputs[name]

    def buffer(self, name: str) -> Buffer:
        """What the plan says of an input."""
        return self.plan.buffers[self._inputs[name]]

    def refuse_names(self, inputs: Mapping[str, Any]) -> None:
        """SymcError: there are others than the inputs, or one is missing."""
        expected = f"the inputs are {', '.join(map(repr, self._inputs)) or 'none'}"
        unknown = [name for name in inputs if name not in self._inputs]
        missing = [name for name, number in self._inputs.items()
                   if name not in inputs and self.plan.buffers[number].offset is None]
        if unknown:
            raise SymcError(f"there is no input '{unknown[0]}'", expected)
        if missing:
            raise SymcError(f"input '{missing[0]}' is missing", expected)

    def _argument(self, number: int, value: Any) -> np.ndarray:
        """The value as an array of the buffer's shape that a kernel can read."""
        buffer = self.plan.buffers[number]
        array = array_for(buffer, value)
        if array.shape != buffer.shape:
            raise SymcError(f"{buffer.kind} '{buffer.name}' has shape {array.shape}, expected {buffer.shape}")
        return array


def array_for(buffer: Buffer, value: Any) -> np.ndarray:
    """The value as an array of the buffer's dtype that a kernel can read; its own memory where it fits as it is."""
    dtype = storage_dtype(buffer.dtype)
    try:
        array = np.asarray(value.memory if isinstance(value, NDArray) else value)
    except ValueError as problem:
        raise SymcError(f"{buffer.kind} '{buffer.name}' is no array: {problem}") from problem
    if array.dtype != dtype:
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise SymcError(f"{buffer.kind} '{buffer.name}' is {array.dtype}, which does not convert to "
                            f"{buffer.dtype} safely", "convert it with astype first")
        array = array.astype(dtype)
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else aligned_copy(array)


def named_shapes(inputs: Sequence[Description], shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Shapes as tuples.  SymcError: one is of no input."""
    known = [one.name for one in inputs]
    if unknown := [name for name in shapes if name not in known]:
        raise SymcError(f"there is no input '{unknown[0]}'", f"the inputs are {', '.join(map(repr, known)) or 'none'}")
    if wrong := [name for name, shape in shapes.items() if not isinstance(shape, Sequence) or isinstance(shape, str)]:
        raise SymcError(f"the shape of '{wrong[0]}' is {shapes[wrong[0]]!r}", "a shape is a tuple of numbers")
    return {name: tuple(shape) for name, shape in shapes.items()}


def not_compiled(given: Mapping[str, Sequence[int]], known: Sequence[Mapping[str, Sequence[int | str]]]) -> SymcError:
    """Says which sets of shapes there are instead of those that were given."""
    return SymcError(f"the network is not compiled for the shapes {_shown(given)}",
                     f"it is compiled for {'; '.join(map(_shown, known))}")


def _shown(shapes: Mapping[str, Sequence[int | str]]) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())


def load(path: str | os.PathLike[str], level: str | None = None,
         hosts: Mapping[str, HostFunction] | None = None,
         weights: str | os.PathLike[str] | None = None,
         trust: str | os.PathLike[str] | None = None,
         target: str | None = None) -> CompiledModule | ModuleOfShapes | ModuleOfBatches:
    """A package, ready to run.  `level` picks a library by its CPU level instead of the best that this machine runs;
    `hosts` are the functions of its host steps; `weights` is the place of its file of weights, if it has one that is
    not beside it; `trust` is a file with the public key that must have signed it (`symc sign`).  `target` is 'cpu',
    'cuda' or 'cuda:1', which is gpu(1); None: the first GPU if there is one that the package has code for, else the
    CPU.  PackageError: damaged, of another format, for another machine, or not signed with that key.
    """
    return module_for(open_package(path, weights, trust), target, level, hosts)


def module_for(package: Package, target: str | None = None, level: str | None = None,
               hosts: Mapping[str, HostFunction] | None = None
               ) -> CompiledModule | ModuleOfShapes | ModuleOfBatches:
    """The module of an open package, as `load`."""
    if (package.architectures or target not in (None, "cpu")) and level is None and target != "cpu":
        from symc.runtime.gpu_module import module_on_gpu  # most packages are for CPUs, and load without

        if (module := module_on_gpu(package, target, hosts)) is not None:
            return module
    return module_of(package, package.target_for(this_machine(), level), hosts)


def module_of(package: Package, target: Target,
              hosts: Mapping[str, HostFunction] | None = None) -> CompiledModule | ModuleOfShapes | ModuleOfBatches:
    """The module of a checked package, which runs the library of `target`."""
    if len(package.manifest["plans"]) == 1 and package.manifest.get("batch") is None:
        library = package.library(target)
        return CompiledModule(package.plan, library, package.weights(library), hosts)
    from symc.runtime.several import module_for_cpus  # most packages have one plan, and load without

    return module_for_cpus(package, target, hosts)
