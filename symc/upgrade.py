"""Models of any MXNet release as MXNet 1.9.1 writes them, and what was changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from symc.errors import SymcError, UnsupportedOperatorError
from symc.frontend import symbol_json
from symc.frontend.checkpoint import save_checkpoint
from symc.frontend.files import FilePath, replacing
from symc.frontend.legacy import upgrade as upgraded
from symc.frontend.model_files import Document, ModelFiles
from symc.frontend.reader import RegisteredOperators, known_operator, output_count, to_graph
from symc.frontend.symbol_json import RawGraph, RawNode
from symc.loading import Note, counted, load_parameters, reconciled, shortened
from symc.ops.refused import is_supported

Split = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]     # arguments and auxiliary states


def upgrade(files: ModelFiles, prefix: FilePath, shapes: Mapping[str, Sequence[int]], note: Note) -> dict[str, Any]:
    """Write prefix-symbol.json and, if the model has parameters, prefix-0000.params: both, or none.

    The network stays what it was, heads for training included.  shapes: of inputs, which help to tell parameters apart
    whose names differ.  Returns the files and the changes, a sentence each.  SymcError: a file is wrong, or parameters
    are missing; nothing is written then.
    """
    if not os.path.basename(prefix):
        raise SymcError(f"{os.fspath(prefix)!r} names no model to write", "give it a name, as models/resnet")
    for sentence in files.notes:
        note(sentence)
    text = files.symbol.read()
    old = symbol_json.parse(text, files.symbol.label)
    new = upgraded(old, RegisteredOperators())
    changes = [*_dialect(text), *_changes(old, new)]
    parameters = _parameters(files, new, shapes, note, changes) if files.parameters else None
    _write(prefix, symbol_json.print_graph(new, _counter_of_outputs(new)), parameters)
    return {"symbol": f"{prefix}-symbol.json", **({"params": f"{prefix}-0000.params"} if parameters else {}),
            "written_by": f"MXNet {old.version // 10000}.{old.version // 100 % 100}.{old.version % 100}",
            "changes": changes or ["none: the files were of this form already"]}


def _write(prefix: FilePath, text: str, parameters: Split | None) -> None:
    if parameters is not None:
        save_checkpoint(prefix, 0, text, *parameters)
        return
    with replacing(f"{prefix}-symbol.json") as file:
        file.write(text.encode())


# ---- the symbol ------------------------------------------------------------------------------------------------


def _dialect(text: bytes) -> Iterator[str]:
    """Names of keys that releases before 1.9 wrote otherwise."""
    nodes = json.loads(text.decode().removeprefix("\ufeff"), strict=False)["nodes"]
    for key in ("param", "attr"):
        if count := sum(bool(node.get(key)) for node in nodes):
            yield f"'{key}' of {counted(count, 'node')} became 'attrs'"


def _changes(old: RawGraph, new: RawGraph) -> Iterator[str]:
    if added := [node.name for node in new.nodes if node.index is None]:
        yield f"{counted(len(added), 'auxiliary state')} got a variable: {shortened(added)}"
    before = {node.index: node for node in old.nodes}
    moved: dict[str, list[str]] = {}
    for node in new.nodes:
        if node.index is not None and node.attrs != before[node.index].attrs:
            moved.setdefault(_difference(before[node.index], node), []).append(node.name)
    for what, names in moved.items():
        yield f"{what}: {shortened(names)}"
    if [node.index for node in old.nodes] != list(range(len(old.nodes))):
        yield "nodes were put behind their inputs"
    if old.version != new.version:
        yield "mxnet_version is 1.9.1 now"


def _difference(old: RawNode, new: RawNode) -> str:
    gone = [key for key in old.attrs if key not in new.attrs]
    come = [key for key in new.attrs if key not in old.attrs]
    return " and ".join([*([f"attribute {', '.join(gone)} taken off"] if gone else []),
                         *([f"attribute {', '.join(come)} set"] if come else [])])


def _counter_of_outputs(raw: RawGraph) -> Callable[[RawNode], int]:
    """Tells how many outputs nodes have; of an unknown operator, as many as are read."""
    read: dict[str, int] = {}
    for entry in chain(raw.heads, *(node.inputs for node in raw.nodes)):
        name = raw.nodes[entry.node].name
        read[name] = max(read.get(name, 1), entry.output + 1)

    def outputs(node: RawNode) -> int:
        is_known = node.is_variable or known_operator(node.op, node.attrs) is not None
        return output_count(node) if is_known else read.get(node.name, 1)
    return outputs


# ---- the parameters --------------------------------------------------------------------------------------------


def _parameters(files: ModelFiles, raw: RawGraph, shapes: Mapping[str, Sequence[int]], note: Note,
                changes: list[str]) -> Split:
    """Arguments and auxiliary states by the names of the network; `changes` gets what happened to them."""
    assert files.parameters is not None
    found = files.parameters.arrays()
    changes += [f"{files.parameters.label}: {sentence}" for sentence in found.notes]
    states = set(_state_names(raw))
    arrays = load_parameters(found, states)
    given = {name: tuple(shape) for name, shape in {**files.shapes, **shapes}.items()}
    arrays = _renamed(raw, arrays, given, files.parameters, changes)
    if not all(name.startswith(("arg:", "aux:")) for name in found.names):
        changes.append("names of parameters got the prefixes arg: and aux:")
    variables = {node.name for node in raw.nodes if node.is_variable}
    if unused := [name for name in arrays if name not in variables]:
        changes.append(f"{counted(len(unused), 'array')} that the network does not use left out: {shortened(unused)}")
    own = {name: array for name, array in arrays.items() if name in variables}
    return ({name: array for name, array in own.items() if name not in states},
            {name: array for name, array in own.items() if name in states})


def _renamed(raw: RawGraph, arrays: dict[str, np.ndarray], given: Mapping[str, tuple[int, ...]], file: Document,
             changes: list[str]) -> dict[str, np.ndarray]:
    """The arrays under the network's names, as far as symc knows the network's operators."""
    try:
        network = to_graph(raw, file.label)
    except UnsupportedOperatorError:
        changes.append("names of parameters were not compared with the network, which has operators unknown to symc")
        return arrays
    known = {node.name for node in network.variables}
    return reconciled(network, arrays, {name: shape for name, shape in given.items() if name in known},
                      changes.append, file.label)


def _state_names(raw: RawGraph) -> Iterator[str]:
    """Variables that operators take as auxiliary states."""
    for node in raw.nodes:
        op = known_operator(node.op, node.attrs) if not node.is_variable and is_supported(node.op) else None
        if op is not None:
            names = op.input_names()
            yield from (raw.nodes[entry.node].name for name, entry in zip(names, node.inputs, strict=False)
                        if name in op.auxiliary_names())
