"""What forward writes to its inputs."""

import numpy as np

import symc
from symc.bound import bind
from symc.interpreter import run
from symc.passes.base import run_passes
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import inference_pipeline
from tests.conftest import parse

TEXT = """
    %x: f32[2,3]    %gamma, %beta, %mean, %var: f32[3]
    %y = BatchNorm(%x, %gamma, %beta, %mean, %var) fix_gamma={}
    heads %y
"""


def test_fixed_gamma_becomes_one(check, graph):
    g = check(OverwriteInputs(), TEXT.format(True).replace("fix_gamma=True", ""), """
        %y = BatchNorm(%x, %gamma, %beta, %mean, %var)
        %y/overwrite/ones1 = _ones() shape=(3,)  # from y
        heads %y
        update forward %gamma = %y/overwrite/ones1
    """)
    for result in (g, run_passes(g, inference_pipeline())):
        inputs = {node.name: np.full(node.types[0].dims, 2, np.float32)
                  for node in (*result.variables, *result.unread_variables)}
        np.testing.assert_array_equal(run(result, inputs).updates["gamma"], [1, 1, 1])


def test_free_gamma_is_left_alone(check, unchanged):
    check(OverwriteInputs(), TEXT.format(False), unchanged)


def test_constants_are_left_alone(check, unchanged):
    constants = "%gamma: f32[3] = const    %beta, %mean, %var: f32[3]"
    check(OverwriteInputs(), TEXT.format(True).replace("%gamma, %beta, %mean, %var: f32[3]", constants), unchanged)


STATES = "%w, %g, %m: f32[3]\n{}\nheads {}"
FIRST, SECOND = (f"%{made} = sgd_mom_update(%{of}, %g, %m) lr=0.1 momentum=0.5" for made, of in ("aw", "ba"))


def test_nodes_read_the_states_that_nodes_before_them_have_written(check):
    check(OverwriteInputs(), STATES.format("%before = negative(%m)\n" + FIRST + "\n%after = negative(%m)\n" + SECOND,
                                           "%before, %a, %after, %b, %m"), """
        %before = negative(%m)
        %a = sgd_mom_update(%w, %g, %m) lr=0.1 momentum=0.5
        %after = negative(%a#1)
        %b = sgd_mom_update(%a, %g, %a#1) lr=0.1 momentum=0.5
        heads %before, %a, %after, %b, %b#1
        update forward %m = %b#1
    """)


def test_an_executor_keeps_that_order():
    """MXNet: the second step begins with the momentum of the first."""
    text = STATES.format(FIRST + "\n" + SECOND, "%a, %b, %m")
    arrays = {name: symc.nd.array([value] * 3) for name, value in (("w", 1), ("g", 2), ("m", 4))}
    bound = bind(parse(text), symc.cpu(), {name: arrays[name] for name in "wg"}, {}, {}, {"m": arrays["m"]})
    outputs = bound.forward()
    first, second = 4 * 0.5 - 0.1 * 2, (4 * 0.5 - 0.1 * 2) * 0.5 - 0.1 * 2
    expected = 1 + first, 1 + first + second, second
    np.testing.assert_allclose([output.asnumpy()[0] for output in outputs], expected, rtol=1e-6)
    np.testing.assert_allclose(arrays["m"].asnumpy(), [second] * 3, rtol=1e-6)
