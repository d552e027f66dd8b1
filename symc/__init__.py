"""symc: ahead-of-time compiler for networks written for the MXNet Symbol API.

The names hang where MXNet has them and are imported when first used, so that `import symc` costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from symc.aliases import AliasFinder
from symc.errors import TRAIN, OutsideError, did_you_mean

__version__ = "0.1.0"

# name → module, or module and attribute
_LAZY: dict[str, str] = {
    "runtime": "symc.runtime", "compile": "symc.compiler:compile",
    "compile_package": "symc.compiler:compile_package",
    "sym": "symc.frontend.symbol_ops", "symbol": "symc.frontend.symbol_ops", "Symbol": "symc.frontend.symbol:Symbol",
    "AttrScope": "symc.frontend.attribute:AttrScope", "attribute": "symc.frontend.attribute",
    "name": "symc.frontend.name", "model": "symc.frontend.model",
    "nd": "symc.frontend.nd_ops", "ndarray": "symc.frontend.nd_ops", "NDArray": "symc.frontend.nd_ops:NDArray",
    "rnn": "symc.frontend.rnn", "random": "symc.frontend.nd_ops:random", "operator": "symc.frontend.custom",
    "init": "symc.frontend.initializer", "initializer": "symc.frontend.initializer",
    "rnd": "symc.frontend.nd_ops:random", "test_utils": "symc.frontend.test_utils",
    "viz": "symc.frontend.visualization", "visualization": "symc.frontend.visualization",
    "context": "symc.runtime.context", "Context": "symc.runtime.context:Context", "cpu": "symc.runtime.context:cpu",
    "gpu": "symc.runtime.context:gpu", "cpu_pinned": "symc.runtime.context:cpu_pinned",
    "current_context": "symc.runtime.context:current_context", "num_gpus": "symc.runtime.context:num_gpus",
    "executor": "symc.runtime.executor", "Executor": "symc.runtime.executor:Executor",
    "np_shape": "symc.frontend.util:np_shape", "is_np_shape": "symc.frontend.util:is_np_shape",
    "set_np_shape": "symc.frontend.util:set_np_shape",
    "mon": "symc.frontend.monitor", "monitor": "symc.frontend.monitor",
    "use_np_shape": "symc.frontend.util:use_np_shape", "is_np_array": "symc.frontend.util:is_np_array",
    "use_np": "symc.frontend.util:use_np", "use_np_array": "symc.frontend.util:use_np_array",
    "np_array": "symc.frontend.util:np_array",
    "contrib": "symc.frontend.contrib", "engine": "symc.frontend.engine",
    "base": "symc.frontend.base", "util": "symc.frontend.util",
    "MXNetError": "symc.errors:MXNetError", "SymcError": "symc.errors:SymcError",
}
# What MXNet has and symc is not for → what to use in its place.
_INSTEAD = {
    "mod": TRAIN, "module": TRAIN, "optimizer": TRAIN, "autograd": "backward of an executor, or Symbol.gradient",
    "gluon": "the block's exported symbol.json and .params: symc.compile, or symc.model.load_checkpoint",
    "io": "NumPy arrays, or any data loader that yields them", "recordio": "any reader of such files",
    "image": "Pillow or OpenCV; operators on images are symc.nd.image", "metric": "NumPy, or scikit-learn's metrics",
    "kv": "one process for each machine", "kvstore": "one process for each machine",
    "np": "NumPy, and symc.nd for arrays of executors", "npx": "symc.nd and symc.sym",
    "numpy": "NumPy, and symc.nd for arrays of executors", "numpy_extension": "symc.nd and symc.sym",
    "callback": TRAIN, "executor_manager": TRAIN, "lr_scheduler": "a function of the number of the step",
    "profiler": "symc inspect for kernels and memory, symc.test_utils.check_speed for times",
    "log": "Python's logging", "libinfo": "nothing: symc loads no library of MXNet", "library": "symc.operator",
    "img": "Pillow or OpenCV; operators on images are symc.nd.image", "rtc": "symc.operator, and symc.compile",
    "onnx": "the network's symbol.json",
    "notebook": "symc.viz", "torch": "symc.nd.from_dlpack", "th": "symc.nd.from_dlpack",
    "registry": "a dict", "error": "symc.MXNetError, and the kinds of it in symc.errors", "tvmop": "symc.compile",
}
_OUTSIDE = {name: (f"symc has no '{name}': it compiles and runs symbols, and leaves MXNet's {name} outside",
                   f"what serves instead: {instead}") for name, instead in _INSTEAD.items()}
# of these, the classes that programs derive their own from where they define, or import, a network
_BASES = {"metric": ("EvalMetric",), "optimizer": ("Optimizer",), "lr_scheduler": ("LRScheduler",), "io": ("DataIter",)}


def __getattr__(name: str) -> Any:
    if name in _BASES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _OUTSIDE:
        raise OutsideError(*_OUTSIDE[name])
    if name not in _LAZY:
        raise AttributeError(f"module 'symc' has no attribute '{name}'{did_you_mean(name, [*_LAZY, *_OUTSIDE], '; ')}")
    module, _, attribute = _LAZY[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


sys.meta_path.append(AliasFinder(__name__, _LAZY.__contains__, _OUTSIDE, _BASES))


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
