"""The functions of mx.sym.random and mx.nd.random: each draws by one operator when its parameters are numbers, and by
another, once for each element, when they are symbols or arrays."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np

from symc.frontend.op_functions import Function, Namespace

# distribution → its parameters and their defaults; None: must be given
DISTRIBUTIONS: Mapping[str, Mapping[str, float | None]] = {
    "uniform": {"low": 0, "high": 1}, "normal": {"loc": 0, "scale": 1}, "gamma": {"alpha": 1, "beta": 1},
    "exponential": {"scale": 1}, "poisson": {"lam": 1}, "negative_binomial": {"k": 1, "p": 1},
    "generalized_negative_binomial": {"mu": 1, "alpha": 1}, "randint": {"low": None, "high": None},
}
FURTHER = ("shape", "dtype", "ctx", "out")


def sampling_functions(kind: type, internal: Namespace, with_log: bool) -> dict[str, Function]:
    """The functions by name.  kind: Symbol or NDArray; internal: its operators; with_log: multinomial's get_prob."""
    functions = {name: _sampler(name, defaults, kind, internal) for name, defaults in DISTRIBUTIONS.items()}

    def randn(*shape: int, loc: Any = 0, scale: Any = 1, **kwargs: Any) -> Any:
        """Draws of a normal distribution in the shape that the positional arguments are."""
        return functions["normal"](loc, scale, shape=shape, **kwargs)

    def multinomial(data: Any, shape: Any = None, get_prob: bool = with_log, dtype: Any = "int32",
                    **kwargs: Any) -> Any:
        """Draws of indices with the probabilities that the last axis of `data` has; with get_prob also their log."""
        shaped = {} if shape is None else {"shape": shape}
        return internal._sample_multinomial(data, get_prob=get_prob, dtype=dtype, **shaped, **kwargs)

    def shuffle(data: Any, **kwargs: Any) -> Any:
        """`data` in a random order along its first axis."""
        return internal._shuffle(data, **kwargs)

    return {**functions, "randn": randn, "multinomial": multinomial, "shuffle": shuffle}


def _sampler(name: str, defaults: Mapping[str, float | None], kind: type, internal: Namespace) -> Function:
    def draw(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip((*defaults, *FURTHER), args, strict=False)), **kwargs}
        parameters = [given.pop(key, default) for key, default in defaults.items()]
        options = {key: value for key, value in given.items() if value is not None}
        if name == "exponential":
            parameters = [1.0 / parameters[0]]      # the operators take the rate
        if all(isinstance(value, Number | np.generic) for value in parameters):
            return getattr(internal, f"_random_{name}")(*parameters, **options)
        if not all(isinstance(value, kind) for value in parameters):
            raise TypeError(f"{name}: parameters must be all numbers or all of type {kind.__name__}: {parameters}")
        return getattr(internal, f"_sample_{name}")(*parameters, **options)
    draw.__name__ = name
    draw.__doc__ = f"Draws of the distribution {name}; arguments: {', '.join((*defaults, *FURTHER))}."
    return draw
