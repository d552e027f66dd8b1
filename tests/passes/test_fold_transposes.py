"""Stacked products read and write matrices as they lie."""

import pytest

from symc.passes.fold_transposes import FoldTransposes

HEADS = """%x: f32[2,5,3,4]    %y: f32[6,4,7]
%t = transpose(%x) axes=(0,2,1,3)
%a = _reshape(%t) shape=(6,5,4)
"""


def test_both_ends(check):
    check(FoldTransposes(), HEADS + """
        %p = batch_dot(%a, %y)
        %q = _reshape(%p) shape=(2,3,5,7)
        %z = transpose(%q) axes=(0,2,1,3)
        heads %z""", """
        %p/reshape1 = _reshape(%y) shape=(2,3,4,7)
        %z: f32[2,5,3,7] = _strided_product(%x, %p/reshape1) axes=abmnk extents=(2,3,5,7,4) left=ambk right=abkn \
result=ambn left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        heads %z""")


def test_the_second_operand_is_read_where_its_columns_lie_side_by_side(check):
    text = """%a: f32[6,7,5]    %x: f32[2,5,3,4]
        %t = transpose(%x) axes=(0,2,1,3)
        %b = _reshape(%t) shape=(6,5,4)
        %p = batch_dot(%a, %b)
        heads %p"""
    check(FoldTransposes(), text, """
        %p/reshape1 = _reshape(%a) shape=(2,3,7,5)
        %p/strided_product2 = _strided_product(%p/reshape1, %x) axes=abmnk extents=(2,3,7,4,5) left=abmk right=akbn \
result=abmn left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        %p = _reshape(%p/strided_product2) shape=(6,7,4)
        heads %p""")


def test_else_its_transpose_stays(check):
    check(FoldTransposes(), """%a: f32[6,7,4]    %x: f32[2,5,3,4]
        %t = transpose(%x) axes=(0,2,1,3)
        %b = _reshape(%t) shape=(6,5,4)
        %p = batch_dot(%a, %b) transpose_b=True
        heads %p""", """
        %p/reshape1 = _reshape(%a) shape=(2,3,7,4)
        %t = transpose(%x) axes=(0,2,1,3)
        %p/strided_product2 = _strided_product(%p/reshape1, %t) axes=abmnk extents=(2,3,7,5,4) left=abmk right=abnk \
result=abmn left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        %p = _reshape(%p/strided_product2) shape=(6,7,5)
        heads %p""")


def test_rows_far_apart_stay_transposed(check):
    check(FoldTransposes(), """%a: f32[200,7,5]    %x: f32[1,5,200,8]
        %t = transpose(%x) axes=(0,2,1,3)
        %b = _reshape(%t) shape=(200,5,8)
        %p = batch_dot(%a, %b)
        heads %p""", """
        %t = transpose(%x) axes=(0,2,1,3)
        %p = _strided_product(%a, %t) axes=amnk extents=(200,7,8,5) left=amk right=.akn result=amn \
left_begin=(0,0,0) right_begin=(0,0,0,0)
        heads %p""")


def test_slices_become_offsets(check):
    check(FoldTransposes(), """%x: f32[5,2,36]    %b: f32[6,4,7]
        %v = _reshape(%x) shape=(5,2,3,3,4)
        %s = slice(%v) begin=(None,None,None,1,None) end=(None,None,None,2,None)
        %q = _reshape(%s) shape=(5,2,3,4)
        %t = transpose(%q) axes=(1,2,0,3)
        %a = _reshape(%t) shape=(6,5,4)
        %p = batch_dot(%a, %b)
        heads %p""", """
        %v = _reshape(%x) shape=(5,2,3,3,4)
        %p/reshape1 = _reshape(%b) shape=(2,3,4,7)
        %p/strided_product2 = _strided_product(%v, %p/reshape1) axes=abmnk extents=(2,3,5,7,4) left=mab.k right=abkn \
result=abmn left_begin=(0,0,0,1,0) right_begin=(0,0,0,0)
        %p = _reshape(%p/strided_product2) shape=(6,5,7)
        heads %p""")


@pytest.mark.parametrize("lines", [
    "%p = batch_dot(%x, %y)\n%z = transpose(%p) axes=(0,2,1)\nheads %z",                        # columns would part
    "%p = batch_dot(%x, %y)\n%z = transpose(%p) axes=(1,0,2)\nheads %z, %p",                    # another reads it
    "%v = _reshape(%t) shape=(6,2,10)\n%p = batch_dot(%v, %u)\nheads %p",                     # the view cuts matrices
    "%p = batch_dot(%x, %y)\n%q = relu(%p)\n%z = transpose(%q) axes=(1,0,2)\nheads %z",
])
def test_left_alone(check, unchanged, lines):
    check(FoldTransposes(), "%x: f32[6,5,4]    %y: f32[6,4,7]    %w: f32[5,6,4]    %u: f32[6,10,3]\n"
          "%t = transpose(%w) axes=(1,0,2)\n" * ("%t" in lines) + lines if "%t" in lines else
          "%x: f32[6,5,4]    %y: f32[6,4,7]\n" + lines, unchanged)
