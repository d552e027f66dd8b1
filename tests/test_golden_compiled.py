"""Recorded MXNet cases through kernels: bound, run forward and backward as they were recorded.

Every eighth case; all of them when SYMC_EXAMPLES is set.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from symc import compiler, cpu
from symc.ops.registry import REGISTRY
from symc.runtime.memory import aligned_copy
from symc.runtime.ndarray import NDArray
from tests import golden

EVERY = 1 if "SYMC_EXAMPLES" in os.environ else 8


def is_supported(case):
    return all(node["op"] in {"null", *REGISTRY} for node in case["symbol"]["nodes"])


def arrays(case, role):
    """New NDArrays of the recorded arrays of a role, by name."""
    found = {key.partition("/")[2]: value for key, value in case["arrays"].items() if key.startswith(f"{role}/")}
    return {name: NDArray(aligned_copy(value)) for name, value in found.items()}


@pytest.mark.parametrize("case", golden.some_cases(EVERY, is_supported))
def test_case(case):
    arguments, states = arrays(case, "in"), arrays(case, "aux")
    trains = case["is_train"] and case.get("grad") in ("defined", "zero")
    requests = {name: req for name, req in (case["grad_req"] or {}).items() if req != "null"} if trains else {}
    before = arrays(case, "gin")
    gradients = {name: before.get(name, NDArray(np.zeros_like(arguments[name].memory))) for name in requests}
    executor = compiler.bind(golden.parse_graph_of(case), cpu(), arguments, gradients, requests, states)
    for _ in range(case.get("steps", 1)):
        outputs = executor.forward(is_train=case["is_train"])
        if trains:
            heads = arrays(case, "hg")
            executor.backward([heads.get(str(i)) for i in range(len(outputs))])
    assert [[list(out.shape), out.memory.dtype.name] for out in outputs] == case["out_shapes"]
    observed = {f"out/{i}": out for i, out in enumerate(outputs)}
    observed |= {f"grad/{name}": gradient for name, gradient in gradients.items()}
    observed |= {f"aux_bwd/{name}": state for name, state in states.items() if trains}
    skipped = {*case.get("kernel_dependent", ()), *case.get("undefined", ())}
    for key in (observed.keys() & case["arrays"].keys()) - skipped:
        assert golden.mismatch(observed[key].asnumpy(), case["arrays"][key], case) == "", key
