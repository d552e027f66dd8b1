"""A network in the text form of graphs, through kernels for GPUs on the host, against the interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from symc.codegen.build import Unit, compile_lowered
from symc.codegen.lowered import Options, lower
from symc.interpreter import run_heads
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.device import DeviceProgram
from symc.runtime.libraries import MathLibrary
from symc.runtime.modes import INFERENCE
from symc.runtime.plan import Plan
from tests.cuda.emulator import EmulatedDriver, emulated


def compare_with_interpreter(network: str, order: int, folder: Path, given: Mapping[str, np.ndarray]) -> Plan:
    """The plan, whose outputs are those of the interpreter.  order: of threads; inputs not given are random."""
    graph = typed(parse_graph(network, from_text))
    lowered = lower(graph, INFERENCE, {}, (), Options(verify=True), target="cuda")
    unit = compile_lowered(lowered, ["cuda"], Options())
    random = np.random.default_rng(0)
    inputs = {node.name: given.get(node.name, random.standard_normal(node.types[0].dims)).astype(
        node.types[0].element.numpy) for node in graph.variables}
    for computed, expected in zip(emulate(unit, inputs, order, folder), run_heads(graph, inputs), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-4)
    return unit.plans["cuda"]


def emulate(unit: Unit, inputs: Mapping[str, np.ndarray], order: int, folder: Path,
            libraries: Mapping[str, MathLibrary] | None = None) -> list[np.ndarray]:
    """Outputs of the kernels for GPUs on the host, and of these libraries, nothing beside the arrays being touched."""
    plan, driver = unit.plans["cuda"], EmulatedDriver(order)
    driver.libraries.update(libraries or {})
    kernels = emulated([text.decode() for text in unit.objects["cuda"]], folder)
    program = DeviceProgram(plan, driver, kernels, unit.assembly.weights)
    outputs = [np.zeros(plan.buffers[number].shape, plan.buffers[number].dtype) for number in plan.of_kind("output")]
    for number in plan.of_kind("input"):
        program.bind(number, inputs[plan.buffers[number].name])
    for number, array in zip(plan.of_kind("output"), outputs, strict=True):
        program.bind(number, array)
    program.run("infer")
    driver.check()
    return outputs
