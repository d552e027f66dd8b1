"""Executors: networks that are compiled for the arrays they are bound to."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from symc.codegen.build import Lowered, Options, compile_lowered, host_level, load_in_process, lower, state_names
from symc.codegen.group_code import GRID_LEVEL
from symc.errors import MXNetError, raise_collected
from symc.frontend import array_methods  # noqa: F401  (gives the arrays of executors their operators)
from symc.frontend.reader import describe_graph
from symc.frontend.sights import sights_of
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.lowering import is_dynamic, named_dtypes
from symc.ops.families.custom import Custom, with_instances
from symc.ops.operator import Operator, operation, output_name
from symc.passes.partition import parameter_variables
from symc.passes.pipeline import typed
from symc.passes.watch_values import WatchValues
from symc.prepared import host_functions
from symc.runtime.context import GPU, Context
from symc.runtime.devices import driver_of
from symc.runtime.dynamic import KEPT, DynamicExecutor
from symc.runtime.executor import FROZEN, INFERENCE, Bound, Executor, Sight
from symc.runtime.ndarray import NDArray, zeros
from symc.runtime.program import Program


class BoundNetwork:
    """A graph, typed for some shapes, whose programs are compiled when they are first asked for.

    See `runtime.executor.Network`.  InferenceError: the shapes or dtypes contradict the graph.
    """

    outputs: Sequence[tuple[str, tuple[int, ...], str]]

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], options: Options | None = None, context: Context | None = None) -> None:
        self.source, self.context = source, context
        ready = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, named_dtypes(dtypes))
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
            lowered = lower(self.graph, mode, requests, parameters, self.options, target=_target(self.context))
            self._programs[mode] = program_of(lowered, self.options, self.context)
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


def _target(context: Context | None) -> str:
    """The target that computes on a context."""
    return "cuda" if context is not None and context.device_typeid == GPU else "cpu"


def program_of(lowered: Lowered, options: Options, context: Context | None, is_alone: bool = True) -> Program:
    """What runs a lowered graph in this process.  is_alone: whether it has a stream of its own, where it is on a GPU.

    MXNetError: there is no such GPU.
    """
    hosts = host_functions(lowered.graph)
    if context is None or context.device_typeid != GPU:
        unit = compile_lowered(lowered, [host_level()], options)
        return Program(unit.assembly.plan, load_in_process(unit), unit.assembly.weights, hosts)
    from symc.codegen.device_code import device_code  # few programs have a GPU
    from symc.runtime.device import DeviceProgram

    driver = driver_of(context.device_id)
    unit = compile_lowered(lowered, [GRID_LEVEL], options)
    return DeviceProgram(unit.plans[GRID_LEVEL], driver.stream() if is_alone else driver,
                         driver.load(device_code(unit, driver.architecture, options)), unit.assembly.weights, hosts,
                         is_alone, context.device_id)


def operator_program(op: Operator, name: str, types: Sequence[TensorType], context: Context) -> Program:
    """One operator as `imperative` means it, on a GPU; its inputs are called by their positions.

    InferenceError: the types do not fit the operator.
    """
    inputs = [Value(variable(str(position), type)) for position, type in enumerate(types)]
    node = Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, sources=(Source(name),))
    options = Options()
    lowered = lower(typed(Graph(node.outputs[:op.visible_count])), INFERENCE, {}, (), options, target="cuda")
    return program_of(lowered, options, context, is_alone=False)


class DynamicNetwork(BoundNetwork):
    """A graph with an operator whose output's shape depends on data, here the first of them.

    See `runtime.dynamic.OpenNetwork`.  Custom operators in front of it run for the probe too, with an instance of
    their own.
    """

    def __init__(self, source: Graph, shapes: Mapping[str, Sequence[int]], dtypes: Mapping[str, Any],
                 requests: Mapping[str, str], options: Options | None = None, context: Context | None = None) -> None:
        self.source, self.context = source, context
        self.graph = typed(source, {name: tuple(shape) for name, shape in shapes.items()}, named_dtypes(dtypes))
        self.requests, self.options, self.outputs = dict(requests), options or Options(), []
        self.node = next(node for node in source.nodes if is_dynamic(node))
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
    kind = DynamicNetwork if any(map(is_dynamic, source.nodes)) else BoundNetwork
    return kind(source, shapes, dtypes, requests, options, context)


def _held_dynamic(node: Node) -> list[Node]:
    """Dynamic nodes in the graphs that a node holds."""
    found: list[Node] = []
    waiting = list(node.op.subgraphs) if node.op else []
    while waiting:
        nodes = waiting.pop().nodes
        found += filter(is_dynamic, nodes)
        waiting += [graph for inner in nodes if inner.op for graph in inner.op.subgraphs]
    return found


def _described(graph: Graph) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and dtype of each head."""
    return [(output_name(head), head.type.dims, head.type.element.name) for head in graph.heads]


def bind(graph: Graph, ctx: Context, args: Mapping[str, NDArray], args_grad: Mapping[str, NDArray | None],
         grad_req: Mapping[str, str], aux_states: Mapping[str, NDArray]) -> Executor:
    """An executor of `graph` on these arrays, all names complete and in the graph's order.  MXNet: Symbol.bind.

    InferenceError: the arrays' shapes or dtypes contradict the graph.
    """
    if ctx.device_typeid == GPU:
        driver_of(ctx.device_id)        # which says why there is none
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

    group2ctx: the contexts of arrays whose variable has the attribute `__ctx_group__`, by its value.  All is computed
    on `ctx`, to which such arrays are copied.
    """
    places = group2ctx or {}
    ready = typed(graph, {name: tuple(shape) for name, shape in shapes.items()},
                  named_dtypes(type_dict))
    states = set(state_names(ready))
    made = {node.name: zeros(node.types[0].dims, places.get(node.attrs.get("__ctx_group__", ""), ctx),
                             node.types[0].element.name) for node in ready.variables}
    args = {name: array for name, array in made.items() if name not in states}
    gradients = {name: zeros(array.shape, array.context, array.dtype) if grad_req.get(name, "null") != "null" else None
                 for name, array in args.items()}
    return bind(graph, ctx, args, gradients, grad_req, {name: made[name] for name in made if name in states})

