"""The Executor: a network bound to arrays, as MXNet defines it.

Bound arrays stay the user's: every write to them is seen by the next forward.  What follows from parameters alone
(packed and folded weights) is computed by the plan's entry `prepare`, again whenever one of them was written.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from symc.errors import MXNetError, did_you_mean
from symc.runtime import random
from symc.runtime.context import Context
from symc.runtime.memory import aligned_copy
from symc.runtime.modes import FROZEN, INFERENCE, TRAINING
from symc.runtime.ndarray import NDArray, zeros
from symc.runtime.plan import storage_dtype
from symc.runtime.program import Program
from symc.runtime.stages import Bound, BoundStages, Stages

HEAD_GRADIENT = "_head_gradient"    # followed by the position of the head


class Output(NamedTuple):
    """An output of a network, and where it lies."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    context: Context


class Network(Protocol):
    """What an executor is made from (`symc.compiler`): programs compiled for the bound shapes, on demand."""

    outputs: Sequence[Output]

    @property
    def evaluation(self) -> str:
        """The mode of forward outside training: `inference`, or `frozen` where forward must not run again before
        backward."""
        ...

    def stages(self, mode: str) -> Stages:
        """`inference`; `training`; or `frozen`: gradients of what inference computes."""
        ...

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> Network:
        """The same network for inputs of other shapes."""
        ...

    def watched(self) -> tuple[Network, Sequence[Sight]]:
        """The same network with all values of the run as further outputs, and what a monitor is shown of it."""
        ...

    def describe(self) -> str:
        """The nodes, for people to read."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of all arguments and states."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """A value that a monitor is shown: its name, whether it is an operator's input, and where it is found: the position
    of an output, or the name of an argument or state."""

    name: str
    is_input: bool
    place: int | str


@dataclass(frozen=True)
class _Watch:
    """Who is shown the values of a run, and where they are."""

    callback: Callable[[str, NDArray], object]
    monitor_all: bool
    sights: Sequence[Sight]
    outputs: Sequence[NDArray]

    def report(self, bound: Bound) -> None:
        """Call back for each value of the last run."""
        variables = bound.arguments | bound.states
        for sight in self.sights:
            if self.monitor_all or not sight.is_input:
                self.callback(sight.name, variables[sight.place] if isinstance(sight.place, str)
                              else self.outputs[sight.place])


class Executor:
    """Runs forward and backward on bound arrays.  MXNet: Executor.  Made by `Symbol.bind` and `simple_bind`."""

    def __init__(self, network: Network, bound: Bound, context: Context) -> None:
        self._network, self._bound, self._ctx = network, bound, context
        self._lock = threading.RLock()
        self._mode: str | None = None
        self._programs: dict[str, BoundStages] = {}
        self._seed = np.zeros(1, np.int64)
        self._watch: _Watch | None = None
        self._run = network                     # what runs: the network, or a watched one
        self.symbol: Any = None                 # what was bound, where that was a Symbol
        self.outputs = [_made(output) for output in network.outputs]

    # ---- the arrays ----------------------------------------------------------------------------------------

    @property
    def arg_dict(self) -> dict[str, NDArray]:
        return self._bound.arguments

    @property
    def grad_dict(self) -> dict[str, NDArray | None]:
        return self._bound.gradients

    @property
    def aux_dict(self) -> dict[str, NDArray]:
        return self._bound.states

    @property
    def arg_arrays(self) -> list[NDArray]:
        return list(self._bound.arguments.values())

    @property
    def grad_arrays(self) -> list[NDArray | None]:
        return list(self._bound.gradients.values())

    @property
    def aux_arrays(self) -> list[NDArray]:
        return list(self._bound.states.values())

    @property
    def output_dict(self) -> dict[str, NDArray]:
        """The outputs by name.  ValueError: two have the same."""
        names = [output.name for output in self._network.outputs]
        if len(set(names)) < len(names):
            raise ValueError(f"Duplicate names detected, {names}")
        return dict(zip(names, self.outputs, strict=True))

    def copy_params_from(self, arg_params: Mapping[str, NDArray], aux_params: Mapping[str, NDArray] | None = None,
                         allow_extra_params: bool = False) -> None:
        """Copy values into the arguments and states of these names, in their dtypes.

        ValueError: a name is not bound.  MXNetError: a shape is another.
        """
        for given, own, what in ((arg_params, self.arg_dict, "arguments"),
                                 (aux_params or {}, self.aux_dict, "auxiliary states")):
            for name, value in given.items():
                if name in own:
                    _copy(name, value, own[name])
                elif not allow_extra_params:
                    raise ValueError(f'Find name "{name}" that is not in the {what}'
                                     + did_you_mean(name, own, "; "))

    def reshape(self, partial_shaping: bool = False, allow_up_sizing: bool = False,
                **shapes: Sequence[int]) -> Executor:
        """An executor of the same symbol for inputs of these shapes, on the same arrays where their shapes stay.

        Smaller arrays lie at the beginning of the old ones, outputs too; larger ones are new, with allow_up_sizing.
        MXNetError: without it, or when without partial_shaping the shape of another array changes.  MXNet:
        Executor.reshape.  For shapes that this or another reshape of the same executor has met nothing is compiled, nor
        by `reshape` of a loaded module.
        """
        network = self._network.reshaped({name: tuple(shape) for name, shape in shapes.items()})
        new = network.shapes
        for name, shape in new.items():
            old = self.arg_dict[name] if name in self.arg_dict else self.aux_dict[name]
            if shape != old.shape and name not in shapes and not partial_shaping:
                raise MXNetError(f"the shape of '{name}', which is not specified, changes from {old.shape} to {shape}",
                                 "set partial_shaping=True if this is intended")
            if math.prod(shape) > old.size and not allow_up_sizing:
                raise MXNetError(f"the new shape {shape} of '{name}' is larger than the original {old.shape}",
                                 "make the largest executor first, or set allow_up_sizing=True")

        def fitted(arrays: Mapping[str, NDArray | None]) -> dict[str, Any]:
            return {name: _fitted(array, new[name]) for name, array in arrays.items()}
        bound = Bound(fitted(self.arg_dict), fitted(self.grad_dict), fitted(self.aux_dict), self._bound.requests)
        made = type(self)(network, bound, self._ctx)
        made.symbol = self.symbol
        if len(made.outputs) == len(self.outputs):      # those of an open network are not known yet
            made.outputs = list(map(_output_over, self.outputs, made.outputs))
        if self._watch is not None:
            made.set_monitor_callback(self._watch.callback, self._watch.monitor_all)
        return made

    # ---- watching ------------------------------------------------------------------------------------------

    def set_monitor_callback(self, callback: Callable[[str, NDArray], object] | None,
                             monitor_all: bool = False) -> None:
        """Call `callback(name, array)` in each forward for every output of every operator, hidden ones included, as
        'fc1_output'; with monitor_all for their inputs too, before them, as 'fc1_data' and 'fc1_weight'.  The next
        forward overwrites the arrays.  None ends it.  MXNet: set_monitor_callback, which also shows gradients.

        A monitored executor runs kernels of its own, which compute all values; random operators draw the same.
        """
        with self._lock:
            self._programs, self._mode, self._run, self._watch = {}, None, self._network, None
            if callback is not None:
                self._run, sights = self._network.watched()
                further = [_made(output) for output in self._run.outputs[len(self.outputs):]]
                self._watch = _Watch(callback, monitor_all, sights, [*self.outputs, *further])

    def get_optimized_symbol(self) -> Any:
        """The symbol that was bound: what passes make of it are kernels, which `debug_str` shows.  MXNet:
        Executor.get_optimized_symbol."""
        return self.symbol

    def debug_str(self) -> str:
        """The nodes, as MXNet shows them, and how they are run: kernels by phase, and the memory plan; before the
        first forward those of training, where gradients are asked for."""
        first = TRAINING if any(array is not None for array in self.grad_arrays) else self._network.evaluation
        with self._lock:
            return self._network.describe() + self._program(self._mode or first).describe()

    # ---- running -------------------------------------------------------------------------------------------

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[NDArray]:
        """Compute the outputs.  is_train: with the operators' training meaning, so that `backward` may follow.

        kwargs: NDArrays or NumPy arrays, whose values are copied into the arguments of these names first.  Returns
        `outputs`, which the next forward overwrites.  As in MXNet, TypeError for an unknown name, ValueError for a
        wrong shape or something that is no array.
        """
        with self._lock:
            for name, value in kwargs.items():
                self._feed(name, value)
            return self.compute(is_train)

    def compute(self, is_train: bool, seed: int | None = None) -> list[NDArray]:
        """`forward` on the arguments as they are, random operators drawing from `seed`, by default the next one."""
        with self._lock:
            self._mode = TRAINING if is_train else self._network.evaluation
            bound = self._program(self._mode)
            if bound.draws:
                self._seed[0] = random.next_seed(self._ctx) if seed is None else seed
            bound.run("infer" if self._mode == INFERENCE else "forward")
            if self._watch is not None:
                self._watch.report(self._bound)
            return self.outputs

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        """Compute the gradients of the last forward into the gradient arrays, as their requests say; without a forward
        before it, those of one on the arguments as they are.

        out_grads: the gradient of each output (an NDArray, a list, or a mapping by output name); loss heads need none.
        is_train=False: gradients of what inference computes, as after forward(is_train=False).  Auxiliary states
        change.
        """
        with self._lock:
            if self._mode is None:
                self.compute(is_train)
                assert self._mode is not None
            if self._mode == INFERENCE or (self._mode == TRAINING and not is_train):
                self._program(FROZEN).run("forward")
                self._mode = FROZEN
            bound = self._program(self._mode)
            for stage in bound.stages:
                self._bind_head_gradients(stage.program, out_grads)
            bound.run("backward")

    def _feed(self, name: str, value: Any) -> None:
        if not isinstance(value, NDArray | np.ndarray):
            raise ValueError("only accept keyword argument of NDArrays and numpy.ndarray")
        if name not in self.arg_dict:
            raise TypeError(f"Unknown argument {name}{did_you_mean(name, self.arg_dict, '; ')}")
        target = self.arg_dict[name]
        if value.shape != target.shape:
            raise ValueError(f"Shape not match! Argument {name}, need: {target.shape}, received: {value.shape}")
        target[:] = value

    def _program(self, mode: str) -> BoundStages:
        if mode not in self._programs:
            outputs = self.outputs if self._watch is None else self._watch.outputs
            self._programs[mode] = BoundStages(self._run.stages(mode), self._bound, self._seed, outputs)
        return self._programs[mode]

    def _bind_head_gradients(self, program: Program, out_grads: Any) -> None:
        given = [] if out_grads is None else [out_grads] if isinstance(out_grads, NDArray) else list(out_grads)
        if isinstance(out_grads, Mapping):
            given = [out_grads.get(output.name) for output in self._network.outputs]
        if any(not isinstance(value, NDArray | None) for value in given):
            raise TypeError("inputs must be NDArray")
        for number in program.plan.of_kind("head_gradient"):
            position = int(program.plan.buffers[number].name.removeprefix(HEAD_GRADIENT))
            if position >= len(given) or given[position] is None:
                raise MXNetError(f"output '{self._network.outputs[position].name}' is no loss: backward needs its head "
                                 "gradient", "pass out_grads, one array for each output")
            _bind_head_gradient(program, number, given[position])


def _made(output: Output) -> NDArray:
    return zeros(output.shape, output.context, output.dtype)


def _copy(name: str, value: NDArray, target: NDArray) -> None:
    if value.shape != target.shape:
        raise MXNetError(f"'{name}' is {target.shape}, the value to be copied is {value.shape}")
    target[:] = value.astype(target.dtype)


def _fitted(array: NDArray | None, shape: tuple[int, ...]) -> NDArray | None:
    """The array under another shape: itself, its first elements, or a new one of zeros."""
    if array is None or array.shape == shape:
        return array
    return zeros(shape, array.context, array.dtype) if math.prod(shape) > array.size else leading(array, shape)


def _output_over(old: NDArray, new: NDArray) -> NDArray:
    """The output `new`, in the memory of `old` where it fits."""
    return leading(old, new.shape) if old.dtype == new.dtype and new.size <= old.size else new


def leading(array: NDArray, shape: tuple[int, ...]) -> NDArray:
    """The first elements of an array, under a shape of their own; the array itself where it has that shape."""
    if array.shape == shape:
        return array
    return array.view(array.memory.reshape(-1)[:math.prod(shape)].reshape(shape))


def _bind_head_gradient(program: Program, number: int, value: NDArray) -> None:
    buffer = program.plan.buffers[number]
    if value.shape != buffer.shape:
        raise MXNetError(f"head gradient {buffer.name.removeprefix(HEAD_GRADIENT)} has shape {value.shape}, "
                         f"its output has {buffer.shape}")
    memory, dtype = value.memory, storage_dtype(buffer.dtype)
    fits = memory.dtype == dtype and memory.flags.aligned and program.takes(memory)
    program.bind(number, memory if fits else aligned_copy(np.asarray(memory).astype(dtype)))
