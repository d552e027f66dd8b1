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


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 0)])
@pytest.mark.parametrize("name", ["potrf", "potri", "inverse", "det", "slogdet", "gelqf", "syevd"])
def test_empty_stacks_and_empty_matrices(name: str, shape: tuple[int, ...]) -> None:
    op, empty = make(f"_linalg_{name}"), np.zeros(shape)
    graph = Graph(node_of(op, [empty]).outputs[:op.visible_count])
    outputs = compiler.bind(graph, cpu(), {"x0": NDArray(empty)}, {}, {}, {}).forward()
    for output, expected in zip(outputs, run(graph, {"x0": empty}).heads, strict=True):
        np.testing.assert_array_equal(output.memory, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["gelqf", "syevd", "inverse", "slogdet"])
def test_nan_stays_in_its_matrix_and_ends(groups: SimpleNamespace, name: str, bad: float) -> None:
    a = symmetric(2, 9, 9)
    a[0, 8, 0] = a[0, 0, 8] = bad
    lowered = Legalize()(Graph(node_of(make(f"_linalg_{name}"), [a]).outputs))
    outputs = groups.compile(lowered)(a)
    alone = groups.compile(lowered)(np.stack([a[1], a[1]]))
    for output, expected in zip(outputs, alone, strict=True):
        np.testing.assert_array_equal(output[1], expected[1])
    if name == "syevd":
        assert np.isnan(outputs[0][0]).all() and np.isnan(outputs[1][0]).all()


@pytest.mark.parametrize("values", [np.repeat([1.0, 3.0], 10), np.logspace(0, -12, 20), np.zeros(20),
                                    np.full(20, 1e-300), np.linspace(-1e200, 1e200, 20)])
def test_eigenvalues_equal_or_far_apart(groups: SimpleNamespace, values: np.ndarray) -> None:
    basis, _ = np.linalg.qr(general(20, 20))
    a = (basis * values) @ basis.T
    vectors, found, _ = groups.compile(Graph(node_of(make("_symmetric_eigen"), [a[None]]).outputs))(a[None])
    size = max(np.abs(values).max(), 1e-300)
    np.testing.assert_allclose(found[0] / size, np.sort(values) / size, atol=1e-14)
    np.testing.assert_allclose(vectors[0] @ vectors[0].T, np.eye(20), atol=1e-13)
    np.testing.assert_allclose((vectors[0].T * (found[0] / size)) @ vectors[0], a / size, atol=1e-13)
