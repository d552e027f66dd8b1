"""Initialisers of parameters.  MXNet: mx.init, mx.initializer.

`initializer(InitDesc(name, attrs), array)` fills the array: as the variable's attribute `__init__` says, which names a
registered initialiser and its parameters in JSON, or else by the end of the variable's name.
"""

from __future__ import annotations

import json
import logging
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from symc.errors import MXNetError, did_you_mean
from symc.frontend import nd_ops
from symc.frontend.monitor import root_mean_square
from symc.runtime.ndarray import NDArray

__all__ = ["Bilinear", "Constant", "FusedRNN", "InitDesc", "Initializer", "LSTMBias", "Load", "MSRAPrelu", "Mixed",
           "Normal", "One", "Orthogonal", "Uniform", "Xavier", "Zero", "alias", "create", "register"]

Class = TypeVar("Class", bound="type[Initializer]")
Statistic = Callable[[NDArray], str]

# What an array is by the end of its variable's name → the method that fills it.  The first that fits counts.
BY_SUFFIX = {"weight": "_init_weight", "bias": "_init_bias", "gamma": "_init_gamma", "beta": "_init_beta",
             "min": "_init_zero", "max": "_init_one", "weight_quantize": "_init_quantized_weight",
             "bias_quantize": "_init_quantized_bias"}
# The same where the name is a plain string.
BY_SUFFIX_OF_STRINGS = {"bias": "_init_bias", "gamma": "_init_gamma", "beta": "_init_beta", "weight": "_init_weight",
                        "moving_mean": "_init_zero", "moving_var": "_init_one", "moving_inv_var": "_init_zero",
                        "moving_avg": "_init_zero", "min": "_init_zero", "max": "_init_one"}


class InitDesc(str):
    """A variable's name, with its attributes and the initialiser that fills what has none of its own."""

    attrs: Mapping[str, str]
    global_init: Initializer | None

    def __new__(cls, name: str, attrs: Mapping[str, str] | None = None,
                global_init: Initializer | None = None) -> InitDesc:
        made = super().__new__(cls, name)
        made.attrs = attrs or {}
        made.global_init = global_init
        return made


