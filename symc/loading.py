"""From what the user names to a graph and its parameters: files found, heads chosen, names reconciled."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

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
from symc.passes.cut_labels import cut_labels
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
               outputs: Sequence[str] = (), train: bool = False, note: Note = warn, epoch: int | None = None) -> Model:
    """What is to be compiled.

    symbol: a Symbol, a Graph, `ModelFiles`, or what names them.  params: a path, or arrays by name; by default those
    of the files.  outputs: heads; by default all, in inference without those for training.  note: told what was found
    and decided.  epoch: see `model_files.find`.  SymcError: the files, parameters or outputs that are wrong; in
    inference also parameters that are missing, if there are any.
    """
    given = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    files = _files(symbol, params, epoch)
    for sentence in files.notes if files else ():
        note(sentence)
    network = _network(files.symbol if files else symbol, outputs, None if train else given, note)
    network = network if train else cut_labels(network, given)
    source = files.parameters if files and files.parameters else params
    file = source.label if isinstance(source, Document) else ""
    states = {node.name for node in states_of(network)}
    arrays = reconciled(network, load_parameters(source, states), given, note, file, not train)
    unused = arrays.keys() - {node.name for node in network.variables}
    if file and unused and not outputs:
        note(f"{file} holds {counted(len(unused), 'array')} that the network does not use: {shortened(sorted(unused))}")
    names = {node.name for node in network.variables} - arrays.keys()
    stated = {name: shape for name, shape in (files.shapes if files else {}).items() if name in names}
    return Model(network, arrays, {**stated, **given})


def load_network(symbol: Any, outputs: Sequence[str] = ()) -> Graph:
    """The graph of a Symbol, of a Graph, or of what names a file, with the chosen heads or all."""
    named = isinstance(symbol, (str, os.PathLike))
    return _network(symbol_at(symbol) if named else symbol, outputs, None, warn)


def load_parameters(params: Any, states: Container[str]) -> dict[str, np.ndarray]:
    """Arrays of arguments and `states` by name, from a path, a document, the content of a file or a mapping."""
    if params is None:
        return {}
    if isinstance(params, (str, os.PathLike)):
        params = parameters_at(os.fspath(params))
    if isinstance(params, Document):
        params = params.arrays()
    if not isinstance(params, NamedArrays):
        plain = {name: _array(name, value) for name, value in params.items()}
        params = NamedArrays("params", tuple(plain.values()), tuple(plain))
    arguments, auxiliary = split(params, states)
    return {**arguments, **auxiliary}


def _files(symbol: Any, params: Any, epoch: int | None) -> ModelFiles | None:
    """None where the symbol is no file."""
    names_file = isinstance(symbol, (str, os.PathLike))
    if names_file and (params is None or isinstance(params, (str, os.PathLike))):
        return find(symbol, params, epoch)
    if epoch is not None:
        raise SymcError(f"epoch {epoch} chooses among files of parameters, and what was given leaves no choice",
                        "name the network by its file, and leave out params")
    if isinstance(symbol, ModelFiles):
        return symbol
    return ModelFiles(symbol_at(symbol)) if names_file else None


def _network(symbol: Any, outputs: Sequence[str], given: Mapping[str, Any] | None, note: Note) -> Graph:
    """The graph with its heads.  given: inputs that have a shape, for inference; None: heads for training stay."""
    if not isinstance(symbol, Document):
        return _chosen(symbol if isinstance(symbol, Graph) else symbol.graph, outputs, given, note)
    raw = upgrade(symbol_json.parse(symbol.read(), symbol.label), RegisteredOperators())
    if outputs or given is not None:
        raw, dropped = inference_heads(raw, outputs, symbol.label, given or ())
        _tell_dropped(dropped, note)
    return to_graph(raw, symbol.label)


def _chosen(graph: Graph, outputs: Sequence[str], given: Mapping[str, Any] | None, note: Note) -> Graph:
    if not outputs and (given is None or len(graph.heads) == 1):
        return graph
    if any(node.is_constant for node in graph.nodes):       # made by passes, whoever asked for them chose the heads
        return select_outputs(graph, outputs) if outputs else graph
    raw, dropped = inference_heads(to_raw(graph), outputs, "the symbol", given or ())
    _tell_dropped(dropped, note)
    return Graph(tuple(Value(graph.nodes[entry.node], entry.output) for entry in raw.heads))


def _tell_dropped(dropped: Mapping[str, str], note: Note) -> None:
    """dropped: why heads are for training alone, by name."""
    if dropped:
        heads = ", ".join(f"{name} ({why})" for name, why in dropped.items())
        note(f"left out, since they are for training alone: {heads}; --outputs keeps what it names, a shape for a "
             "label what reads it")


def reconciled(network: Graph, arrays: dict[str, np.ndarray], given: Mapping[str, Any], note: Note, file: str,
               is_complete: bool = True) -> dict[str, np.ndarray]:
    """The arrays under the names of the network.

    given: shapes of inputs; file: what to call the arrays' file.  SymcError: parameters are not there, unless they need
    not be complete or there are none at all.
    """
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
    elif is_complete:
        refuse(wanted, arrays, file)
    others = {name: array for name, array in arrays.items() if name not in renaming.values()}
    return others | {name: arrays[other] for name, other in renaming.items()}


def counted(count: int, noun: str) -> str:
    """'1 array', '2 arrays'."""
    return f"{count} {noun}{'s' * (count != 1)}"


def shortened(names: Sequence[str]) -> str:
    """The first of many names, for a note."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _array(name: str, value: Any) -> np.ndarray:
    """A parameter as a C-contiguous array.  SymcError: symc does not have its dtype."""
    array = np.asarray(value.memory if isinstance(value, NDArray) else value)
    if array.dtype.name not in DType.__members__:
        raise SymcError(f"parameter '{name}' is an array of {array.dtype}",
                        f"dtypes are {', '.join(known.name for known in DType)}")
    return np.array(array, array.dtype.newbyteorder("="), order="C")
