"""How often kernels for GPUs touch memory, and how: seen in their texts."""

from __future__ import annotations

import pytest

from symc.codegen.build import compile_lowered
from symc.codegen.lowered import Options, lower
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE


def unit_of(network):
    lowered = lower(typed(parse_graph(network.replace("   ", "\n"), from_text)), INFERENCE, {}, (), Options(),
                    target="cuda")
    return compile_lowered(lowered, ["cuda"], Options())


def text_of(network):
    return b"".join(unit_of(network).objects["cuda"]).decode()


def threads_of(network):
    """How many threads each launch has."""
    plan = unit_of(network).plans["cuda"]
    return [step.jobs * plan.kernels[step.kernel].threads for step in plan.steps]


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


def test_neighbours_are_moved_16_bytes_at_a_time():
    text = text_of("%a: f32[8,128,32,32]   %b: f32[128,1,1]   %c: f32[8,128,32,32]   %s = broadcast_add(%a, %b)   "
                   "%r = elemwise_add(%s, %c)   heads %r")
    vectors, _, elements = text.partition("if (!")
    assert vectors.count("*(float4*)(input0_pointer") == vectors.count("*(float4*)(input2_pointer") == 1
    assert vectors.count("*(float4*)(output0_pointer") == 1 and "output0_pointer[j" not in vectors
    assert "float4" not in elements and "output0_pointer[" in elements


def test_what_begins_between_vectors_is_read_by_elements():
    text = text_of("%a: f32[1024,1028]   %b: f32[1024,1024]   %s = slice_axis(%a) axis=1 begin=1 end=1025   "
                   "%r = elemwise_add(%s, %b)   heads %r")
    assert "float4*)(input0_pointer" not in text and "float4*)(input1_pointer" in text


def test_elements_are_read_before_one_is_written():
    text = text_of("%a: f16[1024,1024]\n%r = relu(%a)\nheads %r")
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


# results of real networks, whose kernels all have as many threads as there are elements to add or to make
WIDE = {
    "bins of regions": "%a: f32[2,512,38,50]   %b: f32[256,5]   %r = ROIPooling(%a, %b) pooled_size=(7,7) "
                       "spatial_scale=0.0625   heads %r",
    "gradient of bins": "%d: f32[256,512,7,7]   %b: f32[256,5]   %p: i32[256,512,7,7]   "
                        "%r = _backward_roi_pooling(%d, %b, %p) images=2 extents=(38,50)   heads %r",
    "gradient of samples": "%d: f32[512,256,7,7]   %b: f32[512,5]   %r = _backward_roi_align(%d, %b) pooled_size=(7,7) "
                           "spatial_scale=0.25 shape=(2,256,50,84)   heads %r",
    "gradient of a sampler": "%g: f32[8,2,56,56]   %d: f32[8,64,56,56]   %r = _backward_bilinear_sampler_data(%g, %d) "
                             "height=56 width=56   heads %r",
    "columns": "%a: f32[1,38,50,512]   %o: f32[1,18,38,50]   %r = _deformable_columns(%a, %o) kernel=(3,3) "
               "stride=(1,1) dilate=(1,1) pad=(1,1) num_group=1 num_deformable_group=1 is_modulated=False   heads %r",
}


@pytest.mark.parametrize("network", WIDE.values(), ids=list(WIDE))
def test_large_results_have_many_threads(network):
    assert min(threads_of(network)) >= 1 << 20


@pytest.mark.parametrize("network", [
    "%a: f32[1900,512]   %r = sum(%a) axis=0   heads %r", "%a: f32[1000,1000]   %r = norm(%a)   heads %r",
    "%a: f32[32,64,56,56]   %m: f32[1,64,1,1]   %s: f32[1,64,1,1]   %d: f32[32,64,56,56]   "
    "%r = _normalized_sums(%a, %m, %s, %d) axes=(0,2,3)   heads %r, %r#1"])
def test_few_long_rows_are_cut(network):
    parts, *_ = threads_of(network)
    assert parts >= 1 << 15


def test_lanes_go_along_the_largest_array():
    """Means of rows lie along what is summed, but the rows themselves across: 8 lanes for each of 32 columns."""
    text = text_of("%a: f32[3072,768]   %m: f32[3072,1]   %s: f32[3072,1]   %d: f32[3072,768]   "
                   "%r = _normalized_sums(%a, %m, %s, %d) axes=(0,)   heads %r, %r#1")
    assert "((int)threadIdx.x) & 31" in text.partition("input0_pointer[")[0]


def test_the_first_few_of_long_rows_need_two_kernels():
    assert len(threads_of("%a: f32[4,50000]   %r = _argsort(%a) count=5   heads %r")) == 2


def test_boxes_behind_those_settled_have_a_thread_each():
    kernels = threads_of("%p: f32[4,6,8732]   %k: f32[4,8732]   %r = _box_nms_kept(%p, %k) coord_start=2 id_index=0 "
                         "threshold=0.5   heads %r")
    assert len(kernels) == 1 + 9 + 8 and kernels[2] >= 4 * (8732 - 1024)


def test_only_what_has_no_order_is_added_by_atomics():
    assert "symc_add(" in text_of(WIDE["gradient of samples"])
    assert "symc_add(" not in text_of("%d: f32[2,300,33]   %i: f32[300]   %r = _backward_take(%d, %i) extent=70   "
                                      "heads %r")