class Initializer:
    """Base of all initialisers.  A subclass fills weights in `_init_weight`, and hands its arguments on as keywords."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs
        self._verbose = False
        self._print_func: Statistic | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Initializer):
            return NotImplemented
        return type(self) is type(other) and self._kwargs == other._kwargs

    __hash__ = None  # type: ignore[assignment]

    def set_verbosity(self, verbose: bool = False, print_func: Statistic | None = None) -> Initializer:
        """Whether to log (level info) each array that is filled, with what print_func makes of it: by default its
        root mean square."""
        self._verbose = verbose
        self._print_func = print_func or (lambda arr: str(root_mean_square(arr).asscalar()))
        return self

    def dumps(self) -> str:
        """The name and parameters in JSON, as the attribute `__init__` holds them."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, desc: str, arr: NDArray) -> None:
        """Fill an array.  ValueError: neither an attribute nor the name says how."""
        if not isinstance(desc, InitDesc):
            self._legacy_init(desc, arr)
            return
        if desc.global_init is None:
            desc.global_init = self
        if own := desc.attrs.get("__init__"):
            create(own)._init_weight(desc, arr)
            self._verbose_print(desc, own, arr)
        else:
            self._by_suffix(BY_SUFFIX, desc, arr)

    def _by_suffix(self, suffixes: Mapping[str, str], name: str, arr: NDArray) -> None:
        suffix = next((suffix for suffix in suffixes if name.endswith(suffix)), None)
        if suffix is None:
            self._init_default(name, arr)
        else:
            getattr(self, suffixes[suffix])(name, arr)
            self._verbose_print(name, suffix, arr)

    def _legacy_init(self, name: str, arr: NDArray) -> None:
        warnings.warn("init(str, NDArray) is deprecated; use init(mx.init.InitDesc(...), NDArray)", DeprecationWarning,
                      stacklevel=3)
        if not isinstance(name, str):
            raise TypeError("name must be string")
        if not isinstance(arr, NDArray):
            raise TypeError("arr must be NDArray")
        if name.startswith("upsampling"):
            self._init_bilinear(name, arr)
        elif name.startswith("stn_loc") and name.endswith("weight"):
            self._init_zero(name, arr)
        elif name.startswith("stn_loc") and name.endswith("bias"):
            self._init_loc_bias(name, arr)
        else:
            self._by_suffix(BY_SUFFIX_OF_STRINGS, name, arr)

    def _verbose_print(self, desc: str, init: str, arr: NDArray) -> None:
        if self._verbose and self._print_func:
            logging.info("Initialized %s as %s: %s", desc, init, self._print_func(arr))

    # ---- how arrays are filled; users override these ---------------------------------------------------------

    def _init_weight(self, name: str, arr: NDArray) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say how to fill the weight {name}: "
                                  "it must override _init_weight")

    def _init_zero(self, _: str, arr: NDArray) -> None:
        arr[:] = 0

    def _init_one(self, _: str, arr: NDArray) -> None:
        arr[:] = 1

    _init_bias = _init_beta = _init_quantized_bias = _init_zero
    _init_gamma = _init_one

    def _init_bilinear(self, _: str, arr: NDArray) -> None:
        """The weights of a convolution that interpolates linearly, along the last two axes."""
        half = math.ceil(arr.shape[3] / 2)
        centre = (2 * half - 1 - half % 2) / (2 * half)
        rows, columns = (1 - np.abs(np.arange(extent) / half - centre) for extent in arr.shape[2:])
        arr[:] = np.broadcast_to(np.outer(rows, columns).astype(np.float32), arr.shape)

    def _init_loc_bias(self, _: str, arr: NDArray) -> None:
        """The affine transformation that changes nothing."""
        if arr.shape[0] != 6:
            raise ValueError(f"the bias of an affine transformation has 6 elements, not {arr.shape[0]}")
        arr[:] = np.array([1.0, 0, 0, 0, 1.0, 0])

    def _init_quantized_weight(self, _: str, arr: NDArray) -> None:
        arr[:] = nd_ops.random.randint(-127, 127, dtype="int32").asnumpy().astype(np.int8)

    def _init_default(self, name: str, _: NDArray) -> None:
        raise ValueError(f"Unknown initialization pattern for {name}. By name only weight, bias, gamma (1.0) and beta "
                         "(0.0) are initialized; say more with mx.sym.Variable(init=mx.init.*)")


# ---- the registry ------------------------------------------------------------------------------------------------

_REGISTRY: dict[str, type[Initializer]] = {}


def register(klass: Class) -> Class:
    """Make a subclass of Initializer known to `create`, under its name in lower case."""
    return _registered(klass, klass.__name__)


def alias(*aliases: str) -> Callable[[Class], Class]:
    """Further names for a class."""
    def name_class(klass: Class) -> Class:
        for name in aliases:
            _registered(klass, name)
        return klass
    return name_class


def _registered(klass: Class, name: str) -> Class:
    if not issubclass(klass, Initializer):
        raise TypeError(f"Can only register subclass of Initializer, not {klass.__name__}")
    key = name.lower()
    if key in _REGISTRY:
        warnings.warn(f"the initializer {klass.__module__}.{klass.__name__} takes the name {key} of "
                      f"{_REGISTRY[key].__module__}.{_REGISTRY[key].__name__}", UserWarning, stacklevel=3)
    _REGISTRY[key] = klass
    return klass


def create(initializer: str | Initializer | Mapping[str, Any], *args: Any, **kwargs: Any) -> Initializer:
    """An initialiser from its name and arguments, from JSON ('["normal", {"sigma": 0.5}]', or an object with the name
    under "initializer"), or itself.  MXNetError: there is none of that name."""
    if isinstance(initializer, Mapping):
        return create(**initializer)
    if isinstance(initializer, str) and not initializer.startswith(("[", "{")):
        return _class_of(initializer.lower())(*args, **kwargs)
    if args or kwargs:
        raise TypeError(f"{initializer!r} has its arguments already")
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str):
        raise TypeError(f"an initializer is a string or an Initializer, not {initializer!r}")
    read = json.loads(initializer)
    return create(**read) if isinstance(read, dict) else create(read[0], **read[1])


