"""Names of MXNet that symc is not for, where programs import them before they know whether they call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from symc.errors import OutsideError


def refusal(module: str, name: str, instead: str) -> Callable[..., NoReturn]:
    """A function or class of that name which can be imported, and raises when it is called."""
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise OutsideError(f"{module}.{name} lies outside of what symc does", f"what serves instead: {instead}")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises OutsideError; what serves instead: {instead}."
    return function
