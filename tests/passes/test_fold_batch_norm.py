"""Batch normalisation folded into the linear operator before it."""

import numpy as np
import pytest

from symc.interpreter import run
from symc.passes.fold_batch_norm import FoldBatchNorm

PARAMETERS = "%gamma, %beta, %mean, %var: f32[6]\n"
NORM = "%b = _batch_norm_inference(%c, %gamma, %beta, %mean, %var) eps=0.001 fix_gamma={} axis={}\nheads %b"


def text(linear, shapes, fix_gamma=False, axis=1):
    return shapes + "\n" + PARAMETERS + "%c = " + linear + "\n" + NORM.format(fix_gamma, axis)


def agree(before, after):
    """Both graphs compute the same, parameters being any (variances positive)."""
    generator = np.random.RandomState(0)
    inputs = {node.name: generator.uniform(0.5, 1.5, node.types[0].dims).astype(node.types[0].element.numpy)
              for node in before.variables}
    expected, found = run(before, inputs).heads[0], run(after, inputs).heads[0]
    np.testing.assert_allclose(found, expected, rtol=2e-2 if found.dtype == np.float16 else 1e-5)


def test_scaled_weight_and_shifted_bias(check):
    check(FoldBatchNorm(), text("Convolution(%x, %w) kernel=(3,3) num_filter=6 no_bias=True",
                                "%x: f32[1,2,5,5]    %w: f32[6,2,3,3]"), """
        %b/inverse_deviation1 = _inverse_deviation(%var) eps=0.001
        %b/elemwise_mul2 = elemwise_mul(%gamma, %b/inverse_deviation1)
        %b/reshape5 = _reshape(%b/elemwise_mul2) shape=(6,1,1,1)
        %b/broadcast_mul6 = broadcast_mul(%w, %b/reshape5)
        %b/elemwise_mul3 = elemwise_mul(%mean, %b/elemwise_mul2)
        %b/elemwise_sub4 = elemwise_sub(%beta, %b/elemwise_mul3)
        %b = Convolution(%x, %b/broadcast_mul6, %b/elemwise_sub4) kernel=(3,3) num_filter=6  # from c, b
        heads %b
    """)


@pytest.mark.parametrize("fix_gamma", [False, True])
@pytest.mark.parametrize("linear, shapes, axis", [
    ("Convolution(%x, %w, %k) kernel=(3,3) num_filter=6", "%x: f32[1,2,5,5]    %w: f32[6,2,3,3]    %k: f32[6]", 1),
    ("Convolution(%x, %w, %k) kernel=(3,) num_filter=6 num_group=2",
     "%x: f32[1,4,5]    %w: f32[6,2,3]    %k: f32[6]", -2),
    ("Deconvolution(%x, %w) kernel=(2,2) num_filter=6", "%x: f32[1,4,3,3]    %w: f32[4,6,2,2]", 1),
    ("Deconvolution(%x, %w, %k) kernel=(2,2) num_filter=6 num_group=2 no_bias=False",
     "%x: f32[1,4,3,3]    %w: f32[4,3,2,2]    %k: f32[6]", 1),
    ("FullyConnected(%x, %w, %k) num_hidden=6", "%x: f32[2,3,2]    %w: f32[6,6]    %k: f32[6]", 1),
    ("FullyConnected(%x, %w) num_hidden=6 no_bias=True flatten=False", "%x: f32[2,3,2]    %w: f32[6,2]", 2),
    ("Convolution(%x, %w) kernel=(3,3) num_filter=6 no_bias=True layout=NHWC",
     "%x: f32[1,5,5,2]    %w: f32[6,3,3,2]", 3),
    ("Convolution(%x, %w) kernel=(1,1) num_filter=6 no_bias=True", "%x: f16[1,2,5,5]    %w: f16[6,2,1,1]", 1),
])
def test_same_result(graph, linear, shapes, axis, fix_gamma):
    before = graph(text(linear, shapes, fix_gamma, axis))
    after = FoldBatchNorm()(before)
    assert "_batch_norm_inference" not in {node.op.name for node in after.nodes if node.op}
    assert after.heads[0].type == before.heads[0].type
    agree(before, after)


CONVOLUTION = "Convolution(%x, %w) kernel=(1,1) num_filter=6 no_bias=True"
SHAPES = "%x: f32[1,2,6,6]    %w: f32[6,2,1,1]"


@pytest.mark.parametrize("other", [
    text(CONVOLUTION, SHAPES) + ", %c",                                   # the convolution is a head
    text(CONVOLUTION + "\n%d = relu(%c)", SHAPES) + ", %d",               # another node reads it
    text(CONVOLUTION, SHAPES, axis=2),                                    # other channels are normalised
    text("relu(%x)", "%x: f32[1,6]"),                                     # nothing linear before it
])
def test_not_foldable(check, unchanged, other):
    check(FoldBatchNorm(), other, unchanged)


def test_one_after_the_other(check):
    second = "%d = _batch_norm_inference(%b, %gamma, %beta, %mean, %var) eps=0.001 fix_gamma=True\nheads %d"
    check(FoldBatchNorm(), text(CONVOLUTION, SHAPES).replace("heads %b", second),
          "...\n%d = Convolution(%x, %d/broadcast_mul7, %d/elemwise_add5) kernel=(1,1) num_filter=6  # from c, b, d\n"
          "heads %d")
