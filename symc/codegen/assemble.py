"""From a fused graph and the code of its groups to a plan: steps, phases, buffers and their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symc.codegen.bodies import (
    Body,
    all_bodies,
    bodies_of,
    names_with_bodies,
    readers_with_bodies,
    storages_with_bodies,
)
from symc.codegen.group_code import GroupCode, KernelCode, Parameter
from symc.codegen.plan import (
    BranchStep,
    Buffer,
    Call,
    HostStep,
    Kernel,
    KernelStep,
    LoopStep,
    Plan,
    Range,
    Step,
    check,
)
from symc.codegen.weights import Weights, in_pieces, weights_of
from symc.ir.graph import Graph, Node, Value, value_name
from symc.ir.types import DType, TensorType
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.families.placement import Piece, Placement
from symc.ops.group import Group
from symc.ops.operator import Operator, is_placement, operation
from symc.ops.parameters import format_value
from symc.ops.record import Record, record
from symc.passes.gradient import HEAD_GRADIENT
from symc.passes.materialize import ACCUMULATED
from symc.passes.partition import BACKWARD, FORWARD, PREPARE, partition
from symc.passes.plan_memory import Block, MemoryPlan, plan_memory, rounded
from symc.runtime.memory import BYTE, aligned_empty

if TYPE_CHECKING:
    from symc.codegen.library_calls import LibraryCall

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})
NO_CALLS: Mapping[Node, LibraryCall] = MappingProxyType({})


@record
class Assembly(Record):
    """A plan, the values that lie in its weights block (offset and array, in order), and how good its memory plan
    is."""

    plan: Plan
    contents: tuple[tuple[int, np.ndarray], ...]
    memory: MemoryPlan

    @property
    def weights(self) -> np.ndarray:
        """The initial bytes of the block of weights, aligned: a new copy, which may be the largest array there is."""
        block, end = aligned_empty((self.plan.weights_bytes,), BYTE, "the block of weights"), 0
        for piece in in_pieces(self.contents, self.plan.weights_bytes):
            block[end:end + len(piece)] = piece
            end += len(piece)
        return block


def assemble(graph: Graph, code: Mapping[Node, GroupCode], states: Iterable[str], parameters: Iterable[str],
             output_names: Sequence[str], trains: bool, initial: Mapping[str, np.ndarray] = NOTHING,
             calls: Mapping[Node, LibraryCall] = NO_CALLS) -> Assembly:
    """The plan of a fused, materialised graph.

    graph: no two bodies share a node (`bodies.unshared`).  code: of every group node.  states: names of the auxiliary
    states; variables that the graph updates are states too.  parameters: names of the variables whose consequences
    the entry `prepare` computes; without such there is no entry.  output_names: of the heads.  trains: entries
    forward and backward, otherwise infer.  initial: values of inputs and states that lie in the weights, so that they
    need not be bound.  calls: what libraries compute in place of steps of group nodes; `code` has the rests of these.
    """
    updated = (update.variable.name for update in graph.updates)
    return _Assembler(graph, code, frozenset((*states, *updated)), frozenset(parameters), tuple(output_names), trains,
                      initial, calls).run()


class UserBuffer(NamedTuple):
    """Memory that the user holds."""

    kind: str
    name: str
    type: TensorType


@record
class Scratch(Record):
    """Scratch buffer `number` of a group node, or where the step of a loop puts its new state `number`; no tuple, for
    it must differ from the node's values."""

    node: Node
    number: int


Place = Value | Scratch   # what needs memory


@dataclass
class _Life:
    """First and last phase in which a value's memory must stay intact."""

    first: int
    last: int


