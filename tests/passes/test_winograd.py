"""Which convolutions take Winograd's form, and what they become."""

import numpy as np
import pytest

from symc.interpreter import run_heads
from symc.ir.layouts import to_physical
from symc.ops.contraction import Window
from symc.ops.families.winograd import WinogradWeight, weight_matrices
from symc.passes.base import run_passes
from symc.passes.layout import AssignLayouts
from symc.passes.winograd import COLUMNS, EXACT, FAST, LAYOUTS, UseWinograd, best_size, rows_of_chunk, transformed


def passes(*parameters, fast_math=False):
    return [AssignLayouts(lambda _: "ABcd16b16a", frozenset(parameters)),
            UseWinograd(frozenset(parameters), fast_math)]


def operators(graph):
    return [node.op.name for node in graph.nodes if node.op is not None]


TEXT = """
    %x: f32[1,64,14,14]    %w: f32[64,64,3,3]    %b: f32[64]
    %y = Convolution(%x, %w, %b) kernel=(3,3) pad=(1,1) num_filter=64
    heads %y
"""


def test_a_convolution_becomes_three_steps(check):
    check(lambda graph: run_passes(graph, passes("w", "b")), TEXT, """
        %x/relayout.aBcd16b: f32[1,64,14,14]:aBcd16b = _relayout(%x)  # from x
        %y/winograd_input: f32[1,25,25,64]:abcD16d = _winograd_input(%x/relayout.aBcd16b) tile=3 pad=(1,1) rows=5
        ...
        %y/winograd_weight: f32[64,64,25]:Acb16a = _winograd_weight(%w, %y/winograd_matrices)
        %y = _winograd_product(%y/winograd_input, %y/winograd_weight, %b) tile=3 rows=5 shape=(1,64,14,14)
        %y/relayout: f32[1,64,14,14] = _relayout(%y)
        heads %y/relayout
    """)


def test_planes_of_volumes_are_cut(check):
    check(lambda graph: run_passes(graph, passes("w", "b")), """
        %x: f32[1,64,4,8,8]    %w: f32[64,64,3,3,3]    %b: f32[64]
        %y = Convolution(%x, %w, %b) kernel=(3,3,3) pad=(1,1,1) num_filter=64
        heads %y
    """, """
        %x/relayout.aBcde16b: f32[1,64,4,8,8]:aBcde16b = _relayout(%x)  # from x
        %y/winograd_input: f32[1,4,1,25,9,64]:abcdeF16f = _winograd_input(%x/relayout.aBcde16b) tile=3 pad=(1,1) rows=3
        ...
        %y/winograd_weight: f32[64,64,3,25]:Adcb16a = _winograd_weight(%w, %y/winograd_matrices)
        %y = _winograd_product(%y/winograd_input, %y/winograd_weight, %b) tile=3 rows=3 shape=(1,64,4,8,8) pad=1
        %y/relayout: f32[1,64,4,8,8] = _relayout(%y)
        heads %y/relayout
    """)


def test_tiles_are_larger_with_fast_math(check):
    check(lambda graph: run_passes(graph, passes("w", "b", fast_math=True)), TEXT.replace("14,14", "16,16"), """
        %x/relayout.aBcd16b: f32[1,64,16,16]:aBcd16b = _relayout(%x)  # from x
        %y/winograd_input: f32[1,36,17,64]:abcD16d = _winograd_input(%x/relayout.aBcd16b) tile=4 pad=(1,1) rows=4
        ...
        %y/winograd_weight: f32[64,64,36]:Acb16a = _winograd_weight(%w, %y/winograd_matrices)
        %y = _winograd_product(%y/winograd_input, %y/winograd_weight, %b) tile=4 rows=4 shape=(1,64,16,16)
        %y/relayout: f32[1,64,16,16] = _relayout(%y)
        heads %y/relayout
    """)


def test_images_cut_alike_are_transformed_once(graph):
    made = run_passes(graph("""
        %x: f32[1,64,14,14]    %w, %v: f32[64,64,3,3]
        %y = Convolution(%x, %w) kernel=(3,3) pad=(1,1) num_filter=64 no_bias=True
        %z = Convolution(%x, %v) kernel=(3,3) pad=(1,1) num_filter=64 no_bias=True
        heads %y, %z
    """), passes("w", "v"))
    assert operators(made).count("_winograd_input") == 1 and operators(made).count("_winograd_product") == 2


