"""Loops over slices."""

from __future__ import annotations

import numpy as np
import pytest

from symc.interpreter import run

RUNNING_SUM = """
    %x: f32[{count},2]    %s: f32[2]    %c: f32[2]
    %y = _scan(%x, %s, %c) count={count} slices=1 states=1 constants=1 reverse={reverse} {{
        %s0: f32[2]
        %x0: f32[2]
        %c0: f32[2]
        %t: f32[2] = elemwise_mul(%x0, %c0)
        %n: f32[2] = elemwise_add(%s0, %t)
        heads %s0, %n
    }}
    heads %y, %y#1
"""


@pytest.mark.parametrize("count", [0, 1, 4])
@pytest.mark.parametrize("reverse", [False, True])
def test_states_go_from_step_to_step(graph, count, reverse):
    x = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    s, c = np.float32([10, 20]), np.float32([2, 3])
    loop = graph(RUNNING_SUM.format(count=count, reverse=reverse))
    assert [str(t) for t in loop.nodes[-1].types] == [f"f32[{count},2]", "f32[2]"]
    before, last = run(loop, {"x": x, "s": s, "c": c}).heads
    terms = (x * c)[::-1] if reverse else x * c
    totals = np.concatenate([[s], s + np.cumsum(terms, 0)]).astype(np.float32)
    np.testing.assert_array_equal(before, totals[:-1][::-1] if reverse else totals[:-1])
    np.testing.assert_array_equal(last, totals[-1])
