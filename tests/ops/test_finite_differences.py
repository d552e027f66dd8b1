"""The gradient of every differentiable operator of the registry against finite differences, in float64."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from symc.interpreter import run
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.operator import operation
from symc.passes.base import run_passes
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize
from symc.passes.measure import gradient_inputs
from symc.passes.seed_random import SEED, SeedRandom
from tests.random_graphs.recipes import EXCLUDED
from tests.random_graphs.registry import Grower, blocks

DRAWS, WANTED = 40, 2       # attempts to draw an operator, and how many of them are checked
STEPS = {"float64": (1e-6, 1e-5), "float32": (1e-2, 2e-2)}   # of a head's dtype: the difference, and what it may err
AS_IS = "MXNet passes the gradient on as it is"
# operators whose gradient is not the derivative, by MXNet's definition, and why; loss heads are none of them either
NOT_THE_DERIVATIVE = {
    **dict.fromkeys(("_contrib_round_ste", "_contrib_sign_ste"), "straight through: the gradient of the identity"),
    "_contrib_gradientmultiplier": "the identity, whose gradient is multiplied",
    "IdentityAttachKLSparseReg": "the identity, whose gradient has that of a penalty added",
    "SoftmaxActivation": "MXNet's CPU build takes the gradient of a softmax along axis 1 in either mode",
    "_contrib_MultiBoxTarget": "targets are constants of a training step: zero",
    **dict.fromkeys(("_contrib_Proposal", "_contrib_MultiProposal"), "proposals are constants of training: zero"),
    "_contrib_box_nms": "the gradient of a row goes to the row it was chosen from, whatever the format",
    "_contrib_index_copy": "of a row that is written twice, all writers get the gradient",
    "scatter_nd": "of an element that is written twice, all writers get the gradient",
    "_mod_scalar": "that of the identity, also where the number is 0 and so the remainder",
    **dict.fromkeys(("_image_adjust_lighting", "_image_flip_left_right", "_image_flip_top_bottom",
                     "_image_random_brightness", "_image_random_color_jitter", "_image_random_contrast",
                     "_image_random_flip_left_right", "_image_random_flip_top_bottom", "_image_random_hue",
                     "_image_random_lighting", "_image_random_saturation"), AS_IS),
    **dict.fromkeys(("Custom", "_contrib_boolean_mask", "_foreach", "_while_loop", "_cond"), "has tests of its own"),
}
# only the first output takes a gradient, as in MXNet: not statistics, nor the state of a process
FIRST_OUTPUT = ("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU", "LayerNorm",
                "GroupNorm", "InstanceNorm", "_contrib_hawkesll")
SYMMETRIC = ("_linalg_potrf", "_linalg_syevd", "_linalg_potri")       # read one triangle of a symmetric matrix
WHOLE_NUMBERS = "cikno"     # kinds of variables at which operators may jump


def is_checked(name: str) -> bool:
    return name not in NOT_THE_DERIVATIVE and not blocks()[name].is_loss


def drawn(name: str) -> list[tuple[Node, dict[Value, np.ndarray]]]:
    """Nodes of this operator, of float64 where it takes that, and the values of their variables."""
    found = []
    for seed in range(DRAWS):
        grower = Grower(Random(seed), seed, [name], dtype=DType.float64, general="x")
        if grower.attempt(name):
            node = next(value.node for value in grower.arrays if value.node.op is not None)
            if inputs_to_check(node):
                found.append((node, grower.arrays))
        if len(found) == WANTED:
            break
    return found


def inputs_to_check(node: Node) -> list[str]:
    """The float64 variables to which the gradient gives something; none if outputs are no numbers to differentiate."""
    if not all(type.element.name in STEPS for type in node.types[:operation(node).visible_count]):
        return []
    reached = gradient_inputs(operation(node)) or frozenset()
    found = [node.inputs[i] for i in sorted(reached) if node.inputs[i].type.dtype is DType.float64]
    return list(dict.fromkeys(value.node.name for value in found if value.node.name[0] not in WHOLE_NUMBERS))


@pytest.mark.parametrize("name", list(filter(is_checked, blocks())))
def test_gradient(name: str) -> None:
    for node, arrays in drawn(name):
        check(node, {value.node.name: array for value, array in arrays.items() if value.node.is_variable})


def check(node: Node, values: dict[str, np.ndarray]) -> None:
    """The derivative of Σ outputs·weights along a random direction of each input."""
    heads = node.outputs[:1 if operation(node).name in FIRST_OUTPUT else operation(node).visible_count]
    graph = run_passes(Graph(heads), [SeedRandom(), Legalize(keep_differentiable=True)])
    draws = np.random.default_rng(7)
    values = values | {SEED: np.array([3])}
    weights = [draws.uniform(-1, 1, head.type.dims).astype(head.type.element.numpy) for head in heads]
    step, error = max(STEPS[head.type.element.name] for head in heads)

    def weighted(moved: dict[str, np.ndarray]) -> float:
        results = run(graph, values | moved).heads
        return sum(float((head * weight).sum(dtype=float)) for head, weight in zip(results, weights, strict=True))
    for name in inputs_to_check(node):
        given = {HEAD_GRADIENT.format(i): weight for i, weight in enumerate(weights)}
        gradient = run(Differentiate(((name, "write"),))(graph), values | given).gradients[name]
        direction = direction_of(draws, node, gradient.shape)
        ahead, behind = (weighted({name: values[name] + sign * step * direction}) for sign in (1, -1))
        found, slope = float((gradient * direction).sum()), (ahead - behind) / (2 * step)
        allowed = error * (1 + float(np.abs(gradient).sum()))
        assert abs(found - slope) <= allowed, f"{node.op} along {name}: {found}, by differences {slope}"


def direction_of(draws: np.random.Generator, node: Node, shape: tuple[int, ...]) -> np.ndarray:
    """Where to move an input: symmetric matrices stay so."""
    direction = draws.uniform(-1, 1, shape)
    return direction + np.swapaxes(direction, -1, -2) if operation(node).name in SYMMETRIC else direction


def test_the_tables_name_operators() -> None:
    assert not {*NOT_THE_DERIVATIVE, *FIRST_OUTPUT, *SYMMETRIC} - {*blocks(), *EXCLUDED}
