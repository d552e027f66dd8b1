"""The functions that the Symbol API and the NDArray API derive from the operator registry, and their namespaces.

A function takes what MXNet's does: the inputs, then the parameters in the operator's order, all by position or by
name; operators of any number of inputs take those alone by position.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.errors import did_you_mean
from symc.frontend.compose import attribute_text
from symc.ops.operator import Operator, Variadic
from symc.ops.parameters import parameters_of
from symc.ops.registry import REGISTRY

SUBMODULES = ("contrib", "linalg", "sparse", "image", "random")    # of mx.sym: operators named _contrib_X, ...
OPTIONS = ("name", "attr", "out")

# Operators that are methods of symbols and arrays too; the input is the object itself.
FLUENT = (
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "argmax", "argmax_channel", "argmin",
    "argsort", "broadcast_axes", "broadcast_like", "broadcast_to", "cbrt", "ceil", "clip", "cos", "cosh", "degrees",
    "depth_to_space", "diag", "exp", "expand_dims", "expm1", "fix", "flatten", "flip", "floor", "log", "log10",
    "log1p", "log2", "log_sigmoid", "log_softmax", "max", "mean", "min", "mish", "nanprod", "nansum", "norm",
    "one_hot", "ones_like", "pad", "pick", "prod", "radians", "rcbrt", "reciprocal", "relu", "repeat", "reshape",
    "reshape_like", "rint", "round", "rsqrt", "shape_array", "sigmoid", "sign", "sin", "sinh", "size_array", "slice",
    "slice_axis", "slice_like", "softmax", "softmin", "sort", "space_to_depth", "split", "sqrt", "square", "squeeze",
    "sum", "swapaxes", "take", "tan", "tanh", "tile", "topk", "transpose", "trunc", "zeros_like",
)
# What these methods write even if they are not given it, as in MXNet.
FLUENT_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"squeeze": {"axis": None}, "diag": {"k": 0}}
IN_PLACE = ("squeeze", "flatten", "expand_dims")    # methods that take `inplace`, which means nothing

Function = Callable[..., Any]
MakeFunction = Callable[[type[Operator], str], Function]


@dataclass(frozen=True)
class Call:
    """The arguments of a call: inputs by position and by name, parameters as MXNet's strings, and the options."""

    positional: list[Any]
    named: dict[str, Any]
    attrs: dict[str, str]
    options: dict[str, Any]


def input_names(block: type[Operator]) -> tuple[str, ...]:
    """All inputs an operator may have, auxiliary states last or in their places; none when their number is open."""
    return _input_names(block)  # type: ignore[arg-type]


@functools.cache
def _input_names(block: Any) -> tuple[str, ...]:
    names = [item if isinstance(item, str) else item.name for item in block.inputs if not isinstance(item, Variadic)]
    return () if is_variadic(block) else tuple(dict.fromkeys((*names, *block.auxiliary)))


def is_variadic(block: type[Operator]) -> bool:
    """Whether the operator takes any number of inputs."""
    return _is_variadic(block)  # type: ignore[arg-type]


@functools.cache
def _is_variadic(block: Any) -> bool:
    return any(isinstance(item, Variadic) for item in block.inputs)


def variadic_counts(block: type[Operator]) -> list[str]:
    """The parameter that counts the inputs, if their number is open and written down."""
    return [item.count for item in block.inputs if isinstance(item, Variadic) and item.count]


def parameters(block: type[Operator]) -> Mapping[str, dataclasses.Field]:
    """MXNet's parameters of an operator, in its order."""
    return parameters_of(block)  # type: ignore[arg-type]


