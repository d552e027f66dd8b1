"""Views go behind what is elementwise."""

import pytest

from symc.passes.delay_views import DelayViews, broadcast_in

DENSE = """%x: f32[6,4]    %w: f32[8,4]    %y: f32[2,3,8]    %b: f32[1,1,8]    %m: f32[2,1,8]
%h: f32[5,16]    %q: f32[2,3,8]
%f = FullyConnected(%x, %w) num_hidden=8 no_bias=True
%r = _reshape(%f) shape=(2,3,8)
"""
MADE = "%f = FullyConnected(%x, %w) num_hidden=8 no_bias=True\n"


def test_a_chain_moves_to_its_producer_with_its_operands(check):
    check(DelayViews(), DENSE + """
        %s = elemwise_add(%r, %y)
        %t = broadcast_add(%s, %b)
        %u = relu(%t)
        heads %u""", MADE + """
        %s/reshape1 = _reshape(%y) shape=(6,8)
        %s = elemwise_add(%f, %s/reshape1)
        %t/reshape1 = _reshape(%b) shape=(1,8)
        %t = broadcast_add(%s, %t/reshape1)
        %u = relu(%t)
        %u/reshape1 = _reshape(%u) shape=(2,3,8)
        heads %u/reshape1""")


def test_views_meet(check):
    check(DelayViews(), DENSE + """
        %s = relu(%r)
        %v = _reshape(%s) shape=(3,16)
        %g = FullyConnected(%v, %h) num_hidden=5 no_bias=True
        heads %g""", MADE + """
        %s = relu(%f)
        %v = _reshape(%s) shape=(3,16)
        %g = FullyConnected(%v, %h) num_hidden=5 no_bias=True
        heads %g""")


def test_a_reader_of_the_view_keeps_it(check):
    check(DelayViews(), DENSE + """
        %s = tanh(%r)
        %t = transpose(%r) axes=(1,0,2)
        heads %s, %t""", MADE + """
        %s = tanh(%f)
        %s/reshape1 = _reshape(%s) shape=(2,3,8)
        %r = _reshape(%f) shape=(2,3,8)
        %t = transpose(%r) axes=(1,0,2)
        heads %s/reshape1, %t""")


@pytest.mark.parametrize("lines", [
    DENSE + "%s = broadcast_add(%r, %m)\nheads %s",                   # repeated within a dimension of 6
    "%x: f32[2,3,8]\n%r = _reshape(%x) shape=(6,8)\n%s = relu(%r)\nheads %s",                    # nothing to join
    "%x: f32[1,8,4,4] %w: f32[8,8,1,1] %y: f32[1,8,16]\n"
    "%f = Convolution(%x, %w) kernel=(1,1) num_filter=8 no_bias=True\n"
    "%r = _reshape(%f) shape=(1,8,16)\n%s = elemwise_add(%r, %y)\nheads %s",                     # y is plain
    DENSE + "%s = broadcast_add(%b, %q)\n%t = slice_axis(%r) axis=2 begin=0 end=1\nheads %s, %t",
])
def test_left_alone(check, unchanged, lines):
    check(DelayViews(), lines, unchanged)


def test_updates_are_left_alone(check, unchanged):
    check(DelayViews(), DENSE + "%s = relu(%r)\nheads %f\nupdate forward %y = %s", unchanged)


def test_images_move_with_their_like(check):
    check(DelayViews(), """%x: f32[1,8,4,4]    %w: f32[8,8,1,1]
        %f = Convolution(%x, %w) kernel=(1,1) num_filter=8 no_bias=True
        %r = Flatten(%f)
        %s = relu(%r)
        heads %s""", """
        %f = Convolution(%x, %w) kernel=(1,1) num_filter=8 no_bias=True
        %s = relu(%f)
        %s/reshape1 = _reshape(%s) shape=(1,128)
        heads %s/reshape1""")


@pytest.mark.parametrize("operand, out, other, expected", [
    ((1, 1, 8), (2, 3, 8), (6, 8), (1, 8)),
    ((8,), (2, 3, 8), (6, 8), (1, 8)),
    ((), (2, 3, 8), (6, 8), (1, 1)),
    ((2, 3, 1), (2, 3, 8), (6, 8), (6, 1)),
    ((2, 1, 8), (2, 3, 8), (6, 8), None),
    ((2, 1, 8), (2, 6, 8), (2, 1, 2, 3, 8), (2, 1, 1, 1, 8)),
    ((1, 6, 1), (2, 6, 8), (2, 1, 2, 3, 8), (1, 1, 2, 3, 1)),
    ((1, 4), (6, 4), (4, 6), None),
    ((1, 1), (1, 1), (1,), (1,)),
])
def test_shapes_of_repeated_operands(operand, out, other, expected):
    assert broadcast_in(operand, out, other) == expected
