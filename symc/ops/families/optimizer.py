"""Optimizer updates: one step of a weight by its gradient; states are written in forward.

Every update is one expression in MXNet's order of operations: the new weight, and behind it, as hidden outputs, the
new states.  Parameters are C floats in MXNet, so their values are rounded to float32 before they meet a weight of
another type (1 - 0.999 differs from 0.001 in the fifth digit).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.elementwise import BFLOAT16, Elementwise, as_value
from symc.ops.operator import operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, unify

LARGEST = float(np.finfo(np.float32).max)
SCALARS = ("rescale_grad", "r1", "r2", "lr", "wd")      # inputs of one element


def single(value: float) -> float:
    """`value` as the C float that MXNet keeps it in."""
    return float(np.float32(value))


def rounded(F: Any, like: Any, value: float) -> float:
    """`value` as a number of the type of `like`."""
    return float(F.dtype(like).numpy.type(single(value)))


def clipped(F: Any, value: Any, limit: float) -> Any:
    """`value` between -limit and limit, NaN as it is; a negative limit is none."""
    if limit < 0:
        return value
    bound = F.const(single(limit), value)
    return F.where(value > bound, bound, F.where(value < -bound, -bound, value))


def sign(F: Any, value: Any) -> Any:
    return F.where(value > 0, F.const(1, value), F.where(value < 0, F.const(-1, value), F.const(0, value)))


class Update(Elementwise):
    """Base of the updates.

    `inputs` are all inputs in MXNet's order, auxiliary states among them; `written` names those that get new values,
    `in_single` those that are float32 whatever the weight is (multi-precision updates).
    """

    broadcasts = True
    widened = frozenset()       # `expression` does so itself
    inputs: ClassVar[tuple[str, ...]]  # type: ignore[misc]
    written: ClassVar[tuple[str, ...]] = ()
    in_single: ClassVar[tuple[str, ...]] = ()

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        """The output and the new values of what is written, of the inputs in the type that arithmetic is in."""
        raise NotImplementedError

    # ---- inputs and outputs ------------------------------------------------------------------------------

    def argument_names(self) -> list[str]:
        return [name for name in self.inputs if name not in self.auxiliary]

    def input_names(self) -> list[str]:
        return list(self.inputs)

    def output_names(self) -> list[str]:
        return ["output", *(f"new_{name}" for name in self.written)]

    @property
    def visible_count(self) -> int:
        return 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(*(slot for slot in (*s.inputs, *s.outputs) if slot.name not in SCALARS))
        for slot in s.inputs:
            if slot.name in SCALARS and slot.shape not in (None, (), (1,)):
                raise Conflict(f"{slot.name} has shape {slot.shape}, it is one number: (1,)")
            if slot.name in SCALARS and slot.shape is None:
                slot.unify((1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        plain = [slot for slot in (*t.inputs, *t.outputs) if slot.name.removeprefix("new_") not in self.in_single]
        for slot in (*t.inputs, *t.outputs):
            if slot not in plain:
                slot.unify(DType.float32)
        found = next((slot.dtype for slot in plain if slot.known), None)
        if found is not None and not found.is_float:
            raise Conflict(f"{self.inputs[0]} is {found.name}; weights are float16, float32 or float64")
        for slot in plain:
            slot.unify(found)

    # ---- meaning -----------------------------------------------------------------------------------------

    def expression(self, F: Any, *inputs: Any) -> Any:
        """`step` in float32 where there is a float32 input, or bfloat16; the results in the types of the outputs."""
        types = dict(zip(self.inputs, map(F.dtype, inputs), strict=True))
        widened = not set(self.in_single) <= set(SCALARS) or BFLOAT16 in types.values()
        wide = DType.float32 if widened else types[self.inputs[0]]
        values = [x if F.dtype(x) is wide else F.cast(x, wide) for x in inputs]
        results = [as_value(F, result, values[0]) for result in self.step(F, *values)]
        wanted = [self.output_type(types[self.inputs[0]]), *(types[name] for name in self.written)]
        cast = [y if F.dtype(y) is dtype else F.cast(y, dtype) for y, dtype in zip(results, wanted, strict=True)]
        return tuple(cast) if len(cast) > 1 else cast[0]

    def output_type(self, weight: DType) -> DType:
        return DType.float32 if "output" in self.in_single else weight

    def overwrites(self, g: Any, node: Node) -> dict[int, Value]:
        return {self.inputs.index(name): Value(node, 1 + i) for i, name in enumerate(self.written)}

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        """MXNet registers none; where one is asked for, nothing flows."""
        return [None] * len(node.inputs)

    # ---- what updates share ------------------------------------------------------------------------------

    def constants(self, F: Any, like: Any, *names: str) -> list[Any]:
        """Parameters as MXNet's kernels see them: floats, converted to the type of the arithmetic."""
        return [F.const(single(getattr(self, name)), like) for name in names]

    def scaled(self, F: Any, grad: Any, decay: Any = None) -> Any:
        """grad·rescale_grad (+ decay), clipped."""
        rescale, = self.constants(F, grad, "rescale_grad")
        scaled = rescale * grad if decay is None else rescale * grad + decay
        return clipped(F, scaled, getattr(self, "clip_gradient"))  # noqa: B009  (of the blocks, not of this base)

    def moments(self, F: Any, grad: Any, mean: Any, var: Any) -> tuple[Any, Any]:
        """The moving means of the gradient and of its square."""
        beta1, beta2 = self.constants(F, grad, "beta1", "beta2")
        return beta1 * mean + (1 - beta1) * grad, beta2 * var + (1 - beta2) * grad * grad


