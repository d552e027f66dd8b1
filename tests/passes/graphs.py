"""Graphs that tests of several passes begin with."""

DENSE_IN_A_LOOP = """
    %x: f32[5,2,8]    %w: f32[6,8]
    %y = _scan(%x, %w) count=5 slices=1 states=0 constants=1 {
        %x0: f32[2,8]    %c0: f32[6,8]
        %a: f32[2,6] = FullyConnected(%x0, %c0) num_hidden=6 no_bias=True
        heads %a
    }
    heads %y
"""