@dataclass
class _Assembler:
    graph: Graph
    code: Mapping[Node, GroupCode]
    states: frozenset[str]
    parameters: frozenset[str]
    output_names: tuple[str, ...]
    trains: bool
    initial: Mapping[str, np.ndarray]
    calls: Mapping[Node, LibraryCall]
    phases: dict[Node, tuple[int, int]] = field(default_factory=dict)   # first and last phase of a node
    lives: dict[Place, _Life] = field(default_factory=dict)
    buffers: list[Buffer] = field(default_factory=list)
    numbers: dict[Place, int] = field(default_factory=dict)             # buffer of each storage
    kernels: dict[str, tuple[int, Kernel]] = field(default_factory=dict)   # by linker symbol, each with its number
    statuses: dict[Node, int] = field(default_factory=dict)             # buffer that says whether a node failed
    cuts: dict[Node, list[tuple[int, int, int]]] = field(default_factory=dict)   # the slices of each loop
    ranges: dict[Node, Range] = field(default_factory=dict)             # the steps of nodes that libraries compute too

    @cached_property
    def bodies(self) -> list[Body]:
        return all_bodies(self.graph)

    @cached_property
    def weights(self) -> Weights:
        """What the block of weights begins with."""
        return weights_of(self.graph, self.initial)

    @cached_property
    def storage(self) -> Mapping[Value, Value]:
        return storages_with_bodies(self.graph, self.bodies)

    @cached_property
    def readers(self) -> Mapping[Value, tuple[Node, ...]]:
        return readers_with_bodies(self.graph, self.bodies)

    @cached_property
    def places(self) -> Mapping[Value, tuple[Value, int]]:
        """Storages that are parts of others: the one that is part of none, and where in it they begin, in bytes."""
        return places_of(self.graph, self.storage)

    def _home(self, value: Value) -> Value:
        """The storage that holds the storage `value`, with others if these are its parts."""
        return self.places[value][0] if value in self.places else value

    @cached_property
    def shared(self) -> frozenset[Value]:
        """Storages that hold parts."""
        return frozenset(whole for whole, _ in self.places.values())

    @cached_property
    def routed(self) -> frozenset[Value]:
        """What bodies give back: it lies in memory of their owners."""
        return frozenset(self.storage[head] for body in self.bodies for head in body.graph.heads)

    @cached_property
    def names(self) -> Mapping[Node, str]:
        return names_with_bodies(self.graph)

    def _title(self, value: Value) -> str:
        """The name of a value in the text of the graph."""
        return value_name(self.names[value.node], value.index)

    @cached_property
    def views(self) -> Mapping[Value, list[Value]]:
        """Storage → every value that lies in it."""
        views: dict[Value, list[Value]] = {}
        for view, root in self.storage.items():
            views.setdefault(root, []).append(view)
        return views

    @cached_property
    def entry(self) -> Mapping[Node, int]:
        entry = partition(self.graph, self.parameters)
        for body in self.bodies:
            entry |= dict.fromkeys(body.graph.nodes, entry[body.owner])
        return entry

    def run(self) -> Assembly:
        order = {entry: self._order(entry) for entry in (PREPARE, FORWARD, BACKWARD)}
        self._assign_phases([node for entry in order.values() for node in entry], 0)
        self._measure_lives()
        merged = self._share_in_place()
        self._name_user_buffers()
        weights_bytes = self._place_weights()
        memory = self._place_arena(merged)
        for body in self.bodies:
            self._place_body(body)
        steps, entries = self._steps(order)
        rests, calls = self._calls(len(steps))
        kernels = tuple(kernel for _, kernel in self.kernels.values())
        plan = Plan(tuple(self.buffers), kernels, (*steps, *rests), entries, memory.arena_bytes, weights_bytes,
                    calls=calls)
        check(plan)
        return Assembly(plan, self.weights.contents, memory)

    # ---- who writes what, in which order -------------------------------------------------------------------

    @cached_property
    def written(self) -> Mapping[Value, UserBuffer]:
        """Storage of each root → the user's buffer that it is; a root may be a view of its storage."""
        heads = zip(self.graph.heads, self.output_names, strict=True)
        roots = {self.storage[head]: UserBuffer("output", name, head.type) for head, name in heads}
        roots |= {self.storage[g.value]: UserBuffer("gradient", g.variable.name, g.value.type)
                  for g in self.graph.gradients}
        return roots | {self.storage[u.value]: self._user_buffer(u.variable) for u in self.graph.updates}

    def _user_buffer(self, node: Node) -> UserBuffer:
        """The buffer that a variable is bound to."""
        type = node.types[0]
        if node.name.startswith(ACCUMULATED):
            return UserBuffer("gradient", node.name.removeprefix(ACCUMULATED), type)
        if node.name.startswith(HEAD_GRADIENT.format("")):
            return UserBuffer("head_gradient", node.name, type)
        return UserBuffer("state" if node.name in self.states else "input", node.name, type)

    def _order(self, entry: int) -> list[Node]:
        """Nodes of an entry in topological order, views left out, writers of user variables last of all.

        A variable keeps its old value until everything that reads it has run.
        """
        nodes = [node for node in self.graph.nodes if self._stores(node) and self.entry[node] == entry]
        return [n for n in nodes if n not in self.late] + [n for n in nodes if n in self.late]

    @cached_property
    def late(self) -> frozenset[Node]:
        """Nodes that write variables of the user; nothing reads what they compute (`Materialize`, `Fuse`)."""
        return frozenset(self.storage[update.value].node for update in self.graph.updates)

    def _stores(self, node: Node) -> bool:
        """Whether the node's values are storages, be they parts of others."""
        return node.op is not None and self.storage[Value(node)].node is node

    def _computes(self, node: Node) -> bool:
        return self._stores(node) and not is_placement(node)

    def _assign_phases(self, order: Sequence[Node], phase: int) -> int:
        """A node joins the phase of the node before it unless it needs, or overwrites, something of that phase.  Loops
        and branches have phases of their own, in which their bodies run.  Returns the last phase."""
        ready: dict[Value, int] = {}
        before: object = None
        for node in order:
            earliest = max((ready.get(self.storage[value], -1) + 1 for value in node.inputs), default=0)
            if is_placement(node):
                ready[Value(node)] = earliest - 1
                continue
            part = node if isinstance(node.op, ControlFlow) else (self.entry[node], node in self.late)
            phase = max(earliest, phase + (before not in (None, part)))
            before = part
            self.phases[node] = phase, phase     # before those of what is in its bodies
            last = self._last_phase(node, phase)
            self.phases[node] = phase, last
            ready.update((self.storage[value], last) for value in node.outputs)
            phase = last
        return phase

    def _last_phase(self, node: Node, first: int) -> int:
        if node in self.code:
            return first + max(len(self.code[node].kernels), 1) - 1
        last = first
        for body in bodies_of(node):
            last = self._assign_phases(self._order_of(body), last)
        return last

    def _order_of(self, body: Body) -> list[Node]:
        return [node for node in body.graph.nodes if self._stores(node)]

    # ---- lives ---------------------------------------------------------------------------------------------

    def _measure_lives(self) -> None:
        for node, (first, last) in self.phases.items():
            for value in map(self._home, node.outputs):
                life = self.lives.setdefault(value, _Life(first, last))
                life.first, life.last = min(life.first, first), max(life.last, last)
            for value in node.inputs:
                if (found := self.lives.get(self._home(self.storage[value]))) is not None:
                    found.last = max(found.last, last)
            for number in range(self._scratch_count(node)):
                self.lives[Scratch(node, number)] = _Life(first, last)

    def _scratch_count(self, node: Node) -> int:
        if isinstance(node.op, Scan):
            return node.op.states
        return len(self.code[node].scratch) if node in self.code else 0

    def _in_arena(self, value: Value) -> bool:
        return (value in self.lives and value not in self.written and value not in self.routed
                and not self._is_prepared(value))

    def _is_prepared(self, value: Value) -> bool:
        """Computed by `prepare` and read by another entry, so that it must outlive a run."""
        return self.entry[value.node] == PREPARE and value.node.op is not None and any(
            self.entry[reader] != PREPARE for view in self.views[value] for reader in self.readers.get(view, ()))

    def _share_in_place(self) -> dict[Value, Value]:
        """Output → input whose place it takes, where the input dies with the step and the kernel allows it."""
        merged: dict[Value, Value] = {}
        for node, (phase, last) in self.phases.items():
            if phase != last or len(node.outputs) != 1 or not self._moves_freely(Value(node)):
                continue
            for value in in_place_inputs(node):
                source = self.storage[value]
                root = merged.get(source, source)
                if (self._moves_freely(source) and self.lives[root].last == phase
                        and self._only_reader(source, node, phase)):
                    merged[Value(node)] = root
                    self.lives[root].last = self.lives[Value(node)].last
                    self.lives[Value(node)] = self.lives[root]
                    break
        return merged

    def _moves_freely(self, value: Value) -> bool:
        """Whether it has a place in the arena, and is neither part nor whole."""
        return self._in_arena(value) and value not in self.shared

    def _only_reader(self, source: Value, node: Node, phase: int) -> bool:
        """Whether no other node of the phase reads the storage, and `node` reads it through one value only.  The
        state of a loop belongs to the loop until its end."""
        if phase <= self.phases[source.node][1]:
            return False
        readers = [r for view in self.views[source] for r in self.readers.get(view, ())]
        return all(r is node or (r in self.phases and self.phases[r][1] < phase) or not self._computes(r)
                   for r in readers) and sum(self.storage[v] == source for v in node.inputs) == 1

    # ---- buffers -------------------------------------------------------------------------------------------

    def _add(self, key: Place, kind: str, name: str, type: TensorType, offset: int | None = None) -> None:
        self.numbers[key] = len(self.buffers)
        self.buffers.append(Buffer(kind, name, type.element.name, type.physical, type.bytes, offset, type.layout))

    def _name_user_buffers(self) -> None:
        """Inputs, states, outputs and gradients, in the order of the graph; one buffer for each name."""
        by_name: dict[tuple[str, str], int] = {}
        places = [(Value(node), self._user_buffer(node)) for node in self.graph.variables]
        for key, (kind, name, type) in [*places, *self.written.items()]:
            if (kind, name) not in by_name:
                self._add(key, kind, name, type, self.weights.places.get(name) if kind in ("input", "state") else None)
                by_name[kind, name] = self.numbers[key]
            self.numbers[key] = by_name[kind, name]

    def _place_weights(self) -> int:
        """Constants in the block of weights, and prepared values behind them; the size of the block in bytes."""
        end = self.weights.bytes
        inside = (node for body in self.bodies for node in body.graph.nodes)
        for node in (*self.graph.nodes, *inside):
            if node.is_constant:
                value = Value(node)
                self._add(value, "weight", self._title(value), value.type, self.weights.places[value])
                continue
            for value in node.outputs:
                if value in self.lives and self._is_prepared(value):
                    self._add(value, "weight", self._title(value), value.type, end)
                    end += rounded(value.type.bytes)
        return end

    def _place_arena(self, merged: Mapping[Value, Value]) -> MemoryPlan:
        keys = {key: f"{i}" for i, key in enumerate(self.lives)
                if key not in merged and (not isinstance(key, Value) or self._in_arena(key))}
        blocks = [Block(name, self._bytes(key), self.lives[key].first, self.lives[key].last)
                  for key, name in keys.items()]
        memory = plan_memory(blocks)
        for key, name in keys.items():
            self._add(key, "arena", *self._describe(key), memory.offsets[name])
        for value, root in merged.items():
            offset = self.buffers[self.numbers[root]].offset
            self._add(value, "arena", self._title(value), value.type, offset)
        for value, (whole, begin) in self.places.items():
            offset = self.buffers[self.numbers[whole]].offset
            assert offset is not None, f"{value} is part of {whole}, which lies outside of the arena"
            self._add(value, "arena", self._title(value), value.type, offset + begin)
        return memory

    def _bytes(self, key: Place) -> int:
        return self._describe(key)[1].bytes

    def _describe(self, key: Place) -> tuple[str, TensorType]:
        if isinstance(key, Value):
            return self._title(key), key.type
        if isinstance(key.node.op, Scan):
            return f"{self.names[key.node]}/state{key.number}", key.node.types[key.node.op.stacked + key.number]
        size = self.code[key.node].scratch[key.number]
        return f"{self.names[key.node]}/scratch{key.number}", TensorType((size,), DType.uint8)

    def _place_body(self, body: Body) -> None:
        """The memory of a body is that of its owner, or parts of it."""
        owner = body.owner
        if isinstance(owner.op, Scan):
            for node, whole in body.inputs():
                if node.name.startswith("x"):
                    self._add_slice(owner, Value(node), node.types[0], whole)
        for i, head in enumerate(body.graph.heads):
            root = self.storage[head]
            if not isinstance(owner.op, Scan):
                self.numbers[root] = self._number(Value(owner, i))
            elif i < owner.op.stacked:
                self._add_slice(owner, root, head.type, Value(owner, i))
            else:
                self.numbers[root] = self.numbers[Scratch(owner, i - owner.op.stacked)]

    def _add_slice(self, loop: Node, key: Value, type: TensorType, whole: Value) -> None:
        self._add(key, "slice", self._title(key), type)
        self.cuts.setdefault(loop, []).append((self.numbers[key], self._number(whole), type.bytes))

    # ---- steps ---------------------------------------------------------------------------------------------

    def _steps(self, order: Mapping[int, Sequence[Node]]) -> tuple[tuple[Step, ...], dict[str, Range]]:
        """Steps of the entries, then those of bodies: each behind the loop or branch that runs them."""
        steps: list[Step | Node] = []
        names = {PREPARE: "prepare", FORWARD: "forward" if self.trains else "infer", BACKWARD: "backward"}
        entries: dict[str, Range] = {}
        for entry, nodes in order.items():
            bounds = self._append_steps(nodes, steps)
            if entry == FORWARD or (entry == BACKWARD and self.trains) or nodes:
                entries[names[entry]] = bounds
        for number, item in enumerate(steps):   # grows on the way
            if isinstance(item, Node):
                steps[number] = self._control_step(item, [self._append_steps(self._order_of(body), steps)
                                                          for body in bodies_of(item)])
        return tuple(step for step in steps if not isinstance(step, Node)), entries

    def _append_steps(self, nodes: Sequence[Node], steps: list[Step | Node]) -> Range:
        """The steps of a range; loops and branches, whose bodies have no steps yet, as nodes."""
        first = len(steps)
        for node in filter(self._computes, nodes):
            begin = len(steps)
            steps += [node] if isinstance(node.op, ControlFlow) else self._steps_of(node)
            if node in self.calls:
                self.ranges[node] = begin, len(steps)
        return first, len(steps)

    def _calls(self, first: int) -> tuple[list[Step], tuple[Call, ...]]:
        """What libraries compute in place of steps, and the steps behind these calls, which are numbered from `first`
        on."""
        steps: list[Step] = []
        calls: list[Call] = []
        for node, bounds in self.ranges.items():
            own, begin = self.calls[node], first + len(steps)
            if own.rest is not None:
                steps += self._kernel_steps(node, self.code[own.rest].kernels, self.phases[node][1], own.of_rest)
            buffers = tuple(self._parameter(node, operand) for operand in own.operands)
            calls.append(own.call._replace(steps=bounds, buffers=buffers, rest=(begin, first + len(steps))))
        return steps, tuple(calls)

    def _control_step(self, node: Node, ranges: Sequence[Range]) -> Step:
        phase = self.phases[node][0]
        if not isinstance(node.op, Scan):
            return BranchStep(self._number(node.inputs[0]), ranges[0], ranges[1], phase, self.names[node])
        op = node.op
        outputs = [self._number(value) for value in node.outputs]
        states = outputs[op.stacked:op.stacked + op.states]
        given = [self._number(value) for value in node.inputs]
        return LoopStep(
            ranges[0], phase, trip=None if op.limited else op.count, trip_buffer=given[-1] if op.limited else None,
            counter=outputs[-1] if op.conditional else None, predicate=states[-1] if op.conditional else None,
            carry=tuple((self.numbers[Scratch(node, i)], state) for i, state in enumerate(states)),
            initial=tuple(zip(given[op.slices:], states, strict=False)),
            clear=tuple(outputs[:op.stacked]) if op.conditional or op.limited else (),
            slices=tuple(self.cuts.get(node, ())), reverse=op.reverse, node=self.names[node])

    def _steps_of(self, node: Node) -> list[Step]:
        phase = self.phases[node][0]
        if node not in self.code:
            op = operation(node)
            attributes = {key: format_value(value) for key, value in op.parameters().items()}
            return [HostStep(host_name(op, self.names[node]), tuple(self._number(v) for v in node.inputs),
                             tuple(self._number(v) for v in node.outputs), phase, attributes)]
        return self._kernel_steps(node, self.code[node].kernels, phase)

    def _kernel_steps(self, node: Node, kernels: Sequence[KernelCode], phase: int,
                      place: Callable[[Parameter], Parameter] = lambda parameter: parameter) -> list[Step]:
        """A step for each kernel; place: of its parameters among those of the node's kernels."""
        return [KernelStep(self._kernel(kernel), tuple(self._parameter(node, place(p)) for p in kernel.parameters),
                           kernel.jobs, phase + i, nodes=tuple(map(str, node.sources)), node=self.names[node])
                for i, kernel in enumerate(kernels)]

    def _kernel(self, code: KernelCode) -> int:
        kernel = Kernel(code.symbol, code.flops, threads=code.threads)
        number, _ = self.kernels.setdefault(code.symbol, (len(self.kernels), kernel))
        return number

    def _parameter(self, node: Node, parameter: Parameter) -> int:
        kind, position = parameter
        if kind == "scratch":
            return self.numbers[Scratch(node, position)]
        if kind == "status":
            return self._status(node)
        return self._number(node.inputs[position] if kind == "input" else Value(node, position))

    def _status(self, node: Node) -> int:
        """The buffer in which the kernels of a group say that they failed; its name is the message."""
        if node not in self.statuses:
            self.statuses[node] = len(self.buffers)
            assert isinstance(node.op, Group)
            failing = (part for part in node.op.graph.nodes if part.op is not None and operation(part).failure)
            message = "; ".join(f"node '{part.sources[0].name}': {operation(part).failure}" for part in failing)
            self.buffers.append(Buffer("status", message, "int32", (1,), 4))
        return self.statuses[node]

    def _number(self, value: Value) -> int:
        return self.numbers[self.storage[value]]


