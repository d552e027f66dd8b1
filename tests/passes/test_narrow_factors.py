"""Which contractions multiply bfloat16."""

import numpy as np
import pytest

from symc.interpreter import run_heads
from symc.passes.base import run_passes
from symc.passes.hoist_invariants import HoistInvariants
from symc.passes.narrow_factors import NarrowFactors
from tests.passes.graphs import DENSE_IN_A_LOOP

WEIGHTS = NarrowFactors(frozenset({"w", "b"}))


def test_factors_are_converted_and_all_else_is_not(check):
    check(WEIGHTS, """
        %x: f32[1,16,8,8]    %w: f32[32,16,3,3]    %b: f32[32]
        %y = Convolution(%x, %w, %b) kernel=(3,3) num_filter=32
        %z = relu(%y)
        heads %z
    """, """
        %x/bf16: bf16[1,16,8,8] = Cast(%x) dtype=bfloat16
        %w/bf16: bf16[32,16,3,3] = Cast(%w) dtype=bfloat16
        %y: f32[1,32,6,6] = Convolution(%x/bf16, %w/bf16, %b) kernel=(3,3) num_filter=32
        %z: f32[1,32,6,6] = relu(%y)
        heads %z
    """)


def test_a_value_is_converted_once_and_where_it_was_made(check):
    check(WEIGHTS, """
        %x: f32[2,3,4]    %w: f32[8,12]
        %r = relu(%x)
        %f = _reshape(%r) shape=(2,12)
        %y = FullyConnected(%f, %w) num_hidden=8 no_bias=True
        %z = FullyConnected(%f, %w) num_hidden=8 no_bias=True
        heads %y, %z, %f
    """, """
        %r = relu(%x)
        %r/bf16 = Cast(%r) dtype=bfloat16
        %f/bf16 = _reshape(%r/bf16) shape=(2,12)
        %w/bf16 = Cast(%w) dtype=bfloat16
        %y: f32[2,8] = FullyConnected(%f/bf16, %w/bf16) num_hidden=8 no_bias=True
        %z: f32[2,8] = FullyConnected(%f/bf16, %w/bf16) num_hidden=8 no_bias=True
        %f = _reshape(%r) shape=(2,12)
        heads %y, %z, %f
    """)


def test_what_is_joined_is_converted_before(check):
    check(WEIGHTS, """
        %x: f32[1,16,8,8]    %y: f32[1,16,8,8]    %w: f32[8,32,1,1]
        %a = relu(%x)
        %j = Concat(%a, %y) num_args=2
        %z = Convolution(%j, %w) kernel=(1,1) num_filter=8 no_bias=True
        %s = softmax(%j)
        heads %z, %s
    """, """
        %a = relu(%x)
        %a/bf16 = Cast(%a) dtype=bfloat16
        %y/bf16 = Cast(%y) dtype=bfloat16
        %j/bf16: bf16[1,32,8,8] = Concat(%a/bf16, %y/bf16) num_args=2
        %w/bf16 = Cast(%w) dtype=bfloat16
        %z: f32[1,8,8,8] = Convolution(%j/bf16, %w/bf16) kernel=(1,1) num_filter=8 no_bias=True
        %j: f32[1,32,8,8] = Cast(%j/bf16) dtype=float32
        %s = softmax(%j)
        heads %z, %s
    """)


@pytest.mark.parametrize("text", [
    "%x: f32[1,3,8,8]  %w: f32[32,3,3,3]  %y = Convolution(%x, %w) kernel=(3,3) num_filter=32 no_bias=True",
    "%x: f32[1,9,8,8]  %w: f32[32,9,3,3]  %y = Convolution(%x, %w) kernel=(3,3) num_filter=32 no_bias=True",
    "%x: f32[1,32,8,8]  %w: f32[32,1,3,3]  %y = Convolution(%x, %w) kernel=(3,3) num_filter=32 num_group=32 "
    "no_bias=True",
    "%x: f32[4,7]  %w: f32[8,7]  %y = FullyConnected(%x, %w) num_hidden=8 no_bias=True",
    "%x: f32[4,8]  %v: f32[8,8]  %y = FullyConnected(%x, %v) num_hidden=8 no_bias=True",
    "%x: f64[4,8]  %w: f64[8,8]  %y = FullyConnected(%x, %w) num_hidden=8 no_bias=True",
])
def test_those_without_pairs_or_weights_are_left(check, text):
    check(WEIGHTS, text.replace("  ", "\n") + "\nheads %y", None)


def test_what_is_converted_is_rounded(graph):
    text = """
        %x: f32[5,64]    %w: f32[8,64]    %b: f32[8]
        %y = FullyConnected(%x, %w, %b) num_hidden=8
        heads %y
    """
    random = np.random.default_rng(1)
    inputs = {node.name: random.standard_normal(node.types[0].dims).astype(np.float32)
              for node in graph(text).variables}
    (narrow,), (wide,) = (run_heads(made, inputs) for made in (run_passes(graph(text), [WEIGHTS]), graph(text)))
    assert narrow.dtype == np.float32 and not np.array_equal(narrow, wide)
    np.testing.assert_allclose(narrow, wide, atol=64 * 2 ** -8)


def test_weights_of_a_loop_are_converted_in_front_of_it(graph):
    made = run_passes(graph(DENSE_IN_A_LOOP), [WEIGHTS, HoistInvariants()])
    loop = made.heads[0].node
    assert [str(value.type) for value in loop.inputs if value.node.op] == ["bf16[6,8]"]
    assert [node.name for node in loop.op.body.nodes if node.op] == ["x0/bf16", "a"]
