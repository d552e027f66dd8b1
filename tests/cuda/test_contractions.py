"""Contractions for GPUs, compiled for the host, against the interpreter."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from symc.codegen import cuda_source
from symc.codegen.build import Unit, compile_lowered
from symc.codegen.lowered import Options, lower
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_thin import parts_of_thin, thin_of
from symc.codegen.tir_grid_tile import Parts, Sides, Tile, parted, parts_for, tile_for
from symc.codegen.tir_machine import Launch, launched
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_module import kernel_of
from symc.errors import SymcError
from symc.frontend.te import Placeholder, Product
from symc.interpreter import run_heads
from symc.ir.graph import Graph
from symc.ir.text import parse_graph
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Window, matrix_product
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE
from tests.cuda.comparison import emulate

needs_host_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")

NETWORKS = {
    "matrices of odd sizes": """
        %a: f32[37,50]   %b: f32[50,21]   %c: f32[37,21]   %d: f32[19,50]   %e: f32[3,18,9]   %f: f32[3,9,33]

        %r = dot(%a, %b)
        %s = elemwise_add(%r, %c)
        %t = dot(%a, %d) transpose_b=True
        %u = batch_dot(%e, %f)
        heads %s, %t, %u""",
    "few rows": """
        %a: f32[5,300]   %w: f32[70,300]   %b: f32[70]   %c: f32[300,9]   %v: f32[1,300]

        %r = FullyConnected(%a, %w, %b) num_hidden=70
        %s = dot(%a, %c)

        %t = FullyConnected(%v, %w, %b) num_hidden=70
        heads %r, %s, %t""",
    "sums in parts": """
        %a: f32[20,4096]   %w: f32[24,4096]   %b: f32[24]

        %r = FullyConnected(%a, %w, %b) num_hidden=24
        %s = relu(%r)
        heads %s""",
    "large tiles": """
        %a: f32[1300,20]   %w: f32[1400,20]
        %r = FullyConnected(%a, %w) num_hidden=1400 no_bias=True
        heads %r""",
    "vectors along both sides": """
        %a: f32[600,520]   %w: f32[590,520]
        %r = FullyConnected(%a, %w) num_hidden=590 no_bias=True
        heads %r""",
    "vectors": """
        %a: f32[1,650]   %w: f32[520,650]   %b: f32[520]   %c: f32[3,44]   %v: f32[1544,44]
        %d: f32[8,1,36]   %e: f32[8,150,36]
        %r = FullyConnected(%a, %w, %b) num_hidden=520
        %s = relu(%r)
        %t = dot(%c, %v) transpose_b=True
        %u = batch_dot(%d, %e) transpose_b=True
        heads %s, %t, %u""",
    "gradients of weights channel by channel": """
        %a: f32[3,520,11,7]   %g: f32[3,520,6,7]   %b: f32[8,9,128,64]   %h: f32[8,9,128,64]
        %r = _backward_convolution_weight(%a, %g) kernel=(3,3) stride=(2,1) dilate=(1,1) pad=(1,1) num_group=520
        %s = _backward_convolution_weight(%b, %h) kernel=(3,3) stride=(1,1) dilate=(1,1) pad=(1,1) num_group=9
        heads %r, %s""",
    "runs of memory": """
        %a: f32[70,56]   %w: f32[44,56]   %b: f32[56,44]   %c: f32[2,16,6,10]   %v: f32[20,16,1,1]   %u: f32[20,16,3,3]
        %r = FullyConnected(%a, %w) num_hidden=44 no_bias=True
        %s = dot(%a, %b)
        %t = Convolution(%c, %v) num_filter=20 kernel=(1,1) no_bias=True
        %q = Convolution(%c, %u) num_filter=20 kernel=(3,3) no_bias=True
        heads %r, %s, %t, %q""",
    "wide in float64": """
        %a: f64[6,20]   %b: f64[20,70000]
        %r = dot(%a, %b)
        heads %r""",
    "other dtypes": """
        %a: f64[33,70]   %b: f64[70,20]   %c: i32[33,70]   %d: i32[70,20]   %e: f16[33,70]   %f: f16[70,20]

        %r = dot(%a, %b)
        %s = dot(%c, %d)
        %t = dot(%e, %f)
        heads %r, %s, %t""",
    "convolutions": """
        %a: f32[2,6,11,13]   %w: f32[20,6,3,3]   %b: f32[20]   %v: f32[9,6,1,1]   %u: f32[12,3,3,2]

        %r = Convolution(%a, %w, %b) num_filter=20 kernel=(3,3) pad=(1,2) stride=(2,1)

        %s = Convolution(%a, %w, %b) num_filter=20 kernel=(3,3) dilate=(2,3)

        %t = Convolution(%a, %v) num_filter=9 kernel=(1,1) stride=(2,2) no_bias=True

        %q = Convolution(%a, %u) num_filter=12 num_group=2 kernel=(3,2) no_bias=True
        heads %r, %s, %t, %q""",
    "channel by channel": """
        %a: f32[1,120,33,29]   %w: f32[120,1,3,3]   %b: f32[120]   %c: f32[2,7,9,8]   %v: f32[14,1,2,3]
        %d: f32[1,8,12]   %u: f32[8,1,5]
        %r = Convolution(%a, %w, %b) num_filter=120 num_group=120 kernel=(3,3) pad=(1,1)
        %x = relu(%r)
        %s = Convolution(%a, %w, %b) num_filter=120 num_group=120 kernel=(3,3) stride=(2,2) dilate=(2,1)
        %t = Convolution(%c, %v) num_filter=14 num_group=7 kernel=(2,3) pad=(1,0) no_bias=True
        %p = Deconvolution(%a, %w) num_filter=120 num_group=120 kernel=(3,3) stride=(2,2) pad=(1,1)
        %q = Convolution(%d, %u) num_filter=8 num_group=8 kernel=(5,) pad=(2,) no_bias=True
        heads %x, %s, %t, %p, %q""",
    "one and three dimensions": """
        %a: f32[2,5,40]   %w: f32[7,5,3]   %c: f32[1,4,6,7,8]   %d: f32[6,4,3,3,3]

        %r = Convolution(%a, %w) num_filter=7 kernel=(3,) pad=(1,) no_bias=True

        %s = Convolution(%c, %d) num_filter=6 kernel=(3,3,3) pad=(1,1,1) no_bias=True
        heads %r, %s""",
    "transposed": """
        %a: f32[2,6,7,9]   %w: f32[6,8,4,4]   %v: f32[6,3,3,3]

        %r = Deconvolution(%a, %w) num_filter=8 kernel=(4,4) stride=(2,2) pad=(1,1)

        %s = Deconvolution(%a, %v) num_filter=6 num_group=2 kernel=(3,3) stride=(3,2)
        heads %r, %s""",
}


def compiled(graph: Graph, options: Options) -> Unit:
    return compile_lowered(lower(graph, INFERENCE, {}, (), options, target="cuda"), ["cuda"], options)


def inputs_of(graph: Graph) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {node.name: np.round(4 * random.standard_normal(node.types[0].dims)).astype(node.types[0].element.numpy)
            if node.types[0].element.numpy.kind == "i"
            else random.standard_normal(node.types[0].dims).astype(node.types[0].element.numpy)
            for node in graph.variables}


@needs_host_compiler
@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
def test_tiles_compute_what_the_interpreter_does(network, tmp_path_factory):
    graph = typed(parse_graph(network, from_text))
    unit, inputs = compiled(graph, Options(verify=True)), inputs_of(graph)
    expected, folder = run_heads(graph, inputs), tmp_path_factory.getbasetemp() / "emulated"
    for order in (1, -1):
        for computed, wanted in zip(emulate(unit, inputs, order, folder), expected, strict=True):
            tolerance = 2e-3 if wanted.dtype == np.float16 else 1e-5
            np.testing.assert_allclose(computed, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


# Of values of size 1, operands rounded to 11 (tf32, fp16) or 8 bits, by the last two stored so as well.
PRECISION_TOLERANCES = [("tf32", 2e-3), ("fp16", 3e-3), ("bf16", 2e-2)]     # about 4, 6 and 5 roundings
PRECISE = """
        %a: f32[2,18,9,10]   %w: f32[40,18,3,3]   %b: f32[40]   %v: f32[12,3600]   %x: f32[2,20,48]   %y: f32[2,48,33]
        %c = Convolution(%a, %w, %b) num_filter=40 kernel=(3,3) pad=(1,1)
        %d = relu(%c)
        %e = FullyConnected(%d, %v) num_hidden=12 no_bias=True
        %s = softmax(%e)
        %z = batch_dot(%x, %y)
        heads %s, %z"""


@needs_host_compiler
@pytest.mark.parametrize("network", [PRECISE, NETWORKS["runs of memory"]], ids=["many operators", "runs of memory"])
@pytest.mark.parametrize(("precision", "tolerance"), PRECISION_TOLERANCES)
def test_matrix_instructions_compute_what_the_interpreter_does(network, precision, tolerance, tmp_path_factory):
    graph = typed(parse_graph(network, from_text))
    unit, inputs = compiled(graph, Options(verify=True, precision=precision)), inputs_of(graph)
    inputs = {name: array / 8 for name, array in inputs.items()}
    assert any(b"symc_multiply_" in text for text in unit.objects["cuda"])
    order = -1 if precision == "fp16" else 1
    found = emulate(unit, inputs, order, tmp_path_factory.getbasetemp() / "emulated")
    for computed, wanted in zip(found, run_heads(graph, inputs), strict=True):
        np.testing.assert_allclose(computed, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


def test_precisions_of_gpus_are_refused_for_cpus():
    graph = typed(parse_graph(NETWORKS["few rows"], from_text))
    with pytest.raises(SymcError, match="precision 'tf32' is for GPUs"):
        lower(graph, INFERENCE, {}, (), Options(precision="tf32"))


def test_parts_of_a_sum_are_equal_and_few():
    """A layer of batch 1: 49 pixels, 512 channels from 2048."""
    spec = matrix_product(None, 49, 512, 2048, False, True)
    parts = parts_for(spec, by_warps=False)
    assert parts is not None and parts.axis == "k" and parts.count * parts.size == 2048
    assert Sides.of(parted(spec, parts)).size("b") == parts.count
    assert parts_for(matrix_product(None, 4096, 4096, 1024, False, True), by_warps=False) is None


def test_tiles_are_large_where_there_are_many():
    assert tile_for(Sides.of(matrix_product(None, 4096, 4096, 1024, False, True)), False) == Tile(128, 128, (16, 16))
    assert tile_for(Sides.of(matrix_product(None, 600, 590, 520, False, True)), False) == Tile(64, 64, (16, 16))


def test_operands_are_constants_of_the_kernel_and_read_as_vectors():
    graph = typed(parse_graph(NETWORKS["vectors along both sides"], from_text))
    text = compiled(graph, Options()).objects["cuda"][0].decode()
    assert "const float* __restrict__ input0_pointer" in text
    assert "*(float4*)" in text


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
def test_operands_are_loaded_16_bytes_at_a_time(precision):
    graph = typed(parse_graph("""
        %a: f32[600,520]   %w: f32[592,520]
        %r = FullyConnected(%a, %w) num_hidden=592 no_bias=True
        heads %r""", from_text))
    text = compiled(graph, Options(precision=precision)).objects["cuda"][-1].decode()
    loads = re.findall(r"symc_words\([^;]*|= \*\(float4\*\)\(input[^;]*", text)
    assert len(loads) == 4, "the first tile of each operand, and the next one"


@needs_host_compiler
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_operands_that_begin_between_runs_are_loaded_by_elements(precision, monkeypatch, tmp_path):
    assert "return ((uint64_t)place & 15) == 0;" in cuda_source.ALIGNMENT
    monkeypatch.setattr(cuda_source, "ALIGNMENT", cuda_source.ALIGNMENT.replace("((uint64_t)place & 15) == 0", "false"))
    graph = typed(parse_graph(NETWORKS["runs of memory"], from_text))
    unit, inputs = compiled(graph, Options(verify=True, precision=precision)), inputs_of(graph)
    tolerance = 1e-5 if precision == "fp32" else 3e-3
    for computed, wanted in zip(emulate(unit, inputs, 1, tmp_path), run_heads(graph, inputs), strict=True):
        np.testing.assert_allclose(computed, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


def test_products_with_vectors_share_what_they_load():
    """An input of one row is loaded once for several results."""
    graph = typed(parse_graph("""
        %a: f32[1,2048]   %w: f32[1000,2048]
        %r = FullyConnected(%a, %w) num_hidden=1000 no_bias=True
        heads %r""", from_text))
    text = compiled(graph, Options()).objects["cuda"][0].decode()
    assert len(re.findall(r"= input0_pointer\[", text)) == 1 and len(re.findall(r"= input1_pointer\[", text)) == 5


def test_taps_of_a_window_share_the_gradient():
    spec = Window(64, 32, 1, 1, (56, 56), (56, 56), (3, 3), (1, 1), (1, 1), (1, 1)).weight_gradient()
    image, gradient = (Placeholder(TensorType((64, 32, 56, 56), DType.float32)) for _ in range(2))
    found = thin_of(lambda: placing(image, gradient), Product(spec, (image, gradient)))
    assert found is not None and found.each == 9 and parts_of_thin(found) == Parts("n", 16, 4)


def placing(*tensors: Placeholder) -> Emitter:
    """An emitter that knows where these lie."""
    emitter = Emitter()
    for number, tensor in enumerate(tensors):
        emitter.place(tensor, Buffer(TensorType(tensor.shape, tensor.dtype), f"input{number}"))
    return emitter


def test_tiles_fit_into_shared_memory():
    """In every dtype, however long one side is."""
    sides = Sides.of(matrix_product(None, 32, 200000, 64, False, False))
    assert sum(tile_for(sides, False, itemsize=8).each) and tile_for(sides, False, itemsize=8).columns <= 256


def test_more_shared_memory_than_every_gpu_has_is_found():
    emitter = Emitter()
    with launched(emitter, Launch(1, 32)):
        emitter.cells(DType.float32, 12289, "shared")
    with pytest.raises(AssertionError, match="the threads of much share 49156 bytes"):
        kernel_of(emitter, "much", (), 1, Launch(1, 32))


def test_a_weight_gradient_sums_in_parts():
    window = Window(8, 1, 64, 64, (56, 56), (56, 56), (3, 3), (1, 1), (1, 1), (1, 1))
    assert parts_for(window.weight_gradient(), by_warps=False) is not None
