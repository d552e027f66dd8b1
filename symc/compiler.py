"""The facade: from a symbol to a compiled module, a package, or an executor."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import symc
from symc.codegen import cache, package
from symc.codegen.assemble import host_name
from symc.codegen.bodies import names_with_bodies
from symc.codegen.build import (
    Lowered,
    Options,
    Unit,
    compile_lowered,
    groups_of,
    host_level,
    host_levels,
    library_bytes,
    load_in_process,
    lower,
    named_levels,
    output_names,
    state_names,
)
from symc.codegen.tune import Tuning, tuning_of
from symc.errors import MXNetError, SymcError, raise_collected, warn
from symc.frontend import array_methods  # noqa: F401  (gives the arrays of executors their operators)
from symc.frontend.parameter_names import nearest
from symc.frontend.reader import describe_graph
from symc.frontend.reader import print_graph as print_network
from symc.frontend.sights import sights_of
from symc.ir.graph import Graph, Node, Value, constant
from symc.ir.text import print_graph
from symc.ir.types import DType, TensorType
from symc.loading import Note, load_model
from symc.ops.families.custom import Custom, with_instances
from symc.ops.operator import operation, output_name, run_reference
from symc.ops.slots import Conflict, show
from symc.passes.base import run_passes
from symc.passes.partition import parameter_variables
from symc.passes.pipeline import export_pipeline, typed
from symc.passes.watch_values import WatchValues
from symc.runtime.context import Context
from symc.runtime.dynamic import KEPT, DynamicExecutor
from symc.runtime.executor import FROZEN, INFERENCE, TRAINING, Bound, Executor, Sight
from symc.runtime.module import CompiledModule
from symc.runtime.ndarray import NDArray, zeros
from symc.runtime.program import Program

PACKAGE_LEVELS = {"fp32": ("x86-64-v3", "x86-64-v4"),      # by precision
                  "bf16": ("x86-64-v3", "x86-64-v4", "x86-64-v4-bf16")}


# ---- compiled modules and packages ---------------------------------------------------------------------------------


class Module(CompiledModule):
    """A compiled module that can be saved as a package."""

    def __init__(self, network: Graph, lowered: Lowered, options: Options) -> None:
        self.network, self.lowered, self.options = network, lowered, options
        self.unit = compile_lowered(lowered, [host_level()], options)
        super().__init__(self.unit.assembly.plan, load_in_process(self.unit), self.unit.assembly.weights,
                         host_functions(lowered.graph))

    def save(self, path: str | os.PathLike[str], levels: Sequence[str] | None = None) -> None:
        """Write the package `path` for these CPU levels, whole or not at all.  None: PACKAGE_LEVELS."""
        save_package(self.network, self.lowered, Path(path), levels, self.options)


def compile(symbol: Any, params: Any = None, shapes: Mapping[str, Sequence[int]] | None = None,
            outputs: Sequence[str] = (), train: bool | Mapping[str, str] = False, target: str = "cpu", *,
            dtypes: Mapping[str, Any] | None = None, options: Options | None = None) -> Module:
    """Compile a network for this machine.

    symbol: a Symbol, a Graph, or what `model_files.find` finds: the path of a symbol.json, an archive, a folder, the
    prefix of a checkpoint.  params: a path, or arrays by name with or without the prefixes arg: and aux:; by default
    those of the archive, folder or prefix.  shapes, dtypes: of the inputs, as far as they do not follow.  outputs:
    names of the heads to keep, internal ones included; by default all but, in inference, those for training.  train:
    gradients of all parameters, or requests by name; parameters are then inputs, whose first values are those given,
    and auxiliary states belong to each thread.  target: 'cpu'.
    """
    options = options or Options()
    network, lowered = lower_network(symbol, params, shapes, outputs, train, target, dtypes, options)
    return Module(network, lowered, options)


def compile_package(path: str | os.PathLike[str], symbol: Any, params: Any = None,
                    shapes: Mapping[str, Sequence[int]] | None = None, outputs: Sequence[str] = (),
                    train: bool | Mapping[str, str] = False, target: str = "cpu", *,
                    dtypes: Mapping[str, Any] | None = None, levels: Sequence[str] | None = None,
                    options: Options | None = None) -> Unit:
    """Compile to the package `path` for the CPU `levels`, which this machine need not have.  See `compile`, `save`."""
    options = options or Options()
    network, lowered = lower_network(symbol, params, shapes, outputs, train, target, dtypes, options)
    return save_package(network, lowered, Path(path), levels, options)


def tune(symbol: Any, params: Any = None, shapes: Mapping[str, Sequence[int]] | None = None,
         outputs: Sequence[str] = (), train: bool | Mapping[str, str] = False, *,
         dtypes: Mapping[str, Any] | None = None, options: Options | None = None, threads: int = 1,
         seconds: float = math.inf) -> Tuning:
    """Time the schedules of the network's contractions on this machine; what is compiled from then on has the fastest.

    The network is that of `compile`.  threads: with which kernels run.  See `Tuning.run`.
    """
    options = options or Options()
    _, lowered = lower_network(symbol, params, shapes, outputs, train, "cpu", dtypes, options)
    tuning = tuning_of(groups_of(lowered))
    tuning.run(levels_here(options.precision), threads, seconds, options.progress)
    return tuning


def levels_here(precision: str) -> list[str]:
    """What this machine runs of packages, and what it compiles for itself: levels whose schedules are the same."""
    own = host_levels()
    packaged = [level for level in own if level in PACKAGE_LEVELS[precision]]
    return list(dict.fromkeys([*packaged[:1], own[0]]))


def lower_network(symbol: Any, params: Any, shapes: Mapping[str, Sequence[int]] | None, outputs: Sequence[str],
                  train: bool | Mapping[str, str], target: str, dtypes: Mapping[str, Any] | None,
                  options: Options) -> tuple[Graph, Lowered]:
    """The network as it was given, and the graph after all passes.  See `compile`."""
    if target != "cpu":
        raise SymcError(f"target {target!r} is not supported", "the target is 'cpu'")
    network, arrays, given = load_model(symbol, params, shapes, outputs, bool(train), options.note)
    refuse_dynamic(network)
    check_names(network, (*given, *(dtypes or {}), *(train if isinstance(train, Mapping) else ())))
    if train:
        return network, _lower_training(network, arrays, given, dtypes, train, options)
    constants = {name: array for name, array in arrays.items() if name not in given}
    ready = with_instances(typed(bind_constants(network, constants), given, _dtypes(dtypes)))
    return network, lower(ready, INFERENCE, {}, (), options, initial={})


def _lower_training(network: Graph, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
                    dtypes: Mapping[str, Any] | None, train: bool | Mapping[str, str], options: Options) -> Lowered:
    """Parameters stay inputs, whose first values are the given arrays; states without any begin as zeros."""
    own = {name: array for name, array in arrays.items() if name in {node.name for node in network.variables}}
    ready = with_instances(typed(network, {name: array.shape for name, array in own.items()} | dict(shapes),
                                 {name: DType.of(array.dtype) for name, array in own.items()} | _dtypes(dtypes)))
    states = set(state_names(ready))
    zeros = {node.name: np.zeros(node.types[0].dims, node.types[0].element.numpy)
             for node in ready.variables if node.name in states}
    return lower(ready, TRAINING, _requests(ready, shapes, train), (), options, initial=zeros | own)


def to_relax(symbol: Any, params: Any, shapes: Mapping[str, Sequence[int]] | None, outputs: Sequence[str],
             dtypes: Mapping[str, Any] | None, note: Note = warn) -> tuple[Any, dict[str, np.ndarray]]:
    """What inference computes as a module of TVM's Relax, and the module's parameters by name.

    See `frontend.relax.from_symbol`.
    """
    cache.pins()
    from symc.codegen.relax_module import relax_module
    from symc.codegen.relax_operators import is_kept

    network, arrays, given = load_model(symbol, params, shapes, outputs, note=note)
    _refuse_host(network)
    check_names(network, (*given, *(dtypes or {})))
    names = {node.name for node in network.variables} - given.keys()
    own = {name: array for name, array in arrays.items() if name in names}
    ready = typed(network, {name: array.shape for name, array in own.items()} | given,
                  {name: DType.of(array.dtype) for name, array in own.items()} | _dtypes(dtypes))
    graph = run_passes(ready, export_pipeline(is_kept))
    inputs = [node for node in graph.variables if node.name not in own]
    parameters = {node: own[node.name] for node in graph.variables if node.name in own}
    return relax_module(graph, inputs, parameters, output_names(ready))


def _refuse_host(network: Graph) -> None:
    """Raise for nodes that no kernel computes, in bodies too."""
    problems: list[str] = []
    waiting = [network]
    while waiting:
        for node in waiting.pop().nodes:
            op = operation(node) if node.op is not None else None
            if op is not None and op.is_host:
                why = "is Python of yours" if op.is_users else "has an output whose shape depends on data"
                problems.append(f"node '{node.name}' ({op.name}) {why}")
            waiting += op.subgraphs if op is not None else ()
    raise_collected(SymcError, "the network, which Relax cannot express", problems,
                    "choose outputs that do not depend on them")


def check_names(graph: Graph, names: Sequence[str]) -> None:
    """Raise for names that are no variable of the graph."""
    known = [node.name for node in graph.variables]
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    problems = [f"there is no input '{name}'" + nearest(name, known) for name in unknown]
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    raise_collected(SymcError, "the names of inputs", problems, f"the inputs and parameters are {shown}")


def _dtypes(given: Mapping[str, Any] | None) -> dict[str, DType]:
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


def host_functions(graph: Graph) -> dict[str, Callable[..., None]]:
    """The functions that the host steps of a plan call, one for each node: `host` of its operator, or its reference."""
    return {host_name(operation(node), name): _host_function(node) for node, name in names_with_bodies(graph).items()
            if node.op is not None and operation(node).is_host}


def _host_function(node: Node) -> Callable[..., None]:
    op = operation(node)
    shapes = [value.type.dims for value in node.inputs]

    def call(program: Any, attributes: Mapping[str, str], inputs: Sequence[np.ndarray],
             outputs: Sequence[np.ndarray]) -> None:
        given = [array.reshape(shape) for array, shape in zip(inputs, shapes, strict=True)]
        wanted = [array.reshape(type.dims) for array, type in zip(outputs, node.types, strict=True)]
        if op.host is not None:
            op.host(given, wanted)
            return
        for target, value in zip(wanted, run_reference(op, given, node.types), strict=True):
            target[...] = value
    return call


def save_package(network: Graph, lowered: Lowered, path: Path, levels: Sequence[str] | None,
                 options: Options) -> Unit:
    """Compile for all `levels`, link their libraries, and write the package."""
    levels = PACKAGE_LEVELS[options.precision] if levels is None else named_levels(levels)
    unknown = [level for level in levels if level not in package.LEVELS]
    refuse_host_steps(lowered.graph)
    if unknown or not levels:
        raise SymcError(f"there is no CPU level {', '.join(unknown)}", f"the levels are {', '.join(package.LEVELS)}")
    if not path.parent.is_dir():
        raise SymcError(f"cannot write {path}: there is no folder {path.parent}")
    unit = compile_lowered(lowered, levels, options)
    weights = package.weights_member(unit.assembly.weight_pieces())
    libraries = {level: library_bytes([unit], level) for level in levels}
    package.write(path, package.Contents(
        plans=[unit.assembly.plan], network=print_network(network), weights=weights, libraries=libraries,
        graph=print_graph(lowered.graph), versions={"symc": symc.__version__, **dict(cache.pins())},
        options={"precision": options.precision, "fast_math": options.fast_math}, tuned=dict(unit.tuned),
        weights_file=options.weights_file))
    return unit


def refuse_host_steps(graph: Graph) -> None:
    """Raise for nodes that run in Python, which a package does not hold."""
    problems = [f"node '{node.name}' ({operation(node).name}: "
                + ", ".join(f"{key}={value}" for key, value in operation(node).parameters().items())
                + ") is computed in Python, which a package cannot hold"
                for node in graph.nodes if node.op is not None and operation(node).is_host]
    raise_collected(SymcError, "the package", problems, "compose the node of other operators, choose outputs in front "
                    "of it, or run the network in this process: symc.compile, or bind")


# ---- executors -----------------------------------------------------------------------------------------------------


class BoundNetwork:
    """A graph, typed for some shapes, whose programs are compiled when they are first asked for.

    See `runtime.executor.Network`.  InferenceError: the shapes or dtypes contradict the graph.
    """

    outputs: Sequence[tuple[str, tuple[int, ...], str]]

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], options: Options | None = None, context: Context | None = None) -> None:
        self.source, self.context = source, context
        ready = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, _dtypes(dtypes))
        self.graph = graph = with_instances(ready, context)
        self.requests = {name: req for name, req in requests.items() if req != "null"}
        self.options = options or Options()
        self.outputs = _described(graph)
        self._programs: dict[str, Program] = {}

    @cached_property
    def evaluation(self) -> str:
        """Custom operators run once for a forward, so that backward finds what they kept."""
        custom = any(isinstance(node.op, Custom) for node in self.graph.nodes)
        return FROZEN if custom and self.requests else INFERENCE

    def program(self, mode: str) -> Program:
        if mode not in self._programs:
            parameters = parameter_variables(self.graph) if mode == INFERENCE else frozenset()
            requests = {} if mode == INFERENCE else self.requests
            try:
                lowered = lower(self.graph, mode, requests, parameters, self.options)
            except Conflict as conflict:
                _refuse_empty(self.graph, conflict)
                raise
            unit = compile_lowered(lowered, [host_level()], self.options)
            self._programs[mode] = Program(unit.assembly.plan, load_in_process(unit), unit.assembly.weights,
                                           host_functions(lowered.graph))
        return self._programs[mode]

    def watched(self) -> tuple[BoundNetwork, list[Sight]]:
        twin = copy.copy(self)
        twin.graph, twin._programs = WatchValues()(self.graph), {}
        twin.outputs = _described(twin.graph)
        return twin, sights_of(self.graph)

    def describe(self) -> str:
        return describe_graph(self.source)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {node.name: node.types[0].dims for node in self.graph.variables}

    @property
    def _variable_dtypes(self) -> dict[str, DType]:
        return {node.name: node.types[0].element for node in self.graph.variables}

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> BoundNetwork:
        return BoundNetwork(self.source, shapes, self._variable_dtypes, self.requests, self.options, self.context)


class DynamicNetwork(BoundNetwork):
    """A graph with an operator whose output's shape depends on data, here the first of them.

    See `runtime.dynamic.OpenNetwork`.  Custom operators in front of it run for the probe too, with an instance of
    their own.
    """

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], options: Options | None = None, context: Context | None = None) -> None:
        self.source, self.context = source, context
        self.graph = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, _dtypes(dtypes))
        self.requests, self.options, self.outputs = dict(requests), options or Options(), []
        self.node = next(node for node in source.nodes if _is_dynamic(node))
        self._settled: dict[Any, BoundNetwork] = {}

    @cached_property
    def probe(self) -> BoundNetwork:
        heads = tuple(self.node.inputs[position] for position in operation(self.node).shape_inputs)
        return BoundNetwork(Graph(heads), self.shapes, self._variable_dtypes, {}, self.options, self.context)

    def settled(self, arrays: Sequence[np.ndarray]) -> BoundNetwork:
        op = operation(self.node).settled(*arrays)
        if op not in self._settled:
            if len(self._settled) >= KEPT:
                self._settled.clear()
            graph = self.source.rewrite(lambda node: replace(node, op=op).outputs if node is self.node else None)
            self._settled[op] = network_of(graph, self.shapes, self._variable_dtypes, self.requests, self.options,
                                           self.context)
        return self._settled[op]

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> DynamicNetwork:
        return DynamicNetwork(self.source, shapes, self._variable_dtypes, self.requests, self.options, self.context)


def network_of(source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
               requests: Mapping[str, str], options: Options | None = None,
               context: Context | None = None) -> BoundNetwork:
    """The network of a graph, an open one if shapes in it depend on data.

    MXNetError: they do so within the graph of an operator: a loop, a branch, the gradient of a symbol.
    """
    raise_collected(MXNetError, "the network",
                    [f"node '{node.name}' ({operation(node).name}) holds '{inner.name}' ({operation(inner).name}), the "
                     "shape of whose output depends on data" for node in source.nodes for inner in _held_dynamic(node)],
                    "move it out of the loop or branch; take gradients through it by backward of an executor")
    kind = DynamicNetwork if any(map(_is_dynamic, source.nodes)) else BoundNetwork
    return kind(source, shapes, dtypes, requests, options, context)


def _is_dynamic(node: Node) -> bool:
    return node.op is not None and bool(operation(node).shape_inputs)


def _held_dynamic(node: Node) -> list[Node]:
    """Dynamic nodes in the graphs that a node holds."""
    found: list[Node] = []
    waiting = list(node.op.subgraphs) if node.op else []
    while waiting:
        nodes = waiting.pop().nodes
        found += filter(_is_dynamic, nodes)
        waiting += [graph for inner in nodes if inner.op for graph in inner.op.subgraphs]
    return found


def refuse_dynamic(graph: Graph) -> None:
    """Raise for nodes whose output's shape depends on data: modules and packages are compiled before they see any."""
    problems = [f"node '{node.name}' ({operation(node).name}): the shape of its output depends on data"
                for node in graph.nodes if _is_dynamic(node)]
    raise_collected(SymcError, "the network", problems, "bind the symbol: executors compile for the shapes they meet")