# ---- plain descent -----------------------------------------------------------------------------------------------


@operator("sgd_update", aliases=("_sparse_sgd_update",))
class SGDUpdate(Update):
    """weight·(1 - lr·wd) - lr·clip(rescale_grad·grad).  `lazy_update` is for sparse gradients.  MXNet: sgd_update."""

    lr: float
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    lazy_update: bool = True
    inputs = ("weight", "grad")

    def descended(self, F: Any, weight: Any, grad: Any) -> Any:
        lr, wd, rescale = self.constants(F, weight, "lr", "wd", "rescale_grad")
        step = (lr * rescale) * grad if self.clip_gradient < 0 else lr * self.scaled(F, grad)
        return (1 - lr * wd) * weight - step

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        return (self.descended(F, *inputs),)


@operator("mp_sgd_update")
class MultiPrecisionSGDUpdate(SGDUpdate):
    """sgd_update of a float32 copy of the weight.  MXNet: mp_sgd_update."""

    inputs = ("weight", "grad", "weight32")  # type: ignore[assignment]
    auxiliary = written = in_single = ("weight32",)

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, weight = inputs
        return (self.descended(F, weight, grad),) * 2


@operator("signsgd_update")
class SignSGDUpdate(Update):
    """weight·(1 - lr·wd) - lr·sign(grad); clip_gradient has no effect on a sign.  MXNet: signsgd_update."""

    lr: float
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    inputs = ("weight", "grad")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad = inputs
        lr, wd = self.constants(F, weight, "lr", "wd")
        return ((1 - lr * wd) * weight - lr * sign(F, grad),)


# ---- momentum ----------------------------------------------------------------------------------------------------


@operator("sgd_mom_update", aliases=("_sparse_sgd_mom_update",))
class SGDMomentumUpdate(Update):
    """mom = momentum·mom - lr·(wd·weight + clip(rescale_grad·grad)); weight + mom.  MXNet: sgd_mom_update."""

    lr: float
    momentum: float = 0.0
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    lazy_update: bool = True
    inputs = ("weight", "grad", "mom")
    auxiliary = written = ("mom",)

    def moved(self, F: Any, weight: Any, grad: Any, mom: Any) -> tuple[Any, Any]:
        """The new weight and momentum."""
        lr, momentum, wd, rescale = self.constants(F, weight, "lr", "momentum", "wd", "rescale_grad")
        step = lr * rescale * grad if self.clip_gradient < 0 else lr * self.scaled(F, grad)
        mom = momentum * mom - lr * wd * weight - step
        return weight + mom, mom

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        return self.moved(F, *inputs)


@operator("mp_sgd_mom_update")
class MultiPrecisionSGDMomentumUpdate(SGDMomentumUpdate):
    """sgd_mom_update of a float32 copy of the weight.  MXNet: mp_sgd_mom_update."""

    inputs = ("weight", "grad", "mom", "weight32")  # type: ignore[assignment]
    auxiliary = written = in_single = ("mom", "weight32")  # type: ignore[assignment]

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, mom, weight = inputs
        weight, mom = self.moved(F, weight, grad, mom)
        return weight, mom, weight