def places_of(graph: Graph, storage: Mapping[Value, Value]) -> dict[Value, tuple[Value, int]]:
    """For each storage that is part of another: the one that is part of none, and the byte in it where it begins."""
    direct: dict[Value, tuple[Value, int]] = {}
    for node in filter(is_placement, graph.nodes):
        op = operation(node)
        assert isinstance(op, Placement)
        offsets = op.offsets([value.type for value in node.inputs], list(node.types))
        inputs = [storage[value] for value in node.inputs]
        pairs = [(Value(node), inputs[0])] if isinstance(op, Piece) else [(value, Value(node)) for value in inputs]
        for (part, whole), offset in zip(pairs, offsets, strict=True):
            assert part not in direct, f"{part} is part of two values"
            direct[part] = whole, offset
    found: dict[Value, tuple[Value, int]] = {}
    for part in direct:
        path = [part]
        while path[-1] in direct and path[-1] not in found:
            path.append(direct[path[-1]][0])
        outermost, begin = found.get(path[-1], (path[-1], 0))
        for inner in path[-2::-1]:
            begin += direct[inner][1]
            found[inner] = outermost, begin
    return found


def host_name(op: Operator, node: str) -> str:
    """The function that a host step calls: each node has its own, for it may keep state."""
    return f"{op.name}:{node}"


def in_place_inputs(node: Node) -> list[Value]:
    """Inputs over which the node's only output may be written: each element is read before, and only for, its own.

    True of inputs that elementwise nodes alone read, with the shape, layout and dtype of the output.
    """
    if not isinstance(node.op, Group):
        return []
    graph = node.op.graph
    safe = []
    for inner, outer in zip(graph.variables, node.inputs, strict=True):
        readers = graph.readers.get(Value(inner), ())
        reads_itself = all(operation(r).expression is not None and r.types[0] == node.types[0] for r in readers)
        if inner.types[0] == node.types[0] and reads_itself and node.op.master in ("injective", "contraction"):
            safe.append(outer)
    return safe if _all_elementwise(node.op) else []


def _all_elementwise(group: Group) -> bool:
    """Whether nothing but a contraction at its head is not elementwise, and all results have one type."""
    operators = [node for node in group.graph.nodes if node.op is not None]
    rest = [node for node in operators if operation(node).contraction is None]
    return all(operation(node).expression is not None and set(node.types) == {group.graph.heads[0].type}
               for node in rest)
