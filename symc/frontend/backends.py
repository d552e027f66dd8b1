"""MXNet's back ends (`Symbol.optimize_for`, `get_backend_symbol`): their names are known, their work is the compiler's.

In MXNet a back end takes parts of a graph out into subgraph operators of its own.  symc compiles every graph whole
when it is bound, so the symbol for each of them is the symbol itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symc.errors import MXNetError, did_you_mean
from symc.frontend.binding import given_arrays
from symc.frontend.symbol_infer import read_dtype
from symc.ir.types import DType, PartialShape
from symc.ops.inference import infer
from symc.runtime.context import Context, current_context

if TYPE_CHECKING:
    from symc.frontend.symbol import Symbol

# What MXNet 1.9.1 registers on CPUs and GPUs, and 'default'.
BACKENDS = ("default", "default_v2", "MKLDNN", "MKLDNN_QUANTIZE", "ONEDNN", "ONEDNN_QUANTIZE", "TensorRT",
            "StaticAlloc", "EliminateCommonExpr")
STORAGE = ("default", "row_sparse", "csr")


@dataclass(frozen=True)
class Known:
    """What the user says of the variables, by name, as `Symbol.optimize_for` takes it."""

    args: Any
    aux: Any
    ctx: Any
    shapes: Mapping[str, Sequence[int]]
    dtypes: Mapping[str, Any]
    storage: Mapping[str, str]


def check(backend: str) -> None:
    """TypeError: `backend` is no string.  MXNetError: MXNet has no back end of the name."""
    if not isinstance(backend, str):
        raise TypeError(f"backend: expected a name, found {backend!r}")
    if backend not in BACKENDS:
        raise MXNetError(f"there is no back end {backend!r}{did_you_mean(backend, BACKENDS, '; ')}",
                         f"symc compiles all of a graph itself and takes these names: {', '.join(BACKENDS)}")


def optimized(symbol: Symbol, backend: str, known: Known, skip_infer: bool) -> Symbol:
    """See `Symbol.optimize_for`."""
    check(backend)
    shapes, dtypes = _facts(symbol, known)
    if not skip_infer:
        infer(symbol.graph, shapes, dtypes)     # raises InferenceError
    return symbol.__copy__()


def _facts(symbol: Symbol, known: Known) -> tuple[dict[str, PartialShape | None], dict[str, DType]]:
    """Shapes and types by name: those of arrays first.  TypeError, ValueError: something is of another type."""
    if not isinstance(known.ctx or current_context(), Context):
        raise TypeError(f"ctx: expected symc.cpu(), found {known.ctx!r}")
    for name, shape in known.shapes.items():
        if not isinstance(shape, tuple | list):
            raise ValueError(f"shape_dict: '{name}': {shape!r} has to be a tuple or list")
    for name, storage in known.storage.items():
        if storage not in STORAGE:
            raise ValueError(f"stype_dict: '{name}': {storage!r} is none of {', '.join(STORAGE)}")
    arrays = {**_arrays("args", known.args, symbol.list_arguments()),
              **_arrays("aux", known.aux, symbol.list_auxiliary_states())}
    shapes: dict[str, PartialShape | None] = {name: tuple(extent or None for extent in shape)
                                              for name, shape in known.shapes.items()}
    dtypes = {name: read_dtype(dtype) for name, dtype in known.dtypes.items()}
    return ({**shapes, **{name: tuple(array.shape) for name, array in arrays.items()}},
            {**dtypes, **{name: read_dtype(array.dtype) for name, array in arrays.items()}})


def _arrays(what: str, given: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise TypeError(f"{what}: expected NDArrays by name, found {type(given)}")
    return dict(given_arrays(what, given, names))
