"""Names of mx.nd.sparse besides its operators.  symc has dense arrays only: whatever would be sparse is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from symc.errors import MXNetError
from symc.runtime import ndarray
from symc.runtime.ndarray import NDArray

HINT = "symc has dense arrays only: make a dense one with nd.array, of scipy's matrices with nd.array(matrix.toarray())"


class BaseSparseNDArray(NDArray):
    """There are none; for isinstance tests."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise MXNetError(f"{type(self).__name__}: there are no sparse arrays", HINT)


class CSRNDArray(BaseSparseNDArray):
    """There are none; for isinstance tests."""


class RowSparseNDArray(BaseSparseNDArray):
    """There are none; for isinstance tests."""


def _refused(name: str) -> Callable[..., NoReturn]:
    def function(*_: Any, **__: Any) -> NoReturn:
        raise MXNetError(f"{name} makes a sparse array", HINT)
    function.__name__, function.__doc__ = name, "MXNetError: there are no sparse arrays."
    return function


def _dense(make: Callable[..., NDArray]) -> Callable[..., NDArray]:
    def function(stype: str, shape: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
        if stype != "default":
            raise MXNetError(f"{make.__name__} of storage type '{stype}' would be a sparse array", HINT)
        return make(shape, ctx, dtype)
    function.__name__, function.__doc__ = make.__name__, f"As nd.{make.__name__}, if `stype` is 'default'."
    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "BaseSparseNDArray": BaseSparseNDArray, "CSRNDArray": CSRNDArray, "RowSparseNDArray": RowSparseNDArray,
    "csr_matrix": _refused("csr_matrix"), "row_sparse_array": _refused("row_sparse_array"), "array": ndarray.array,
    "zeros": _dense(ndarray.zeros), "empty": _dense(ndarray.empty)}
