"""How often kernels for GPUs touch memory, and how: seen in their texts."""

from __future__ import annotations

import pytest

from symc.codegen.build import Options, compile_lowered, lower
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.executor import INFERENCE


def text_of(network):
    lowered = lower(typed(parse_graph(network, from_text)), INFERENCE, {}, (), Options(), target="cuda")
    texts = compile_lowered(lowered, ["cuda"], Options()).objects["cuda"]
    return b"".join(texts).decode()


ROWS = {
    "softmax": "%a: f32[2048,384]\n%r = softmax(%a)\nheads %r",
    "along another axis": "%a: f32[8,21,8732]\n%r = softmax(%a) axis=1\nheads %r",
    "LayerNorm": "%a: f32[3072,768]\n%g: f32[768]\n%b: f32[768]\n%r = LayerNorm(%a, %g, %b)\nheads %r",
}


@pytest.mark.parametrize("network", ROWS.values(), ids=list(ROWS))
def test_rows_are_read_once(network):
    assert text_of(network).count("input0_pointer[") == 1


def test_rows_that_registers_do_not_hold_are_read_again():
    assert text_of("%a: f32[3,20000]\n%r = softmax(%a)\nheads %r").count("input0_pointer[") == 3


def test_sums_over_the_same_elements_are_one_pass():
    text = text_of("%a: f32[32,64,56,56]\n%m: f32[1,64,1,1]\n%s: f32[1,64,1,1]\n%d: f32[32,64,56,56]\n"
                   "%r = _normalized_sums(%a, %m, %s, %d) axes=(0,2,3)\nheads %r, %r#1")
    assert text.count("input0_pointer[") == text.count("input3_pointer[") == 1


def test_axes_that_lie_behind_each_other_are_walked_as_one():
    text = text_of("%a: f32[32,64,56,56]\n%r = _moments(%a) axes=(0,2,3)\nheads %r, %r#1")
    assert "% 3136" in text and "% 56)" not in text


def test_elements_are_read_before_one_is_written():
    text = text_of("%a: f32[1024,1024]\n%r = relu(%a)\nheads %r")
    first = text.index("output0_pointer[")
    assert text[:first].count("input0_pointer[") == 4 and text.count("output0_pointer[") == 4


def test_transpositions_go_through_shared_memory():
    text = text_of("%a: f32[2,512,38,38]\n%r = transpose(%a) axes=(0,2,3,1)\nheads %r")
    assert "__shared__ float" in text and "[1056]" in text      # 32 rows of 33: columns lie in different banks
    assert text.index("__syncthreads") < text.index("output0_pointer[")


@pytest.mark.parametrize("network", [
    "%a: f32[64,1000]\n%r = argsort(%a)\nheads %r", "%a: f32[8,128,128]\n%r = _linalg_potrf(%a)\nheads %r",
    "%a: f32[32,64,28,28]\n%r = _moments(%a) axes=(0,2,3)\nheads %r, %r#1"])
def test_few_jobs_have_whole_blocks(network):
    assert "__syncthreads" in text_of(network)