@operator("nag_mom_update")
class NAGUpdate(Update):
    """Nesterov's momentum, looking one step ahead.  MXNet: nag_mom_update."""

    lr: float
    momentum: float = 0.0
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    inputs = ("weight", "grad", "mom")
    auxiliary = written = ("mom",)

    def moved(self, F: Any, weight: Any, grad: Any, mom: Any) -> tuple[Any, Any]:
        """The new weight, and the old momentum decayed."""
        momentum, = self.constants(F, weight, "momentum")
        mom = momentum * mom
        return weight - mom + (momentum + 1) * (mom - self.slope(F, weight, grad)), mom

    def slope(self, F: Any, weight: Any, grad: Any) -> Any:
        lr, wd = self.constants(F, weight, "lr", "wd")
        return lr * (self.scaled(F, grad) + wd * weight)

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mom = inputs
        moved, mom = self.moved(F, weight, grad, mom)
        return moved, mom - self.slope(F, weight, grad)


@operator("mp_nag_mom_update")
class MultiPrecisionNAGUpdate(NAGUpdate):
    """nag_mom_update of a float32 copy; its momentum is decayed by the new weight.  MXNet: mp_nag_mom_update."""

    inputs = ("weight", "grad", "mom", "weight32")  # type: ignore[assignment]
    auxiliary = written = in_single = ("mom", "weight32")  # type: ignore[assignment]

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, mom, weight = inputs
        moved, mom = self.moved(F, weight, grad, mom)
        return moved, mom - self.slope(F, moved, grad), moved


@operator("signum_update")
class SignumUpdate(Update):
    """The sign of a momentum that has no lr in it; wd_lh decays the weight itself.  MXNet: signum_update."""

    lr: float
    momentum: float = 0.0
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    wd_lh: float = 0.0
    inputs = ("weight", "grad", "mom")
    auxiliary = written = ("mom",)

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mom = inputs
        lr, momentum, wd, decay = self.constants(F, weight, "lr", "momentum", "wd", "wd_lh")
        mom = momentum * mom - (1 - momentum) * wd * weight - (1 - momentum) * self.scaled(F, grad)
        return (1 - lr * decay) * weight + lr * sign(F, mom), mom


# ---- moments of the gradient -------------------------------------------------------------------------------------


@operator("rmsprop_update")
class RMSPropUpdate(Update):
    """Steps divided by the root of a moving mean of squares.  MXNet: rmsprop_update."""

    lr: float
    gamma1: float = 0.95
    epsilon: float = 1e-8
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    clip_weights: float = -1.0
    inputs = ("weight", "grad", "n")
    auxiliary = written = ("n",)

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, n = inputs
        lr, gamma, epsilon, wd = self.constants(F, weight, "lr", "gamma1", "epsilon", "wd")
        grad = self.scaled(F, grad, wd * weight)
        n = (1 - gamma) * (grad * grad) + gamma * n
        return clipped(F, weight - lr * (grad / F.sqrt(n + epsilon)), self.clip_weights), n


@operator("rmspropalex_update")
class RMSPropAlexUpdate(Update):
    """RMSProp by the variance of gradients, with momentum (Graves 2013).  MXNet: rmspropalex_update."""

    lr: float
    gamma1: float = 0.95
    gamma2: float = 0.9
    epsilon: float = 1e-8
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    clip_weights: float = -1.0
    inputs = ("weight", "grad", "n", "g", "delta")
    auxiliary = written = ("n", "g", "delta")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, n, g, delta = inputs
        lr, gamma1, gamma2, epsilon, wd = self.constants(F, weight, "lr", "gamma1", "gamma2", "epsilon", "wd")
        grad = self.scaled(F, grad, wd * weight)
        n = (1 - gamma1) * grad * grad + gamma1 * n
        g = (1 - gamma1) * grad + gamma1 * g
        delta = gamma2 * delta - lr * grad / F.sqrt(n - g * g + epsilon)
        return clipped(F, weight + delta, self.clip_weights), n, g, delta


