"""The Executor: a network bound to arrays, as MXNet defines it.

Bound arrays stay the user's: every write to them is seen by the next forward.  What follows from parameters alone
(packed and folded weights) is computed by the plan's entry `prepare`, again whenever one of them was written.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symc.errors import MXNetError
from symc.runtime import random
from symc.runtime.context import Context
from symc.runtime.ndarray import NDArray, array, zeros
from symc.runtime.plan import Range, buffer_ids
from symc.runtime.program import Program

INFERENCE, TRAINING, FROZEN = "inference", "training", "frozen"
SEED = "_seed"                      # the input that seeds the random operators of a program
HEAD_GRADIENT = "_head_gradient"    # followed by the position of the head


class Network(Protocol):
    """What an executor is made from (`symc.compiler`): programs compiled for the bound shapes, on demand."""

    outputs: Sequence[tuple[str, tuple[int, ...], str]]   # name, shape and dtype of each output

    def program(self, mode: str) -> Program:
        """`inference`; `training`; or `frozen`: gradients of what inference computes."""
        ...


@dataclass
class Bound:
    """Arrays of an executor by name, in the order of the symbol's lists; a gradient is None where none is wanted."""

    arguments: dict[str, NDArray]
    gradients: dict[str, NDArray | None]
    states: dict[str, NDArray]
    requests: dict[str, str]