def _described(graph: Graph) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and dtype of each head."""
    return [(output_name(head), head.type.dims, head.type.element.name) for head in graph.heads]


def _refuse_empty(graph: Graph, conflict: Conflict) -> None:
    """Say that an operator cannot do with arrays without elements, if there are such."""
    empty = [node.name for node in graph.nodes if any(0 in type.dims for type in node.types)]
    if empty:
        raise MXNetError(f"'{empty[0]}' has no elements, which an operator behind it cannot do with: {conflict}",
                         "elementwise operators can; a mask must choose some rows for others") from conflict


def bind(graph: Graph, ctx: Context, args: Mapping[str, NDArray], args_grad: Mapping[str, NDArray | None],
         grad_req: Mapping[str, str], aux_states: Mapping[str, NDArray]) -> Executor:
    """An executor of `graph` on these arrays, all names complete and in the graph's order.  MXNet: Symbol.bind.

    InferenceError: the arrays' shapes or dtypes contradict the graph.
    """
    if ctx.device_type == "gpu":
        raise MXNetError(f"cannot bind to {ctx}: there is no CUDA target", "use symc.cpu()")
    arrays = {**args, **aux_states}
    requests = {name: req for name, req in grad_req.items() if args_grad.get(name) is not None}
    gradients = {name: args_grad.get(name) for name in args}    # those of request null too: they stay as they are
    network = network_of(graph, {name: array.shape for name, array in arrays.items()},
                         {name: array.dtype for name, array in arrays.items()}, requests, context=ctx)
    kind = DynamicExecutor if isinstance(network, DynamicNetwork) else Executor
    return kind(network, Bound(dict(args), gradients, dict(aux_states), requests), ctx)


def simple_bind(graph: Graph, ctx: Context, grad_req: Mapping[str, str], type_dict: Mapping[str, Any],
                shapes: Mapping[str, Sequence[int]], group2ctx: Mapping[str, Context] | None = None) -> Executor:
    """An executor on new arrays of zeros, their shapes and dtypes inferred.  MXNet: Symbol.simple_bind.

    group2ctx: the contexts of arrays whose variable has the attribute `__ctx_group__`, by its value.
    """
    places = group2ctx or {}
    ready = typed(graph, {name: tuple(shape) for name, shape in shapes.items()},
                  _dtypes(type_dict))
    states = set(state_names(ready))
    made = {node.name: zeros(node.types[0].dims, places.get(node.attrs.get("__ctx_group__", ""), ctx),
                             node.types[0].element.name) for node in ready.variables}
    args = {name: array for name, array in made.items() if name not in states}
    gradients = {name: zeros(array.shape, array.context, array.dtype) if grad_req.get(name, "null") != "null" else None
                 for name, array in args.items()}
    return bind(graph, ctx, args, gradients, grad_req, {name: made[name] for name in made if name in states})

