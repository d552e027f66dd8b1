"""Recorded MXNet cases as plans for a GPU, and what a device makes of them: the emulator here, a card elsewhere.

Preparing compiles; running needs NumPy and a driver alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.runtime.device import DeviceProgram, Driver, Function
from symc.runtime.plan import Plan, storage_dtype
from tests import golden

HEAD_GRADIENT = "_head_gradient"


class NotForPlans(Exception):
    """The case has operators that run on the host, or shapes that depend on data."""


def trains(case: golden.Case) -> bool:
    """Whether gradients were recorded."""
    return case["is_train"] and case.get("grad") in ("defined", "zero")


@dataclass(frozen=True)
class Prepared:
    """The plan of a case, whose arrays are all to be bound, its constants, and the texts of its kernels."""

    plan: Plan
    weights: np.ndarray
    texts: list[str]


def prepare(case: golden.Case) -> Prepared:
    """Compile a case.  NotForPlans: no plan computes it alone."""
    from symc.codegen.build import compile_lowered
    from symc.codegen.lowered import Options, lower
    from symc.ops.operator import operation
    from symc.runtime.modes import INFERENCE, TRAINING

    if any(node["op"] == "Custom" for node in case["symbol"]["nodes"]):     # which nobody has registered here
        raise NotForPlans(case["id"])
    graph = golden.parse_graph_of(case)
    if any(node.op is not None and (operation(node).is_host or operation(node).shape_inputs) for node in graph.nodes):
        raise NotForPlans(case["id"])
    requests = {name: req for name, req in (case["grad_req"] or {}).items() if req != "null"} if trains(case) else {}
    lowered = lower(graph, TRAINING if case["is_train"] else INFERENCE, requests, (), Options(), target="cuda")
    unit = compile_lowered(lowered, ["cuda"], Options())
    return Prepared(unit.plans["cuda"], unit.assembly.weights, [text.decode() for text in unit.objects["cuda"]])


def run(case: golden.Case, plan: Plan, weights: np.ndarray, driver: Driver,
        functions: Mapping[str, Function]) -> dict[str, np.ndarray]:
    """What the plan computes, by the keys of the recorded arrays, from arrays of the case."""
    program = DeviceProgram(plan, driver, functions, weights)
    shown: dict[str, np.ndarray] = {}
    for number, buffer in enumerate(plan.buffers):
        if buffer.kind in ("input", "state", "gradient", "head_gradient", "output"):
            array = _first_value(case, buffer)
            program.bind(number, array)
            shown |= dict.fromkeys(_keys_of(plan, number), array)
    for _ in range(case.get("steps", 1)):
        program.run("forward" if case["is_train"] else "infer")
        if trains(case):
            program.run("backward")
    return shown


def _first_value(case: golden.Case, buffer: Any) -> np.ndarray:
    """The recorded value of what is read, zeros for what is written."""
    recorded = case["arrays"]
    keys = {"input": (f"in/{buffer.name}", f"aux/{buffer.name}"), "gradient": (f"gin/{buffer.name}",),
            "head_gradient": (f"hg/{buffer.name.removeprefix(HEAD_GRADIENT)}",), "output": ()}
    keys["state"] = keys["input"]
    found = next((recorded[key] for key in keys[buffer.kind] if key in recorded), None)
    if found is None:
        return np.zeros(buffer.shape, storage_dtype(buffer.dtype))
    return np.array(found, order="C").reshape(buffer.shape)


def _keys_of(plan: Plan, number: int) -> list[str]:
    """Under which keys a buffer is recorded afterwards."""
    buffer = plan.buffers[number]
    if buffer.kind == "output":
        return [f"out/{plan.of_kind('output').index(number)}"]
    return {"gradient": [f"grad/{buffer.name}"], "state": [f"aux_bwd/{buffer.name}", f"in_after/{buffer.name}"]}.get(
        buffer.kind, [])


def differences(case: golden.Case, shown: Mapping[str, np.ndarray]) -> list[str]:
    """What differs from the recording; empty when all is well."""
    skipped = {*case.get("kernel_dependent", ()), *case.get("undefined", ())}
    expected = {key: value for key, value in case["arrays"].items() if key not in skipped}
    return [f"{key}: {why}" for key, value in shown.items()
            if key in expected and (why := golden.mismatch(value, expected[key], case))]
