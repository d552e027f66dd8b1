"""There are no sparse arrays, and it is said so."""

from typing import Any

import pytest

import symc as mx
from symc.errors import MXNetError

sparse = mx.nd.sparse


@pytest.mark.parametrize("call", [
    lambda: sparse.csr_matrix(([1], [0], [0, 1])), lambda: sparse.row_sparse_array(([[1]], [0]), shape=(2, 1)),
    lambda: sparse.zeros("csr", (2, 2)), lambda: mx.nd.zeros((2,), stype="row_sparse"), lambda: sparse.CSRNDArray(),
    lambda: mx.nd.ones((2,)).tostype("csr")])
def test_sparse_arrays_are_refused(call: Any) -> None:
    with pytest.raises(MXNetError, match="sparse|storage type"):
        call()


def test_dense_arrays_are_made() -> None:
    dense = sparse.zeros("default", (2, 2))
    assert dense.shape == (2, 2) and dense.tostype("default").stype == "default"
    assert not isinstance(dense, sparse.BaseSparseNDArray)
