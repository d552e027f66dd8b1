"""Offsets in the arena."""

from hypothesis import given
from hypothesis import strategies as st

from symc.passes.plan_memory import Block, plan_memory, rounded


def plan(text):
    """Lines 'name bytes first last' → the plan, as lines 'name offset' and the arena's size."""
    blocks = [Block(name, *map(int, numbers)) for name, *numbers in map(str.split, text.split("\n"))]
    made = plan_memory(blocks)
    return [f"{block.name} {made.offsets[block.name]}" for block in blocks] + [f"arena {made.arena_bytes}"]


def test_a_chain_needs_the_two_largest_neighbours():
    assert plan("a 1000 0 1\nb 640 1 2\nc 2000 2 3") == ["a 0", "b 2048", "c 0", "arena 2688"]


def test_blocks_of_one_phase_do_not_share():
    assert plan("a 64 0 0\nb 64 0 0") == ["a 0", "b 64", "arena 128"]


def test_empty_blocks_have_addresses_of_their_own():
    assert plan("a 0 0 1\nb 0 0 1") == ["a 0", "b 64", "arena 128"]


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 20), st.integers(0, 6)), max_size=25))
def test_living_blocks_never_overlap(items):
    blocks = [Block(str(i), size, first, first + span) for i, (size, first, span) in enumerate(items)]
    made = plan_memory(blocks)
    assert made.arena_bytes >= made.lower_bound
    for i, a in enumerate(blocks):
        assert made.offsets[a.name] + rounded(a.bytes) <= made.arena_bytes
        for b in blocks[:i]:
            low, high = sorted((made.offsets[a.name], made.offsets[b.name]))
            first = a if made.offsets[a.name] == low else b
            assert (a.first > b.last or b.first > a.last) or low + rounded(first.bytes) <= high
