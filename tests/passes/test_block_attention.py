"""Attention becomes one operator, where it pays."""

import pytest

from symc.passes.block_attention import BlockAttention

HEADS = "%q: f32[6,20,8]    %k: f32[6,30,8]    %v: f32[6,30,9]    %m: f32[6,1,30]\n"


def test_all_between_the_products_is_taken(check):
    check(BlockAttention(), HEADS + """
        %p = batch_dot(%q, %k) transpose_b=True
        %s = _mul_scalar(%p) scalar=0.5
        %t = broadcast_add(%s, %m)
        %w = softmax(%t) temperature=2.0
        %y = batch_dot(%w, %v)
        heads %y""", """
        %y = _blocked_attention(%q, %k, %v, %m) axes=amnkv extents=(6,20,30,8,9) query=amk key=ank value=anv \
result=amv query_begin=(0,0,0) key_begin=(0,0,0) value_begin=(0,0,0) temperature=2.0 others=1 {
          %v0: f32[6,20,30] = _mul_scalar(%scores) scalar=0.5
          %v1: f32[6,20,30] = broadcast_add(%v0, %in3)
          heads %v1
        } {
          heads %query
        }
        heads %y""")


def test_heads_are_those_of_strided_products_and_keys_are_read_where_they_lie(check):
    check(BlockAttention(), """%q: f32[2,20,3,8]    %k: f32[2,30,3,8]    %v: f32[2,3,30,9]    %m: f32[2,1,1,30]
        %t = transpose(%k) axes=(0,2,1,3)
        %p = _strided_product(%q, %t) axes=abmnk extents=(2,3,20,30,8) left=ambk right=abnk result=abmn \
left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        %r = broadcast_add(%p, %m)
        %w = softmax(%r)
        %y = _strided_product(%w, %v) axes=abmnk extents=(2,3,20,9,30) left=abmk right=abkn result=ambn \
left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        heads %y""", """
        %y = _blocked_attention(%q, %k, %v, %m) axes=abmnkv extents=(2,3,20,30,8,9) query=ambk key=anbk value=abnv \
result=ambv query_begin=(0,0,0,0) key_begin=(0,0,0,0) value_begin=(0,0,0,0) others=1 {
          %v0: f32[2,3,20,30] = broadcast_add(%scores, %in3)
          heads %v0
        } {
          heads %query
        }
        heads %y""")


def test_queries_are_scaled_where_they_are_read_and_masks_may_come_behind_the_softmax(check):
    check(BlockAttention(), """%q: f32[2,20,3,8]    %k: f32[2,3,30,8]    %v: f32[2,3,30,9]    %m: f32[2,1,20,30]
        %t = transpose(%q) axes=(0,2,1,3)
        %u = _div_scalar(%t) scalar=3.0
        %r = broadcast_axis(%m) axis=(1,) size=(3,)
        %x = _reshape(%r) shape=(6,20,30)
        %p = _strided_product(%u, %k) axes=abmnk extents=(2,3,20,30,8) left=abmk right=abnk result=abmn \
left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        %z = _reshape(%p) shape=(6,20,30)
        %o = ones_like(%z)
        %n = where(%x, %z, %o)
        %w = softmax(%n)
        %f = elemwise_mul(%w, %x)
        %g = _reshape(%f) shape=(2,3,20,30)
        %y = _strided_product(%g, %v) axes=abmnk extents=(2,3,20,9,30) left=abmk right=abkn result=abmn \
left_begin=(0,0,0,0) right_begin=(0,0,0,0)
        heads %y""", """
        %y = _blocked_attention(%q, %k, %v, %m) axes=abmnkv extents=(2,3,20,30,8,9) query=ambk key=abnk value=abnv \
result=abmv query_begin=(0,0,0,0) key_begin=(0,0,0,0) value_begin=(0,0,0,0) others=1 {
          %v1 = ones_like(%scores)
          %v2 = where(%in3, %scores, %v1)
          heads %v2, %in3
        } {
          %v0 = _div_scalar(%query) scalar=3.0
          heads %v0
        }
        heads %y""")


def matrices(rows, keys, depth, element="f32", value="30,9"):
    return f"%q: {element}[6,{rows},{depth}]    %k: {element}[6,{keys},{depth}]    %v: {element}[6,{value}]\n"


@pytest.mark.parametrize("heads, softmax, product, end", [
    (matrices(7, 30, 8), "softmax(%p)", "batch_dot(%w, %v)", "%y"),                # few queries
    (matrices(20, 30, 300), "softmax(%p)", "batch_dot(%w, %v)", "%y"),             # deep
    (HEADS, "softmax(%p)", "batch_dot(%w, %v)", "%y, %p"),                         # scores and weights that are kept
    (HEADS, "softmax(%p)", "batch_dot(%w, %v)", "%y, %w"),
    (HEADS, "softmax(%p) axis=1", "batch_dot(%w, %v)", "%y"),
    (HEADS, "softmax(%p) temperature=-1.0", "batch_dot(%w, %v)", "%y"),
    (HEADS, "log_softmax(%p)", "batch_dot(%w, %v)", "%y"),
    (matrices(20, 30, 8, value="9,30"), "softmax(%p)", "batch_dot(%w, %v) transpose_b=True", "%y"),
    (matrices(20, 20, 8, value="20,9"), "softmax(%p)", "batch_dot(%w, %v) transpose_a=True", "%y"),
    (matrices(20, 30, 8, "f64"), "softmax(%p)", "batch_dot(%w, %v)", "%y"),
])
def test_what_stays(check, heads, softmax, product, end):
    body = f"""
        %p = batch_dot(%q, %k) transpose_b=True
        %w = {softmax}
        %y = {product}
        heads {end}"""
    check(BlockAttention(), heads + body, body)
