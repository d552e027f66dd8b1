"""What depends on constants alone."""

import numpy as np

from symc.interpreter import run
from symc.passes.fold_constants import FoldConstants, independent


def test_chain_becomes_one_constant(check):
    check(FoldConstants(), """
        %x: f32[2]
        %c: f32[2] = const [-1.0, 2.0]
        %a = relu(%c)
        %b = _mul_scalar(%a) scalar=3.0
        %y = elemwise_add(%x, %b)
        heads %y, %a
    """, """
        %b: f32[2] = const [0.0, 6.0]  # from c, a, b
        %y = elemwise_add(%x, %b)
        %a: f32[2] = const [0.0, 2.0]  # from c, a
        heads %y, %a
    """)


def test_nothing_constant(check, unchanged):
    check(FoldConstants(), "%x: f32[2]\n%c: f32[2] = const [1.0, 2.0]\n%y = elemwise_add(%x, %c)\nheads %y, %c",
          unchanged)


def test_large_broadcast_stays_but_what_it_reads_is_folded(check):
    check(FoldConstants(), """
        %x: f32[10000,3]
        %c: f32[1,3] = const [1.0, 2.0, 3.0]
        %a = relu(%c)
        %b = broadcast_to(%a) shape=(10000,3)
        %y = elemwise_add(%x, %b)
        heads %y
    """, """
        %a: f32[1,3] = const [[1.0, 2.0, 3.0]]  # from c, a
        %b = broadcast_to(%a) shape=(10000,3)
        %y = elemwise_add(%x, %b)
        heads %y
    """)


def test_large_intermediate_of_a_small_value(check):
    check(FoldConstants(), "%a = _ones() shape=(300,300)\n%y = sum(%a)\nheads %y",
          "%y: f32[1] = const [90000.0]  # from a, y\nheads %y")


def test_large_weights_are_folded(graph):
    g = graph("%w: f32[100,1000] = const\n%y = _mul_scalar(%w) scalar=2.0\nheads %y")
    folded = FoldConstants()(g)
    assert [node.name for node in folded.nodes] == ["y"]
    np.testing.assert_array_equal(folded.nodes[0].value, run(g, {}).heads[0])


def test_one_of_several_outputs(check):
    check(FoldConstants(), """
        %x: f32[1]
        %c: f32[2] = const [1.0, 2.0]
        %s = SliceChannel(%c) num_outputs=2 axis=0
        %y = elemwise_add(%x, %s#1)
        heads %y
    """, "%s.1: f32[1] = const [2.0]  # from c, s\n%y = elemwise_add(%x, %s.1)\nheads %y")


def test_random_values_stay(check, unchanged):
    check(FoldConstants(), "%c: f32[1] = const [1.0]\n%a = test_noise(%c)\n%b = relu(%a)\nheads %b", unchanged)


def test_parts_have_no_operator_in_common(graph):
    found = graph("""
        %c: f32[2] = const [1.0, 2.0]
        %shared = relu(%c)
        %a = _mul_scalar(%shared) scalar=2.0
        %b = _mul_scalar(%c) scalar=3.0
        %d = elemwise_add(%shared, %c)
        heads %a, %b, %d
    """)
    a, b, d = found.heads
    assert independent(found.heads) == [[a, d], [b]]