@pytest.mark.parametrize("fast_math", [False, True])
@pytest.mark.parametrize("shape, pad, exact, fast", [
    ((2, 40, 9, 20), (0, 2), 3, 4), ((1, 64, 15, 14), (1, 1), 3, 3), ((1, 33, 14, 33), (2, 1), 3, 4),
    ((1, 64, 8, 8), (1, 1), 2, 2)])
def test_it_means_the_same(graph, shape, pad, exact, fast, fast_math):
    text = TEXT.replace("1,64,14,14", ",".join(map(str, shape))).replace("64,64,3,3", f"64,{shape[1]},3,3").replace(
        "pad=(1,1)", f"pad=({pad[0]},{pad[1]})")
    random = np.random.default_rng(1)
    inputs = {node.name: random.standard_normal(node.types[0].dims).astype(np.float32)
              for node in graph(text).variables}
    made = run_passes(graph(text), passes("w", "b", fast_math=fast_math))
    sizes = [node.op.tile for node in made.nodes if node.op is not None and node.op.name == "_winograd_product"]
    assert sizes == [fast if fast_math else exact]
    np.testing.assert_allclose(run_heads(made, inputs)[0], run_heads(graph(text), inputs)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("old, new", [
    ("kernel=(3,3)", "kernel=(3,3) stride=(2,2)"), ("kernel=(3,3)", "kernel=(3,3) dilate=(2,2)"),
    ("kernel=(3,3)", "kernel=(3,1)"), ("f32", "f64"), ("num_filter=64", "num_filter=64 num_group=2")])
def test_others_stay(graph, old, new):
    text = TEXT.replace(old, new)
    text = text.replace("64,64,3,3", "64,64,3,1") if "(3,1)" in new else text
    text = text.replace("64,64,3,3", "64,32,3,3") if "num_group" in new else text
    assert "Convolution" in operators(run_passes(graph(text), passes("w", "b")))


@pytest.mark.parametrize("shape, kernel, pad", [
    ((2, 40, 4, 9, 20), 3, (1, 0, 2)), ((1, 64, 3, 14, 14), 1, (0, 1, 1)), ((1, 33, 5, 14, 33), 2, (1, 2, 1))])
def test_volumes_mean_the_same(graph, shape, kernel, pad):
    dims = [",".join(map(str, each)) for each in (shape, (64, shape[1], kernel, 3, 3), pad)]
    text = """
        %x: f32[{}]    %w: f32[{}]    %b: f32[64]
        %y = Convolution(%x, %w, %b) kernel=({},3,3) pad=({}) num_filter=64
        heads %y
    """.format(*dims[:2], kernel, dims[2])
    random = np.random.default_rng(1)
    inputs = {node.name: random.standard_normal(node.types[0].dims).astype(np.float32)
              for node in graph(text).variables}
    made = run_passes(graph(text), passes("w", "b"))
    assert "_winograd_product" in operators(made)
    np.testing.assert_allclose(run_heads(made, inputs)[0], run_heads(graph(text), inputs)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kernel, rest", [
    ("(3,3,3)", "stride=(1,2,1)"), ("(3,3,3)", "dilate=(2,1,1)"), ("(3,3,1)", ""), ("(1,3,3)", "pad=(1,1,1)")])
def test_other_volumes_stay(graph, kernel, rest):
    """The last: a plane that comes out of nothing but padding."""
    text = """
        %x: f32[1,64,14,14,14]    %w: f32[64,64,{}]
        %y = Convolution(%x, %w) kernel={} {} num_filter=64 no_bias=True
        heads %y
    """.format(kernel.strip("()"), kernel, rest)
    assert "Convolution" in operators(run_passes(graph(text), passes("w")))


def test_weights_that_change_stay(graph):
    assert "Convolution" in operators(run_passes(graph(TEXT), passes("b")))


def window(channels, filters, output, batch=1):
    return Window(batch, 1, channels, filters, output, output, (3, 3), (1, 1), (1, 1), (1, 1))


