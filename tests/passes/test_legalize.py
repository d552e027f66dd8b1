"""Rewriting into other operators."""

from symc.passes.legalize import Legalize

TEXT = "%x: f32[2,4,5]    %w: f32[3,20]\n%y = FullyConnected(%x, %w) num_hidden=3 no_bias=True\nheads %y"


def test_rewrites_until_nothing_is_left(check):
    check(Legalize(), TEXT, """
        %y/reshape1 = _reshape(%x) shape=(2,20)  # from y
        %y = FullyConnected(%y/reshape1, %w) num_hidden=3 no_bias=True
        heads %y
    """)


def test_keeps_operators_with_a_gradient(check, unchanged):
    check(Legalize(keep_differentiable=True), TEXT, unchanged)


def test_legal_graph(check, unchanged):
    check(Legalize(), "%x: f32[2,4]\n%y = relu(%x)\nheads %y", unchanged)


def test_what_reads_no_element_is_a_constant(check):
    check(Legalize(), "%x: f32[0,5,2]\n%y = sum(%x)\n%z = prod(%x) axis=(0,2)\nheads %y, %z", """
        %y/const1 = const [0.0]
        %z/const1 = const [1.0, 1.0, 1.0, 1.0, 1.0]
        heads %y/const1, %z/const1
    """)
