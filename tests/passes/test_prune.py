"""Choosing outputs."""

import pytest

from symc.errors import SymcError
from symc.passes.prune import select_outputs

TEXT = """
    %x: f32[2,4]
    %w: f32[3,4]    %b: f32[3]
    %fc = FullyConnected(%x, %w, %b) num_hidden=3
    %s = SliceChannel(%x) num_outputs=2
    %y = elemwise_add(%s, %s#1)
    %z = elemwise_add(%fc, %fc)
    heads %z, %y
"""


def choosing(*names):
    return lambda graph: select_outputs(graph, names)


def test_internal_outputs_in_the_order_asked_for(check):
    check(choosing("s_output1", "fc_output", "x"), TEXT, """
        %s = SliceChannel(%x) num_outputs=2
        %fc = FullyConnected(%x, %w, %b) num_hidden=3
        heads %s#1, %fc, %x
    """)


def test_nodes_stand_for_their_first_outputs(check):
    check(choosing("s", "fc"), TEXT, "...\nheads %s, %fc")


def test_what_is_not_needed_is_gone(graph):
    assert [node.name for node in select_outputs(graph(TEXT), ["y_output"]).nodes] == ["x", "s", "y"]


def test_its_own_heads(check, unchanged):
    check(choosing("z_output", "y_output"), TEXT, unchanged)


@pytest.mark.parametrize("name, hint", [("fc_outptu", "; did you mean 'fc_output'.?"),
                                        ("s_output", "; did you mean 's_output[01]'.?"), ("qqq", "")])
def test_unknown_output(graph, name, hint):
    with pytest.raises(SymcError, match=f"there is no output '{name}'{hint}\n  the outputs are z_output, y_output"):
        select_outputs(graph(TEXT), [name])
