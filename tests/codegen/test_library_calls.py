"""Which groups libraries compute, and what of them."""

from __future__ import annotations

import pytest

from symc.codegen import library_calls
from symc.codegen.build import Options, groups_of, lower
from symc.errors import SymcError
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.executor import INFERENCE

DENSE = "%x: f32[128,512]  %w: f32[256,512]  %b: f32[256]\n"


def call_of(network, precision="fp32", libraries=("cublaslt",)):
    """Of the one group that a library computes; None: there is none."""
    lowered = lower(typed(parse_graph(network, from_text)), INFERENCE, {}, (), Options(precision=precision),
                    target="cuda")
    calls = library_calls.library_calls(groups_of(lowered), libraries)
    assert len(calls) < 2
    return next(iter(calls.values()), None)


def described(call):
    """Epilogue; dtypes; where the result is; operators of the rest."""
    rest = [] if call.rest is None else [node.op.name for node in call.rest.op.graph.nodes if node.op]
    return call.call.epilogue, call.call.dtypes, call.operands[2], rest


@pytest.mark.parametrize("text, expected", [
    ("%r = FullyConnected(%x, %w, %b) num_hidden=256 heads %r", (("bias",), ("output", 0), [])),
    ("%r = FullyConnected(%x, %w) num_hidden=256 no_bias=True heads %r", ((), ("output", 0), [])),
    ('%r = FullyConnected(%x, %w, %b) num_hidden=256 %s = Activation(%r) act_type="relu" heads %s',
     (("bias", "relu"), ("output", 0), [])),
    ("%r = FullyConnected(%x, %w, %b) num_hidden=256 %s = relu(%r) heads %s", (("bias",), ("sums", 0), ["relu"])),
    ("%r = FullyConnected(%x, %w, %b) num_hidden=256 %s = tanh(%r) %t = elemwise_mul(%s, %r) heads %t",
     (("bias",), ("sums", 0), ["tanh", "elemwise_mul"])),
    ("%r = FullyConnected(%x, %w, %b) num_hidden=256 %s = tanh(%r) heads %r, %s", (("bias",), ("output", 0), ["tanh"])),
])
def test_epilogues(text, expected):
    epilogue, dtypes, result, rest = described(call_of(DENSE + text.replace(" %s =", "\n%s =").replace(
        " %t =", "\n%t =").replace(" heads", "\nheads")))
    assert (epilogue, result, rest) == expected and dtypes == ("float32", "float32")


def test_a_bias_of_columns_is_the_rest():
    call = call_of("%x: f32[2,512,14,14]  %w: f32[64,512,1,1]  %b: f32[64]\n"
                   "%r = Convolution(%x, %w, %b) kernel=(1,1) num_filter=64\nheads %r")
    assert described(call) == ((), ("float32", "float32"), ("sums", 0), ["_reshape", "broadcast_add"])
    assert call.call.sizes == (196, 64, 512, 2) and call.call.strides == (512 * 196, 0, 64 * 196)


def test_precisions():
    network = DENSE + ('%r = FullyConnected(%x, %w, %b) num_hidden=256\n%s = Activation(%r) act_type="relu"\n'
                       "%t = FullyConnected(%s, %v) num_hidden=8 no_bias=True\nheads %t").replace(
                           "%r", "%v: f32[8,256]\n%r", 1)
    half, rounded = call_of(network, "fp16"), call_of(network, "tf32")
    assert described(half) == (("bias", "relu"), ("float16", "float32"), ("sums", 0), ["Cast"])
    assert half.call.compute == "float32"
    assert described(rounded) == (("bias", "relu"), ("float32", "float32"), ("output", 0), [])
    assert rounded.call.compute == "tf32"


def test_what_is_rounded_to_the_factors_dtype_is_written_so():
    call = call_of("%x: f16[128,512]  %w: f16[256,512]\n"
                   "%r = FullyConnected(%x, %w) num_hidden=256 no_bias=True\nheads %r")
    assert described(call) == ((), ("float16", "float16"), ("output", 0), [])


@pytest.mark.parametrize("network", [
    "%x: f32[31,4096]  %w: f32[64,4096]\n%r = FullyConnected(%x, %w) num_hidden=64 no_bias=True\nheads %r",
    "%x: f32[512,16]  %w: f32[1024,16]\n%r = FullyConnected(%x, %w) num_hidden=1024 no_bias=True\nheads %r",
    "%x: f32[64,64]  %w: f32[64,64]\n%r = FullyConnected(%x, %w) num_hidden=64 no_bias=True\nheads %r",
    "%x: f32[256,255]  %w: f32[256,255]\n%r = FullyConnected(%x, %w) num_hidden=256 no_bias=True\n%s = tanh(%r)\n"
    "heads %s",
    "%x: f64[128,512]  %w: f64[256,512]\n%r = FullyConnected(%x, %w) num_hidden=256 no_bias=True\nheads %r",
    "%x: f32[2,64,30,30]  %w: f32[64,64,3,3]\n%r = Convolution(%x, %w) kernel=(3,3) num_filter=64 no_bias=True\n"
    "heads %r",
    "%x: f32[512,512]\n%r = tanh(%x)\nheads %r"])
def test_what_is_left_to_kernels(network):
    """Few rows; few terms; little work; few terms for what follows; another dtype; no product of matrices; nothing."""
    assert call_of(network) is None


def test_without_a_library_nothing_is_taken():
    assert call_of(DENSE + "%r = FullyConnected(%x, %w, %b) num_hidden=256\nheads %r", libraries=()) is None


def test_unknown_libraries_are_refused():
    with pytest.raises(SymcError, match=r"there is no library 'cudnn'(.|\n)*cublaslt"):
        Options(libraries=("cublaslt", "cudnn"))
