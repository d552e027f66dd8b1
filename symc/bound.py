"""Executors: networks that are compiled for the arrays they are bound to."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from symc.codegen.build import compile_lowered, host_level, load_in_process
from symc.codegen.group_code import GRID_LEVEL
from symc.codegen.lowered import Lowered, Options, lower, state_names
from symc.codegen.segments import lower_segments
from symc.errors import MXNetError, raise_collected
from symc.frontend import array_methods  # noqa: F401  (gives the arrays of executors their operators)
from symc.frontend.reader import describe_graph
from symc.frontend.sights import sights_of
from symc.host_steps import host_functions
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.lowering import is_dynamic, named_dtypes
from symc.ops.families.custom import Custom, with_instances
from symc.ops.operator import Operator, operation, output_name
from symc.passes.cut_segments import head_names
from symc.passes.partition import parameter_variables
from symc.passes.pipeline import typed
from symc.passes.places import inherited, places_of
from symc.passes.watch_values import WatchValues
from symc.runtime.context import GPU, Context, cpu
from symc.runtime.devices import driver_of
from symc.runtime.dynamic import KEPT, DynamicExecutor
from symc.runtime.executor import Executor, Output, Sight
from symc.runtime.modes import FROZEN, INFERENCE
from symc.runtime.ndarray import NDArray, zeros
from symc.runtime.program import Program
from symc.runtime.stages import Bound, Stage, Stages


@dataclass(frozen=True)
class Site:
    """Where a network is bound: MXNet's ctx and group2ctx, and the contexts of the arrays."""

    context: Context
    groups: Mapping[str, Context] = field(default_factory=dict)
    arrays: Mapping[str, Context] = field(default_factory=dict)

    def contexts(self, graph: Graph) -> dict[Node, Context]:
        """Of the nodes of a graph as the user wrote it.  MXNetError: group2ctx lacks a group."""
        return places_of(graph, self.groups, self.arrays, self.context)


class BoundNetwork:
    """A graph, typed for some shapes, whose programs are compiled when they are first asked for.

    See `runtime.executor.Network`.  InferenceError: the shapes or dtypes contradict the graph.
    """

    outputs: Sequence[Output]

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], site: Site, options: Options | None = None) -> None:
        self.source, self.site = source, site
        ready = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, named_dtypes(dtypes))
        self.graph = with_instances(ready, site.contexts(ready))
        self.requests = {name: req for name, req in requests.items() if req != "null"}
        self.options = options or Options()
        self.contexts = site.contexts(self.graph)
        self.outputs = self._described()
        self._stages: dict[str, Stages] = {}
        self._compiled: dict[str, list[_Part]] = {}             # by mode
        self._met = {_key(shapes): _Met(self.graph, self.contexts, self.outputs, self._compiled)}   # by given shapes

    @cached_property
    def _has_instances(self) -> bool:
        return any(isinstance(node.op, Custom) for node in self.graph.nodes)

    @property
    def evaluation(self) -> str:
        """Custom operators run once for a forward, so that backward finds what they kept."""
        return FROZEN if self._has_instances and self.requests else INFERENCE

    def stages(self, mode: str) -> Stages:
        if mode not in self._stages:
            if mode not in self._compiled:
                self._compiled[mode] = self._parts(mode)
            self._stages[mode] = Stages([Stage(part.make(), part.device, part.outputs)
                                         for part in self._compiled[mode]], head_names(self.graph))
        return self._stages[mode]

    def _parts(self, mode: str) -> list[_Part]:
        parameters = parameter_variables(self.graph) if mode == INFERENCE else frozenset()
        requests = {} if mode == INFERENCE else self.requests
        devices = {node: device_of(context) for node, context in self.contexts.items()}
        found = {devices[node] for node in self.graph.nodes if node.op is not None} or {device_of(self.site.context)}
        if len(found) == 1:
            device, = found
            lowered = lower(self.graph, mode, requests, parameters, self.options, target=_target(device))
            return [_Part(maker_of(lowered, self.options, device), device, head_names(self.graph))]
        segments = lower_segments(self.graph, mode, requests, parameters, self.options, devices,
                                  device_of(self.site.context), _target)
        return [_Part(maker_of(lowered, self.options, device), device, lowered.outputs)
                for device, lowered in segments]

    def watched(self) -> tuple[BoundNetwork, list[Sight]]:
        twin = copy.copy(self)
        twin.graph, twin._stages, twin._compiled = WatchValues()(self.graph), {}, {}
        twin.contexts = inherited(twin.graph, self.contexts, self.site.context)
        twin.outputs = twin._described()
        return twin, sights_of(self.graph)

    def _described(self) -> list[Output]:
        return [Output(output_name(head), head.type.dims, head.type.element.name, self.contexts[head.node])
                for head in self.graph.heads]

    def describe(self) -> str:
        return describe_graph(self.source)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return _shapes(self.graph)

    @property
    def _variable_dtypes(self) -> dict[str, DType]:
        return {node.name: node.types[0].element for node in self.graph.variables}

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> BoundNetwork:
        """Its programs have memory of their own; what was compiled for these shapes is not compiled again."""
        if self._has_instances:         # which belong to one executor
            return BoundNetwork(self.source, shapes, self._variable_dtypes, self.requests, self.site, self.options)
        twin, key = copy.copy(self), _key(shapes)
        if key not in self._met:
            made = BoundNetwork(self.source, shapes, self._variable_dtypes, self.requests, self.site, self.options)
            if len(self._met) >= KEPT:
                self._met.clear()
            same = next((one for one in self._met.values() if _shapes(one.graph) == made.shapes), None)
            self._met[key] = same or _Met(made.graph, made.contexts, made.outputs, made._compiled)
        twin.graph, twin.contexts, twin.outputs, twin._compiled = self._met[key]
        twin._stages = {}
        return twin


