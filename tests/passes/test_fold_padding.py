"""Zeros around an image become the convolution's own."""

import numpy as np
import pytest

from symc.interpreter import run
from symc.passes.fold_padding import FoldPadding

NETWORK = """
    %x: f32[2,3,7,6]    %w: f32[4,3,3,3]    %b: f32[4]
    %p = Pad(%x) mode={} pad_width=(0,0,0,0,{}) constant_value={}
    %c = Convolution(%p, %w, %b) kernel=(3,3) stride=(2,1) pad=(0,1) num_filter=4
    heads %c
"""


def test_zeros_are_added_to_the_padding(check):
    after = check(FoldPadding(), NETWORK.format("constant", "2,2,1,1", "0.0"), """
        %c: f32[2,4,5,8] = Convolution(%x, %w, %b) kernel=(3,3) num_filter=4 stride=(2,1) pad=(2,2)  # from p, c
        heads %c
    """)
    inputs = {node.name: np.random.RandomState(0).randn(*node.types[0].dims).astype(np.float32)
              for node in after.variables}
    padded = np.pad(inputs["x"], ((0, 0), (0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2]
    expected = np.einsum("nchwij,ocij->nohw", windows, inputs["w"]) + inputs["b"][:, None, None]
    np.testing.assert_allclose(run(after, inputs).heads[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode, widths, value", [
    ("constant", "1,2,1,1", "0.0"), ("constant", "1,1,1,1", "0.5"), ("edge", "1,1,1,1", "0.0"),
    ("reflect", "1,1,1,1", "0.0")])
def test_other_padding_stays(check, unchanged, mode, widths, value):
    check(FoldPadding(), NETWORK.format(mode, widths, value), unchanged)
