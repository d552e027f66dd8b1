"""symc: ahead-of-time compiler for networks written for the MXNet Symbol API.

The names hang where MXNet has them and are imported when first used, so that `import symc` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name → module, or module and attribute
_LAZY: dict[str, str] = {
    "runtime": "symc.runtime", "compile": "symc.compiler:compile",
    "compile_package": "symc.compiler:compile_package",
    "sym": "symc.frontend.symbol_ops", "symbol": "symc.frontend.symbol_ops", "Symbol": "symc.frontend.symbol:Symbol",
    "AttrScope": "symc.frontend.attribute:AttrScope", "attribute": "symc.frontend.attribute",
    "name": "symc.frontend.name", "model": "symc.frontend.model",
    "nd": "symc.frontend.nd_ops", "ndarray": "symc.frontend.nd_ops", "NDArray": "symc.runtime.ndarray:NDArray",
    "random": "symc.frontend.nd_ops:random",
    "context": "symc.runtime.context", "Context": "symc.runtime.context:Context", "cpu": "symc.runtime.context:cpu",
    "gpu": "symc.runtime.context:gpu", "cpu_pinned": "symc.runtime.context:cpu_pinned",
    "current_context": "symc.runtime.context:current_context", "num_gpus": "symc.runtime.context:num_gpus",
    "executor": "symc.runtime.executor", "Executor": "symc.runtime.executor:Executor",
    "base": "symc.errors", "MXNetError": "symc.errors:MXNetError", "SymcError": "symc.errors:SymcError",
}
# What MXNet has and symc is not for.
_OUTSIDE = ("mod", "module", "gluon", "io", "kv", "kvstore", "optimizer", "metric", "autograd", "image", "np", "npx")


def __getattr__(name: str) -> Any:
    if name in _OUTSIDE:
        raise AttributeError(f"symc has no '{name}': it compiles and runs symbols, and leaves MXNet's {name} outside")
    if name not in _LAZY:
        raise AttributeError(f"module 'symc' has no attribute '{name}'")
    module, _, attribute = _LAZY[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