class _Part(NamedTuple):
    """A compiled part of a network on a device: what makes its programs, and the names of what it computes."""

    make: Callable[[], Program]
    device: Context
    outputs: Sequence[str]


class _Met(NamedTuple):
    """A network for shapes that it had before: typed, and its parts by mode."""

    graph: Graph
    contexts: dict[Node, Context]
    outputs: Sequence[Output]
    compiled: dict[str, list[_Part]]


def _shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    return {node.name: node.types[0].dims for node in graph.variables}


def _key(shapes: Mapping[str, Sequence[int]]) -> frozenset[tuple[str, tuple[int, ...]]]:
    return frozenset((name, tuple(shape)) for name, shape in shapes.items())


def device_of(context: Context) -> Context:
    """The context that stands for all of a device: those on the host are one."""
    return context if context.device_typeid == GPU else cpu()


def _target(context: Context) -> str:
    """The target that computes on a context."""
    return "cuda" if context.device_typeid == GPU else "cpu"


def maker_of(lowered: Lowered, options: Options, context: Context, is_alone: bool = True) -> Callable[[], Program]:
    """What makes programs that run a lowered graph in this process, each with memory of its own.  is_alone: whether
    they have a stream of their own, where they are on a GPU.

    MXNetError: there is no such GPU.
    """
    hosts = host_functions(lowered.graph)
    if context.device_typeid != GPU:
        unit = compile_lowered(lowered, [host_level()], options)
        library = load_in_process(unit)
        return lambda: Program(unit.assembly.plan, library, unit.assembly.weights, hosts)
    from symc.codegen.device_code import device_code  # few programs have a GPU
    from symc.runtime.device import DeviceProgram

    driver, options = driver_of(context.device_id), replace(options, libraries=named_libraries())
    unit = compile_lowered(lowered, [GRID_LEVEL], options)
    code = driver.load(device_code(unit, driver.architecture, options))
    return lambda: DeviceProgram(unit.plans[GRID_LEVEL], driver.stream() if is_alone else driver, code,
                                 unit.assembly.weights, hosts, is_alone, context.device_id)


def named_libraries() -> tuple[str, ...]:
    """The libraries of NVIDIA that executors may use on GPUs, as the user names them: SYMC_LIBRARIES=cublaslt,cudnn."""
    return tuple(filter(None, os.environ.get("SYMC_LIBRARIES", "").split(",")))


def operator_program(op: Operator, name: str, types: Sequence[TensorType], context: Context) -> Program:
    """One operator as `imperative` means it, on a GPU; its inputs are called by their positions.

    InferenceError: the types do not fit the operator.
    """
    inputs = [Value(variable(str(position), type)) for position, type in enumerate(types)]
    node = Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, sources=(Source(name),))
    options = Options()
    lowered = lower(typed(Graph(node.outputs[:op.visible_count])), INFERENCE, {}, (), options, target="cuda")
    return maker_of(lowered, options, context, is_alone=False)()


