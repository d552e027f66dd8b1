"""What a proof that rows are computed apart claims, tried with the interpreter on data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.frontend.reader import parse_graph
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ir.types import DType
from symc.passes.any_batch import prove_rows
from symc.passes.batch_rows import BatchAxis
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.pipeline import typed

Arrays = Mapping[str, np.ndarray]


def claims(graph: Graph, arrays: Arrays, axes: Mapping[str, int],
           slabs: Sequence[int] = (1, 2)) -> tuple[dict[str, int], list[BatchAxis | None]] | None:
    """The axes of the inputs, and where the outputs have the batch; axes: of the arrays that have it, as far as they do
    not follow.  None: rows are not known to be computed apart."""
    def typed_for(size: int) -> Graph:
        shapes = {name: tuple(size if at == axes.get(name) else extent for at, extent in enumerate(array.shape))
                  for name, array in arrays.items()}
        return typed(graph, shapes, {name: DType.of(array.dtype) for name, array in arrays.items()})
    try:
        inputs, outputs = prove_rows(typed_for, axes, "N", slabs)
    except SymcError:
        return None
    return {**axes, **{name: batch.axis for name, batch in inputs.items()}}, outputs


def network_of(case: dict[str, Any]) -> tuple[Graph, dict[str, np.ndarray]]:
    """The graph of a recorded case as it was read, and what it was given."""
    graph = parse_graph(json.dumps(case["symbol"]))
    names = {node.name for node in graph.variables}
    given = {key.partition("/")[2]: array for key, array in case["arrays"].items() if key.startswith(("in/", "aux/"))}
    return graph, {name: array for name, array in given.items() if name in names}


def batches(graph: Graph, arrays: Arrays) -> Iterator[dict[str, int]]:
    """What may be the batch: an axis of the first input, alone or with those of others that are as long."""
    first = next((node.name for node in graph.variables if node.name in arrays), None)
    for axis in range(min(arrays[first].ndim, 2) if first is not None else 0):
        rows = arrays[first or ""].shape[axis]
        alike = {name: axis for name, array in arrays.items() if array.ndim > axis and array.shape[axis] == rows}
        if 1 < rows < 10:
            yield from ([{first or "": axis}] if len(alike) > 1 else []) + [alike]


def wrong_claims(graph: Graph, arrays: Arrays, axes: Mapping[str, int],
                 outputs: Sequence[BatchAxis | None]) -> list[str]:
    """What does not hold: rows alone, rows in another order and beside NaN must be what they are together.

    axes: of the arrays that have the batch."""
    rows = next(arrays[name].shape[axis] for name, axis in axes.items())
    together = evaluate(graph, arrays)
    found = []
    for place, chosen in enumerate([[row] for row in range(rows)] + [list(range(rows))[::-1], [*range(rows)] * 2]):
        alone = evaluate(graph, {name: array.take(chosen, axes[name]) if name in axes else array
                             for name, array in arrays.items()})
        found += [f"output {i}, choice {place}" for i, batch in enumerate(outputs)
                  if not _equal(alone[i], _rows(together[i], batch, chosen))]
    for row in range(rows):
        others = [other for other in range(rows) if other != row]
        spoilt = evaluate(graph, {name: _spoilt(array, axes[name], row) if name in axes else array
                              for name, array in arrays.items()})
        found += [f"output {i}, NaN in row {row}" for i, batch in enumerate(outputs)
                  if not _equal(_rows(spoilt[i], batch, others), _rows(together[i], batch, others))]
    return found


def evaluate(graph: Graph, arrays: Arrays) -> list[np.ndarray]:
    """What inference computes."""
    ready = typed(graph, {name: array.shape for name, array in arrays.items()},
                  {name: DType.of(array.dtype) for name, array in arrays.items()})
    return list(run(UseInferenceForms()(ready), arrays).heads)


def _rows(array: np.ndarray, batch: BatchAxis | None, chosen: Sequence[int]) -> np.ndarray:
    if batch is None:
        return array
    shape, (axis, outer, inner) = array.shape, (batch.axis, batch.outer, batch.inner)
    apart = array.reshape(*shape[:axis], outer, -1, inner, *shape[axis + 1:]) if array.size else array
    return apart.take(chosen, axis + 1).reshape(*shape[:axis], outer * len(chosen) * inner, *shape[axis + 1:])


def _spoilt(array: np.ndarray, axis: int, row: int) -> np.ndarray:
    """With NaN in one row, or zeros where there is none."""
    made = array.copy()
    np.moveaxis(made, axis, 0)[row] = np.nan if array.dtype.kind == "f" else 0
    return made


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Up to the order of sums in NumPy's matrix products."""
    return one.shape == other.shape and np.allclose(one.astype(np.float64), other.astype(np.float64), 1e-4, 1e-5, True)
