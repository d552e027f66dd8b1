"""All values as heads."""

from __future__ import annotations

from symc.passes.watch_values import WatchValues


def test_copies_of_all_outputs_follow_the_heads(check):
    check(WatchValues(), """
        %x: f32[2,2]
        %s = SliceChannel(%x) num_outputs=2
        %y = relu(%s#1)
        heads %y
    """, """
        %s: (f32[2,1], f32[2,1]) = SliceChannel(%x) num_outputs=2
        %y: f32[2,1] = relu(%s#1)
        %s/watch/BlockGrad1: f32[2,1] = BlockGrad(%s)
        %s/watch/BlockGrad2: f32[2,1] = BlockGrad(%s#1)
        %y/watch/BlockGrad1: f32[2,1] = BlockGrad(%y)
        heads %y, %s/watch/BlockGrad1, %s/watch/BlockGrad2, %y/watch/BlockGrad1
    """)
