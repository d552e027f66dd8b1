"""Windows over pictures, over pairs of columns."""

import numpy as np
import pytest

from symc.interpreter import run_heads
from symc.passes.base import run_passes
from symc.passes.narrow_factors import NarrowFactors
from symc.passes.pair_columns import PairColumns
from symc.passes.pipeline import lowering_pipeline

PASS = PairColumns(frozenset({"w", "b"}))


def test_a_window_begins_at_an_even_column_and_has_an_even_number(check):
    check(PASS, """
        %x: f32[1,3,32,32]    %w: f32[8,3,7,7]    %b: f32[8]
        %y = Convolution(%x, %w, %b) kernel=(7,7) stride=(2,2) pad=(3,3) num_filter=8
        heads %y
    """, """
        %y/widened: f32[8,3,7,8] = Pad(%w) mode=constant pad_width=(0,0,0,0,0,0,1,0)
        %y: f32[1,8,16,16] = _widened_convolution(%x, %y/widened, %b) kernel=(7,7) num_filter=8 stride=(2,2) \
pad=(3,3) before=1
        heads %y
    """)


@pytest.mark.parametrize("parameters", [
    "kernel=(3,3) pad=(1,1)", "kernel=(2,2) stride=(2,2)", "kernel=(3,3) stride=(2,2) dilate=(1,2)",
    "kernel=(3,1) stride=(2,2)"])
def test_others_stay(parameters, graph):
    """Windows that move by one column; that are even as they are; with holes; of one column."""
    g = graph(f"%x: f32[1,3,32,32]  %w: f32[8,3,{','.join(parameters.split('(')[1].split(')')[0].split(','))}]\n"
              f"%y = Convolution(%x, %w) {parameters} num_filter=8 no_bias=True\nheads %y")
    assert "_widened_convolution" not in [node.op.name for node in PASS(g).nodes if node.op]


@pytest.mark.parametrize("shape", ["1,16,32,32", "1,3,32,31"])
def test_images_of_channels_or_of_odd_width_stay(shape, graph):
    g = graph(f"%x: f32[{shape}]  %w: f32[8,{shape.split(',')[1]},3,3]\n"
              "%y = Convolution(%x, %w) kernel=(3,3) stride=(2,2) num_filter=8 no_bias=True\nheads %y")
    assert PASS(g) is g or "_widened_convolution" not in [node.op.name for node in PASS(g).nodes if node.op]


@pytest.mark.parametrize("kernel, stride, pad, channels", [
    ((7, 7), (2, 2), (3, 3), 3), ((3, 3), (2, 2), (1, 1), 3), ((3, 3), (2, 2), (0, 0), 1), ((4, 4), (2, 4), (1, 1), 2)])
def test_same_results_and_pairs(kernel, stride, pad, channels, graph):
    rng = np.random.default_rng(0)
    weight = (8, channels, *kernel)
    g = graph(f"%x: f32[2,{channels},10,12]  %w: f32[{','.join(map(str, weight))}]  %b: f32[8]\n%y = Convolution("
              f"%x, %w, %b) kernel=({kernel[0]},{kernel[1]}) stride=({stride[0]},{stride[1]}) "
              f"pad=({pad[0]},{pad[1]}) num_filter=8\nheads %y")
    values = {"x": rng.standard_normal((2, channels, 10, 12)).astype("f4"),
              "w": rng.standard_normal(weight).astype("f4"), "b": rng.standard_normal(8).astype("f4")}
    moved = run_passes(g, [PASS], verify=True)
    assert "_widened_convolution" in [node.op.name for node in moved.nodes if node.op]
    np.testing.assert_allclose(run_heads(moved, values)[0], run_heads(g, values)[0], rtol=1e-5, atol=1e-5)
    narrow = NarrowFactors(frozenset({"w", "b"}))(moved)
    assert {value.type.dtype.short for value in _convolution(narrow).inputs[:2]} == {"bf16"}


def _convolution(graph):
    node, = [node for node in graph.nodes if node.op and node.op.name == "_widened_convolution"]
    return node


def test_float32_has_no_need_of_it():
    names = {narrow: [one.name for one in lowering_pipeline(lambda node: None, frozenset(), narrow)]
             for narrow in (False, True)}
    assert "pair-columns" in names[True] and "pair-columns" not in names[False]
