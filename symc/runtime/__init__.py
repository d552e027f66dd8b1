"""Runs compiled networks with NumPy and the standard library alone.

    from symc.runtime import load
    outputs = load("model.symc").forward(data=x)
"""

from symc.runtime.context import Context, cpu, current_context, gpu
from symc.runtime.features import Features, feature_list
from symc.runtime.module import CompiledModule, load
from symc.runtime.ndarray import NDArray
from symc.runtime.team import num_threads, set_num_threads

__all__ = ["CompiledModule", "Context", "Features", "NDArray", "cpu", "current_context", "feature_list", "gpu", "load",
           "num_threads", "set_num_threads"]
