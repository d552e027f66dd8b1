"""Networks whose products a library computes, on the host: a stand-in for the library, the emulator for kernels."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

import symc as mx
from symc import report, runtime
from symc.codegen import library_calls
from symc.codegen.build import compile_lowered
from symc.codegen.lowered import Options, lower
from symc.errors import SymcError
from symc.interpreter import run_heads
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime import bench
from symc.runtime.bench import Effort
from symc.runtime.cublaslt import CublasLt, ReadyProduct
from symc.runtime.cudnn import Cudnn
from symc.runtime.libraries import load
from symc.runtime.modes import INFERENCE
from symc.verify import verify_package
from tests.cuda.comparison import emulate
from tests.cuda.math_library import build, word
from tests.cuda.packages import hold_texts, network, write

pytestmark = pytest.mark.skipif(shutil.which("g++") is None or shutil.which("gcc") is None,
                                reason="gcc compiles the library, g++ the kernels for the host")
LIBRARIES = ("cublaslt",)
STATUSES = ("heuristic_status", "product_status")
NOT_SUPPORTED, EXECUTION_FAILED = 15, 13

DENSE = """
        %a: f32[9,52]   %w: f32[36,52]   %b: f32[36]   %v: f32[16,36]   %c: f32[16]

        %r = FullyConnected(%a, %w, %b) num_hidden=36
        %s = Activation(%r) act_type="relu"
        %t = FullyConnected(%s, %v, %c) num_hidden=16
        %u = tanh(%t)
        %x = elemwise_mul(%u, %t)
        heads %t, %x"""
MANY = """
        %c: f32[21,50]   %d: f32[50,37]   %e: f32[3,18,9]   %f: f32[3,33,9]
        %i: f32[2,12,4,5]   %w: f32[8,12,1,1]   %v: f32[8]   %j: f32[2,8,4,5]   %g: f16[9,40]   %h: f16[24,40]
        %k: f16[24]   %l: f16[2,8,4,5]   %m: f16[16,8,1,1]   %n: f16[16]   %x: f32[20,4096]   %y: f32[24,4096]

        %3 = dot(%d, %c) transpose_a=True transpose_b=True
        %4 = batch_dot(%e, %f) transpose_b=True
        %r = Convolution(%i, %w, %v) kernel=(1,1) num_filter=8
        %s = elemwise_add(%r, %j)
        %5 = relu(%s)
        %6 = FullyConnected(%g, %h, %k) num_hidden=24
        %7 = Convolution(%l, %m, %n) kernel=(1,1) num_filter=16
        %z = FullyConnected(%x, %y) num_hidden=24 no_bias=True
        %8 = sigmoid(%z)
        heads %3, %4, %5, %6, %7, %8"""
IMAGES = """
        %a: f32[2,6,9,8]   %w: f32[8,3,3,2]   %b: f32[8]   %c: f32[2,8,4,4]   %v: f32[4,8,1,1]   %d: f32[4]
        %u: f32[8,4]

        %r = Convolution(%a, %w, %b) kernel=(3,2) num_filter=8 num_group=2 stride=(2,2) pad=(0,1) dilate=(1,2)
        %s = Activation(%r) act_type="relu"
        %t = elemwise_add(%s, %c)
        %x = Convolution(%s, %v, %d) kernel=(1,1) num_filter=4
        %y = sigmoid(%x)
        %p = FullyConnected(%u, %u) num_hidden=8 no_bias=True
        heads %t, %y, %p"""
BOTH = ("cublaslt", "cudnn")
# a network, its precision, the libraries, how many calls there are, how many of them a kernel follows, the tolerance,
# and how factors were multiplied last
NETWORKS = {"kinds of products": (MANY, "fp32", LIBRARIES, 6, 3, 2e-3, {"cublaslt": 68}),
            "layers": (DENSE, "fp32", LIBRARIES, 2, 1, 1e-5, {"cublaslt": 68}),
            "rounded layers": (DENSE, "tf32", LIBRARIES, 2, 1, 1e-2, {"cublaslt": 77}),
            "narrow layers": (DENSE, "bf16", LIBRARIES, 2, 2, 5e-2, {"cublaslt": 68}),
            "images": (IMAGES, "fp32", BOTH, 3, 2, 1e-5, {"cublaslt": 68, "cudnn": 3}),
            "rounded images": (IMAGES, "tf32", BOTH, 3, 2, 1e-2, {"cublaslt": 77, "cudnn": 0}),
            "narrow images": (IMAGES, "fp16", BOTH, 3, 2, 1e-2, {"cublaslt": 68, "cudnn": 1})}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small products are for the library too."""
    for name in ("LEAST", "NARROWEST", "DEEP"):
        monkeypatch.setattr(library_calls, name, 2)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def library(file):
    """The library; afterwards it does what it should again."""
    made = CublasLt(load(str(file)))
    yield made
    for name in STATUSES:
        word(made.library, name).value = 0


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    return Cudnn(load(str(build(tmp_path_factory.mktemp("library"), "libcudnn.so.9"))))


