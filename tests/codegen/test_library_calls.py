"""Which groups libraries compute, and what of them."""

from __future__ import annotations

import pytest

from symc.codegen import library_calls
from symc.codegen.build import groups_of
from symc.codegen.lowered import Options, lower
from symc.errors import SymcError
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE

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


IMAGES = "%x: f32[2,64,30,30]  %w: f32[96,64,3,3]  %b: f32[96]\n"
CONVOLUTION = "%r = Convolution(%x, %w, %b) kernel=(3,3) num_filter=96 pad=(1,1) stride=(2,2)"


@pytest.mark.parametrize("text, epilogue, result, rest", [
    (CONVOLUTION + '\n%s = Activation(%r) act_type="relu"\nheads %s', ("bias", "relu"), ("output", 0), []),
    (CONVOLUTION + "\nheads %r", (), ("sums", 0), ["_reshape", "broadcast_add"]),
    (CONVOLUTION + '\n%s = Activation(%r) act_type="relu"\nheads %r, %s', (), ("sums", 0),
     ["_reshape", "broadcast_add", "_relu_of_nan"]),
    (CONVOLUTION + " no_bias=True\n%s = tanh(%r)\nheads %r, %s", (), ("output", 0), ["tanh"])])
def test_convolutions(text, epilogue, result, rest):
    text = text.replace("%w, %b", "%w") if "no_bias" in text else text
    call = call_of(IMAGES + text, libraries=("cudnn",))
    operators = [] if call.rest is None else [node.op.name for node in call.rest.op.graph.nodes if node.op]
    assert (call.call.epilogue, call.operands[2], operators) == (epilogue, result, rest)
    assert (call.call.image, call.call.weight, call.call.result) == ((2, 64, 30, 30), (96, 64, 3, 3), (2, 96, 15, 15))
    assert (call.call.pad, call.call.stride, call.call.dilate, call.call.groups) == ((1, 1), (2, 2), (1, 1), 1)


def test_narrow_convolutions_write_what_they_read():
    call = call_of(IMAGES + CONVOLUTION + '\n%s = Activation(%r) act_type="relu"\nheads %s', "fp16", ("cudnn",))
    assert (call.call.dtype, call.result.dtype.name, call.call.epilogue) == ("float16", "float16", ())
    assert [node.op.name for node in call.rest.op.graph.nodes if node.op] \
        == ["Cast", "_reshape", "broadcast_add", "_relu_of_nan"]


@pytest.mark.parametrize("network", [
    "%x: f32[2,64,60,60]  %w: f32[64,1,3,3]\n%r = Convolution(%x, %w) kernel=(3,3) num_filter=64 num_group=64 "
    "no_bias=True\nheads %r",
    IMAGES + CONVOLUTION + " cudnn_off=True\nheads %r",
    "%x: f32[2,64,900]  %w: f32[96,64,9]\n%r = Convolution(%x, %w) kernel=(9,) num_filter=96 no_bias=True\nheads %r",
    DENSE + "%r = FullyConnected(%x, %w, %b) num_hidden=256\nheads %r"])
def test_what_is_not_for_cudnn(network):
    """Channels by themselves; what says so; one dimension; no convolution."""
    assert call_of(network, libraries=("cudnn",)) is None


def test_convolutions_of_single_pixels_are_cudnns_first():
    network = ("%x: f32[2,512,14,14]  %w: f32[64,512,1,1]\n%r = Convolution(%x, %w) kernel=(1,1) num_filter=64 "
               "no_bias=True\nheads %r")
    chosen = [call_of(network, libraries=names).call.library for names in (("cublaslt", "cudnn"), ("cublaslt",))]
    assert chosen == ["cudnn", "cublaslt"]


def test_without_a_library_nothing_is_taken():
    assert call_of(DENSE + "%r = FullyConnected(%x, %w, %b) num_hidden=256\nheads %r", libraries=()) is None


def test_unknown_libraries_are_refused():
    with pytest.raises(SymcError, match=r"there is no library 'blas'(.|\n)*cublaslt, cudnn"):
        Options(libraries=("cublaslt", "blas"))
