"""MXNet's module `util`: environment variables, and the meaning of 0 in shapes.

By default 0 is an unknown extent and () an unknown shape.  Under NumPy semantics they are what they say, and -1 and
None are unknown; a symbol.json file written then says so.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NoReturn, Self, TypeVar

from symc.errors import MXNetError
from symc.frontend.outside import refusal
from symc.frontend.scope import Scope

F = TypeVar("F", bound=Callable[..., Any])


def getenv(name: str) -> str | None:
    """An environment variable, None if it is not set."""
    return os.environ.get(name)


def setenv(name: str, value: str | None) -> None:
    """Set an environment variable, or remove it (None)."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class np_shape(Scope):  # noqa: N801  (MXNet's name)
    """NumPy semantics of shapes, on or off, in this thread and `with` block, or within the function it decorates."""

    def __init__(self, active: bool = True) -> None:
        self.active = bool(active)

    @classmethod
    def outermost(cls) -> Self:
        return cls(False)

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with np_shape(self.active):
                return function(*args, **kwargs)
        return inside  # type: ignore[return-value]


def is_np_shape() -> bool:
    """Whether shapes have NumPy semantics here."""
    return np_shape.current.active  # type: ignore[no-any-return]


def set_np_shape(active: bool) -> bool:
    """Switch NumPy semantics of shapes on or off in this thread; says what was before."""
    before, np_shape.current = is_np_shape(), np_shape(active)
    return before


def set_np(shape: bool = True, array: bool = True) -> None:
    """Switch NumPy semantics of shapes on or off in this thread.  MXNetError: those of arrays too are asked for."""
    if array:
        raise MXNetError("NumPy semantics of arrays (mx.np) lie outside of what symc does",
                         "set_np(array=False), or set_np_shape(True), for those of shapes")
    set_np_shape(shape)


def reset_np() -> None:
    """Switch NumPy semantics off in this thread."""
    set_np_shape(False)


def is_np_array() -> bool:
    """Whether arrays have NumPy semantics (mx.np): never."""
    return False


def _refusing(name: str) -> Callable[..., NoReturn]:
    return refusal("util", name, "NumPy, and use_np_shape for shapes")


np_array = _refusing("np_array")


def use_np(decorated: Callable[..., Any]) -> Callable[..., NoReturn]:
    """A decorator: NumPy semantics within a function or class, which lie outside; what it gives raises when called.

    Programs decorate functions of theirs with it which they may never call.
    """
    return _refusing("use_np")


def use_np_array(decorated: Callable[..., Any]) -> Callable[..., NoReturn]:
    """As `use_np`."""
    return _refusing("use_np_array")


def use_np_shape(function: F) -> F:
    """A decorator: NumPy semantics of shapes within the function."""
    return np_shape(True)(function)
