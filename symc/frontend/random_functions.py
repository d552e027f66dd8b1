"""The functions of mx.sym.random and mx.nd.random: each draws by one operator when its parameters are numbers, and by
another, once for each element, when they are symbols or arrays."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from symc.frontend.op_functions import Function, Namespace
from symc.runtime.context import Context, current_context

# distribution → its parameters and their defaults; None: must be given
DISTRIBUTIONS: Mapping[str, Mapping[str, float | None]] = {
    "uniform": {"low": 0, "high": 1}, "normal": {"loc": 0, "scale": 1}, "gamma": {"alpha": 1, "beta": 1},
    "exponential": {"scale": 1}, "poisson": {"lam": 1}, "negative_binomial": {"k": 1, "p": 1},
    "generalized_negative_binomial": {"mu": 1, "alpha": 1}, "randint": {"low": None, "high": None},
}
FURTHER = ("shape", "dtype", "ctx", "out")


def sampling_functions(kind: type, internal: Namespace, on_arrays: bool) -> dict[str, Function]:
    """The functions by name.  kind: Symbol or NDArray; internal: its operators.

    on_arrays: they draw at once, one number unless a shape or a target is given, and `multinomial` leaves out the
    probabilities.
    """
    functions = {name: _sampler(name, defaults, kind, internal, on_arrays) for name, defaults in DISTRIBUTIONS.items()}

    def randn(*shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
        """Draws of a normal distribution in the shape that the positional arguments are."""
        taken = {key: value for key, value in kwargs.items() if on_arrays and key in FURTHER}
        return functions["normal"](loc, scale, shape=shape, dtype=dtype, **taken)

    def multinomial(data: Any, shape: Any = None, get_prob: bool = not on_arrays, dtype: Any = "int32",
                    **kwargs: Any) -> Any:
        """Draws of indices with the probabilities that the last axis of `data` has; with get_prob also their log."""
        shaped = {} if shape is None else {"shape": shape}
        return internal._sample_multinomial(data, get_prob=get_prob, dtype=dtype, **shaped, **kwargs)

    def shuffle(data: Any, **kwargs: Any) -> Any:
        """`data` in a random order along its first axis."""
        return internal._shuffle(data, **kwargs)

    return {**functions, "randn": randn, "multinomial": multinomial, "shuffle": shuffle}


def _sampler(name: str, defaults: Mapping[str, float | None], kind: type, internal: Namespace,
             on_arrays: bool) -> Function:
    names = (*defaults, *FURTHER)

    def draw(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(names):
            raise TypeError(f"{name}() takes at most {len(names)} positional arguments but {len(args)} were given")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        parameters = [given.pop(key, default) for key, default in defaults.items()]
        options = {key: value for key, value in given.items() if value is not None}
        is_plain = _are_numbers(name, parameters, kind)
        if name == "exponential":
            parameters = [1.0 / parameters[0]]      # the operators take the rate
        sample = getattr(internal, f"{'_random' if is_plain else '_sample'}_{name}")
        if not on_arrays:
            return sample(*parameters, **options)
        context = Context(options.pop("ctx", current_context())) if is_plain else parameters[0].context
        with context:
            return sample(*parameters, **_for_arrays(options, is_plain))
    draw.__name__ = name
    draw.__doc__ = f"Draws of the distribution {name}; arguments: {', '.join(names)}."
    draw.__signature__ = _signature(defaults)  # type: ignore[attr-defined]
    return draw


def _are_numbers(name: str, parameters: Sequence[Any], kind: type) -> bool:
    """Whether all parameters are numbers, and not of `kind`.  TypeError when they mix, ValueError for other types."""
    numbers = [isinstance(value, Number | np.generic) for value in parameters]
    others = [type(value).__name__ for value in parameters if not isinstance(value, Number | np.generic | kind)]
    if others:
        raise ValueError(f"{name}: parameters must be numbers or of type {kind.__name__}, not {', '.join(others)}")
    if any(numbers) and not all(numbers):
        raise TypeError(f"{name}: parameters must be all numbers or all of type {kind.__name__}")
    if name == "randint" and not all(numbers):
        raise ValueError(f"randint: low and high must be numbers, not {kind.__name__}")
    return all(numbers)


def _for_arrays(options: Mapping[str, Any], is_plain: bool) -> dict[str, Any]:
    """Shape, dtype and context, as far as they follow from a target and from where the call stands."""
    out = options.get("out")
    result = dict(options)
    if out is not None:
        result.setdefault("dtype", out.dtype)
    if is_plain:
        result.setdefault("shape", (1,) if out is None else out.shape)
        result["ctx"] = current_context()
    return result


def _signature(defaults: Mapping[str, float | None]) -> inspect.Signature:
    way, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_KEYWORD
    first = [inspect.Parameter(key, way, default=inspect.Parameter.empty if value is None else value)
             for key, value in defaults.items()]
    return inspect.Signature([*first, *(inspect.Parameter(key, way, default=None) for key in FURTHER),
                              inspect.Parameter("kwargs", keyword)])


def zipfian_function(uniform: Function, on_arrays: bool) -> Function:
    """contrib.rand_zipfian, over the function that draws evenly."""
    def rand_zipfian(true_classes: Any, num_sampled: int, range_max: int, ctx: Any = None) -> tuple[Any, Any, Any]:
        """Classes c of [0, range_max), drawn with probabilities ln((c + 2) / (c + 1)) / ln(range_max + 1).

        Returns num_sampled of them (int64), which may repeat, and how often `true_classes`, and those drawn, are
        expected among them (float64).
        """
        log_range = math.log(range_max + 1)
        place = {"ctx": ctx} if on_arrays else {}
        sampled = (uniform(0, log_range, shape=(num_sampled,), dtype="float64", **place).exp() - 1).astype("int64")
        sampled = sampled % range_max

        def expected(classes: Any) -> Any:
            wide = classes.astype("float64")
            return ((wide + 2.0) / (wide + 1.0)).log() / log_range * num_sampled
        return sampled, expected(true_classes), expected(sampled)
    return rand_zipfian