@operator("adam_update", aliases=("_sparse_adam_update",))
class AdamUpdate(Update):
    """Adam without correction of bias; the decay is part of the gradient.  MXNet: adam_update."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    lazy_update: bool = True
    inputs = ("weight", "grad", "mean", "var")
    auxiliary = written = ("mean", "var")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mean, var = inputs
        lr, epsilon, wd = self.constants(F, weight, "lr", "epsilon", "wd")
        mean, var = self.moments(F, self.scaled(F, grad, weight * wd), mean, var)
        return weight - lr * mean / (F.sqrt(var) + epsilon), mean, var


@operator("ftml_update")
class FTMLUpdate(Update):
    """Follow the moving leader; t is the number of the step, from 1.  MXNet: ftml_update."""

    lr: float
    t: int
    beta1: float = 0.6
    beta2: float = 0.999
    epsilon: float = 1e-8
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_grad: float = -1.0
    inputs = ("weight", "grad", "d", "v", "z")
    auxiliary = written = ("d", "v", "z")
    parameter_order = ("lr", "beta1", "beta2", "epsilon", "t", "wd", "rescale_grad", "clip_grad")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, d, v, z = inputs
        lr, beta1, beta2, epsilon, wd, rescale = self.constants(F, weight, "lr", "beta1", "beta2", "epsilon", "wd",
                                                                "rescale_grad")
        rest1, rest2 = (1 - F.const(rounded(F, weight, beta) ** self.t, weight) for beta in (self.beta1, self.beta2))
        grad = clipped(F, rescale * grad + wd * weight, self.clip_grad)
        v = beta2 * v + (1 - beta2) * (grad * grad)
        ahead = rest1 / lr * (F.sqrt(v / rest2) + epsilon)
        z = beta1 * z + (1 - beta1) * grad - (ahead - beta1 * d) * weight
        return -z / ahead, ahead, v, z


@operator("ftrl_update", aliases=("_sparse_ftrl_update",))
class FTRLUpdate(Update):
    """Follow the regularized leader: weights within lamda1 are 0.  MXNet: ftrl_update."""

    lr: float
    lamda1: float = 0.01
    beta: float = 1.0
    wd: float = 0.0
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    inputs = ("weight", "grad", "z", "n")
    auxiliary = written = ("z", "n")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, z, n = inputs
        lr, lamda, beta, wd = self.constants(F, weight, "lr", "lamda1", "beta", "wd")
        grad = self.scaled(F, grad)
        total = n + grad * grad
        z = z + (grad - (F.sqrt(total) - F.sqrt(n)) * weight / lr)
        found = (sign(F, z) * lamda - z) / ((beta + F.sqrt(total)) / lr + wd)
        return found * F.cast(F.abs(z) > lamda, F.dtype(weight)), z, total


# ---- AdamW -------------------------------------------------------------------------------------------------------


@operator("_adamw_update")
class AdamWUpdate(Update):
    """Adam whose decay is apart from the gradient, which is left rescaled and clipped.

    Nothing changes where rescale_grad, an array of one number, is 0, infinite or NaN.  MXNet: _adamw_update, which
    leaves the output unset then; here it is the weight.
    """

    lr: float
    eta: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    wd: float = 0.0
    clip_gradient: float = -1.0
    parameter_order = ("lr", "beta1", "beta2", "epsilon", "wd", "eta", "clip_gradient")
    inputs = ("weight", "grad", "mean", "var", "rescale_grad")
    auxiliary = ("mean", "var")
    written = ("mean", "var", "grad")
    in_single = ("rescale_grad",)

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mean, var, rescale = inputs
        valid, updated = self.updated(F, weight, grad, mean, var, rescale)
        return tuple(F.where(valid, new, old) for new, old in zip(updated, (weight, mean, var, grad), strict=True))

    def updated(self, F: Any, weight: Any, grad: Any, mean: Any, var: Any, rescale: Any) -> tuple[Any, tuple[Any, ...]]:
        """Whether rescale_grad is a number to scale by, and the new weight, mean, var and gradient if it is."""
        lr, eta, wd, epsilon = self.constants(F, weight, "lr", "eta", "wd", "epsilon")
        grad = clipped(F, rescale * grad, self.clip_gradient)
        mean, var = self.moments(F, grad, mean, var)
        weight = weight - eta * (lr * mean / (F.sqrt(var) + epsilon) + wd * weight)
        valid = F.logical_and(F.abs(rescale) > 0, F.abs(rescale) <= LARGEST)
        return valid, (weight, mean, var, grad)


@operator("_mp_adamw_update")
class MultiPrecisionAdamWUpdate(AdamWUpdate):
    """_adamw_update of a float32 copy of the weight; the gradient stays as it is.  MXNet: _mp_adamw_update."""

    inputs = ("weight", "grad", "mean", "var", "weight32", "rescale_grad")  # type: ignore[assignment]
    auxiliary = written = ("mean", "var", "weight32")  # type: ignore[assignment]
    in_single = ("mean", "var", "weight32", "rescale_grad")  # type: ignore[assignment]

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mean, var, weight32, rescale = inputs
        valid, (new, *moments, _) = self.updated(F, weight32, grad, mean, var, rescale)
        kept = zip((new, *moments, new), (weight, mean, var, weight32), strict=True)
        return tuple(F.where(valid, new, old) for new, old in kept)


# ---- LAMB --------------------------------------------------------------------------------------------------------


@operator("lamb_update_phase1")
class LAMBPhase1(Update):
    """The direction of a LAMB step: Adam's, plus wd·weight; t is the number of the step.  MXNet: lamb_update_phase1."""

    t: int
    wd: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    bias_correction: bool = True
    rescale_grad: float = 1.0
    clip_gradient: float = -1.0
    parameter_order = ("beta1", "beta2", "epsilon", "t", "bias_correction", "wd", "rescale_grad", "clip_gradient")
    inputs = ("weight", "grad", "mean", "var")
    auxiliary = written = ("mean", "var")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, grad, mean, var = inputs
        epsilon, wd = self.constants(F, weight, "epsilon", "wd")
        mean, var = self.moments(F, self.scaled(F, grad), mean, var)
        mean_hat, var_hat = mean, var
        if self.bias_correction:
            rest1, rest2 = (1 - F.const(single(beta) ** self.t, mean) for beta in (self.beta1, self.beta2))
            mean_hat, var_hat = mean / rest1, var / rest2
        return mean_hat / (F.sqrt(var_hat) + epsilon) + wd * weight, mean, var


