"""Kernels for GPUs, compiled for the host, against the interpreter."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from symc.codegen.build import Options, compile_lowered, lower
from symc.interpreter import run_heads
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.device import DeviceProgram
from symc.runtime.executor import INFERENCE
from tests.cuda.emulator import EmulatedDriver, emulated

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")

NETWORKS = {
    "elementwise chain": """
        %a: f32[3,7,50]   %b: f32[7,1]
        %c = broadcast_add(%a, %b)
        %r = exp(%c)
        heads %r""",
    "join along an axis": """
        %a: f32[2,16,14,14]   %b: f32[2,3,14,14]
        %r = Concat(%a, %b) dim=1 num_args=2
        heads %r""",
    "transposition": """
        %a: f32[2,16,14,14]
        %r = transpose(%a) axes=(0,2,3,1)
        heads %r""",
    "lanes along memory": """
        %a: f32[3,7,500]
        %r = softmax(%a) axis=-1
        heads %r""",
    "rows along memory": """
        %a: f32[3,70,5]
        %r = softmax(%a) axis=1
        heads %r""",
    "few rows": """
        %a: f32[30,70,50]
        %r = sum(%a)
        heads %r""",
    "first of the largest": """
        %a: f32[30,70,50]
        %r = argmax(%a) axis=1
        heads %r""",
    "windows": """
        %a: f32[3,7,50,50]
        %r = Pooling(%a) kernel=(3,3) stride=(2,2) pad=(1,1) pool_type=avg
        heads %r""",
    "normalised rows": """
        %a: f32[33,700]   %g: f32[700]   %b: f32[700]
        %r = LayerNorm(%a, %g, %b)
        heads %r""",
    "product and what follows": """
        %a: f32[100,200]   %b: f32[70,200]   %c: f32[70]
        %d = FullyConnected(%a, %b, %c) num_hidden=70
        %r = relu(%d)
        heads %r""",
    "convolution": """
        %a: f32[2,16,14,14]   %w: f32[32,16,3,3]   %b: f32[32]
        %c = Convolution(%a, %w, %b) num_filter=32 kernel=(3,3) pad=(1,1)
        %r = tanh(%c)
        heads %r""",
    "channel by channel": """
        %a: f32[2,16,14,14]   %w: f32[16,1,3,3]
        %r = Convolution(%a, %w) num_filter=16 num_group=16 kernel=(3,3) pad=(1,1) no_bias=True
        heads %r""",
    "sorting": """
        %a: f32[20,160]
        %r = topk(%a) k=5 ret_typ=value
        heads %r""",
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
def test_kernels_compute_what_the_interpreter_does(network, order, tmp_path_factory):
    graph = typed(parse_graph(network, from_text))
    lowered = lower(graph, INFERENCE, {}, (), Options(verify=True), target="cuda")
    unit = compile_lowered(lowered, ["cuda"], Options())
    plan, driver = unit.plans["cuda"], EmulatedDriver(order)
    kernels = emulated([text.decode() for text in unit.objects["cuda"]],
                       tmp_path_factory.getbasetemp() / "emulated")
    program = DeviceProgram(plan, driver, kernels, unit.assembly.weights)
    random = np.random.default_rng(0)
    inputs = {plan.buffers[number].name: random.standard_normal(plan.buffers[number].shape).astype(np.float32)
              for number in plan.of_kind("input")}
    outputs = [np.zeros(plan.buffers[number].shape, plan.buffers[number].dtype) for number in plan.of_kind("output")]
    for number in plan.of_kind("input"):
        program.bind(number, inputs[plan.buffers[number].name])
    for number, array in zip(plan.of_kind("output"), outputs, strict=True):
        program.bind(number, array)
    program.run("infer")
    driver.check()
    for computed, expected in zip(outputs, run_heads(graph, inputs), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-4)