def _class_of(name: str) -> type[Initializer]:
    if name not in _REGISTRY:
        raise MXNetError(f"no initializer is registered as {name!r}{did_you_mean(name, _REGISTRY, '; ')}",
                         f"registered are {', '.join(sorted(_REGISTRY))}; mx.init.register adds others")
    return _REGISTRY[name]


# ---- initialisers ------------------------------------------------------------------------------------------------


class Load:
    """Fills arrays with those of a file, or a dict, by name ('arg:' and 'aux:' left out), others by default_init.

    verbose: log where each came from.
    """

    def __init__(self, param: str | Mapping[str, NDArray], default_init: Callable[..., None] | None = None,
                 verbose: bool = False) -> None:
        found = nd_ops.load(param) if isinstance(param, str) else param
        if not isinstance(found, Mapping):
            raise MXNetError("Load: the arrays have no names", "give a dict, or a file that was saved from one")
        self.param = {name.removeprefix("arg:").removeprefix("aux:"): arr for name, arr in found.items()}
        self.default_init = default_init
        self.verbose = verbose

    def __call__(self, name: str, arr: NDArray) -> None:
        """Fill an array.  MXNetError: its shape is another, or it is not there and there is no default."""
        found = self.param.get(name)
        if found is None:
            if self.default_init is None:
                raise MXNetError(f"Cannot Initialize {name}. Not found in loaded param and no default Initializer is "
                                 "provided")
            self.default_init(name, arr)
        elif found.shape != arr.shape:
            raise MXNetError(f"Parameter {name} cannot be initialized from loading. Shape mismatch, target {arr.shape} "
                             f"vs loaded {found.shape}")
        else:
            arr[:] = found
        if self.verbose:
            logging.info("Initialized %s by %s", name, "default" if found is None else "loading")


class Mixed:
    """Fills each array by the initialiser of the first pattern (a regular expression) that its name starts with."""

    def __init__(self, patterns: Sequence[str], initializers: Sequence[Callable[..., None]]) -> None:
        if len(patterns) != len(initializers):
            raise ValueError(f"{len(patterns)} patterns and {len(initializers)} initializers")
        self.map = [(re.compile(pattern), init) for pattern, init in zip(patterns, initializers, strict=True)]

    def __call__(self, name: str, arr: NDArray) -> None:
        """Fill an array.  ValueError: no pattern fits."""
        for pattern, init in self.map:
            if pattern.match(name):
                init(name, arr)
                return
        raise ValueError(f"Parameter name {name} did not match any pattern; add a pattern '.*' at the end, with a "
                         "default initializer")


@register
@alias("zeros")
class Zero(Initializer):
    """0 everywhere."""

    def _init_weight(self, _: str, arr: NDArray) -> None:
        arr[:] = 0


@register
@alias("ones")
class One(Initializer):
    """1 everywhere."""

    def _init_weight(self, _: str, arr: NDArray) -> None:
        arr[:] = 1


@register
class Constant(Initializer):
    """A given value, or array of values."""

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, _: str, arr: NDArray) -> None:
        arr[:] = self.value

    def dumps(self) -> str:
        value = self.value.asnumpy() if isinstance(self.value, NDArray) else self.value
        self._kwargs = {"value": value.tolist() if isinstance(value, np.ndarray | np.generic) else value}
        return super().dumps()


@register
class Uniform(Initializer):
    """Drawn evenly from [-scale, scale)."""

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, _: str, arr: NDArray) -> None:
        nd_ops.random.uniform(-self.scale, self.scale, out=arr)


@register
class Normal(Initializer):
    """Drawn from the normal distribution of mean 0 and standard deviation sigma."""

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, _: str, arr: NDArray) -> None:
        nd_ops.random.normal(0, self.sigma, out=arr)


