"""mx.nd.contrib's functions of optimizer updates: lists of arrays where the operators take arrays in a row, and
rescale_grad as a number or an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symc.frontend.nd_functions import Result
from symc.frontend.op_functions import Function, Namespace
from symc.runtime.ndarray import NDArray, full

Arrays = Sequence[NDArray]


def scale_of(rescale_grad: NDArray | float) -> NDArray:
    """rescale_grad as an array of one number."""
    return rescale_grad if isinstance(rescale_grad, NDArray) else full((1,), rescale_grad)


def in_a_row(*lists: Arrays) -> list[NDArray]:
    """The first of each list, then the second of each, ..."""
    return [array for arrays in zip(*lists, strict=True) for array in arrays]


def update_functions(internal: Namespace) -> dict[str, Function]:
    """The functions by name, over mx.nd._internal."""
    made = (*_adamw_functions(internal), *_multi_adamw_functions(internal), *_lamb_functions(internal))
    return {function.__name__: function for function in made}


def _adamw_functions(internal: Namespace) -> tuple[Function, Function]:
    def adamw_update(weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, rescale_grad: NDArray | float,
                     lr: float, eta: float, **parameters: Any) -> Result:
        """A step of AdamW, see _adamw_update."""
        return internal._adamw_update(weight, grad, mean, var, scale_of(rescale_grad), lr=lr, eta=eta, **parameters)

    def mp_adamw_update(weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, weight32: NDArray,
                        rescale_grad: NDArray | float, lr: float, eta: float, **parameters: Any) -> Result:
        """A step of AdamW of a float32 copy of the weight, see _mp_adamw_update."""
        return internal._mp_adamw_update(weight, grad, mean, var, weight32, scale_of(rescale_grad), lr=lr, eta=eta,
                                         **parameters)

    return adamw_update, mp_adamw_update


def _multi_adamw_functions(internal: Namespace) -> tuple[Function, Function]:
    def multi_adamw_update(weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, rescale_grad: NDArray | float,
                           lrs: Sequence[float], wds: Sequence[float], etas: Sequence[float], size: int = 0,
                           **parameters: Any) -> Result:
        """A step of AdamW for each weight, see _multi_adamw_update."""
        return internal._multi_adamw_update(*in_a_row(weights, grads, mean, var), scale_of(rescale_grad), lrs=lrs,
                                            wds=wds, etas=etas, num_weights=size or len(weights), **parameters)

    def multi_mp_adamw_update(weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, weights32: Arrays,
                              rescale_grad: NDArray | float, lrs: Sequence[float], wds: Sequence[float],
                              etas: Sequence[float], size: int = 0, **parameters: Any) -> Result:
        """A step of AdamW for the float32 copy of each weight, see _multi_mp_adamw_update."""
        return internal._multi_mp_adamw_update(
            *in_a_row(weights, grads, mean, var, weights32), scale_of(rescale_grad), lrs=lrs, wds=wds, etas=etas,
            num_weights=size or len(weights), **parameters)

    return multi_adamw_update, multi_mp_adamw_update


def _lamb_functions(internal: Namespace) -> tuple[Function, Function]:
    def multi_lamb_update(weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, step_count: Sequence[int],
                          lrs: Sequence[float], wds: Sequence[float], num_tensors: int = 0,
                          **parameters: Any) -> Result:
        """A step of LAMB for each weight, see _multi_lamb_update."""
        return internal._multi_lamb_update(
            *in_a_row(weights, grads, mean, var), learning_rates=lrs, wds=wds, step_count=step_count,
            num_tensors=num_tensors or len(weights), **parameters)

    def multi_mp_lamb_update(weights: Arrays, grads: Arrays, mean: Arrays, var: Arrays, weights32: Arrays,
                             step_count: Sequence[int], lrs: Sequence[float], wds: Sequence[float],
                             num_tensors: int = 0, **parameters: Any) -> Result:
        """A step of LAMB for the float32 copy of each weight, see _multi_mp_lamb_update."""
        return internal._multi_mp_lamb_update(
            *in_a_row(weights, grads, mean, var, weights32), learning_rates=lrs, wds=wds, step_count=step_count,
            num_tensors=num_tensors or len(weights), **parameters)

    return multi_lamb_update, multi_mp_lamb_update
