"""Every operator that has recorded cases, called as mx.nd.X: outputs, and what is written to the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.frontend.op_functions import place_of
from symc.ops.operator import find
from symc.runtime.ndarray import NDArray, converted
from tests.golden import DATA, Case, cases, mismatch

FAMILIES = sorted(path.name.partition(".")[0] for path in DATA.glob("*.jsonl.gz"))


def node_of(case: Case) -> Any:
    """The one operator of a case, if what it does outside training was recorded."""
    nodes = [node for node in case["symbol"]["nodes"] if node["op"] != "null"]
    if len(nodes) != 1:
        return None
    block = find(nodes[0]["op"])
    means_other = case["is_train"] and block.inference is not None
    return None if means_other or block.is_random or block.is_host else nodes[0]


def inputs_of(case: Case, node: Any) -> dict[str, NDArray]:
    """The arrays of a case by name."""
    names = [case["symbol"]["nodes"][position]["name"] for position, *_ in node["inputs"]]
    arrays = case["arrays"]
    values = [arrays[f"in/{name}"] if f"in/{name}" in arrays else arrays[f"aux/{name}"] for name in names]
    return {name: NDArray(converted(value, value.dtype).copy()) for name, value in zip(names, values, strict=True)}


def function_of(operator: str) -> Any:
    place, name = place_of(operator)
    return getattr(getattr(mx.nd, place or "op"), name)


def wrong(case: Case) -> list[str]:
    node = node_of(case)
    inputs = inputs_of(case, node)
    names = [case["symbol"]["nodes"][position]["name"] for position, *_ in node["inputs"]]
    made = function_of(node["op"])(*(inputs[name] for name in names), **{
        key: value for key, value in node.get("attrs", {}).items() if not key.startswith("__")})
    outputs = [made] if isinstance(made, NDArray) else made
    found = {f"out/{i}": output.memory for i, output in enumerate(outputs)}
    found |= {f"in_after/{name}": array.memory for name, array in inputs.items()}
    skipped = {*case.get("kernel_dependent", ()), *case.get("undefined", ())}
    problems = [] if len(outputs) == len(case["out_shapes"]) else [f"{len(outputs)} outputs"]
    return problems + [f"{key}: {why}" for key, value in found.items() if key in case["arrays"] and key not in skipped
                       and (why := mismatch(value, np.asarray(case["arrays"][key]), case))]


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_results(family: str) -> None:
    ran = [case for case in cases(family) if node_of(case)]
    problems = {case["id"]: why for case in ran if (why := wrong(case))}
    assert not problems