class DynamicNetwork(BoundNetwork):
    """A graph with an operator whose output's shape depends on data, here the first of them.

    See `runtime.dynamic.OpenNetwork`.  Custom operators in front of it run for the probe too, with an instance of
    their own.
    """

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], site: Site, options: Options | None = None) -> None:
        self.source, self.site = source, site
        self.graph = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, named_dtypes(dtypes))
        self.requests, self.options, self.outputs = dict(requests), options or Options(), []
        self.node = next(node for node in source.nodes if is_dynamic(node))
        self._settled: dict[Any, BoundNetwork] = {}

    @cached_property
    def probe(self) -> BoundNetwork:
        heads = tuple(self.node.inputs[position] for position in operation(self.node).shape_inputs)
        return BoundNetwork(Graph(heads), self.shapes, self._variable_dtypes, {}, self.site, self.options)

    def settled(self, arrays: Sequence[np.ndarray]) -> BoundNetwork:
        op = operation(self.node).settled(*arrays)
        if op not in self._settled:
            if len(self._settled) >= KEPT:
                self._settled.clear()
            graph = self.source.rewrite(lambda node: replace(node, op=op).outputs if node is self.node else None)
            self._settled[op] = network_of(graph, self.shapes, self._variable_dtypes, self.requests, self.site,
                                           self.options)
        return self._settled[op]

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> DynamicNetwork:
        return DynamicNetwork(self.source, shapes, self._variable_dtypes, self.requests, self.site, self.options)


def network_of(source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
               requests: Mapping[str, str], site: Site, options: Options | None = None) -> BoundNetwork:
    """The network of a graph, an open one if shapes in it depend on data.

    MXNetError: they do so within the graph of an operator: a loop, a branch, the gradient of a symbol.
    """
    raise_collected(MXNetError, "the network",
                    [f"node '{node.name}' ({operation(node).name}) holds '{inner.name}' ({operation(inner).name}), the "
                     "shape of whose output depends on data" for node in source.nodes for inner in _held_dynamic(node)],
                    "move it out of the loop or branch; take gradients through it by backward of an executor")
    kind = DynamicNetwork if any(map(is_dynamic, source.nodes)) else BoundNetwork
    return kind(source, shapes, dtypes, requests, site, options)


def _held_dynamic(node: Node) -> list[Node]:
    """Dynamic nodes in the graphs that a node holds."""
    found: list[Node] = []
    waiting = list(node.op.subgraphs) if node.op else []
    while waiting:
        nodes = waiting.pop().nodes
        found += filter(is_dynamic, nodes)
        waiting += [graph for inner in nodes if inner.op for graph in inner.op.subgraphs]
    return found


def bind(graph: Graph, ctx: Context, args: Mapping[str, NDArray], args_grad: Mapping[str, NDArray | None],
         grad_req: Mapping[str, str], aux_states: Mapping[str, NDArray],
         group2ctx: Mapping[str, Context] | None = None) -> Executor:
    """An executor of `graph` on these arrays, all names complete and in the graph's order.  MXNet: Symbol.bind.

    group2ctx: where nodes with the attribute `__ctx_group__` are computed, by its value.
    InferenceError: the arrays' shapes or dtypes contradict the graph.  MXNetError: there is no such GPU.
    """
    arrays = {**args, **aux_states}
    site = Site(ctx, group2ctx or {}, {name: array.context for name, array in arrays.items()})
    for context in {ctx, *site.contexts(graph).values()}:
        if context.device_typeid == GPU:
            driver_of(context.device_id)        # which says why there is none
    requests = {name: req for name, req in grad_req.items() if args_grad.get(name) is not None}
    gradients = {name: args_grad.get(name) for name in args}    # those of request null too: they stay as they are
    network = network_of(graph, {name: array.shape for name, array in arrays.items()},
                         {name: array.dtype for name, array in arrays.items()}, requests, site)
    kind = DynamicExecutor if isinstance(network, DynamicNetwork) else Executor
    return kind(network, Bound(dict(args), gradients, dict(aux_states), requests), ctx)


def simple_bind(graph: Graph, ctx: Context, grad_req: Mapping[str, str], type_dict: Mapping[str, Any],
                shapes: Mapping[str, Sequence[int]], group2ctx: Mapping[str, Context] | None = None) -> Executor:
    """An executor on new arrays of zeros, their shapes and dtypes inferred.  MXNet: Symbol.simple_bind.

    group2ctx: as of `bind`; the arrays of such variables lie there too.
    """
    ready = typed(graph, {name: tuple(shape) for name, shape in shapes.items()},
                  named_dtypes(type_dict))
    states, contexts = set(state_names(ready)), Site(ctx, group2ctx or {}).contexts(ready)
    made = {node.name: zeros(node.types[0].dims, contexts[node], node.types[0].element.name)
            for node in ready.variables}
    args = {name: array for name, array in made.items() if name not in states}
    gradients = {name: zeros(array.shape, array.context, array.dtype) if grad_req.get(name, "null") != "null" else None
                 for name, array in args.items()}
    return bind(graph, ctx, args, gradients, grad_req, {name: made[name] for name in made if name in states},
                group2ctx)
