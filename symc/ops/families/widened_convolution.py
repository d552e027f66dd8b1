"""Convolutions whose weights have columns of zeros beside them, so that pairs of columns are multiplied at once."""

from __future__ import annotations

import dataclasses

from symc.ir.types import TensorType
from symc.ops.contraction import Window
from symc.ops.families.convolution import Convolution
from symc.ops.operator import operator
from symc.ops.parameters import Dims


@operator("_widened_convolution", hidden=True)
class WidenedConvolution(Convolution):
    """The Convolution of `kernel`, `pad` and so on; of its weight the last dimension has zeros in front and behind.

    data (N, C, spatial...), weight (num_filter, C, kernel..., before + kernel[-1] + after).
    """

    before: int = 0
    after: int = 0

    @property
    def weight_extents(self) -> Dims:
        return (*self.kernel[:-1], self.before + self.kernel[-1] + self.after)

    def window(self, data: TensorType) -> Window:
        pad = (*self.padding[:-1], self.padding[-1] + self.before)
        return dataclasses.replace(super().window(data), kernel=self.weight_extents, pad=pad)
