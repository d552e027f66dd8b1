"""Linear algebra: MXNet's recorded results, gradients and their gradients against differences, what is read of inputs.
"""

from __future__ import annotations

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import Operator, make, run_reference
from symc.ops.slots import Conflict
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.legalize import Legalize
from tests.conftest import parse
from tests.derivatives import check_derivative, check_second_derivative, distinct, gradient_of, node_of
from tests.derivatives import differences as quotients
from tests.golden import Case, differences, each_case
from tests.inference import shapes

FLAGS = (False, True)


def general(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def symmetric(*shape: int) -> np.ndarray:
    a = general(*shape)
    return a + a.swapaxes(-1, -2)


def definite(*shape: int) -> np.ndarray:
    a = general(*shape)
    return a @ a.swapaxes(-1, -2) + np.eye(shape[-1])


def triangular(*shape: int, lower: bool = True) -> np.ndarray:
    a = general(*shape) + 3 * np.eye(shape[-1])
    return np.tril(a) if lower else np.triu(a)


SOLVES = [make(f"_linalg_{name}", transpose=transpose, rightside=rightside, lower=lower, alpha=1.5)
          for name in ("trmm", "trsm") for transpose in FLAGS for rightside in FLAGS for lower in FLAGS]
CASES: list[tuple[Operator, tuple[np.ndarray, ...]]] = [
    *((op, (triangular(2, 3, 3), general(2, *((2, 3) if op.parameters()["rightside"] else (3, 2))))) for op in SOLVES),
    (make("_linalg_gemm", alpha=1.5, beta=-0.5, transpose_a=True), (general(2, 4, 3), general(2, 4, 2),
                                                                    general(2, 3, 2))),
    (make("_linalg_gemm", beta=0.0, axis=0), (general(3, 2, 4), general(4, 2, 2), general(3, 2, 2))),
    *((make("_linalg_syrk", transpose=transpose, alpha=1.5), (general(2, 3, 4),)) for transpose in FLAGS),
    *((make("_linalg_potri", lower=lower), (triangular(2, 3, 3, lower=lower),)) for lower in FLAGS),
    (make("_linalg_inverse"), (general(2, 3, 3),)),
    (make("_linalg_det"), (general(2, 3, 3),)),
    (make("_linalg_det"), (general(3, 3),)),
    (make("_linalg_slogdet"), (general(2, 1, 3, 3),)),
    (make("_linalg_sumlogdiag"), (definite(2, 3, 3),)),
    (make("_linalg_sumlogdiag"), (definite(3, 3),)),
    (make("_linalg_gelqf"), (general(2, 2, 4),)),
    (make("_linalg_gelqf"), (general(3, 3),)),
    *((make("_linalg_extractdiag", offset=offset), (general(2, 4, 4),)) for offset in (-2, 0, 3)),
    *((make("_linalg_makediag", offset=offset), (general(2, 3),)) for offset in (-2, 0, 1)),
    *((make(f"_linalg_{name}", offset=offset, lower=lower), (general(*shape),)) for offset in (-2, 0, 1)
      for lower in FLAGS for name, shape in (("extracttrian", (2, 4, 4)), ("maketrian", (2, 6)))),
]
IDS = [f"{i}-{op.name}" for i, (op, _) in enumerate(CASES)]


@each_case("linalg")
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize(("op", "inputs"), CASES, ids=IDS)
def test_gradient(op: Operator, inputs: tuple[np.ndarray, ...]) -> None:
    unread = op.name == "_linalg_gemm" and op.parameters()["beta"] == 0
    check_derivative(op, *inputs, wanted=range(len(inputs) - unread))


@pytest.mark.parametrize(("op", "inputs"), CASES, ids=IDS)
def test_what_an_operator_is_made_of(op: Operator, inputs: tuple[np.ndarray, ...]) -> None:
    lowered = Legalize()(Graph(node_of(op, inputs).outputs[:op.visible_count]))
    values = run(lowered, {f"x{i}": x for i, x in enumerate(inputs)}).heads
    for value, expected in zip(values, run_reference(op, inputs)[:op.visible_count], strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("op", "inputs"), CASES, ids=IDS)
def test_gradient_of_the_gradient(op: Operator, inputs: tuple[np.ndarray, ...]) -> None:
    check_second_derivative(op, *inputs)


@pytest.mark.parametrize("lower", FLAGS)
def test_gradient_of_cholesky(lower: bool) -> None:
    """Differences of both triangles at once: the gradient is that of symmetric matrices, shared between the two."""
    op = make("_linalg_potrf", lower=lower)
    a, weight = definite(2, 3, 3), general(2, 3, 3)
    check_symmetric_gradient(op, a, [weight])


def test_gradient_of_eigenvectors() -> None:
    check_symmetric_gradient(make("_linalg_syevd"), symmetric(2, 4, 4), [general(2, 4, 4), general(2, 4)])


def check_symmetric_gradient(op: Operator, a: np.ndarray, weights: list[np.ndarray]) -> None:
    """The gradient, made symmetric, is that of a function of symmetric matrices."""
    graph = Legalize(keep_differentiable=True)(Graph(node_of(op, [a]).outputs))
    graph = Differentiate((("x0", "write"),))(graph)
    heads = {HEAD_GRADIENT.format(i): w for i, w in enumerate(weights)}
    gradient = run(graph, {"x0": a} | heads).gradients["x0"]
    direction = symmetric(*a.shape)

    def weighted(step: float) -> float:
        outputs = run_reference(op, [a + step * direction])
        return sum(float((y * w).sum()) for y, w in zip(outputs, weights, strict=True))
    slope = (weighted(1e-6) - weighted(-1e-6)) / 2e-6
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("name", ["_linalg_potrf", "_linalg_syevd"])
def test_one_triangle_is_read(name: str) -> None:
    a = definite(2, 3, 3)
    for expected, value in zip(run_reference(make(name), [a]), run_reference(make(name), [np.tril(a)]), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_beta_of_zero_leaves_c_unread() -> None:
    nothing = np.full((2, 2), np.nan)
    (product,) = run_reference(make("_linalg_gemm", beta=0.0), [distinct(2, 3), distinct(3, 2), nothing])
    assert np.isfinite(product).all()


def test_inference() -> None:
    assert shapes("_linalg_trsm", [None, None], (2, 3, 4)) == [(2, 3, 3), (2, 3, 4), (2, 3, 4)]
    assert shapes("_linalg_trmm", [(3, None), (5, 3)], rightside=True) == [(3, 3), (5, 3), (5, 3)]
    assert shapes("_linalg_gelqf", [(2, 3, 4)]) == [(2, 3, 4), (2, 3, 4), (2, 3, 3)]
    assert shapes("_linalg_syevd", [(2, None, 3)]) == [(2, 3, 3), (2, 3, 3), (2, 3)]
    assert shapes("_linalg_det", [(3, 3)])[:2] == [(3, 3), (1,)]
    assert shapes("_linalg_extracttrian", [(5, 5)], offset=-2) == [(5, 5), (6,)]
    assert shapes("_linalg_maketrian", [(2, 6)], offset=1) == [(2, 6), (2, 4, 4)]
    for name, inputs in [("_linalg_potrf", [(3, 4)]), ("_linalg_gelqf", [(4, 3)]), ("_linalg_maketrian", [(5,)]),
                         ("_linalg_extractdiag", [(3, 4)]), ("_linalg_trsm", [(2, 2), (3, 2)])]:
        with pytest.raises(InferenceError):
            shapes(name, inputs)


@pytest.mark.parametrize("name", ["_linalg_potrf", "_linalg_det", "_linalg_syevd", "_linalg_extractdiag"])
def test_dtypes_are_those_of_lapack(name: str) -> None:
    with pytest.raises(Conflict, match="linear algebra takes float32 and float64"):
        node_of(make(name), [np.ones((2, 2), np.int32)])


@pytest.mark.parametrize("name", ["potrf", "syevd"])
def test_gradient_of_the_gradient_by_way_of_symmetric_matrices(name: str) -> None:
    """Of matrices A·Aᵀ, by A: the gradient of the gradient against differences of the gradient."""
    a = general(3, 3) + np.eye(3)
    graph = parse(f"""
        %x0: f64[3,3]
        %s = _linalg_syrk(%x0)
        %f = _linalg_{name}(%s)
        heads %f""")
    first = gradient_of(graph, "weight")
    values = {node.name: general(*node.types[0].dims) for node in first.variables} | {"x0": a}
    second = gradient_of(first, "ones")
    ones = {node.name: np.ones(node.types[0].dims) for node in second.variables if node.name.startswith("ones")}
    expected = quotients(lambda x: float(run(first, values | {"x0": x}).heads[0].sum()), a)
    np.testing.assert_allclose(run(second, values | ones).heads[0], expected, rtol=1e-4, atol=1e-5)
