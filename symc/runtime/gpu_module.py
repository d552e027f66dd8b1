"""Packages on GPUs: which of their images a GPU runs, and modules whose plans lie on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symc.errors import PackageError, SymcError, warn
from symc.runtime import devices
from symc.runtime.batch import ModuleOfBatches
from symc.runtime.context import current_context, gpu
from symc.runtime.device import DeviceProgram
from symc.runtime.device_memory import DeviceMemory, empty, placed
from symc.runtime.devices import Driver, Function
from symc.runtime.libraries import Use
from symc.runtime.module import CompiledModule
from symc.runtime.ndarray import NDArray
from symc.runtime.package import Package
from symc.runtime.plan import Plan, storage_dtype
from symc.runtime.program import HostFunction, Program
from symc.runtime.several import module_of_plans
from symc.runtime.shapes import ModuleOfShapes

TARGET = re.compile(r"cuda(?::(\d{1,4}))?")
ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")     # kind, major and minor number, what else it needs


class GpuModule(CompiledModule):
    """A module whose plan runs on a GPU.  Each thread has a stream and an arena of its own; all share the weights.

    Inputs may lie anywhere; those on this GPU are read in place.  Outputs lie on it where it is the current context,
    else on the host.
    """

    def __init__(self, plan: Plan, device: int, functions: Mapping[str, Function], weights: np.ndarray,
                 hosts: Mapping[str, HostFunction] | None = None, placed_weights: DeviceMemory | None = None) -> None:
        """placed_weights: the weights on the device, if they are there already."""
        self.device, self.functions = device, functions
        self.placed_weights = placed(weights, device) if placed_weights is None else placed_weights
        super().__init__(plan, None, weights, hosts)

    @property
    def libraries(self) -> list[Use]:
        """What the plan has for NVIDIA's libraries, and whether they do it here, for the thread that asks."""
        program = self.program
        assert isinstance(program, DeviceProgram)
        return program.libraries

    def _new_program(self) -> DeviceProgram:
        stream = devices.driver_of(self.device).stream()
        return DeviceProgram(self.plan, stream, self.functions, self.weights, self.hosts, device=self.device,
                             placed_weights=self.placed_weights)

    def _bind_new(self, program: Program, numbers: Sequence[int]) -> list[NDArray]:
        if current_context() != gpu(self.device):
            return super()._bind_new(program, numbers)
        return [self._bind_new_here(program, number) for number in numbers]

    def _bind_new_here(self, program: Program, number: int) -> NDArray:
        buffer = self.plan.buffers[number]
        memory: Any = empty(buffer.shape, storage_dtype(buffer.dtype), self.device)
        program.bind(number, memory)
        return NDArray(memory, gpu(self.device))

    def _argument(self, number: int, value: Any) -> Any:
        buffer = self.plan.buffers[number]
        if isinstance(value, NDArray) and value.context == gpu(self.device) and buffer.kind != "head_gradient" \
                and value.memory.dtype == storage_dtype(buffer.dtype) and value.shape == buffer.shape:
            return value.memory
        return super()._argument(number, value)


def module_on_gpu(package: Package, target: str | None, hosts: Mapping[str, HostFunction] | None = None
                  ) -> CompiledModule | ModuleOfShapes | ModuleOfBatches | None:
    """The module of a package on the GPU that `target` names: 'cuda', 'cuda:1'; None: gpu(0), or where there is none
    that the package has code for, nothing, if it has code for CPUs.

    PackageError: there is no such GPU, no driver, or no code for it, and what to do about that.
    """
    found = TARGET.fullmatch(target or "cuda")
    if found is None:
        raise SymcError(f"there is no target {target!r}", "targets are 'cpu', 'cuda', and 'cuda:1' for the second GPU")
    number, has_other = int(found[1] or 0), target is None and bool(package.targets)
    try:
        driver = devices.driver_of(number)
    except SymcError as problem:
        if has_other:
            return None
        raise PackageError(f"package {package.path} cannot run on a GPU: {problem.message}",
                           _ways_out(package)) from problem
    try:
        return module_of_code(package, code_of(package, driver, number), hosts)
    except PackageError as problem:
        if not has_other:
            raise
        warn(f"the package runs on the CPU: {problem.message}")
        return None