@pytest.mark.parametrize("shape, exact, fast", [
    ((64, 64, (56, 56)), 3, 4), ((16, 16, (112, 112)), 3, 4), ((512, 512, (14, 14)), 3, 3), ((64, 64, (14, 14)), 3, 3),
    ((512, 512, (7, 7)), 2, 2), ((512, 512, (7, 7), 8), 3, 4), ((64, 64, (14, 5)), 2, 2), ((64, 64, (8, 8)), 2, 2),
    ((64, 64, (14, 3)), None, None), ((8, 8, (56, 56)), None, 4), ((256, 16, (2, 2)), None, None),
    ((16, 16, (192, 320)), None, None), ((64, 32, (192, 192)), None, 4), ((64, 64, (160, 160)), 3, 4),
    ((64, 64, (1, 100)), None, None), ((64, 64, (1, 1), 64), None, None)])
def test_which_tiles_are_fastest(shape, exact, fast):
    assert best_size(window(*shape), EXACT) == exact
    assert best_size(window(*shape), FAST) == fast


def volume(channels, filters, image, taps=3):
    pad = taps // 2
    return Window(1, 1, channels, filters, image, image, (taps, 3, 3), (1, 1, 1), (1, 1, 1), (pad, 1, 1))


@pytest.mark.parametrize("shape, exact", [
    ((64, 128, (16, 56, 56)), 3), ((512, 512, (4, 14, 14)), 3), ((512, 512, (2, 7, 7)), 2),
    ((16, 16, (16, 56, 56)), None), ((64, 144, (8, 56, 56), 1), 3), ((17, 17, (16, 40, 40)), None),
    ((24, 24, (16, 40, 40)), 3), ((16, 32, (16, 56, 56)), 3),
    ((8, 32, (16, 56, 56)), None), ((64, 8, (16, 56, 56)), None)])
def test_which_tiles_of_volumes_are_fastest(shape, exact):
    assert best_size(volume(*shape), EXACT) == exact


@pytest.mark.parametrize("shape, size, rows", [
    ((64, 128, (16, 56, 56)), 3, 1), ((256, 256, (8, 28, 28)), 3, 5), ((64, 64, (4, 14, 14)), 3, 5),
    ((64, 64, (4, 16, 16)), 2, 4), ((64, 64, (4, 10, 10)), 2, 5)])
def test_rows_of_a_chunk_fill_a_plane(shape, size, rows):
    assert rows_of_chunk(volume(*shape), size) == rows


@pytest.mark.parametrize("shape, size, rows", [
    ((64, 64, (56, 56)), 2, 1), ((64, 64, (14, 14)), 2, 4), ((512, 512, (14, 14)), 2, 7), ((64, 64, (7, 7), 4), 2, 8),
    ((64, 64, (56, 56)), 3, 1), ((64, 64, (14, 14)), 3, 5), ((512, 512, (28, 28)), 3, 5),
    ((64, 64, (299, 299)), 2, 1), ((64, 64, (56, 56)), 4, 1), ((128, 128, (28, 28)), 4, 2)])
def test_rows_of_a_chunk(shape, size, rows):
    assert rows_of_chunk(window(*shape), size) == rows


@pytest.mark.parametrize("size", FAST)
def test_weights_of_volumes_are_transformed(size):
    weight = np.random.default_rng(0).standard_normal((21, 5, 4, 3, 3)).astype(np.float32)
    matrices = weight_matrices(size)
    expected = WinogradWeight().reference(weight, matrices)                                  # (O, C, taps, points)
    made = to_physical(expected, LAYOUTS[5][1])
    np.testing.assert_allclose(transformed(weight, matrices), made, atol=1e-5)


@pytest.mark.parametrize("size", FAST)
def test_weights_are_transformed_in_parts(size):
    """Of blocks and columns, the last of which are not full."""
    weight = np.random.default_rng(0).standard_normal((21, 2 * COLUMNS // 16 + 7, 3, 3)).astype(np.float32)
    matrices = weight_matrices(size)
    made = transformed(weight, matrices)
    expected = WinogradWeight().reference(weight, matrices)                                     # (O, C, points)
    np.testing.assert_allclose(made.transpose(0, 3, 2, 1).reshape(-1, *expected.shape[1:])[:21], expected, atol=1e-5)
    assert not made[1, ..., 5:].any()