def read_call(block: type[Operator], function: str, kind: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """Sort the arguments of a call of `function`; inputs are of type `kind`.

    TypeError, as from any Python function: too many arguments, one given twice, an input of another type.
    """
    if is_variadic(block):
        call = _sorted_call(block, function, kind, args, kwargs)
        for count in variadic_counts(block):
            call.attrs.setdefault(count, str(len(call.positional) + len(call.named)))
        return call
    names = [*input_names(block), *parameters(block), *OPTIONS]
    if len(args) > len(names):
        raise TypeError(f"{function}() takes from 0 to {len(names)} positional arguments but {len(args)} were given")
    given = dict(zip(names, args, strict=False))
    if twice := given.keys() & kwargs.keys():
        raise TypeError(f"{function}() got multiple values for argument '{min(twice)}'")
    return _sorted_call(block, function, kind, (), {**given, **kwargs})


def _sorted_call(block: type[Operator], function: str, kind: type, positional: Sequence[Any],
                 keywords: Mapping[str, Any]) -> Call:
    for value in positional:
        if not isinstance(value, kind):
            raise TypeError(f"{function}: positional arguments must be of type {kind.__name__}, but got {value!r}")
    call = Call(list(positional), {}, {}, {})
    inputs = input_names(block)
    for key, value in keywords.items():
        if key in OPTIONS:
            call.options[key] = value
        elif isinstance(value, kind):
            call.named[key] = value
        elif key not in inputs:
            call.attrs[key] = parameter_text(block, key, value)
        elif value is not None:
            raise TypeError(f"{function}: argument {key} must be of type {kind.__name__}, but got {value!r}")
    return call


def parameter_text(block: type[Operator], key: str, value: Any) -> str:
    """A parameter as MXNet's functions write it; `dtype` is a NumPy dtype or its name, None meaning float64."""
    if key == "dtype" and key in parameters(block) and value != "bfloat16":
        dtype = np.dtype(value)
        return dtype.names[0] if dtype.names else dtype.name
    return attribute_text(value)


def fluent_arguments(method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of the operator behind a fluent method."""
    defaults = {} if args else FLUENT_DEFAULTS.get(method, {})
    return {**defaults, **{key: value for key, value in kwargs.items() if key != "inplace" or method not in IN_PLACE}}


def split_points(indices_or_sections: int | Sequence[int]) -> tuple[list[int], int]:
    """(indices, sections) of `_split_v2` from what the functions split_v2 take.  ValueError: neither int nor tuple."""
    if isinstance(indices_or_sections, int):
        return [], indices_or_sections
    if isinstance(indices_or_sections, tuple):
        return [0, *indices_or_sections], 0
    raise ValueError("indices_or_sections must either int or tuple of ints")


# ---- namespaces ----------------------------------------------------------------------------------------------


def place_of(operator: str) -> tuple[str, str]:
    """The namespace below mx.sym and mx.nd in which an operator's function lies, and the function's name there.

    `_contrib_X` is contrib.X; of `_random_X` only its likes lie in random; other names with an underscore in _internal.
    """
    part = next((part for part in SUBMODULES if operator.startswith(f"_{part}_")), None)
    if part and (part != "random" or operator.endswith("_like")):
        return part, operator.removeprefix(f"_{part}_")
    return ("_internal" if operator.startswith("_") else ""), operator


class Namespace:
    """The functions of one place (`place_of`), made when they are first asked for, and some further ones."""

    def __init__(self, name: str, place: str, make: MakeFunction,
                 further: Mapping[str, Function] | None = None) -> None:
        self.__name__ = name
        self._place, self._make = place, make
        self.__dict__.update(further or {})

    def __getattr__(self, name: str) -> Function:
        operator = f"_{self._place}_{name}" if self._place in SUBMODULES else name
        if place_of(operator) != (self._place, name) or operator not in REGISTRY or REGISTRY[operator].hidden:
            raise AttributeError(f"'{self.__name__}' has no operator '{name}'{did_you_mean(name, dir(self), '; ')}")
        made = self._make(REGISTRY[operator], name)
        self.__dict__[name] = made
        return made

    def __dir__(self) -> list[str]:
        places = (place_of(operator) for operator, block in REGISTRY.items() if not block.hidden)
        own = (key for key in self.__dict__ if not key.startswith("_"))
        return sorted({*own, *(name for place, name in places if place == self._place)})
