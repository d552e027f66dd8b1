"""MXNet's module `contrib`: the operators of mx.sym.contrib and mx.nd.contrib under further names."""

from __future__ import annotations

import importlib
from typing import Any

from symc.errors import OutsideError

_FRONT_ENDS = {"sym": "symbol_ops", "symbol": "symbol_ops", "nd": "nd_ops", "ndarray": "nd_ops"}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name not in _FRONT_ENDS:
        raise OutsideError(f"contrib.{name} lies outside of what symc does",
                           "its operators are in symc.sym.contrib and symc.nd.contrib")
    return importlib.import_module(f"symc.frontend.{_FRONT_ENDS[name]}").contrib


def __dir__() -> list[str]:
    return sorted(_FRONT_ENDS)