@register
class Orthogonal(Initializer):
    """Orthogonal rows, or columns if there are more rows, times scale (Saxe, McClelland, Ganguli, arXiv:1312.6120).

    rand_type: 'uniform' or 'normal', of the random matrix whose singular vectors they are.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        if rand_type not in ("uniform", "normal"):
            raise ValueError(f"rand_type={rand_type!r} is neither 'uniform' nor 'normal'")
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale = scale
        self.rand_type = rand_type

    def _init_weight(self, _: str, arr: NDArray) -> None:
        shape = (arr.shape[0], math.prod(arr.shape[1:]))
        draw = nd_ops.random.uniform(-1.0, 1.0, shape) if self.rand_type == "uniform" else nd_ops.random.normal(
            0.0, 1.0, shape)
        left, right = np.linalg.svd(draw.asnumpy(), full_matrices=False)[::2]
        chosen = left if left.shape == shape else right
        arr[:] = self.scale * chosen.reshape(arr.shape)


@register
class Xavier(Initializer):
    """Drawn with a variance of magnitude / 3 / factor ('uniform') or magnitude / factor ('gaussian'), after Glorot and
    Bengio (AISTATS 2010).

    factor_type: the factor is 'in' the inputs of an output, 'out' the outputs of an input, or 'avg' the mean of both.
    """

    def __init__(self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3) -> None:
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type = rnd_type
        self.factor_type = factor_type
        self.magnitude = float(magnitude)

    def _init_weight(self, name: str, arr: NDArray) -> None:
        scale = math.sqrt(self.magnitude / self._factor(name, arr.shape))
        if self.rnd_type == "uniform":
            nd_ops.random.uniform(-scale, scale, out=arr)
        elif self.rnd_type == "gaussian":
            nd_ops.random.normal(0, scale, out=arr)
        else:
            raise ValueError(f"Unknown random type {self.rnd_type!r}; there are 'uniform' and 'gaussian'")

    def _factor(self, name: str, shape: tuple[int, ...]) -> float:
        if len(shape) < 2:
            raise ValueError(f"Xavier initializer cannot be applied to vector {name}. It requires at least 2D.")
        window = math.prod(shape[2:])
        factors = {"in": shape[1] * window, "out": shape[0] * window, "avg": (shape[0] + shape[1]) * window / 2}
        if self.factor_type not in factors:
            raise ValueError(f"Incorrect factor type {self.factor_type!r}; there are 'in', 'out' and 'avg'")
        return factors[self.factor_type]


@register
class MSRAPrelu(Xavier):
    """Normally distributed with the variance that suits PReLU of that initial slope (He et al., arXiv:1502.01852)."""

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope ** 2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(Initializer):
    """The weights of a deconvolution that interpolates linearly."""

    def _init_weight(self, name: str, arr: NDArray) -> None:
        self._init_bilinear(name, arr)


@register
class LSTMBias(Initializer):
    """The bias of an LSTM: forget_bias for the forget gate, the second of four, 0 for the others."""

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, _: str, arr: NDArray) -> None:
        size = arr.shape[0] // 4
        arr[:] = 0
        arr[size:2 * size] = self.forget_bias


@register
class FusedRNN(Initializer):
    """The one parameter vector of an RNN operator: its parts by `init`, or the initialiser of the whole network if
    that is None; the forget gates' biases of an LSTM are forget_bias."""

    def __init__(self, init: Initializer | str | None, num_hidden: int, num_layers: int, mode: str,
                 bidirectional: bool = False, forget_bias: float = 1.0) -> None:
        self._init = None if init is None else create(init)
        self._cell = {"num_hidden": num_hidden, "num_layers": num_layers, "mode": mode, "bidirectional": bidirectional,
                      "forget_bias": forget_bias}
        super().__init__(init=None if self._init is None else self._init.dumps(), **self._cell)

    def _init_weight(self, desc: str, arr: NDArray) -> None:
        from symc.frontend.rnn import FusedRNNCell  # which is built of symbols, whose variables name initialisers

        cell = FusedRNNCell(prefix="", **self._cell)  # type: ignore[arg-type]
        parts = cell.unpack_weights({"parameters": arr})
        outer = desc.global_init if isinstance(desc, InitDesc) else None
        fill = self._init or outer
        for name, part in parts.items():
            if self._cell["mode"] == "lstm" and name.endswith("_f_bias"):
                part[:] = self._cell["forget_bias"]
            elif fill is None:
                raise MXNetError(f"FusedRNN: nothing says how to fill {name}", "give it an initializer of its own")
            else:
                fill(InitDesc(name, global_init=outer), part)
        arr[:] = cell.pack_weights(parts)["parameters"]
