"""From what the user names to a network ready for kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symc.codegen import cache
from symc.codegen.lowered import GRID_PRECISIONS, Lowered, Options, lower, state_names
from symc.errors import SymcError, raise_collected
from symc.frontend.parameter_names import nearest
from symc.frontend.shape_sets import Shapes, ShapeSets, shape_sets
from symc.ir.graph import Graph, Node, Value, constant
from symc.ir.types import DType, TensorType
from symc.loading import load_model
from symc.ops.families.custom import with_instances
from symc.ops.operator import operation
from symc.ops.slots import show
from symc.passes.pipeline import typed
from symc.prepared import Prepared
from symc.runtime.modes import INFERENCE, TRAINING

if TYPE_CHECKING:
    from symc.passes.batch_rows import BatchAxis


def prepare(symbol: Any, params: Any, shapes: Shapes | Sequence[Shapes] | None, outputs: Sequence[str],
            train: bool | Mapping[str, str], target: str, dtypes: Mapping[str, Any] | None,
            options: Options, epoch: int | None = None) -> Prepared:
    """All that comes before kernels.  See `compile`."""
    kinds = targets_of(target, options)
    given = shape_sets(shapes)
    network, arrays, found = load_model(symbol, params, given.fixed(options.slabs[0]), outputs, bool(train),
                                        options.note, epoch)
    if not cache.holds(cache.KERNELS):      # so there are kernels to compile
        from symc.codegen.compile_groups import start_ahead

        start_ahead()
    given = given.beside(found)
    refuse_dynamic(network)
    check_names(network, (*given.names, *(dtypes or {}), *(train if isinstance(train, Mapping) else ())))
    if given.symbol is not None and train:
        raise SymcError(f"a batch {given.symbol} of any size is for inference; gradients are sums over the batch",
                        "compile for fixed shapes, --shape once for each batch size")
    places = None if given.symbol is None else _places(network, arrays, given, dtypes, options)
    sets = ([given.fixed(size) for size in options.slabs] if places is not None else
            [{name: tuple(map(int, shape)) for name, shape in one.items()} for one in given.sets])
    for_cpus, for_gpus = (tuple(_lowered(network, arrays, one, dtypes, train, options, own)
                                for one in sets if own in kinds) for own in ("cpu", "cuda"))
    return Prepared(network, for_cpus, options, given, places, for_gpus)


def _places(network: Graph, arrays: Mapping[str, np.ndarray], given: ShapeSets, dtypes: Mapping[str, Any] | None,
            options: Options) -> tuple[Mapping[str, BatchAxis], Sequence[BatchAxis | None]]:
    """Where the batch is.  SymcError: its rows are not computed apart."""
    from symc.passes.any_batch import prove_rows

    assert given.symbol is not None
    bound = bind_constants(network, {name: array for name, array in arrays.items() if name not in given.names})
    return prove_rows(lambda size: typed(bound, given.fixed(size), named_dtypes(dtypes)), given.axes, given.symbol,
                      options.slabs)


def targets_of(target: str, options: Options) -> tuple[str, ...]:
    """What a network is compiled for: 'cpu', 'cuda' or both.  SymcError: there is no such target, or it cannot do what
    the options want."""
    names = tuple(dict.fromkeys("cpu" if name.strip() == "llvm" else name.strip() for name in target.split(",")))
    if not set(names) <= {"cpu", "cuda"}:
        raise SymcError(f"target {target!r} is not supported",
                        "the target is 'cpu' (also called 'llvm'), 'cuda', or 'llvm,cuda'")
    if options.fast_math and names == ("cuda",):
        raise SymcError("fast math is for CPUs", "compile for 'cuda' without it")
    if options.libraries and "cuda" not in names:
        raise SymcError(f"libraries ({', '.join(options.libraries)}) are for GPUs", "the target 'cuda' is for these")
    if options.precision in GRID_PRECISIONS and "cpu" in names:
        raise SymcError(f"precision {options.precision!r} is for GPUs",
                        "compile for 'cuda' alone, or with precision 'fp32' or 'bf16'")
    return names


def _lowered(network: Graph, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
             dtypes: Mapping[str, Any] | None, train: bool | Mapping[str, str], options: Options,
             target: str) -> Lowered:
    """The graph after all passes, for inputs of these shapes."""
    if train:
        return _lower_training(network, arrays, shapes, dtypes, train, options, target)
    constants = {name: array for name, array in arrays.items() if name not in shapes}
    ready = with_instances(typed(bind_constants(network, constants), shapes, named_dtypes(dtypes)))
    return lower(ready, INFERENCE, {}, (), options, initial={}, target=target)


def _lower_training(network: Graph, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
                    dtypes: Mapping[str, Any] | None, train: bool | Mapping[str, str], options: Options,
                    target: str) -> Lowered:
    """Parameters stay inputs, whose first values are the given arrays; states without any begin as zeros."""
    own = {name: array for name, array in arrays.items() if name in {node.name for node in network.variables}}
    ready = with_instances(typed(network, {name: array.shape for name, array in own.items()} | dict(shapes),
                                 {name: DType.of(array.dtype) for name, array in own.items()} | named_dtypes(dtypes)))
    states = set(state_names(ready))
    zeros = {node.name: np.zeros(node.types[0].dims, node.types[0].element.numpy)
             for node in ready.variables if node.name in states}
    return lower(ready, TRAINING, _requests(ready, shapes, train), (), options, initial=zeros | own, target=target)


def check_names(graph: Graph, names: Sequence[str]) -> None:
    """Raise for names that are no variable of the graph."""
    known = [node.name for node in graph.variables]
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    problems = [f"there is no input '{name}'" + nearest(name, known) for name in unknown]
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    raise_collected(SymcError, "the names of inputs", problems, f"the inputs and parameters are {shown}")


def named_dtypes(given: Mapping[str, Any] | None) -> dict[str, DType]:
    dtypes = {}
    for name, dtype in (given or {}).items():
        try:
            dtypes[name] = DType.of(dtype)
        except (KeyError, TypeError):
            raise SymcError(f"input '{name}' cannot be {dtype!r}",
                            f"dtypes are {', '.join(known.name for known in DType)}") from None
    return dtypes


def _requests(graph: Graph, shapes: Mapping[str, Any], train: bool | Mapping[str, str]) -> dict[str, str]:
    """Gradient requests by argument; by default 'write' for every parameter of floating type."""
    if isinstance(train, Mapping):
        wrong = [f"gradient of '{name}' is requested as {req!r}" for name, req in train.items()
                 if req not in ("write", "add", "null")]
        raise_collected(SymcError, "the gradient requests", wrong, "a request is 'write', 'add' or 'null'")
        return dict(train)
    others = {*state_names(graph), *shapes, *_labels(graph)}
    return {node.name: "write" for node in graph.variables
            if node.name not in others and node.types[0].element.is_float}


def _labels(graph: Graph) -> set[str]:
    """Variables that loss heads compare with."""
    return {value.node.name for node in graph.nodes if node.op is not None and operation(node).is_loss
            for value in node.inputs[1:]}


def bind_constants(graph: Graph, arrays: Mapping[str, np.ndarray]) -> Graph:
    """`graph` with the variables of these names as constants."""
    problems: list[str] = []

    def visit(node: Node) -> Sequence[Value] | None:
        if not node.is_variable or node.name not in arrays:
            return None
        value, declared = arrays[node.name], node.types[0].shape
        if declared is not None and not (len(declared) == value.ndim and all(
                extent in (None, own) for extent, own in zip(declared, value.shape, strict=True))):
            problems.append(f"parameter '{node.name}' is {show(value.shape)}, the network says {show(declared)}")
        return (Value(constant(node.name, value, TensorType(value.shape, DType.of(value.dtype)), node.sources)),)
    bound = graph.rewrite(visit)
    raise_collected(SymcError, "the parameters", problems, "pass the file that was saved with this network")
    return bound



def refuse_dynamic(graph: Graph) -> None:
    """Raise for nodes whose output's shape depends on data: modules and packages are compiled before they see any."""
    problems = [f"node '{node.name}' ({operation(node).name}): the shape of its output depends on data"
                for node in graph.nodes if is_dynamic(node)]
    raise_collected(SymcError, "the network", problems, "bind the symbol: executors compile for the shapes they meet")


def is_dynamic(node: Node) -> bool:
    return node.op is not None and bool(operation(node).shape_inputs)
