"""From what the user names to a graph and its parameters: files found, heads chosen, names reconciled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symc import ops
from symc.errors import SymcError, warn
from symc.frontend import symbol_json
from symc.frontend.legacy import upgrade
from symc.frontend.model_files import Document, ModelFiles, find, parameters_at, symbol_at
from symc.frontend.parameter_names import Wanted, reconcile, refuse, told
from symc.frontend.params import NamedArrays, split
from symc.frontend.reader import RegisteredOperators, to_graph, to_raw
from symc.frontend.training_heads import inference_heads
from symc.ir.graph import Graph, Value
from symc.ir.types import DType
from symc.ops.operator import states_of
from symc.passes.partition import parameter_variables
from symc.passes.pipeline import inferred
from symc.passes.prune import select_outputs
from symc.runtime.ndarray import NDArray

SHOWN = 5            # names in a note
Note = Callable[[str], None]


class Model(NamedTuple):
    """A network, arrays of its arguments and states by name, and the shapes of inputs as far as they are given."""

    network: Graph
    arrays: dict[str, np.ndarray]
    shapes: dict[str, tuple[int, ...]]


def load_model(symbol: Any, params: Any = None, shapes: Mapping[str, Sequence[int]] | None = None,
               outputs: Sequence[str] = (), train: bool = False, note: Note = warn) -> Model:
    """What is to be compiled.

    symbol: a Symbol, a Graph, `ModelFiles`, or what names them.  params: a path, or arrays by name; by default those
    of the files.  outputs: heads; by default all, in inference without those for training.  note: told what was found
    and decided.  SymcError: the files, parameters or outputs that are wrong; in inference also parameters that are
    missing, if there are any.
    """
    given = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    files = _files(symbol, params)
    for sentence in files.notes if files else ():
        note(sentence)
    network = _network(files.symbol if files else symbol, outputs, None if train else given, note)
    source = files.parameters if files and files.parameters else params
    arrays = _reconciled(network, load_parameters(source, network), given, train, note,
                         source.label if isinstance(source, Document) else "")
    if isinstance(source, Document) and not outputs:
        _tell_unused(network, arrays, source.label, note)
    names = {node.name for node in network.variables} - arrays.keys()
    stated = {name: shape for name, shape in (files.shapes if files else {}).items() if name in names}
    return Model(network, arrays, {**stated, **given})


def load_network(symbol: Any, outputs: Sequence[str] = ()) -> Graph:
    """The graph of a Symbol, of a Graph, or of what names a file, with the chosen heads or all."""
    named = isinstance(symbol, (str, os.PathLike))
    return _network(symbol_at(symbol) if named else symbol, outputs, None, warn)


def load_parameters(params: Any, graph: Graph) -> dict[str, np.ndarray]:
    """Arrays of arguments and states by name, from a path, a document or a mapping."""
    if params is None:
        return {}
    if isinstance(params, (str, os.PathLike)):
        params = parameters_at(os.fspath(params))
    if isinstance(params, Document):
        named = params.arrays()
    else:
        plain = {name: _array(name, value) for name, value in params.items()}
        named = NamedArrays("params", tuple(plain.values()), tuple(plain))
    arguments, states = split(named, {node.name for node in states_of(graph)})
    return {**arguments, **states}


def _files(symbol: Any, params: Any) -> ModelFiles | None:
    """None where the symbol is no file."""
    if isinstance(symbol, ModelFiles):
        return symbol
    if not isinstance(symbol, (str, os.PathLike)):
        return None
    if params is None or isinstance(params, (str, os.PathLike)):
        return find(symbol, params)
    return ModelFiles(symbol_at(symbol))


def _network(symbol: Any, outputs: Sequence[str], given: Mapping[str, Any] | None, note: Note) -> Graph:
    """The graph with its heads.  given: inputs that have a shape, for inference; None: heads for training stay."""
    ops.load()
    if not isinstance(symbol, Document):
        graph = symbol if isinstance(symbol, Graph) else symbol.graph
        if outputs:
            return select_outputs(graph, outputs)
        return graph if given is None or len(graph.heads) == 1 else _without_training_heads(graph, given, note)
    raw = upgrade(symbol_json.parse(symbol.read(), symbol.label), RegisteredOperators())
    if outputs or given is not None:
        raw, dropped = inference_heads(raw, outputs, symbol.label, given or ())
        _tell_dropped(dropped, note)
    return to_graph(raw, symbol.label)


def _without_training_heads(graph: Graph, given: Mapping[str, Any], note: Note) -> Graph:
    if any(node.is_constant for node in graph.nodes):
        return graph            # made by passes, whoever asked for them chose the heads
    raw = to_raw(graph)
    kept, dropped = inference_heads(raw, given=given)
    _tell_dropped(dropped, note)
    return Graph(tuple(head for head, entry in zip(graph.heads, raw.heads, strict=True) if entry in kept.heads))


def _tell_dropped(dropped: Sequence[str], note: Note) -> None:
    if dropped:
        note(f"left out, since they are for training alone: {', '.join(dropped)} (--outputs keeps what it names)")


def _reconciled(network: Graph, arrays: dict[str, np.ndarray], given: Mapping[str, Any], train: bool,
                note: Note, file: str) -> dict[str, np.ndarray]:
    """The arrays under the names of the network.  SymcError: some of those that inference needs are not there."""
    states = [node.name for node in states_of(network)]
    needed = parameter_variables(network) | set(states)
    missing = [node.name for node in network.variables
               if node.name in needed and node.name not in arrays and node.name not in given]
    if not arrays or not missing:
        return arrays
    own = {node.name: arrays[node.name] for node in network.variables if node.name in arrays}
    types = inferred(network, {name: array.shape for name, array in own.items()} | dict(given),
                     {name: DType.of(array.dtype) for name, array in own.items()})
    shapes = {node.name: types[Value(node)].shape for node in network.variables if node.name in missing}
    wanted = Wanted(network, shapes, states)
    renaming, how = reconcile(wanted, arrays)
    if renaming:
        note(told(renaming, how))
    elif not train:
        refuse(wanted, arrays, file)
    others = {name: array for name, array in arrays.items() if name not in renaming.values()}
    return others | {name: arrays[other] for name, other in renaming.items()}


def _tell_unused(network: Graph, arrays: Mapping[str, np.ndarray], file: str, note: Note) -> None:
    names = {node.name for node in network.variables}
    if unused := [name for name in arrays if name not in names]:
        more = f" and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
        note(f"{len(unused)} arrays of {file} are not used: {', '.join(unused[:SHOWN])}{more}")


def _array(name: str, value: Any) -> np.ndarray:
    """A parameter as a C-contiguous array.  SymcError: symc does not have its dtype."""
    array = value.memory if isinstance(value, NDArray) else np.asarray(value)
    if array.dtype.name not in DType.__members__:
        raise SymcError(f"parameter '{name}' is an array of {array.dtype}",
                        f"dtypes are {', '.join(known.name for known in DType)}")
    return np.array(array, array.dtype.newbyteorder("="), order="C")
