"""The methods of Symbol that are operators: arithmetic, comparisons, and the fluent ones, as `x.reshape(...)`."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any, NoReturn

import numpy as np

from symc.errors import NotImplementedForSymbol
from symc.frontend.op_functions import FLUENT, Namespace, fluent_arguments

# Python's operator → MXNet's for two symbols, for symbol and number, for number and symbol
ARITHMETIC = {
    "add": ("_Plus", "_PlusScalar", "_PlusScalar"), "sub": ("_Minus", "_MinusScalar", "_RMinusScalar"),
    "mul": ("_Mul", "_MulScalar", "_MulScalar"), "truediv": ("_Div", "_DivScalar", "_RDivScalar"),
    "mod": ("_Mod", "_ModScalar", "_RModScalar"), "pow": ("_Power", "_PowerScalar", "_rpower_scalar"),
}
COMPARISONS = {"eq": "_equal", "ne": "_not_equal", "gt": "_greater", "ge": "_greater_equal", "lt": "_lesser",
               "le": "_lesser_equal"}
ARRAYS_ONLY = ("wait_to_read", "asnumpy", "asscalar", "copy", "as_in_context", "detach", "backward")

Method = Callable[..., Any]


def attach(kind: type, op: Namespace, internal: Namespace) -> None:
    """Give `kind`, which is Symbol, its infix operators, the methods that are operators of the namespaces, and those
    that only arrays have, which refuse."""
    for name, (both, scalar, reflected) in ARITHMETIC.items():
        setattr(kind, f"__{name}__", _infix(kind, internal, both, scalar))
        setattr(kind, f"__r{name}__", _infix(kind, internal, both, reflected))
        setattr(kind, f"__i{name}__", _refused(f"__i{name}__"))
    for name, both in COMPARISONS.items():
        setattr(kind, f"__{name}__", _infix(kind, internal, both, f"{both}_scalar"))
    for name in FLUENT:
        setattr(kind, name, _fluent(op, name))
    for name in ARRAYS_ONLY:
        setattr(kind, name, _refused(name))
    kind.__hash__ = None  # type: ignore[method-assign,assignment]  # symbols are compared elementwise


def _infix(kind: type, internal: Namespace, both: str, scalar: str) -> Method:
    def method(self: Any, other: Any) -> Any:
        if isinstance(other, kind):
            return getattr(internal, both)(self, other)
        if isinstance(other, Number | np.generic):
            return getattr(internal, scalar)(self, scalar=other)
        raise TypeError(f"type {type(other)} not supported")
    return method


def _refused(function: str) -> Callable[..., NoReturn]:
    def method(self: Any, *_: object) -> NoReturn:
        raise NotImplementedForSymbol(function)
    method.__name__, method.__doc__ = function, "Arrays have it; a symbol raises NotImplementedForSymbol."
    return method


def _fluent(op: Namespace, name: str) -> Method:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(op, name)(self, *args, **fluent_arguments(name, args, kwargs))
    method.__name__, method.__doc__ = name, f"`symc.sym.{name}` of the symbol."
    return method
