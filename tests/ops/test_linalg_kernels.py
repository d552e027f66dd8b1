"""The kernels of linear algebra against the references, and against NumPy's LAPACK where matrices are larger."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from symc.ir.graph import Graph
from symc.ops.operator import Operator, make
from symc.passes.legalize import Legalize
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
