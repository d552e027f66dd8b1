"""What forward writes to its inputs."""

import numpy as np

from symc.interpreter import run
from symc.passes.base import run_passes
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import inference_pipeline

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
