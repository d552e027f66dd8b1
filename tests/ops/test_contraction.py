"""Facts of contractions."""

from __future__ import annotations

import pytest

from symc.ops.contraction import Window


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1)])
def test_products_with_the_holes_of_a_gradient_are_no_work(stride: tuple[int, int]) -> None:
    """A transposed convolution multiplies as often as the convolution whose gradient it is."""
    image = (12 * stride[0], 10 * stride[1])
    window = Window(2, 1, 5, 7, image, (12, 10), (3, 3), stride, (1, 1), (1, 1))
    assert window.image_gradient().flops == window.forward().flops == window.weight_gradient().flops