def why_not_here(package: Package) -> str:
    """Why gpu(0), which does not, cannot run a package."""
    try:
        code_of(package, devices.driver_of(0), 0)
    except SymcError as problem:
        return problem.message
    raise AssertionError("it can")


def _ways_out(package: Package) -> str:
    if package.targets:
        return "run it where there is a GPU with its driver and cuda-bindings, or on the CPU: target 'cpu'"
    return "run it where there is a GPU, or rebuild it for CPUs too: symc compile --target llvm,cuda"


class GpuCode(NamedTuple):
    """Kernels of a package on a GPU.  architecture: for which they were compiled."""

    device: int
    architecture: str
    functions: Mapping[str, Function]

    def program(self, plan: Plan, weights: np.ndarray) -> DeviceProgram:
        """A plan with a stream of its own."""
        return DeviceProgram(plan, devices.driver_of(self.device).stream(), self.functions, weights, device=self.device)


def module_of_code(package: Package, code: GpuCode, hosts: Mapping[str, HostFunction] | None = None
                   ) -> CompiledModule | ModuleOfShapes | ModuleOfBatches:
    """The module of a package with these kernels."""
    own = package.cuda_weights()
    on_device = placed(own, code.device)

    def make(number: int) -> CompiledModule:
        return GpuModule(package.read_cuda_plan(number), code.device, code.functions, own, hosts, on_device)
    if len(package.manifest["plans"]) == 1 and package.manifest.get("batch") is None:
        return make(0)
    return module_of_plans(package, make)


def code_of(package: Package, driver: Driver, device: int) -> GpuCode:
    """The kernels of a package on a GPU.  PackageError: it has none for this one, or the driver does not take them,
    being older than their compiler, say."""
    if not package.architectures:
        raise PackageError(f"package {package.path} has no code for GPUs",
                           "rebuild it: symc compile --target llvm,cuda")
    architecture = fitting(package.architectures, driver.architecture)
    if architecture is None:
        raise PackageError(f"package {package.path} has code for {', '.join(package.architectures)}, gpu({device}) is "
                           f"{driver.architecture}", f"rebuild it: symc compile --target llvm,cuda --arch "
                                                     f"{driver.architecture}")
    images = [image.code for image in package.images(architecture)]
    try:
        return GpuCode(device, architecture, driver.load(images))
    except SymcError as problem:
        raise PackageError(f"the driver does not load the code for {architecture} of package {package.path}: "
                           f"{problem.message}", problem.hint) from problem


def fitting(architectures: Sequence[str], own: str) -> str | None:
    """The code that a GPU runs: the machine code with the highest number, else PTX; None: there is none."""
    ranked = sorted(((kind == "sm", int(major), int(minor), name) for name in architectures
                     for kind, major, minor, suffix in [_parts(name)] if _runs(kind, (int(major), int(minor)), suffix,
                                                                               own)), reverse=True)
    return ranked[0][-1] if ranked else None


def _runs(kind: str, number: tuple[int, int], suffix: str, own: str) -> bool:
    """Whether a GPU runs code: machine code of its major number and no higher minor one, PTX of no higher number, with
    suffix 'a' that of its own alone, with 'f' that of its family."""
    _, major, minor, _ = _parts(own)
    here = int(major), int(minor)
    return number == here if suffix == "a" else number <= here and (number[0] == here[0] or (kind, suffix) ==
                                                                    ("compute", ""))


def _parts(name: str) -> tuple[str, ...]:
    found = ARCHITECTURE.fullmatch(name)
    assert found is not None, f"{name} is no architecture"
    return found.groups()