def counted(library, name="products"):
    return word(library.library, name).value


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(library, convolutions, name, tmp_path):
    text, precision, libraries, calls, followed, tolerance, compute = NETWORKS[name]
    graph, options = typed(parse_graph(text, from_text)), Options(precision=precision, libraries=libraries)
    unit = compile_lowered(lower(graph, INFERENCE, {}, (), options, target="cuda"), ["cuda"], options)
    random, before = np.random.default_rng(0), counted(library) + counted(convolutions)
    inputs = {node.name: random.standard_normal(node.types[0].dims).astype(node.types[0].element.numpy)
              for node in graph.variables}
    outputs = emulate(unit, inputs, 1, tmp_path, {"cublaslt": library, "cudnn": convolutions})
    for found, expected in zip(outputs, run_heads(graph, inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * max(1, np.abs(expected).max()))
    assert counted(library) + counted(convolutions) - before == calls == len(unit.plans["cuda"].calls)
    assert sum(call.rest[0] < call.rest[1] for call in unit.plans["cuda"].calls) == followed
    here = {"cublaslt": library, "cudnn": convolutions}
    assert {one: counted(here[one], "compute") for one in compute} == compute


# ---- modules -------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(gpu, library):
    """Two dense layers and a softmax on the GPU, which has the library."""
    gpu.libraries["cublaslt"] = library
    symbol, params = network()
    return mx.compile(symbol, params, {"data": (4, 12)}, target="cuda", options=Options(libraries=LIBRARIES))


DATA = np.random.default_rng(3).standard_normal((4, 12)).astype(np.float32)


def expected_of_network():
    symbol, params = network()
    return mx.compile(symbol, params, {"data": (4, 12)}).forward(data=DATA)[0].asnumpy()


def check(module):
    np.testing.assert_allclose(module.forward(data=DATA)[0].asnumpy(), expected_of_network(), rtol=1e-5, atol=1e-6)


def test_modules_say_what_libraries_do(module, library):
    before, asked = counted(library), counted(library, "heuristics")
    for _ in range(3):      # launched, recorded, repeated
        check(module)
    assert counted(library) - before == 6
    assert counted(library, "heuristics") - asked == 2
    assert [(use.library, use.nodes, use.is_used, use.reason) for use in module.libraries] \
        == [("cublaslt", ("fc1", "relu1"), True, ""), ("cublaslt", ("fc2",), True, "")]


def test_steps_that_a_library_does_are_timed_as_it(module, library):
    program = module.program
    check(module)
    before = counted(library)
    rows = list(bench._step_rows(module, Effort(warmup=0, repeats=3), None))
    assert counted(library) - before == 6
    calls = {call.steps[0]: call for call in program.plan.calls}
    assert [row["kernel"] for row in rows if row["step"] in calls] == ["cublaslt"] * 2
    assert rows[0]["bytes"] == 4 * (4 * 12 + 16 * 12 + 16 + 4 * 16) and rows[0]["nodes"] == ["fc1", "relu1"]
    inside = {number for call in calls.values() for number in range(call.steps[0] + 1, call.steps[1])}
    assert [row["step"] for row in rows] == [n for n in range(*program.plan.entries["infer"]) if n not in inside]


def test_steps_are_timed_where_a_library_does_nothing(module, gpu):
    gpu.libraries.clear()
    check(module)
    rows = list(bench._step_rows(module, Effort(warmup=0, repeats=1), None))
    assert [row["step"] for row in rows] == list(range(*module.program.plan.entries["infer"]))
    assert not any(row["kernel"] == "cublaslt" for row in rows)


def test_another_thread_asks_no_more(module, library):
    check(module)
    asked = counted(library, "heuristics")
    thread = threading.Thread(target=check, args=[module])
    thread.start()
    thread.join()
    assert counted(library, "heuristics") == asked


def test_without_the_library_kernels_run(module, gpu):
    gpu.libraries.clear()
    check(module)
    assert gpu.calls["call"] == 0
    assert [(use.is_used, use.reason) for use in module.libraries] == [(False, "the emulator has no cublaslt")] * 2


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("number, text", [(NOT_SUPPORTED, "NOT_SUPPORTED"), (EXECUTION_FAILED, "EXECUTION_FAILED")])
def test_what_the_library_refuses_kernels_compute(module, library, gpu, status, number, text):
    word(library.library, status).value = number
    before = counted(library)
    for _ in range(3):
        check(module)
    assert counted(library) == before and gpu.calls["call"] == 0
    assert all(not use.is_used and text in use.reason for use in module.libraries)


def test_arrays_that_begin_between_words_are_for_kernels(gpu, library):
    gpu.libraries["cublaslt"] = library
    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=5, no_bias=True, name="fc")
    weight = np.arange(65, dtype=np.float32).reshape(5, 13)
    module = mx.compile(symbol, {"fc_weight": weight}, {"data": (4, 13)}, target="cuda",
                        options=Options(libraries=LIBRARIES))
    rows = np.random.default_rng(0).standard_normal((8, 13)).astype(np.float32)
    on_gpu = mx.nd.array(rows, ctx=mx.gpu(0))
    for first, calls in ((0, 1), (1, 1), (4, 2)):
        out, = module.forward(data=on_gpu[first:first + 4])
        np.testing.assert_allclose(out.asnumpy(), rows[first:first + 4] @ weight.T, rtol=1e-5, atol=1e-4)
        assert gpu.calls["call"] == calls, first
    assert module.libraries[0].is_used