class Executor:
    """Runs forward and backward on bound arrays.  MXNet: Executor.  Made by `Symbol.bind` and `simple_bind`."""

    def __init__(self, network: Network, bound: Bound, context: Context) -> None:
        self._network, self._bound, self._ctx = network, bound, context
        self._lock = threading.RLock()
        self._mode: str | None = None
        self._prepared: dict[str, dict[str, tuple[int, int]]] = {}
        self._seed = np.zeros(1, np.int64)
        self.outputs = [zeros(shape, context, dtype) for _, shape, dtype in network.outputs]

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
        return {name: out for (name, _, _), out in zip(self._network.outputs, self.outputs, strict=True)}

    def copy_params_from(self, arg_params: Mapping[str, NDArray], aux_params: Mapping[str, NDArray] | None = None,
                         allow_extra_params: bool = False) -> None:
        """Copy values into the arguments and states of these names.  ValueError for a name that is not bound."""
        for given, own, what in ((arg_params, self.arg_dict, "arguments"), (aux_params or {}, self.aux_dict, "states")):
            for name, value in given.items():
                if name in own:
                    own[name][:] = value.astype(own[name].dtype)
                elif not allow_extra_params:
                    raise ValueError(f"Find name {name!r} that is not in the {what}")

    # ---- running -------------------------------------------------------------------------------------------

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[NDArray]:
        """Compute the outputs.  is_train: with the operators' training meaning, so that `backward` may follow.

        kwargs: values copied into the arguments of these names first.  TypeError for an unknown name, ValueError for
        a wrong shape.  Returns `outputs`, which the next forward overwrites.
        """
        with self._lock:
            for name, value in kwargs.items():
                self._feed(name, value)
            mode = TRAINING if is_train else INFERENCE
            self._forward(mode, "forward" if is_train else "infer")
            self._mode = mode
            return self.outputs

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        """Compute the gradients of the last forward into the gradient arrays, as their requests say.

        out_grads: the gradient of each output (one array or a list); loss heads need none.  Auxiliary states change.
        """
        with self._lock:
            if self._mode is None:
                raise MXNetError("backward() was called before forward()", "call forward(is_train=True) first")
            if self._mode == INFERENCE:
                self._forward(FROZEN, "forward")
                self._mode = FROZEN
            program = self._network.program(self._mode)
            if "backward" not in program.plan.entries:
                return
            self._bind_head_gradients(program, out_grads)
            program.run("backward")
            self._count_writes(program, "backward")

    def _feed(self, name: str, value: Any) -> None:
        if name not in self.arg_dict:
            raise TypeError(f"Unknown argument {name}")
        target = self.arg_dict[name]
        source = value if isinstance(value, NDArray) else array(value, dtype=target.dtype)
        if source.shape != target.shape:
            raise ValueError(f"Shape not match! Argument {name}, need: {target.shape}, received: {source.shape}")
        target[:] = source

    def _forward(self, mode: str, entry: str) -> None:
        program = self._network.program(mode)
        with program.lock:
            self._bind(program)
            self._seed[0] = random.next_seed()
            self._prepare(mode, program)
            program.run(entry)
            self._count_writes(program, entry)

    def _bind(self, program: Program) -> None:
        for kind, by_name in self._held().items():
            for number in program.plan.of_kind(kind):
                name = program.plan.buffers[number].name
                if name == SEED:
                    program.bind(number, self._seed)
                else:
                    bound = by_name[name]
                    assert bound is not None
                    program.bind(number, bound.memory)
        for output, number in zip(self.outputs, program.plan.of_kind("output"), strict=True):
            program.bind(number, output.memory)

    def _held(self) -> dict[str, Mapping[str, NDArray | None]]:
        """The arrays of the user by kind of buffer and name.  An argument that operators write is a state too."""
        return {"input": self.arg_dict, "state": {**self.arg_dict, **self.aux_dict}, "gradient": self.grad_dict}

    def _prepare(self, mode: str, program: Program) -> None:
        """Run `prepare` unless nothing that it reads was written since it ran."""
        first, last = program.plan.entries.get("prepare", (0, 0))
        if first == last:
            return
        read = _inputs_of(program, (first, last))
        arrays = {name: self.arg_dict.get(name, self.aux_dict.get(name)) for name in read}
        stamp = {name: (id(a.memory), a.writes) for name, a in arrays.items() if a is not None}
        if stamp != self._prepared.get(mode) or any(a is not None and a.escaped for a in arrays.values()):
            program.run("prepare")
            self._prepared[mode] = stamp

    def _bind_head_gradients(self, program: Program, out_grads: Any) -> None:
        given = [] if out_grads is None else [out_grads] if isinstance(out_grads, NDArray) else list(out_grads)
        if isinstance(out_grads, Mapping):
            given = [out_grads[name] for name, _, _ in self._network.outputs]
        for number in program.plan.of_kind("head_gradient"):
            position = int(program.plan.buffers[number].name.removeprefix(HEAD_GRADIENT))
            if position >= len(given) or given[position] is None:
                raise MXNetError(f"output '{self._network.outputs[position][0]}' is no loss: backward needs its head "
                                 "gradient", "pass out_grads, one array for each output")
            self._bind_head_gradient(program, number, given[position])

    def _bind_head_gradient(self, program: Program, number: int, value: NDArray) -> None:
        buffer = program.plan.buffers[number]
        if value.shape != buffer.shape:
            raise MXNetError(f"head gradient {buffer.name.removeprefix(HEAD_GRADIENT)} has shape {value.shape}, "
                             f"its output has {buffer.shape}")
        converted = value if value.memory.dtype == np.dtype(buffer.dtype) else value.astype(buffer.dtype)
        program.bind(number, converted.memory)

    def _count_writes(self, program: Program, entry: str) -> None:
        """The program wrote to user arrays behind their backs."""
        for number in _written_by(program, program.plan.entries[entry]):
            buffer = program.plan.buffers[number]
            if (changed := self._held()[buffer.kind].get(buffer.name)) is not None:
                changed.count_write()
        for output in self.outputs:
            output.count_write()


def _inputs_of(program: Program, bounds: Range) -> list[str]:
    """Names of the bound inputs and states that the steps of a range use."""
    used = {number for step in program.plan.steps[slice(*bounds)] for number in buffer_ids(step)}
    buffers = [program.plan.buffers[number] for number in sorted(used)]
    return [buffer.name for buffer in buffers if buffer.kind in ("input", "state")]


def _written_by(program: Program, bounds: Range) -> list[int]:
    """Buffers of the user that steps of a range may write: states and gradients among their buffers."""
    used = {number for step in program.plan.steps[slice(*bounds)] for number in buffer_ids(step)}
    return [number for number in sorted(used) if program.plan.buffers[number].kind in ("state", "gradient")]


