"""The codes of MXNet's reshape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from symc.errors import MXNetError


def is_plain(wanted: Sequence[int], size: int) -> bool:
    """Whether NumPy reads a shape for `size` elements as MXNet does: it fits, and has one -1 at most and no 0."""
    if len(wanted) == 1:
        return wanted[0] == size > 0 or wanted[0] == -1
    elements = math.prod(wanted)
    return elements == size > 0 and min(wanted, default=1) > 0 or (
        elements < 0 and size % elements == 0 and min(wanted) == -1 and list(wanted).count(-1) == 1)


def new_shape(shape: Sequence[int], wanted: Sequence[int], reverse: bool = False) -> tuple[int, ...]:
    """The shape that MXNet's reshape codes (0, -1, -2, -3, -4) give.  MXNetError: the sizes do not agree."""
    if reverse:
        return new_shape(shape[::-1], wanted[::-1])[::-1]
    target: list[int] = []
    at, codes = 0, iter(wanted)
    for code in codes:
        if code == -2:
            target.extend(shape[at:])
            at = len(shape)
        elif code == -3:
            target.append(math.prod(shape[at:at + 2]))
            at += 2
        elif code == -4:
            target.extend(_split(shape[at], next(codes), next(codes)))
            at += 1
        else:
            target.append(shape[at] if code == 0 and at < len(shape) else code)
            at += 1
    return _inferred(shape, target, wanted)


def _split(extent: int, left: int, right: int) -> tuple[int, int]:
    return (extent // right if left == -1 else left, extent // left if right == -1 else right)


def _inferred(shape: Sequence[int], target: list[int], wanted: Sequence[int]) -> tuple[int, ...]:
    size, known = math.prod(shape), math.prod(extent for extent in target if extent != -1)
    if target.count(-1) == 1 and known:
        target[target.index(-1)] = size // known
    if -1 in target or math.prod(target) > size:
        raise MXNetError(f"cannot reshape {tuple(shape)} to {tuple(wanted)}")
    if math.prod(target) < size:
        raise ValueError(f"Cannot reshape array of size {size} into shape {tuple(wanted)}")
    return tuple(target)
