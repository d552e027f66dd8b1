"""Panels of pixels: how far taps and lines lie apart, and which windows have none."""

from __future__ import annotations

import pytest

from symc.codegen.llvm_matrix_lines import lines_of
from symc.codegen.llvm_matrix_product import product_of
from symc.codegen.llvm_nest import nests_of
from symc.ops.pairs import in_pairs
from tests.codegen.test_llvm_matrix import convolution, dense, picture


def lines(request):
    spec, left, right = in_pairs(request.spec, request.lhs, request.rhs)
    nest, = nests_of(spec, [left, right, *request.types[2:]], [operand.along for operand in request.operands])
    return lines_of(product_of(nest))


@pytest.mark.parametrize(("request_", "pitches", "taps", "planes", "rows"), [
    (convolution(64, 32, (5, 7), (3, 3), pad=1), [8], [8, 1], 2, 4 * 8 + 7),        # one pixel of 0 between lines
    (convolution(64, 32, (5, 7), (5, 5), pad=2), [9], [9, 1], 2, 4 * 9 + 7),
    (convolution(64, 32, (5, 7), (3, 3)), [7], [7, 1], 2, 2 * 7 + 5),
    (convolution(96, 32, (9, 7), (3, 1), pad=1), [9], [9, 1], 3, 8 * 9 + 9),
    (convolution(64, 32, (9, 9), (3, 3), pad=2, dilation=2), [11], [22, 2], 2, 8 * 11 + 9),
    (convolution(64, 32, (5, 7), (3, 3), pad=1, batch=2), [6, 8], [8, 1], 2, 6 * 8 + 4 * 8 + 7),
    (convolution(64, 32, (5, 7), batch=2), [35], [], 2, 70), (convolution(64, 32, (5, 7)), [], [], 2, 35),
    (convolution(48, 32, (5, 7), (3, 3), pad=1), [8], [8, 1], 3, 4 * 8 + 7),        # two taps to a line
    (convolution(16, 32, (5, 7), (3, 3)), [7], [7, 1], 1, 2 * 7 + 5)])
def test_lines(request_, pitches, taps, planes, rows):
    found = lines(request_)
    assert [side.pitch for side in found.sides[1:]] == pitches
    assert (list(found.taps.values()), found.planes, found.rows) == (taps, planes, rows)


@pytest.mark.parametrize("request_", [
    dense(64, 32, 64), picture(3, 32, (12, 16), (7, 8)), convolution(64, 32, (9, 9), (3, 3), stride=2, pad=1),
    convolution(48, 32, (9, 9)), convolution(48, 32, (9, 9), (3, 3), pad=2, dilation=2), convolution(24, 32, (6, 7))])
def test_what_has_no_lines(request_):
    """No image in blocks; steps of two; an odd number of blocks whose taps are no neighbours; half a block."""
    assert lines(request_) is None


def test_taps_two_by_two():
    """Of an odd number one is left, for which there are tiles of their own."""
    assert lines(convolution(48, 32, (5, 7), (3, 3), pad=1)).has_odd_taps
    assert not lines(convolution(48, 32, (5, 7), (3, 2), pad=1)).has_odd_taps
    assert not lines(convolution(64, 32, (5, 7), (3, 3), pad=1)).has_odd_taps
