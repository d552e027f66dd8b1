"""Passes over the bodies of loops and branches."""

from __future__ import annotations

from symc.ir.text import print_graph
from symc.passes.base import run_passes
from symc.passes.hoist_invariants import HoistInvariants
from symc.passes.legalize import Legalize
from symc.passes.lower_control_flow import LowerControlFlow
from symc.passes.partition import parameter_variables
from symc.passes.prune_bodies import PruneBodies
from symc.passes.seed_random import SeedRandom

LOOP = """
    %x: f32[9,2,4]    %s: f32[2,3]    %w: f32[3,4]
    %y = _scan(%x, %s, %w) count=9 slices=1 states=1 constants=1 {
        %x0: f32[2,4]    %s0: f32[2,3]    %c0: f32[3,4]
        %e: f32[3,4] = exp(%c0)
        %a: f32[2,3] = FullyConnected(%x0, %e) num_hidden=3 no_bias=True
        %b: f32[2,3] = elemwise_add(%s0, %a)
        heads %a, %b
    }
"""


def test_invariants_leave_loops(graph):
    made = HoistInvariants()(graph(LOOP + "heads %y, %y#1"))
    assert [node.name for node in made.nodes if node.op] == ["y/e", "y"]
    assert "exp" not in print_graph(made.nodes[-1].op.body)


def test_what_nobody_reads_is_removed(graph):
    made = PruneBodies()(graph(LOOP + "heads %y"))
    loop = made.heads[0].node
    assert (loop.op.slices, loop.op.states, loop.op.constants, len(loop.types)) == (1, 0, 1, 1)
    assert [value.node.name for value in loop.inputs] == ["x", "w"]
    whole = graph(LOOP + "heads %y, %y#1")
    assert PruneBodies()(whole) is whole


def test_passes_enter_bodies(graph):
    made = run_passes(graph("""
        %x: f32[5,2,3,4]    %w: f32[6,12]
        %y = _scan(%x, %w) count=5 slices=1 states=0 constants=1 {
            %x0: f32[2,3,4]    %c0: f32[6,12]
            %a: f32[2,6] = FullyConnected(%x0, %c0) num_hidden=6 no_bias=True
            heads %a
        }
        heads %y"""), [Legalize()])
    assert "_reshape(%x0) shape=(2,12)" in print_graph(made)


def test_steps_draw_from_seeds_of_their_own(graph):
    made = SeedRandom()(graph("""
        %x: f32[5,4]
        %y = _scan(%x) count=5 slices=1 states=0 {
            %x0: f32[4]
            %d: (f32[4], f32[4]) = Dropout(%x0) p=0.5
            heads %d
        }
        heads %y"""))
    text = print_graph(made)
    assert "_step_seeds(%_seed) count=5" in text and "_dropout(%x0, %x1)" in text


FOREACH = """
    %x: f32[5,2,4]    %w: f32[3,4]    %s: f32[2,3]
    %y: (f32[5,2,3], f32[2,3]) = _foreach(%x, %s, %w) num_args=4 num_outputs=2 num_out_data=1 \
in_data_locs=(0,) in_state_locs=(2,) remain_locs=(1,) {
        %d
        %weight
        %f = FullyConnected(%d, %weight) num_hidden=3 no_bias=True
        %t
        %n = elemwise_add(%t, %f)
        heads %f, %n
    }
    heads %y, %y#1
"""


def test_mxnets_loops_become_loops_with_typed_bodies(graph):
    made = LowerControlFlow()(graph(FOREACH))
    (loop,) = [node for node in made.nodes if node.op]
    assert (loop.op.name, loop.op.count, loop.op.slices, loop.op.states, loop.op.constants) == ("_scan", 5, 1, 1, 1)
    assert {node.name: str(node.types[0]) for node in loop.op.body.variables} == {
        "x0": "f32[2,4]", "c0": "f32[3,4]", "s0": "f32[2,3]"}


def test_weights_are_told_from_data_inside_of_loops(graph):
    assert parameter_variables(graph(FOREACH)) == {"w"}
