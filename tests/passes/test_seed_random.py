"""Random operators as functions of a seed."""

from dataclasses import replace

import numpy as np

import symc as mx
from symc.interpreter import run
from symc.passes.seed_random import NUMBER, NumberRandom, SeedRandom


def test_one_seed_for_all_and_a_salt_for_each(check):
    g = check(SeedRandom(), """
        %x: f32[4]
        %a = test_noise(%x)
        %b = test_noise(%a)
        %y = relu(%b)
        heads %y, %a
    """, """
        %a = test_seeded_noise(%x, %_seed) salt=0
        %b = test_seeded_noise(%a, %_seed) salt=1
        %y = relu(%b)
        heads %y, %a
    """)
    assert [str(node.types[0]) for node in g.variables if node.name == "_seed"] == ["i64[1]"]
    x = np.zeros(4, np.float32)
    first, again, other = (run(g, {"x": x, "_seed": np.array([seed])}).heads for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first[1] != other[1]).all() and (first[0] != first[1]).all()


def test_nodes_of_one_name_have_streams_of_their_own(graph):
    g = graph("%x: f32[4]\n%a = test_noise(%x)\n%b = test_noise(%x)\nheads %a, %b")
    alike = g.rewrite(lambda node: replace(node, name="noise").outputs if node.op else None)
    assert len({node.op.salt for node in SeedRandom()(alike).nodes if node.op}) == 2


def test_nothing_random(check, unchanged):
    check(SeedRandom(), "%x: f32[4]\n%y = relu(%x)\nheads %y", unchanged)


def test_numbers_stay_when_nodes_go(graph):
    """What inference leaves out does not change what the rest draws."""
    g = NumberRandom()(graph("%x: f32[4]\n%a = test_noise(%x)\n%b = test_noise(%a)\nheads %b"))
    assert [node.attrs[NUMBER] for node in g.nodes if node.op] == ["0", "1"]
    shorter = g.rewrite(lambda node: node.inputs if node.name == "a" else None)
    assert [node.op.salt for node in SeedRandom()(shorter).nodes if node.op] == [1]
    assert NumberRandom()(g) is g


def test_names_do_not_matter():
    x = mx.sym.var("x")
    drawn = []
    for _ in range(2):
        executor = (x + mx.sym.random.normal(shape=(3,)) + mx.sym.random.uniform(shape=(3,))).bind(
            mx.cpu(), {"x": mx.nd.zeros(3)})
        mx.random.seed(5)
        drawn.append(executor.forward()[0].asnumpy())
    np.testing.assert_array_equal(*drawn)