def test_training(gpu, library):
    gpu.libraries["cublaslt"] = library
    symbol, params = network()
    gradients, before = [], counted(library)
    for libraries in ((), LIBRARIES):
        module = mx.compile(symbol, params, {"data": (4, 12)}, train=True, target="cuda",
                            options=Options(libraries=libraries))
        module.forward(is_train=True, data=DATA)
        module.backward(np.arange(20, dtype=np.float32).reshape(4, 5))
        gradients.append({name: array.asnumpy() for name, array in module.gradients.items()})
    assert counted(library) - before == 5       # two layers, the gradients of two weights and of one input
    for name, found in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], found, rtol=1e-4, atol=1e-5)


def test_executors(gpu, library, monkeypatch):
    """They use what the user names."""
    gpu.libraries["cublaslt"] = library
    symbol, params = network()
    outputs = []
    for named, products in (("", 0), ("cublaslt", 2), ("cublaslt,cudnn", 2)):
        monkeypatch.setenv("SYMC_LIBRARIES", named)
        before = counted(library)
        executor = symbol.simple_bind(mx.gpu(), grad_req="null", data=(4, 12))
        executor.copy_params_from({name: mx.nd.array(array) for name, array in params.items()})
        outputs.append(executor.forward(data=DATA)[0].asnumpy())
        assert counted(library) - before == products
        np.testing.assert_allclose(outputs[-1], outputs[0], rtol=1e-5, atol=1e-5)
    monkeypatch.setenv("SYMC_LIBRARIES", "cublas")
    with pytest.raises(SymcError, match="there is no library 'cublas'"):
        symbol.simple_bind(mx.gpu(), grad_req="null", data=(4, 12)).forward()


# ---- packages ------------------------------------------------------------------------------------------------------


def test_packages(gpu, library, monkeypatch, tmp_path):
    hold_texts(monkeypatch)
    gpu.architecture = "sm_90"
    path = write(tmp_path / "m.symc", "llvm,cuda", libraries=LIBRARIES)
    check(runtime.load(path, target="cpu"))
    module = runtime.load(path)
    check(module)
    assert gpu.calls["call"] == 0
    gpu.libraries["cublaslt"] = library
    module = runtime.load(path)
    check(module)
    assert gpu.calls["call"] == 2
    shown = report.inspect_package(path)
    assert shown["options"]["libraries"] == "cublaslt" and [row["nodes"] for row in shown["library_calls"]] \
        == [["fc1", "relu1"], ["fc2"]]


def test_wrong_numbers_of_a_library_are_found(gpu, library, monkeypatch, tmp_path):
    """Steps by themselves are those that the library does."""
    hold_texts(monkeypatch)
    gpu.architecture = "sm_90"
    gpu.libraries["cublaslt"] = library
    path = write(tmp_path / "m.symc", "cuda", libraries=LIBRARIES, precision="tf32")
    before = counted(library)
    found = verify_package(path)
    assert found.of_all == "passed" and found.steps_compared and counted(library) - before == 6
    monkeypatch.setattr(ReadyProduct, "__call__", lambda self, *_: None)
    found = verify_package(path)
    assert found.of_all == "different" and "cublaslt" in found.fault and "'fc1'" in found.fault


def test_packages_without_libraries_are_as_before(gpu, monkeypatch, tmp_path):
    hold_texts(monkeypatch)
    shown = report.inspect_package(write(tmp_path / "m.symc", "cuda"))
    assert "library_calls" not in shown and "libraries" not in shown["options"]


def test_libraries_are_for_gpus():
    with pytest.raises(SymcError, match=r"libraries \(cublaslt\) are for GPUs"):
        mx.compile(*network(), {"data": (4, 12)}, options=Options(libraries=LIBRARIES))
