"""Networks for a batch of any size: what must hold so that a few plans can serve them, and where the batch is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from symc.errors import InferenceError, SymcError
from symc.ir.graph import Graph
from symc.ops.operator import output_name
from symc.ops.slots import Conflict
from symc.passes.base import run_passes
from symc.passes.batch_rows import INSTEAD, SIZES, BatchAxis, batch_rows
from symc.passes.pipeline import rows_pipeline


def prove_rows(typed_for: Callable[[int], Graph], axes: Mapping[str, int], symbol: str,
               slabs: Sequence[int]) -> tuple[dict[str, BatchAxis], list[BatchAxis | None]]:
    """Where the inputs and the outputs have the batch.

    typed_for: the network for a batch of that size.  axes: of inputs that are the batch `symbol`.  slabs: the sizes
    that will be compiled.
    SymcError: the network does not take every size, or does not compute the rows of a batch apart.
    """
    graphs = [_typed(typed_for, size, symbol) for size in (*SIZES, *slabs)]
    for size, graph in zip(slabs, graphs[len(SIZES):], strict=True):
        _check_growth(graphs[:len(SIZES)], graph, size, symbol)
    legal = [_typed(partial(_legal, graph), size, symbol) for size, graph in zip(SIZES, graphs, strict=False)]
    inputs, outputs = batch_rows(legal, axes, symbol)
    if not any(outputs):
        names = ", ".join(f"'{output_name(head)}'" for head in graphs[0].heads)
        raise SymcError(f"no output depends on the batch {symbol}: {names}", "compile for fixed shapes")
    return inputs, outputs


def _typed(typed_for: Callable[[int], Graph], size: int, symbol: str) -> Graph:
    try:
        return typed_for(size)
    except (InferenceError, Conflict) as problem:
        raise SymcError(f"the network does not take a batch {symbol} of any size; with {symbol} = {size}: {problem}",
                        "where a node has the size of the batch written in, let it follow (0 or -1 in the shape of a "
                        f"Reshape); or {INSTEAD}") from problem


def _legal(graph: Graph, size: int) -> Graph:
    return run_passes(graph, rows_pipeline())


def _check_growth(pair: Sequence[Graph], graph: Graph, size: int, symbol: str) -> None:
    """All shapes are linear in the size of the batch, also for this one: a squeeze drops no batch of 1."""
    first, second = SIZES
    for one, other, own in zip(pair[0].nodes, pair[1].nodes, graph.nodes, strict=True):
        for type, later, found in zip(one.types, other.types, own.types, strict=True):
            expected = tuple(a + (b - a) // (second - first) * (size - first)
                             for a, b in zip(type.dims, later.dims, strict=True))
            if found.dims != expected:
                raise SymcError(f"node '{own.name}' has shape {found.dims} with {symbol} = {size}, unlike with larger "
                                "batches", f"name the axes that it drops; or {INSTEAD}")
