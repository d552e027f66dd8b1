"""Minimum cuts against all cuts there are."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from symc.passes.minimum_cut import Network

NODES = 6
edges = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.integers(0, 9)), max_size=20)


def least_cut(given_edges: list[tuple[int, int, int]]) -> tuple[int, set[int]]:
    """The capacity, and the nodes that are on the source's side in every least cut."""
    cuts = []
    for others in itertools.product((False, True), repeat=NODES - 2):
        side = {0, *(i + 1 for i, chosen in enumerate(others) if chosen)}
        cuts.append((sum(c for a, b, c in given_edges if a in side and b not in side), side))
    least = min(cost for cost, _ in cuts)
    return least, set.intersection(*(side for cost, side in cuts if cost == least))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(edges)
def test_the_smallest_side_of_a_least_cut(given_edges: list[tuple[int, int, int]]) -> None:
    network = Network()
    for tail, head, capacity in given_edges:
        network.add(tail, head, capacity)
    assert network.source_side(0, NODES - 1) == least_cut(given_edges)[1]


def test_a_long_chain() -> None:
    network = Network()
    for i in range(20000):
        network.add(i, i + 1, 5 if i != 9000 else 3)
    assert network.source_side(0, 20000) == set(range(9001))