@operator("mp_lamb_update_phase1")
class MultiPrecisionLAMBPhase1(LAMBPhase1):
    """lamb_update_phase1 of a float32 copy of the weight; the direction is float32.  MXNet: mp_lamb_update_phase1."""

    inputs = ("weight", "grad", "mean", "var", "weight32")  # type: ignore[assignment]
    in_single = ("mean", "var", "weight32", "output")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, grad, mean, var, weight = inputs
        return super().step(F, weight, grad, mean, var)


@operator("lamb_update_phase2")
class LAMBPhase2(Update):
    """weight - lr·(r1 / r2)·g, r1 within bounds; r1 and r2 are norms, of weight and g.  MXNet: lamb_update_phase2."""

    lr: float
    lower_bound: float = -1.0
    upper_bound: float = -1.0
    inputs = ("weight", "g", "r1", "r2")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        weight, g, r1, r2 = inputs
        return (weight - self.rate(F, r1, r2) * g,)

    def rate(self, F: Any, r1: Any, r2: Any) -> Any:
        """lr times the ratio of trust, which is 1 where a norm is 0."""
        lr, low, high = self.constants(F, r1, "lr", "lower_bound", "upper_bound")
        if self.lower_bound >= 0:
            r1 = F.where(r1 > low, r1, low)
        if self.upper_bound >= 0:
            r1 = F.where(r1 < high, r1, high)
        return F.where(F.logical_or(r1 == 0, r2 == 0), lr, lr * r1 / r2)


@operator("mp_lamb_update_phase2")
class MultiPrecisionLAMBPhase2(LAMBPhase2):
    """lamb_update_phase2 of a float32 copy of the weight, which stays as it is.  MXNet: mp_lamb_update_phase2."""

    inputs = ("weight", "g", "r1", "r2", "weight32")  # type: ignore[assignment]
    auxiliary = ("weight32",)
    in_single = ("g", "r1", "r2", "weight32")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        _, g, r1, r2, weight = inputs
        return super().step(F, weight, g, r1, r2)


# ---- LARS --------------------------------------------------------------------------------------------------------


@operator("multi_lars")
class MultiLARS(Update):
    """Rates for many weights, from the sums of squares of weights and gradients.  MXNet: multi_lars."""

    eta: float
    eps: float
    rescale_grad: float = 1.0
    inputs = ("lrs", "weights_sum_sq", "grads_sum_sq", "wds")

    def step(self, F: Any, *inputs: Any) -> tuple[Any, ...]:
        rates, weights, grads, decays = inputs
        eta, eps, rescale = self.constants(F, rates, "eta", "eps", "rescale_grad")
        norm = F.sqrt(weights)
        found = rates * eta * norm / (F.sqrt(grads) * rescale + decays * norm + eps)
        return (F.where(F.logical_and(norm > 0, grads > 0), found, rates),)
