"""Kernels for GPUs, compiled for the host, against the interpreter."""

from __future__ import annotations

import shutil

import pytest

from symc.codegen import cuda_source
from tests.cuda.comparison import compare_with_interpreter

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
    "squares that are not full, of two results": """
        %a: f16[3,40,33]
        %t = transpose(%a) axes=(2,0,1)
        %r = relu(%t)
        heads %r, %t""",
    "many elements": """
        %a: f32[300,3001]   %b: f32[300,1]
        %r = broadcast_add(%a, %b)
        heads %r""",
    "many neighbours": """
        %a: f32[300,3004]   %b: f32[300,1]   %i: i32[300,3004]
        %c = broadcast_add(%a, %b)
        %d = Cast(%c) dtype=int32
        %r = elemwise_add(%d, %i)
        heads %r, %c""",
    "rows in registers of a block": """
        %a: f32[3,2000]
        %r = log_softmax(%a)
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
    "two sums in one pass": """
        %a: f32[4,40,9,9]   %m: f32[1,40,1,1]   %s: f32[1,40,1,1]   %d: f32[4,40,9,9]
        %r = _normalized_sums(%a, %m, %s, %d) axes=(0,2,3)
        heads %r, %r#1""",
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
    compare_with_interpreter(network, order, tmp_path_factory.getbasetemp() / "emulated", {})


def test_arrays_that_lie_between_vectors_are_walked_by_elements(monkeypatch, tmp_path):
    """As they are where the kernel finds them so."""
    assert "return ((uint64_t)place & 15) == 0;" in cuda_source.ALIGNMENT
    monkeypatch.setattr(cuda_source, "ALIGNMENT", "static bool symc_aligned(const void *) { return false; }\n")
    compare_with_interpreter(NETWORKS["many neighbours"], 1, tmp_path, {})
