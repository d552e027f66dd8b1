"""Shape and type inference as the Symbol API shows it: 0 is an unknown extent, () an unknown shape, None a type.

Under NumPy semantics (`util.np_shape`) -1 is an unknown extent, None an unknown shape.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from symc.errors import MXNetError, did_you_mean
from symc.frontend.util import is_np_shape
from symc.ir.graph import Value
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.inference import Types, infer

if TYPE_CHECKING:
    from symc.frontend.symbol import Symbol

T = TypeVar("T")
Lists = tuple[list[T] | None, list[T] | None, list[T] | None]   # of arguments, outputs, auxiliary states
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])                  # what MXNet calls bfloat16
NOTHING: tuple[None, None, None] = (None, None, None)


def infer_shape(symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any],
                partial: bool) -> Lists[Any]:
    """See `Symbol.infer_shape`."""
    given = {name: read_shape(name, shape) for name, shape in _by_name(symbol, args, kwargs).items()}
    types = infer(symbol.graph, given)
    if not partial and not all(t.shape is not None and None not in t.shape for t in types.values()):
        _warn(symbol, types, "shape", "(0s in shape means unknown dimensions)", show_shape)
        return NOTHING
    return _lists(symbol, types, show_shape)


def infer_type(symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any], partial: bool) -> Lists[Any]:
    """See `Symbol.infer_type`."""
    given = {name: read_dtype(dtype) for name, dtype in _by_name(symbol, args, kwargs).items() if dtype is not None}
    types = infer(symbol.graph, dtypes=given)
    if not partial and any(t.dtype is None for t in types.values()):
        _warn(symbol, types, "type", "", show_dtype)
        return NOTHING
    return _lists(symbol, types, show_dtype)


def read_shape(name: str, shape: Any) -> PartialShape | None:
    """A shape of the user's.  TypeError: it is no tuple."""
    if shape is None:
        return None
    if not isinstance(shape, tuple):
        raise TypeError(f"Arguments need to be shapes (tuple), but '{name}' is {type(shape)}.")
    if is_np_shape():
        return tuple(None if extent == -1 else int(extent) for extent in shape)
    return tuple(None if extent in (0, -1) else int(extent) for extent in shape) or None


def read_dtype(dtype: Any) -> DType:
    """A dtype of the user's: a name, a NumPy dtype or scalar type.  TypeError: MXNet has none like it."""
    if isinstance(dtype, DType) or dtype == "bfloat16":
        return DType.of(dtype)
    made = np.dtype(dtype)
    if made == BFLOAT16:
        return DType.bfloat16
    if made.name not in DType.__members__:
        raise TypeError(f"dtype {made.name} is none of {', '.join(DType.__members__)}")
    return DType.of(made)


def show_shape(type: TensorType) -> tuple[int, ...] | None:
    """A shape as MXNet gives it."""
    if is_np_shape():
        return None if type.shape is None else tuple(-1 if extent is None else extent for extent in type.shape)
    return tuple(extent or 0 for extent in type.shape or ())


def show_dtype(type: TensorType) -> Any:
    """A dtype as MXNet gives it: a NumPy scalar type."""
    return None if type.dtype is None else BFLOAT16 if type.dtype is DType.bfloat16 else type.dtype.numpy.type


def _by_name(symbol: Symbol, args: Sequence[T], kwargs: Mapping[str, T]) -> dict[str, T]:
    """What is given of arguments, by position or by name."""
    if args and kwargs:
        raise ValueError("Can only specify known arguments either by positional or kwargs way.")
    names = symbol.list_arguments()
    if len(args) > len(names):
        raise MXNetError(f"{symbol}: {len(args)} values are given for {len(names)} arguments")
    known = set(symbol.list_inputs())
    for name in kwargs:
        if name not in known:
            raise MXNetError(f"{symbol} has no argument {name!r}", did_you_mean(name, known) or
                             f"the arguments are {', '.join(symbol.list_inputs()[:20])}")
    return dict(zip(names, args, strict=False)) if args else dict(kwargs)


def _lists(symbol: Symbol, types: Types, show: Callable[[TensorType], T]) -> Lists[T]:
    variables, states = symbol.graph.variables, symbol.states
    return ([show(types[Value(node)]) for node in variables if node not in states],
            [show(types[head]) for head in symbol.heads],
            [show(types[Value(node)]) for node in variables if node in states])


def _warn(symbol: Symbol, types: Types, what: str, remark: str, show: Callable[[TensorType], Any]) -> None:
    """Tell which arguments would have to be given, at most ten of them."""
    shown = [(node.name, show(types[Value(node)])) for node in symbol.graph.variables if node not in symbol.states]
    unknown = [f"{name}: {fact}" for name, fact in shown if not fact or isinstance(fact, tuple) and 0 in fact]
    lines = unknown[:10] + ["..."] * (len(unknown) > 10)
    warnings.warn(f"Cannot decide {what} for the following arguments {remark}. Consider providing them as input:\n\t"
                  + "\n\t".join(lines), stacklevel=4)
