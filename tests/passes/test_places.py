"""Where nodes are computed, as MXNet places them."""

import pytest

from symc.errors import MXNetError
from symc.passes.places import inherited, places_of

GROUPS = {"first": 1, "second": 2}


def places(graph, text, groups=GROUPS, **arrays):
    return {node.name: place for node, place in places_of(graph(text), groups, arrays, 0).items()}


def test_groups_arrays_and_first_inputs(graph):
    found = places(graph, """
        %x: f32[4]    %u: f32[4]    %w: f32[4]
        %a = relu(%x) {__ctx_group__="first"}
        %b = exp(%a)
        %c = elemwise_add(%u, %b)
        %d = elemwise_mul(%w, %c)
        heads %d
    """, u=3, w=1)
    assert found == {"x": 0, "a": 1, "b": 1, "u": 3, "c": 3, "w": 1, "d": 1}


def test_what_has_no_inputs_is_where_it_is_read(graph):
    found = places(graph, """
        %z = _zeros() shape=(4,)
        %o = _ones() shape=(4,)
        %a = elemwise_add(%z, %z) {__ctx_group__="second"}
        heads %a, %o
    """)
    assert found == {"z": 2, "a": 2, "o": 0}


def test_without_groups_all_is_in_one_place(graph):
    assert places(graph, '%x: f32[4]\n%a = relu(%x) {__ctx_group__="first"}\nheads %a', {}, x=3) == {"x": 0, "a": 0}


def test_groups_without_a_context(graph):
    with pytest.raises(MXNetError, match="group 'secnd' of 'a' and 1 other node; did you mean 'second'") as found:
        places(graph, """
            %x: f32[4]
            %a = relu(%x) {__ctx_group__="secnd"}
            %b = exp(%a) {__ctx_group__="secnd"}
            %c = exp(%b) {__ctx_group__="other"}
            heads %c
        """)
    assert "group 'other' of 'c'" in found.value.message and "give one to each ctx_group" in found.value.hint


def test_what_passes_make_follows_its_sources(graph):
    before = graph("%x: f32[4]\n%a = relu(%x)\n%b = exp(%a)\nheads %b")
    made = inherited(graph("""
        %x: f32[4]    %dy: f32[4]
        %new = relu(%x)  # from a
        %plain = sin(%new)
        %alone = cos(%dy)
        heads %plain
        gradient %x = %alone
    """), {node: place for place, node in enumerate(before.nodes)}, 9)
    assert {node.name: place for node, place in made.items()} == {"x": 0, "dy": 9, "new": 1, "plain": 1, "alone": 9}
