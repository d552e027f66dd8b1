"""Contractions of bfloat16 as contractions of half as many pairs, which are elements of 32 bits.

The two operands must have the elements of a pair side by side: images in blocks of channels and rows of matrices have,
weights are packed so.  What is left is a contraction as any other, for which nests and schedules are made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from symc.ir.types import DType, TensorType, parse_layout
from symc.ops.contraction import Contraction, Index
from symc.ops.record import Record, record


@record
class PairAxis(Record):
    """A summed axis of even extent that walks one dimension of either operand by steps of 1, and nothing else."""

    name: str
    left: int
    right: int


def pair_axes(spec: Contraction) -> list[PairAxis]:
    """The axes along which pairs may be formed."""
    found = [PairAxis(name, left, right) for name in spec.reduced if spec.sizes[name] % 2 == 0
             for left in _walked(spec.lhs, name) for right in _walked(spec.rhs, name)]
    return [axis for axis in found if _halved_index(spec.lhs[axis.left], axis.name)
            and _halved_index(spec.rhs[axis.right], axis.name)
            and len(_walked(spec.lhs, axis.name)) == len(_walked(spec.rhs, axis.name)) == 1]


def _walked(indices: Sequence[Index], name: str) -> list[int]:
    return [dim for dim, index in enumerate(indices) if name in dict(index.terms)]


def _halved_index(index: Index, name: str) -> Index | None:
    """The index in pairs; None where a pair would not start at an even position."""
    others = [(axis, c) for axis, c in index.terms if axis != name]
    if dict(index.terms)[name] != 1 or index.divisor != 1 or any(c % 2 for c in (index.offset, *dict(others).values())):
        return None
    return Index(tuple((axis, c if axis == name else c // 2) for axis, c in index.terms), index.offset // 2)


def in_pairs(spec: Contraction, lhs: TensorType, rhs: TensorType) -> tuple[Contraction, TensorType, TensorType] | None:
    """The contraction over pairs, and its operands, whose elements are said to be int32; None: there are no pairs."""
    if (lhs.dtype, rhs.dtype) != (DType.bfloat16, DType.bfloat16):
        return None
    for axis in pair_axes(spec):
        left, right = halved(lhs, axis.left), halved(rhs, axis.right)
        if left and right:
            extents = tuple((name, size // 2 if name == axis.name else size) for name, size in spec.extents)
            return Contraction(extents, spec.output, _replaced(spec.lhs, axis.left, axis.name),
                               _replaced(spec.rhs, axis.right, axis.name)), left, right
    return None


def _replaced(indices: Sequence[Index], dim: int, name: str) -> tuple[Index, ...]:
    halved = _halved_index(indices[dim], name)
    assert halved is not None
    return tuple(halved if i == dim else index for i, index in enumerate(indices))


def halved(type: TensorType, dim: int) -> TensorType | None:
    """The tensor of pairs along a dimension; None where they do not lie side by side."""
    shape = tuple(extent // 2 if i == dim else extent for i, extent in enumerate(type.dims))
    layout = type.layout
    if type.dims[dim] % 2 or layout is None and dim != len(shape) - 1:
        return None
    if layout is None:
        return replace(type, shape=shape, dtype=DType.int32)
    last, letter = parse_layout(layout)[-1], "abcdefghijklmnop"[dim]
    if last.axis != dim or last.block % 2:
        return None
    layout = re.sub(rf"\d+{letter}$", f"{last.block // 2}{letter}" if last.block > 2 else "", layout)
    is_blocked = any(part.block > 1 for part in parse_layout(layout) if part.axis == dim)
    return replace(type, shape=shape, dtype=DType.int32,
                   layout=layout if is_blocked else layout.replace(letter.upper(), letter))
