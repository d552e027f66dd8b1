"""The order in which products of a step are added: who stays in registers, who is read when."""

from __future__ import annotations

from symc.codegen.llvm_order import Order, order_of


def element(offset):
    return (offset,) * 4


def vector(offset):
    return tuple(range(offset, offset + 4))


def test_products_whose_vectors_all_fit_are_mixed():
    reads = [[element(0), element(1)], [vector(0), vector(0)]]
    assert order_of(reads, 2, 6) == Order([[0, 1]])


def test_the_factor_with_fewer_vectors_stays_at_hand_and_the_other_one_is_walked():
    pairs = [(row, column) for row in range(4) for column in range(2)]
    reads = [[vector(10 * row) for row, _ in pairs], [vector(100 + 10 * column) for _, column in pairs]]
    assert order_of(reads, 8, 12) == Order([[0, 1], [2, 3], [4, 5], [6, 7]], held=1)


def test_where_neither_fits_the_smaller_is_walked_and_the_other_read_each_time():
    pairs = [(row, column) for row in range(4) for column in range(2)]
    reads = [[vector(10 * row) for row, _ in pairs], [vector(100 + 10 * column) for _, column in pairs]]
    assert order_of(reads, 9, 12) == Order([[0, 2, 4, 6], [1, 3, 5, 7]], held=None)


def test_neighbouring_elements_are_multiplied_far_apart():
    """Taps of a line: product (row, tap) reads element row + tap and adds to the sum of its row."""
    pairs = [(row, tap) for row in range(4) for tap in range(3)]
    reads = [[element(row + tap) for row, tap in pairs], [vector(10 * tap) for _, tap in pairs]]
    order = order_of(reads, 4, 9)
    walked = [sum(pairs[group[0]]) for group in order.groups]
    assert order.held == 1 and sorted(walked) == list(range(6))
    assert all(abs(a - b) > 1 for a, b in zip(walked, walked[1:], strict=False))


def test_shuffled_vectors_are_shared():
    reads = [[(1, 0, 3, 2), (0, 1, 2, 3)], [vector(0), vector(10)]]
    assert order_of(reads, 2, 3) == Order([[0, 1]])
