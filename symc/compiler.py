"""The facade: from a symbol to a compiled module, a package, or an executor."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from symc.codegen import cache
from symc.codegen.build import (
    Lowered,
    Options,
    Unit,
    compile_lowered,
    compile_several,
    groups_of,
    host_level,
    host_levels,
    load_in_process,
    lower,
    output_names,
    state_names,
)
from symc.codegen.tune import Tuning, tuning_of
from symc.errors import MXNetError, SymcError, raise_collected, warn
from symc.frontend import array_methods  # noqa: F401  (gives the arrays of executors their operators)
from symc.frontend.parameter_names import nearest
from symc.frontend.reader import describe_graph
from symc.frontend.shape_sets import Shapes, ShapeSets, shape_sets
from symc.frontend.sights import sights_of
from symc.ir.graph import Graph, Node, Value, constant
from symc.ir.types import DType, TensorType
from symc.loading import Note, load_model
from symc.ops.families.custom import Custom, with_instances
from symc.ops.operator import operation, output_name
from symc.ops.slots import Conflict, show
from symc.passes.any_batch import prove_rows
from symc.passes.base import run_passes
from symc.passes.batch_rows import BatchAxis
from symc.passes.partition import parameter_variables
from symc.passes.pipeline import export_pipeline, typed
from symc.passes.watch_values import WatchValues
from symc.prepared import PACKAGE_LEVELS, Prepared, host_functions
from symc.runtime.batch import ModuleOfBatches
from symc.runtime.context import Context
from symc.runtime.dynamic import KEPT, DynamicExecutor
from symc.runtime.executor import FROZEN, INFERENCE, TRAINING, Bound, Executor, Sight
from symc.runtime.module import CompiledModule
from symc.runtime.ndarray import NDArray, zeros
from symc.runtime.program import Program
from symc.runtime.shapes import ModuleOfShapes, Plans

# ---- compiled modules and packages ---------------------------------------------------------------------------------


class Module(CompiledModule):
    """A compiled module that can be saved as a package."""

    def __init__(self, prepared: Prepared) -> None:
        lowered, = prepared.lowered
        self.save = prepared.save
        self.unit = compile_lowered(lowered, [host_level()], prepared.options)
        super().__init__(self.unit.assembly.plan, load_in_process(self.unit), self.unit.assembly.weights,
                         host_functions(lowered.graph))


class ShapesModule(ModuleOfShapes):
    """The same for several sets of shapes."""

    def __init__(self, prepared: Prepared) -> None:
        plans, units = _plans_here(prepared)
        self.save = prepared.save
        super().__init__(plans, [{buffer.name: buffer.shape for buffer in unit.assembly.plan.buffers
                                  if buffer.kind == "input"} for unit in units])


class BatchModule(ModuleOfBatches):
    """The same for batches of any size."""

    def __init__(self, prepared: Prepared) -> None:
        plans, units = _plans_here(prepared)
        self.save = prepared.save
        batch = prepared.batch([unit.assembly.plan for unit in units])
        assert batch is not None
        super().__init__(plans, batch, plans[0].inputs, plans[0].outputs)


def _plans_here(prepared: Prepared) -> tuple[Plans, list[Unit]]:
    """The plans of a network in this process, over one block of weights."""
    units = compile_several(prepared.lowered, [host_level()], prepared.options)
    weights = units[0].assembly.weights
    modules = [CompiledModule(unit.assembly.plan, load_in_process(unit), weights, host_functions(lowered.graph))
               for unit, lowered in zip(units, prepared.lowered, strict=True)]
    return Plans([partial(modules.__getitem__, number) for number in range(len(modules))]), units


def compile(symbol: Any, params: Any = None, shapes: Shapes | Sequence[Shapes] | None = None,
            outputs: Sequence[str] = (), train: bool | Mapping[str, str] = False, target: str = "cpu", *,
            dtypes: Mapping[str, Any] | None = None, epoch: int | None = None,
            options: Options | None = None) -> Module | ShapesModule | BatchModule:
    """Compile a network for this machine.

    symbol: a Symbol, a Graph, or what `model_files.find` finds: the path of a symbol.json, an archive, a folder, the
    prefix of a checkpoint.  params: a path, or arrays by name with or without the prefixes arg: and aux:; by default
    those of the archive, folder or prefix.  epoch: which of these, where they are of several; by default the last.
    shapes, dtypes: of the inputs, as far as they do not follow.  outputs: names of the heads to keep, internal ones
    included; by default all but, in inference, those for training.  train: gradients of all parameters, or requests by
    name; parameters are then inputs, whose first values are those given, and auxiliary states belong to each thread.
    target: 'cpu'.
    Several sets of shapes in a list are compiled to one module, which takes inputs of any of them.  Where an extent is
    a name, ("N", 3, 224, 224), it is a batch of any size, whose rows the network must compute apart.
    """
    prepared = prepare(symbol, params, shapes, outputs, train, target, dtypes, options or Options(), epoch)
    if prepared.places is not None:
        return BatchModule(prepared)
    return Module(prepared) if len(prepared.lowered) == 1 else ShapesModule(prepared)


def compile_package(path: str | os.PathLike[str], symbol: Any, params: Any = None,
                    shapes: Shapes | Sequence[Shapes] | None = None, outputs: Sequence[str] = (),
                    train: bool | Mapping[str, str] = False, target: str = "cpu", *,
                    dtypes: Mapping[str, Any] | None = None, epoch: int | None = None,
                    levels: Sequence[str] | None = None, options: Options | None = None,
                    architectures: Sequence[str] | None = None) -> list[Unit]:
    """Compile to the package `path`, for CPU `levels` and `architectures` of GPUs, which this machine need not have.

    target: 'cpu' (also called 'llvm'), 'cuda', or 'llvm,cuda' for a package that runs on both.  See `compile`, `save`.
    Returns what was compiled: one unit for each plan, those for GPUs last.
    """
    prepared = prepare(symbol, params, shapes, outputs, train, target, dtypes, options or Options(), epoch)
    return prepared.save(path, levels, architectures)


def tune(symbol: Any, params: Any = None, shapes: Shapes | Sequence[Shapes] | None = None,
         outputs: Sequence[str] = (), train: bool | Mapping[str, str] = False, *,
         dtypes: Mapping[str, Any] | None = None, epoch: int | None = None, options: Options | None = None,
         threads: int = 1, seconds: float = math.inf) -> Tuning:
    """Time the schedules of the network's contractions on this machine; what is compiled from then on has the fastest.

    The network is that of `compile`.  threads: with which kernels run.  See `Tuning.run`.
    """
    options = options or Options()
    prepared = prepare(symbol, params, shapes, outputs, train, "cpu", dtypes, options, epoch)
    tuning = tuning_of([node for lowered in prepared.lowered for node in groups_of(lowered)])
    tuning.run(levels_here(options.precision), threads, seconds, options.progress)
    return tuning


def levels_here(precision: str) -> list[str]:
    """What this machine runs of packages, and what it compiles for itself: levels whose schedules are the same."""
    own = host_levels()
    packaged = [level for level in own if level in PACKAGE_LEVELS[precision]]
    return list(dict.fromkeys([*packaged[:1], own[0]]))


def prepare(symbol: Any, params: Any, shapes: Shapes | Sequence[Shapes] | None, outputs: Sequence[str],
            train: bool | Mapping[str, str], target: str, dtypes: Mapping[str, Any] | None,
            options: Options, epoch: int | None = None) -> Prepared:
    """All that comes before kernels.  See `compile`."""
    kinds = targets_of(target, options)
    given = shape_sets(shapes)
    network, arrays, found = load_model(symbol, params, given.fixed(options.slabs[0]), outputs, bool(train),
                                        options.note, epoch)
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
    assert given.symbol is not None
    bound = bind_constants(network, {name: array for name, array in arrays.items() if name not in given.names})
    return prove_rows(lambda size: typed(bound, given.fixed(size), _dtypes(dtypes)), given.axes, given.symbol,
                      options.slabs)


def targets_of(target: str, options: Options) -> tuple[str, ...]:
    """What a network is compiled for: 'cpu', 'cuda' or both.  SymcError: there is no such target, or it cannot do what
    the options want."""
    names = tuple(dict.fromkeys("cpu" if name.strip() == "llvm" else name.strip() for name in target.split(",")))
    if not set(names) <= {"cpu", "cuda"}:
        raise SymcError(f"target {target!r} is not supported",
                        "the target is 'cpu' (also called 'llvm'), 'cuda', or 'llvm,cuda'")
    if "cuda" in names and (options.precision != "fp32" or options.fast_math and names == ("cuda",)):
        raise SymcError(f"{'fast math' if options.fast_math else f'precision {options.precision!r}'} is for CPUs",
                        "compile for 'cuda' without it")
    return names


def _lowered(network: Graph, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
             dtypes: Mapping[str, Any] | None, train: bool | Mapping[str, str], options: Options,
             target: str) -> Lowered:
    """The graph after all passes, for inputs of these shapes."""
    if train:
        return _lower_training(network, arrays, shapes, dtypes, train, options, target)
    constants = {name: array for name, array in arrays.items() if name not in shapes}
    ready = with_instances(typed(bind_constants(network, constants), shapes, _dtypes(dtypes)))
    return lower(ready, INFERENCE, {}, (), options, initial={}, target=target)


def _lower_training(network: Graph, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]],
                    dtypes: Mapping[str, Any] | None, train: bool | Mapping[str, str], options: Options,
                    target: str) -> Lowered:
    """Parameters stay inputs, whose first values are the given arrays; states without any begin as zeros."""
    own = {name: array for name, array in arrays.items() if name in {node.name for node in network.variables}}
    ready = with_instances(typed(network, {name: array.shape for name, array in own.items()} | dict(shapes),
                                 {name: DType.of(array.dtype) for name, array in own.items()} | _dtypes(dtypes)))
    states = set(state_names(ready))
    zeros = {node.name: np.zeros(node.types[0].dims, node.types[0].element.numpy)
             for node in ready.variables if node.name in states}
    return lower(ready, TRAINING, _requests(ready, shapes, train), (), options, initial=zeros | own, target=target)


def to_relax(symbol: Any, params: Any, shapes: Mapping[str, Sequence[int]] | None, outputs: Sequence[str],
             dtypes: Mapping[str, Any] | None, note: Note = warn,
             epoch: int | None = None) -> tuple[Any, dict[str, np.ndarray]]:
    """What inference computes as a module of TVM's Relax, and the module's parameters by name.

    See `frontend.relax.from_symbol`.
    """
    cache.pins()
    from symc.codegen.relax_module import relax_module
    from symc.codegen.relax_operators import is_kept

    network, arrays, given = load_model(symbol, params, shapes, outputs, note=note, epoch=epoch)
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

