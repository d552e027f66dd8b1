"""Optimizer updates of several weights by one operator: each weight is updated as an operator of `optimizer` does it.

The inputs of the first weight come first, then those of the second, and so on; behind them what all share.  Outputs are
the new weights, and behind them, as hidden outputs, the new states of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.optimizer import LAMBPhase1, LAMBPhase2, Update
from symc.ops.operator import REAL, Operator, Variadic, find, operator
from symc.ops.parameters import Dims, Floats, parameters_of
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

RATES = {"lrs": "lr", "wds": "wd"}


def outputs_of(op: Operator, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """What the reference of `op` gives, as a tuple."""
    result = op.reference(*inputs)
    return result if isinstance(result, tuple) else (np.asarray(result),)


class ManyUpdates(Operator):
    """Base.  each: the operator of one weight; lists: parameters with a number for each weight, and what its operator
    calls them; shared: inputs of its operator that come last here, and their names, those in RATES with an element for
    each weight."""

    inputs = (Variadic("data", count=""),)
    dtypes = REAL
    each: ClassVar[str]
    lists: ClassVar[Mapping[str, str]] = RATES
    shared: ClassVar[Mapping[str, str]] = {}
    counted: ClassVar[str] = "num_weights"

    @property
    def weights(self) -> int:
        return getattr(self, self.counted)  # type: ignore[no-any-return]

    @property
    def own(self) -> list[str]:
        """What the operator of one weight calls the inputs of a weight."""
        return [name for name in find(self.each).inputs if name not in self.shared]  # type: ignore[misc]

    @property
    def states(self) -> list[str]:
        return [name for name in self.own if name in find(self.each).auxiliary]

    def single(self, number: int) -> Operator:
        """The operator of one weight.  Conflict when a list has too few numbers, or too many."""
        for name in self.lists:
            if len(getattr(self, name)) != self.weights:
                raise Conflict(f"{name} has {len(getattr(self, name))} numbers, {self.counted} is {self.weights}")
        block = find(self.each)
        known = parameters_of(block)  # type: ignore[arg-type]
        common = {name: value for name, value in self.parameters().items() if name in known}
        return block(**common, **{own: getattr(self, name)[number] for name, own in self.lists.items()})

    # ---- inputs and outputs ------------------------------------------------------------------------------

    def input_names(self) -> list[str]:
        return [f"{name}_{i}" for i in range(self.weights) for name in self.own] + list(self.shared.values())

    def argument_names(self) -> list[str]:
        states = self.auxiliary_names()
        return [name for name in self.input_names() if name not in states]

    def auxiliary_names(self) -> list[str]:
        return [f"{name}_{i}" for i in range(self.weights) for name in self.states]

    def output_names(self) -> list[str]:
        weights = ["output"] if self.weights == 1 else [f"output{i}" for i in range(self.weights)]
        return weights + [f"new_{name}" for name in self.auxiliary_names()]

    @property
    def visible_count(self) -> int:
        return self.weights

    def of_weight(self, number: int, inputs: Sequence[Any]) -> list[Any]:
        """The inputs of a weight, those that are shared apart."""
        count = len(self.own)
        return list(inputs[number * count:(number + 1) * count])

    def ordered(self, results: Sequence[Sequence[Any]]) -> list[Any]:
        """The outputs, from those of each weight."""
        names = find(self.each).written  # type: ignore[attr-defined]
        states = [result[1 + names.index(name)] for result in results for name in self.states]
        return [result[0] for result in results] + states

    # ---- inference ---------------------------------------------------------------------------------------

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for name in self.shared.values():
            getattr(s, name).unify((self.weights,) if name in RATES else (1,))
        for op, parts in self.parts(s, ShapeSlot, (1,)):
            op.infer_shape(Slots([copy for _, copy in parts[0]], [copy for _, copy in parts[1]]))
            for slot, copy in (*parts[0], *parts[1]):
                slot.unify(copy.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for name in self.shared.values():
            getattr(t, name).unify(DType.float32)
        for op, parts in self.parts(t, TypeSlot, DType.float32):
            op.infer_type(Slots([copy for _, copy in parts[0]], [copy for _, copy in parts[1]]))
            for slot, copy in (*parts[0], *parts[1]):
                slot.unify(copy.dtype)

    def parts(self, slots: Slots[Any], kind: type[Any], of_shared: Any) -> Iterator[tuple[Operator, Any]]:
        """For each weight its operator, and its slots, beside copies with the names that this operator gives them."""
        for i in range(self.weights):
            op = self.single(i)
            own = [slots.outputs[i], *(getattr(slots, f"new_{name}_{i}") for name in self.states)]
            named = ["output", *(f"new_{name}" for name in self.states)]
            inputs = [(slot, self.copy(slot, name)) for name, slot in
                      zip(self.own, self.of_weight(i, slots.inputs), strict=True)]
            others = [kind(name, of_shared) for name in self.shared]
            hidden = [kind(name, None) for name in op.output_names() if name not in named]
            outputs = [(slot, self.copy(slot, name)) for name, slot in zip(named, own, strict=True)]
            yield op, ([*inputs, *((slot, slot) for slot in others)], [*outputs, *((slot, slot) for slot in hidden)])

    @staticmethod
    def copy(slot: Any, name: str) -> Any:
        return type(slot)(name, slot.shape if isinstance(slot, ShapeSlot) else slot.dtype)

    # ---- meaning -----------------------------------------------------------------------------------------

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        last = inputs[len(inputs) - len(self.shared):]
        made = []
        for i in range(self.weights):
            shared = [g.slice_axis(value, axis=0, begin=i, end=i + 1) if name in RATES else value
                      for name, value in zip(self.shared.values(), last, strict=True)]
            made.append(g.node(self.single(i), [*self.of_weight(i, inputs), *shared]).outputs)
        return self.ordered(made)

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        last = inputs[len(inputs) - len(self.shared):]
        made = []
        for i in range(self.weights):
            shared = [value[i:i + 1] if name in RATES else value
                      for name, value in zip(self.shared.values(), last, strict=True)]
            made.append(outputs_of(self.single(i), [*self.of_weight(i, inputs), *shared]))
        return tuple(self.ordered(made))

    def overwrites(self, g: Any, node: Node) -> dict[int, Value]:
        places = [i for i, name in enumerate(self.input_names()) if name in self.auxiliary_names()]
        return {place: Value(node, self.weights + i) for i, place in enumerate(places)}

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        """MXNet registers none; where one is asked for, nothing flows."""
        return [None] * len(node.inputs)


# ---- descent -----------------------------------------------------------------------------------------------------


@operator("multi_sgd_update")
class MultiSGDUpdate(ManyUpdates):
    """sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_update."""

    lrs: Floats
    wds: Floats
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    num_weights: int = 1
    each = "sgd_update"


@operator("multi_sgd_mom_update")
class MultiSGDMomentumUpdate(ManyUpdates):
    """sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_sgd_mom_update."""

    lrs: Floats
    wds: Floats
    momentum: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    num_weights: int = 1
    each = "sgd_mom_update"


@operator("multi_mp_sgd_update")
class MultiMixedSGDUpdate(MultiSGDUpdate):
    """mp_sgd_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_update."""

    each = "mp_sgd_update"


@operator("multi_mp_sgd_mom_update")
class MultiMixedSGDMomentumUpdate(MultiSGDMomentumUpdate):
    """mp_sgd_mom_update of num_weights weights, with a rate and a decay for each.  MXNet: multi_mp_sgd_mom_update."""

    each = "mp_sgd_mom_update"


@operator("_loaded_sgd_update", hidden=True)
class LoadedSGDUpdate(Update):
    """sgd_update whose rate and decay are inputs of one element."""

    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    inputs = ("weight", "grad", "lr", "wd")
    in_single = ("lr", "wd")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, lr, wd = inputs
        return ((1 - lr * wd) * weight - lr * self.scaled(F, grad),)


@operator("_loaded_mp_sgd_update", hidden=True)
class LoadedMixedSGDUpdate(LoadedSGDUpdate):
    """The same of a float32 copy of the weight."""

    inputs = ("weight", "grad", "weight32", "lr", "wd")  # type: ignore[assignment]
    auxiliary = written = ("weight32",)
    in_single = ("weight32", "lr", "wd")  # type: ignore[assignment]

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, weight, lr, wd = inputs
        return super().step(F, weight, grad, lr, wd) * 2


@operator("_loaded_sgd_mom_update", hidden=True)
class LoadedSGDMomentumUpdate(Update):
    """sgd_mom_update whose rate and decay are inputs of one element."""

    momentum: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    inputs = ("weight", "grad", "mom", "lr", "wd")
    auxiliary = written = ("mom",)
    in_single = ("lr", "wd")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mom, lr, wd = inputs
        momentum, = self.constants(F, weight, "momentum")
        mom = momentum * mom - lr * wd * weight - lr * self.scaled(F, grad)
        return weight + mom, mom


@operator("_loaded_mp_sgd_mom_update", hidden=True)
class LoadedMixedSGDMomentumUpdate(LoadedSGDMomentumUpdate):
    """The same of a float32 copy of the weight."""

    inputs = ("weight", "grad", "mom", "weight32", "lr", "wd")  # type: ignore[assignment]
    auxiliary = written = ("mom", "weight32")  # type: ignore[assignment]
    in_single = ("mom", "weight32", "lr", "wd")  # type: ignore[assignment]

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, mom, weight, lr, wd = inputs
        weight, mom = super().step(F, weight, grad, mom, lr, wd)
        return weight, mom, weight


@operator("preloaded_multi_sgd_update")
class PreloadedSGDUpdate(ManyUpdates):
    """sgd_update of num_weights weights; the last inputs are their rates and decays.

    MXNet: preloaded_multi_sgd_update.
    """

    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    num_weights: int = 1
    each = "_loaded_sgd_update"
    lists = {}
    shared = {"lr": "lrs", "wd": "wds"}


@operator("preloaded_multi_mp_sgd_update")
class PreloadedMixedSGDUpdate(PreloadedSGDUpdate):
    """mp_sgd_update of num_weights weights; the last inputs are their rates and decays.

    MXNet: preloaded_multi_mp_sgd_update.
    """

    each = "_loaded_mp_sgd_update"


@operator("preloaded_multi_sgd_mom_update")
class PreloadedSGDMomentumUpdate(ManyUpdates):
    """sgd_mom_update of num_weights weights; the last inputs are their rates and decays.

    MXNet: preloaded_multi_sgd_mom_update.
    """

    momentum: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    num_weights: int = 1
    each = "_loaded_sgd_mom_update"
    lists = {}
    shared = {"lr": "lrs", "wd": "wds"}


@operator("preloaded_multi_mp_sgd_mom_update")
class PreloadedMixedSGDMomentumUpdate(PreloadedSGDMomentumUpdate):
    """mp_sgd_mom_update of num_weights weights; the last inputs are their rates and decays.

    MXNet: preloaded_multi_mp_sgd_mom_update.
    """

    each = "_loaded_mp_sgd_mom_update"


# ---- AdamW -------------------------------------------------------------------------------------------------------


@operator("_multi_adamw_update")
class MultiAdamWUpdate(ManyUpdates):
    """_adamw_update of num_weights weights, which leaves gradients as they are; the last input is rescale_grad, one
    number.  MXNet: _multi_adamw_update."""

    lrs: Floats
    wds: Floats
    etas: Floats
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_gradient: float = -1.0
    num_weights: int = 1
    parameter_order = ("lrs", "beta1", "beta2", "epsilon", "wds", "etas", "clip_gradient", "num_weights")
    each = "_adamw_update"
    lists = {**RATES, "etas": "eta"}
    shared = {"rescale_grad": "rescale_grad"}


@operator("_multi_mp_adamw_update")
class MultiMixedAdamWUpdate(MultiAdamWUpdate):
    """_mp_adamw_update of num_weights weights; the last input is rescale_grad.  MXNet: _multi_mp_adamw_update."""

    each = "_mp_adamw_update"


# ---- LAMB --------------------------------------------------------------------------------------------------------


@record
class LAMBUpdate(Operator):
    """Base: a whole step of LAMB: the direction of phase 1, and a rate by the norms of weight and direction."""

    lr: float
    wd: float
    t: int
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    rescale_grad: float = 1.0
    lower_bound: float = -1.0
    upper_bound: float = -1.0
    clip_gradient: float = -1.0
    bias_correction: bool = True
    inputs = ("weight", "grad", "mean", "var")
    outputs = ("output", "new_mean", "new_var")
    auxiliary = written = ("mean", "var")

    def phases(self) -> tuple[LAMBPhase1, LAMBPhase2]:
        one, two = ({name: value for name, value in self.parameters().items() if name in parameters_of(phase)}
                    for phase in (LAMBPhase1, LAMBPhase2))
        return LAMBPhase1(**one), LAMBPhase2(**two)

    @property
    def is_mixed(self) -> bool:
        """Whether a float32 copy of the weight is updated."""
        return "weight32" in self.inputs

    def input_names(self) -> list[str]:
        return list(self.inputs)  # type: ignore[arg-type]

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        narrow = ("weight", "grad", "output")
        wide = [slot for slot in (*t.inputs, *t.outputs) if self.is_mixed and slot.name not in narrow]
        for slot in wide:
            slot.unify(DType.float32)
        plain = [slot for slot in (*t.inputs, *t.outputs) if slot not in wide]
        found = next((slot.dtype for slot in plain if slot.known), None)
        for slot in plain:
            slot.unify(found)

    def rewrite(self, g: Any, weight: Value, grad: Value, mean: Value, var: Value, *copy: Value) -> list[Value]:
        one, two = self.phases()
        source = copy[0] if copy else weight
        wide = source.type.element.name
        direction, *states = g.node(one, [source, g.Cast(grad, dtype=wide), mean, var]).outputs
        norms = [g.Cast(g.sqrt(g.sum(g.square(g.Cast(value, dtype="float32")))), dtype=wide)
                 for value in (weight, direction)]
        new = Value(g.node(two, [source, direction, *norms]))
        return [g.Cast(new, dtype=weight.type.element.name), *states, *([new] if copy else [])]

    def reference(self, weight: np.ndarray, grad: np.ndarray, mean: np.ndarray, var: np.ndarray,
                  *copy: np.ndarray) -> tuple[np.ndarray, ...]:
        one, two = self.phases()
        source = copy[0] if copy else weight
        direction, *states = outputs_of(one, [source, grad.astype(source.dtype), mean, var])
        norms = [np.sqrt(np.square(value.astype(np.float32)).sum(keepdims=True)).reshape(1).astype(source.dtype)
                 for value in (weight, direction)]
        new, = outputs_of(two, [source, direction, *norms])
        return (new.astype(weight.dtype), *states, *([new] if copy else []))


@operator("_lamb_update", hidden=True)
class PlainLAMBUpdate(LAMBUpdate):
    """A step of LAMB."""


@operator("_mp_lamb_update", hidden=True)
class MixedLAMBUpdate(LAMBUpdate):
    """A step of LAMB of a float32 copy of the weight; the norm is that of the weight itself."""

    inputs = ("weight", "grad", "mean", "var", "weight32")  # type: ignore[assignment]
    outputs = ("output", "new_mean", "new_var", "new_weight32")  # type: ignore[assignment]
    auxiliary = written = ("mean", "var", "weight32")  # type: ignore[assignment]


@operator("_multi_lamb_update")
class MultiLAMBUpdate(ManyUpdates):
    """Whole steps of LAMB (lamb_update_phase1 and lamb_update_phase2) of num_tensors weights, with a rate, a decay and
    a number of steps for each.  MXNet: _multi_lamb_update."""

    learning_rates: Floats
    wds: Floats
    step_count: Dims
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    rescale_grad: float = 1.0
    lower_bound: float = -1.0
    upper_bound: float = -1.0
    clip_gradient: float = -1.0
    bias_correction: bool = True
    num_tensors: int = 1
    parameter_order = ("learning_rates", "beta1", "beta2", "epsilon", "wds", "rescale_grad", "lower_bound",
                       "upper_bound", "clip_gradient", "bias_correction", "step_count", "num_tensors")
    each = "_lamb_update"
    lists = {"learning_rates": "lr", "wds": "wd", "step_count": "t"}
    counted = "num_tensors"


@operator("_multi_mp_lamb_update")
class MultiMixedLAMBUpdate(MultiLAMBUpdate):
    """The same of float32 copies of the weights.  MXNet: _multi_mp_lamb_update."""

    each = "_mp_lamb_update"
