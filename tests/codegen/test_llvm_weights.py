"""In which order the generator wants weights."""

from __future__ import annotations

import pytest

from symc.codegen.llvm_weights import weight_layout
from symc.ops.contraction import Window, matrix_product


def window(channels: int, filters: int, groups: int = 1, stride: int = 1) -> Window:
    return Window(1, groups, channels // groups, filters // groups, (14, 14), (14 // stride,) * 2, (4, 4),
                  (stride, stride), (1, 1), (1, 1))


CONVOLUTIONS = {"many channels": (window(32, 64), "ABcd16b16a"), "RGB": (window(3, 64), "Acdb16a"),
                "depthwise": (window(32, 32, 32), "Abcd16a"), "few filters": (window(32, 3), "aBcd16b")}
TRANSPOSED = {"all taps meet": (window(32, 64), "BAcd16a16b"), "half of the taps": (window(32, 64, 1, 2), "cdBA16a16b"),
              "few filters": (window(3, 64, 1, 2), "cdAb16a"), "groups": (window(64, 64, 2, 2), "AcdB16a16b")}


@pytest.mark.parametrize("case, layout", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions(case: Window, layout: str) -> None:
    assert weight_layout(case.forward(), (case.groups * case.out_channels, case.in_channels, *case.kernel)) == layout


@pytest.mark.parametrize("case, layout", TRANSPOSED.values(), ids=TRANSPOSED)
def test_taps_of_transposed_convolutions_lie_apart(case: Window, layout: str) -> None:
    """Where a point of the output meets some of them alone."""
    spec = case.image_gradient()
    assert weight_layout(spec, (case.groups * case.out_channels, case.in_channels, *case.kernel)) == layout


def test_dense() -> None:
    assert weight_layout(matrix_product(None, 8, 64, 32, False, True), (64, 32)) == "Ab16a"
