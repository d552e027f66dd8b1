"""A network compiled for several sets of shapes: the plan is chosen by the shapes of the inputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symc.errors import SymcError
from symc.runtime.module import CompiledModule, Description, named_shapes, not_compiled
from symc.runtime.ndarray import NDArray

if TYPE_CHECKING:
    from symc.runtime.batch import ModuleOfBatches

Shape = tuple[int, ...]
Maker = Callable[[], CompiledModule]


class Plans:
    """Modules of one network, one for each plan, made when they are first needed."""

    def __init__(self, makers: Sequence[Maker]) -> None:
        self._makers, self._made = makers, dict[int, CompiledModule]()
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> CompiledModule:
        if number not in self._made:
            with self._lock:
                if number not in self._made:
                    self._made[number] = self._makers[number]()
        return self._made[number]


class ModuleOfShapes:
    """Runs the plan that was compiled for the shapes of the inputs.  Any number of threads may use it.

    shapes: of the inputs by name, for each plan.  `inputs` and `outputs` describe the first one.
    """

    def __init__(self, plans: Plans, shapes: Sequence[Mapping[str, Shape]]) -> None:
        self.plans, self.shapes = plans, [dict(one) for one in shapes]
        self._local = threading.local()

    @property
    def inputs(self) -> tuple[Description, ...]:
        return self.plans[0].inputs

    @property
    def outputs(self) -> tuple[Description, ...]:
        return self.plans[0].outputs

    def module_for(self, shapes: Mapping[str, Shape]) -> CompiledModule:
        """The plan for inputs of these shapes.  SymcError: there is none; it lists those that there are."""
        for number, own in enumerate(self.shapes):
            if all(own.get(name, shape) == shape for name, shape in shapes.items()):
                return self.plans[number]
        raise not_compiled(shapes, self.shapes)

    def reshape(self, **shapes: Sequence[int]) -> ModuleAtShapes:
        """The plan for inputs of these shapes, those of others following; no compiler is needed.  SymcError: there is
        none; it lists those that there are."""
        module = self.module_for(named_shapes(self.inputs, shapes))
        return ModuleAtShapes(self, module, module.inputs, module.outputs)

    def forward(self, is_train: bool = False, **inputs: Any) -> list[NDArray]:
        """As that of `CompiledModule`, with the plan for the shapes of the inputs."""
        module = self.module_for({name: shape_of(value) for name, value in inputs.items()})
        outputs = module.forward(is_train, **inputs)
        self._local.last = module
        return outputs

    def backward(self, out_grads: Any = None) -> None:
        """As that of `CompiledModule`, of the last forward of this thread."""
        self._last().backward(out_grads)

    @property
    def gradients(self) -> dict[str, NDArray]:
        """As those of `CompiledModule`, of the last backward of this thread."""
        return self._last().gradients

    def _last(self) -> CompiledModule:
        if not hasattr(self._local, "last"):
            raise SymcError("there is nothing to go back from before forward has run in this thread")
        module: CompiledModule = self._local.last
        return module


class ModuleAtShapes:
    """A module of several plans for inputs of one set of shapes alone, which `inputs` and `outputs` describe.

    whole: the module that was reshaped.  module: what runs, a plan of its own or slabs.
    """

    def __init__(self, whole: ModuleOfShapes | ModuleOfBatches, module: CompiledModule | ModuleOfBatches,
                 inputs: Sequence[Description], outputs: Sequence[Description]) -> None:
        self.whole, self.module, self.inputs, self.outputs = whole, module, tuple(inputs), tuple(outputs)

    def forward(self, is_train: bool = False, **inputs: Any) -> list[NDArray]:
        """As that of `CompiledModule`."""
        for one in self.inputs:
            if one.name in inputs and (shape := shape_of(inputs[one.name])) != one.shape:
                raise SymcError(f"input '{one.name}' has shape {shape}, expected {one.shape}",
                                "reshape the module to run others")
        return self.module.forward(is_train, **inputs)

    def backward(self, out_grads: Any = None) -> None:
        """As that of `CompiledModule`."""
        self._trained().backward(out_grads)

    @property
    def gradients(self) -> dict[str, NDArray]:
        """As those of `CompiledModule`."""
        return self._trained().gradients

    def _trained(self) -> CompiledModule:
        if not isinstance(self.module, CompiledModule):
            raise SymcError("a network for any batch is for inference", "compile it for fixed shapes with train")
        return self.module

    def reshape(self, **shapes: Sequence[int]) -> ModuleAtShapes:
        """The same module for other shapes."""
        return self.whole.reshape(**shapes)


def shape_of(value: Any) -> Shape:
    """The shape of an array, or of what NumPy makes an array of."""
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
