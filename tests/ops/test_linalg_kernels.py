"""The kernels of linear algebra against the references, and against NumPy's LAPACK where matrices are larger."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from symc import compiler, cpu
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import Operator, make
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize
from symc.runtime.memory import aligned_copy
from symc.runtime.ndarray import NDArray
from tests.derivatives import node_of
from tests.ops.test_linalg import CASES, IDS, definite, general, symmetric

SIZES = (1, 2, 5, 33)


def check(groups: SimpleNamespace, op: Operator, *inputs: np.ndarray, tolerance: float = 1e-9) -> None:
    """All outputs as the references have them, whatever the alignment and the split of the jobs."""
    lowered = Legalize()(Graph(node_of(op, inputs).outputs))
    given = {f"x{i}": x for i, x in enumerate(inputs)}
    groups.check(lowered, [given[node.name] for node in lowered.variables], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("op", "inputs"), CASES, ids=IDS)
def test_kernels(groups: SimpleNamespace, op: Operator, inputs: tuple[np.ndarray, ...]) -> None:
    check(groups, op, *inputs)


@pytest.mark.parametrize("extent", SIZES)
@pytest.mark.parametrize("name", ["_linalg_potrf", "_linalg_inverse", "_linalg_det", "_linalg_gelqf", "_linalg_syevd"])
def test_sizes(groups: SimpleNamespace, name: str, extent: int) -> None:
    make_input = {"_linalg_potrf": definite, "_linalg_syevd": symmetric}.get(name, general)
    check(groups, make(name), make_input(2, extent, extent), tolerance=1e-8)


@pytest.mark.parametrize("extent", [6, 40])
@pytest.mark.parametrize(("op", "make_input"), [
    (make("_linalg_potrf"), definite), (make("_linalg_potri"), definite), (make("_linalg_inverse"), general),
    (make("_linalg_slogdet"), general), (make("_linalg_gelqf"), general), (make("_linalg_syevd"), symmetric),
    (make("_linalg_trsm", rightside=True), definite)], ids=lambda value: getattr(value, "name", ""))
def test_networks_with_gradients(op: Operator, make_input: Callable[..., np.ndarray], extent: int) -> None:
    """As executors run them, fused and planned, against the interpreter."""
    inputs = [make_input(2, extent, extent) for _ in op.input_names()]
    graph = Graph(node_of(op, inputs).outputs[:op.visible_count])
    arguments = {f"x{i}": NDArray(aligned_copy(x)) for i, x in enumerate(inputs)}
    gradients = {name: NDArray(np.zeros_like(value.memory)) for name, value in arguments.items()}
    executor = compiler.bind(graph, cpu(), arguments, gradients, dict.fromkeys(arguments, "write"), {})
    outputs = executor.forward(is_train=True)
    heads = [general(*output.shape) for output in outputs]
    executor.backward([NDArray(aligned_copy(head)) for head in heads])
    given = {f"x{i}": x for i, x in enumerate(inputs)} | {HEAD_GRADIENT.format(i): h for i, h in enumerate(heads)}
    differentiated = Differentiate(tuple((name, "write") for name in arguments))(graph)
    results = run(differentiated, given)
    for output, expected in zip(outputs, results.heads, strict=True):
        np.testing.assert_allclose(output.memory, expected, rtol=1e-7, atol=1e-7)
    for name, expected in results.gradients.items():
        np.testing.assert_allclose(gradients[name].memory, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
