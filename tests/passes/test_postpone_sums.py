"""Products that steps of a loop add up."""

import numpy as np

from symc.interpreter import run
from symc.passes.postpone_sums import PostponeSums
from symc.passes.prune_bodies import PruneBodies

LOOP = """
    %x: f32[9,2,3]    %z: f32[9,2,4]    %s: f32[3,4]
    %y = _scan(%x, %z, %s) count=9 slices=2 states=1 constants=0 reverse=True {
      %x0: f32[2,3]    %x1: f32[2,4]    %s0: f32[3,4]
      %t: f32[2,3] = tanh(%x0)
      %p: f32[3,4] = dot(%t, %x1) transpose_a=True
      %q: f32[3,4] = elemwise_add(%p, %s0)
      heads HEADS
    }
    heads %y
"""


def test_a_sum_of_products_is_one_product(graph):
    before = graph(LOOP.replace("HEADS", "%q"))
    after = PruneBodies()(PostponeSums()(before))
    assert [node.op.name for node in after.nodes if node.op] == ["_scan", "_reshape", "_reshape", "dot", "elemwise_add"]
    loop = next(node.op for node in after.nodes if node.op)
    assert (loop.states, loop.slices, [node.op.name for node in loop.body.nodes if node.op]) == (0, 1, ["tanh"])
    random = np.random.default_rng(0)
    values = {node.name: random.normal(size=node.types[0].dims).astype(np.float32) for node in before.variables}
    np.testing.assert_allclose(run(after, values).heads[0], run(before, values).heads[0], 1e-5, 1e-5)


def test_a_sum_that_steps_read_stays(graph):
    before = graph(LOOP.replace("HEADS", "%q, %q").replace("heads %y", "heads %y#1"))
    assert PostponeSums()(before) is before


def test_operands_that_all_steps_share_are_not_repeated(graph):
    text = LOOP.replace("HEADS", "%q").replace("%x, %z, %s", "%x, %s, %w").replace("%z: f32[9,2,4]", "%w: f32[2,4]")
    before = graph(text.replace("slices=2", "slices=1").replace("constants=0", "constants=1").replace("%x1", "%c0"))
    assert PostponeSums()(before) is before
