"""Networks' gradients written out: what they compute, what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from symc.errors import InferenceError, UnsupportedOperatorError
from symc.interpreter import run
from symc.passes.expand_gradients import ExpandGradients
from symc.passes.gradient import Differentiate
from symc.passes.inference_heads import UseInferenceForms

TRAINING, INFERENCE = ExpandGradients(training=True), ExpandGradients(training=False)
X = np.array([0.5, -1, 2], np.float32)


def test_head_gradients_are_ones(check):
    check(TRAINING, """
        %x: f32[3]
        %g = _gradient(%x) wrt=(0,) {
          %x: f32[3]
          %y = sin(%x)
          heads %y
        }
        heads %g
    """, """
        %g/ones1: f32[3] = _ones() shape=(3,)
        %y/backward/backward_sin1: f32[3] = _backward_sin(%x, %g/ones1)
        heads %y/backward/backward_sin1
    """)


def test_inputs_have_other_names_and_types_follow(graph):
    g = graph("%a: f32[3]\n%g = _gradient(%a) wrt=(0,) {\n%x: ?[*]\n%y = square(%x)\nheads %y\n}\nheads %g")
    assert g.heads[0].type.dims == (3,)
    np.testing.assert_array_equal(run(TRAINING(g), {"a": X}).heads[0], 2 * X)


def test_gradients_inside_gradients(graph):
    text = "%x: f32[3]\n%g = _gradient(%x) wrt=(0,) {\n%x: f32[3]\n{}\n}\nheads %g"
    cube = "%s = square(%x)\n%y = elemwise_mul(%s, %x)\nheads %y"
    inner = text.replace("{}", cube).split("\n", 1)[1]
    g = TRAINING(graph(text.replace("{}", inner)))
    np.testing.assert_allclose(run(g, {"x": X}).heads[0], 6 * X)


LOSS = ("%x: f32[2,3]\n%label: f32[2]\n%p = SoftmaxOutput(%x, %label)\n%g = _gradient(%x, %label) wrt=(0,) {\n"
        "%x: f32[2,3]\n%label: f32[2]\n%p = SoftmaxOutput(%x, %label)\nheads %p\n}\n")


def test_losses_push_their_own_gradient_and_are_none_outside(graph):
    values = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "label": np.array([0, 2], np.float32)}
    g = TRAINING(graph(LOSS + "heads %g, %p"))
    probabilities, gradient = (run(g, values).heads[i] for i in (1, 0))
    np.testing.assert_allclose(gradient, probabilities - np.eye(3)[[0, 2]], rtol=1e-6)
    assert sum(node.op is not None and node.op.name == "SoftmaxOutput" for node in g.nodes) == 1


def test_gradients_of_losses_have_none(graph):
    with pytest.raises(UnsupportedOperatorError, match="_backward_softmax_output has no gradient"):
        Differentiate((("x", "write"),))(TRAINING(graph(LOSS + "heads %g")))


DROPOUT = ("%x: f32[64]\n%d = Dropout(%x) p=0.5\n%g = _gradient(%x) wrt=(0,) {\n"
           "%x: f32[64]\n%d = Dropout(%x) p=0.5\nheads %d\n}\nheads %d, %g")


def test_random_operators_draw_the_same_inside_and_outside(graph):
    from symc.passes.seed_random import SeedRandom

    g = SeedRandom()(TRAINING(graph(DROPOUT)))
    assert [node.name for node in g.variables] == ["x", "_seed"]
    value, gradient = run(g, {"x": np.ones(64, np.float32), "_seed": np.array([3])}).heads
    np.testing.assert_array_equal(value, gradient)


def test_inference_differentiates_the_forms_of_inference(graph):
    g = UseInferenceForms()(INFERENCE(graph(DROPOUT)))
    np.testing.assert_array_equal(run(g, {"x": np.ones(64, np.float32)}).heads[1], np.ones(64))


def test_a_scalar_and_what_nothing_reaches(graph):
    g = graph("%x, %w: f32[3]\n%g = _gradient(%x, %w) wrt=(0,1) {\n%x, %w: f32[3]\n%s = sum(%x)\n%y = BlockGrad(%w)\n"
              "heads %s, %y\n}\nheads %g, %g#1")
    dx, dw = run(TRAINING(g), {"x": X, "w": X}).heads
    np.testing.assert_array_equal(dx, np.ones(3))
    np.testing.assert_array_equal(dw, np.zeros(3))


def test_contradictions_name_the_node_inside(graph):
    with pytest.raises(InferenceError, match="node 'y'"):
        graph("%a: f32[3]\n%b: f32[4]\n%g = _gradient(%a, %b) wrt=(0,) {\n%x, %z: ?[*]\n%y = elemwise_mul(%x, %z)\n"
              "heads %y\n}\nheads %g")
