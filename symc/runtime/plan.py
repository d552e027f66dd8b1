"""The plan: what a compiled network is made of, as plain data.

Codegen writes it; the driver generator, the package writer, the runtime and the reports read it.  It lives in the
runtime because that is the lowest package that reads it.

Its records are named tuples: classes that make their methods anew, as dataclasses, take most of the time of an import.
Annotations are types and no strings, each of which a named tuple would compile.

Steps form one list.  An entry, a loop body and a branch arm are ranges [first, last) of that list which never
overlap: a loop's body lies behind the range that holds the loop.  Inside a range the phases never fall.  Steps of one
phase are independent of each other; all work of a phase ends before the next one begins.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from symc.errors import PackageError
from symc.runtime.calls import CALL_NAMES, Call, Range, problem_of

FORMAT = 1
ALIGNMENT = 64  # of offsets in bytes; those of parts of arena buffers are multiples of their elements
MOST_DIMS = 32
DTYPES = ("float16", "float32", "float64", "bfloat16", "bool", "uint8", "int8", "int32", "int64")
BUFFER_KINDS = ("input", "weight", "arena", "output", "gradient", "head_gradient", "state", "slice", "status")



class Buffer(NamedTuple):
    """Memory that steps read or write.

    input, head_gradient: read; bound by the caller.  output, gradient: written; bound by the caller.
    state: read and written (auxiliary states); bound by the caller.
    weight, arena: `offset` bytes into weights.bin (or the block `prepare` fills) and into the arena.
    An input or state with an `offset` finds its first value there in weights.bin, and need not be bound.
    slice: the part of another buffer that one iteration of a loop sees; the loop says which.
    status: one int32, zero before a run; a kernel that cannot do its work sets it to 1, and writes NaN.  The name says
    what is wrong then.
    The name of a weight, an arena buffer or a slice is that of its value in graph.txt ('conv0', 'split0#1').
    `dtype` is NumPy's name or 'bfloat16'; `shape` is physical, that is in `layout` where one is given.
    """

    kind: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    offset: int | None = None
    layout: str | None = None


class Kernel(NamedTuple):
    """A compiled function: its linker symbol, the floating-point operations of one call.

    `symbols` are indices of the plan symbols passed after the buffers, as i64.  `threads` of a GPU's kernel: those of
    a block, which is a job.
    """

    name: str
    flops: int = 0
    symbols: tuple[int, ...] = ()
    threads: int = 0


class KernelStep(NamedTuple):
    """Calls a kernel on jobs [0, jobs), split between threads at will; times the value of symbol `per`, if given.

    `nodes` are the symbol nodes that it computes here, each with its JSON index as name@index; `node` is the node of
    the package's graph.txt, whose steps lie side by side.
    """

    kernel: int
    buffers: tuple[int, ...]
    jobs: int
    phase: int
    per: int | None = None
    nodes: tuple[str, ...] = ()
    node: str = ""


class HostStep(NamedTuple):
    """Calls the host function `name` with `attributes`, input and output arrays; it may bind symbols."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    phase: int
    attributes: Mapping[str, str] = MappingProxyType({})


class LoopStep(NamedTuple):
    """Runs the steps `body` up to `trip` times (or as often as the integer in buffer `trip_buffer` says).

    `counter` (JSON: "index"), an int64 buffer, holds the number of the iteration, and after the loop how many ran.
    `predicate`, tested before every iteration, ends the loop when its element is zero.
    Before the loop the bytes of the buffers `clear` become zero and each (from, to) of `initial` is copied.
    In iteration i each (slice, whole, stride) of `slices` is the part of `whole` from byte i·stride on; with
    `reverse` the iterations see the parts from the last one backwards.
    After every iteration each (from, to) of `carry` is copied, all at once; `from` is then undefined.
    `node` is the node of graph.txt.
    """

    body: Range
    phase: int
    trip: int | None = None
    trip_buffer: int | None = None
    counter: int | None = None
    predicate: int | None = None
    carry: tuple[tuple[int, int], ...] = ()
    initial: tuple[tuple[int, int], ...] = ()
    clear: tuple[int, ...] = ()
    slices: tuple[tuple[int, int, int], ...] = ()
    reverse: bool = False
    node: str = ""


class BranchStep(NamedTuple):
    """Runs `then` when the one element of buffer `predicate` is not zero, `otherwise` (JSON: "else") when it is.

    `node` is the node of graph.txt.
    """

    predicate: int
    then: Range
    otherwise: Range
    phase: int
    node: str = ""


Step = KernelStep | HostStep | LoopStep | BranchStep
Record = Buffer | Kernel | Step | Call
STEP_NAMES: dict[str, type[Step]] = {"kernel": KernelStep, "host": HostStep, "loop": LoopStep, "branch": BranchStep}
# Fields that have another name in JSON.
_JSON_NAMES = {"otherwise": "else", "counter": "index"}
_FIELD_NAMES = {name: field for field, name in _JSON_NAMES.items()}


class Plan(NamedTuple):
    """Everything the runtime must know to run a network, but the code and the weights.

    calls: of libraries, in place of steps (`calls.py`); older readers do not see them.  JSON: absent if there are none.
    """

    buffers: tuple[Buffer, ...]
    kernels: tuple[Kernel, ...]
    steps: tuple[Step, ...]
    entries: Mapping[str, Range]
    arena_bytes: int = 0
    weights_bytes: int = 0
    symbols: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    def of_kind(self, kind: str) -> tuple[int, ...]:
        """Ids of the buffers of one kind, in plan order."""
        return tuple(number for number, buffer in enumerate(self.buffers) if buffer.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and integers; the same plan gives the same data."""
        return {"format": FORMAT, "symbols": list(self.symbols),
                "buffers": [_record_to_json(buffer) for buffer in self.buffers],
                "kernels": [_record_to_json(kernel) for kernel in self.kernels],
                "steps": [_named_to_json(STEP_NAMES, step) for step in self.steps],
                **({"calls": [_named_to_json(CALL_NAMES, call) for call in self.calls]} if self.calls else {}),
                "entries": {name: list(self.entries[name]) for name in sorted(self.entries)},
                "arena_bytes": self.arena_bytes, "weights_bytes": self.weights_bytes}

    @staticmethod
    def from_json(data: object) -> "Plan":
        """The plan that `to_json` wrote, checked.  PackageError: another format, or not a sound plan."""
        try:
            plan = _plan_from_json(data)
        except (KeyError, TypeError, ValueError) as error:
            raise PackageError(f"the plan is malformed: {type(error).__name__}: {error}") from error
        problems = find_problems(plan)
        if problems:
            raise PackageError(f"the plan is malformed: {problems[0]}")
        return plan


def _record_to_json(record: Record) -> dict[str, Any]:
    """Fields of a record by their names in JSON, without those that hold their default."""
    defaults = record._field_defaults
    return {_JSON_NAMES.get(name, name): _plain(value) for name, value in zip(record._fields, record, strict=True)
            if name not in defaults or value != defaults[name]}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {key: value[key] for key in sorted(value)} if isinstance(value, Mapping) else value


def _named_to_json(kinds: Mapping[str, type[Any]], record: Step | Call) -> dict[str, Any]:
    name = next(name for name, kind in kinds.items() if isinstance(record, kind))
    return {"do": name} | _record_to_json(record)


def _plan_from_json(data: Any) -> Plan:
    if _mapping(data)["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r}, expected {FORMAT}")
    return Plan(tuple(_record_from_json(Buffer, item) for item in data["buffers"]),
                tuple(_record_from_json(Kernel, item) for item in data["kernels"]),
                tuple(_named_from_json(STEP_NAMES, item) for item in data["steps"]),
                {str(name): _value(_range, bounds) for name, bounds in _mapping(data["entries"]).items()},
                _value(_integer, data["arena_bytes"]), _value(_integer, data["weights_bytes"]),
                _value(_strings, data["symbols"]),
                tuple(_named_from_json(CALL_NAMES, item) for item in data.get("calls", ())
                      if _mapping(item)["do"] in CALL_NAMES))


def _named_from_json(kinds: Mapping[str, type[Any]], item: Mapping[str, Any]) -> Any:
    fields = {_FIELD_NAMES.get(key, key): value for key, value in _mapping(item).items() if key != "do"}
    return _record_from_json(kinds[item["do"]], fields)


def _record_from_json(kind: type[Any], item: Mapping[str, Any]) -> Any:
    readers, fields = _FIELD_READERS[kind], {}
    for name, value in _mapping(item).items():
        fields[name] = read = readers[name](value)
        if read is None:
            raise TypeError(f"'{name}' is {value!r}")
    return kind(**fields)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__} is no record")
    return value


def _value(read: Callable[[Any], Any], value: Any) -> Any:
    """The JSON value as `read` makes it; TypeError when it does not."""
    made = read(value)
    if made is None:
        raise TypeError(f"{value!r} is none that a plan has there")
    return made


# ---- readers of JSON values: what a field holds, None when it is not of its type -----------------------------------


def _integer(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _items(value: Any, kind: type) -> tuple[Any, ...] | None:
    """A list of values of one type."""
    sound = isinstance(value, list | tuple) and {kind}.issuperset(map(type, value))
    return tuple(value) if sound else None


def _integers(value: Any) -> tuple[int, ...] | None:
    items = _items(value, int)
    return items if not items or (min(items) >= 0 and max(items) < 2**63) else None


def _strings(value: Any) -> tuple[str, ...] | None:
    return _items(value, str)


def _range(value: Any) -> Range | None:
    items = _integers(value)
    return (items[0], items[1]) if items is not None and len(items) == 2 else None


def _tuples(length: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        items = tuple(map(_integers, value)) if isinstance(value, list | tuple) else (None,)
        return items if all(item is not None and len(item) == length for item in items) else None
    return read


def _texts(value: Any) -> dict[str, str] | None:
    return value if isinstance(value, dict) and _items([*value, *value.values()], str) is not None else None


_READERS: dict[Any, Callable[[Any], Any]] = {
    int: _integer, int | None: _integer, str: _string, str | None: _string, bool: _flag, Range: _range,
    tuple[int, ...]: _integers, tuple[str, ...]: _strings, tuple[tuple[int, int], ...]: _tuples(2),
    tuple[tuple[int, int, int], ...]: _tuples(3), Mapping[str, str]: _texts}
_FIELD_READERS: dict[type[Record], dict[str, Callable[[Any], Any]]] = {
    kind: {name: _READERS[type] for name, type in kind.__annotations__.items()}
    for kind in (Buffer, Kernel, KernelStep, HostStep, LoopStep, BranchStep, *CALL_NAMES.values())}


_STORAGE = {name: np.dtype("uint16" if name == "bfloat16" else name) for name in DTYPES}


def storage_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype that holds a plan dtype; bfloat16 lies in uint16."""
    return _STORAGE[name]


def check(plan: Plan) -> None:
    """Assert that the plan is sound; codegen calls it on every plan it makes."""
    problems = find_problems(plan)
    assert not problems, "\n".join(problems)


def find_problems(plan: Plan) -> list[str]:
    """What contradicts the contract of this module, one sentence a problem; a sound plan has none."""
    problems = [*_buffer_problems(plan), *_kernel_problems(plan), *_step_problems(plan), *_call_problems(plan)]
    return problems or [*_range_problems(plan)]


def _buffer_problems(plan: Plan) -> Iterator[str]:
    blocks = {"arena": plan.arena_bytes} | dict.fromkeys(("weight", "input", "state"), plan.weights_bytes)
    for number, buffer in enumerate(plan.buffers):
        title = f"buffer {number} '{buffer.name}'"
        if buffer.kind not in BUFFER_KINDS:
            yield f"{title} has the unknown kind {buffer.kind!r}"
        elif not _has_dtype(buffer.dtype):
            yield f"{title} has the unknown dtype {buffer.dtype!r}"
        elif len(buffer.shape) > MOST_DIMS or _dense_bytes(buffer, least=1) >= 2**63:
            yield f"{title} has a shape that no array has"
        elif _dense_bytes(buffer) != buffer.bytes:
            yield f"{title} has {buffer.bytes} bytes, its shape {buffer.shape} needs {_dense_bytes(buffer)}"
        elif buffer.offset is None:
            if buffer.kind in ("arena", "weight"):
                yield f"{title} of kind {buffer.kind} has no offset"
        elif buffer.offset + buffer.bytes > blocks.get(buffer.kind, 0):
            yield (f"{title} ends at byte {buffer.offset + buffer.bytes}, "
                   f"the {buffer.kind} block at {blocks.get(buffer.kind, 0)}")
        elif buffer.offset % (alignment := alignment_of(buffer)):
            yield f"{title} lies at byte {buffer.offset}, which is not a multiple of {alignment}"


def alignment_of(buffer: Buffer) -> int:
    """Of what the offset is a multiple: a part of another buffer of the arena may begin at any element."""
    return storage_dtype(buffer.dtype).itemsize if buffer.kind == "arena" else ALIGNMENT


def _has_dtype(name: str) -> bool:
    return name in DTYPES


def _dense_bytes(buffer: Buffer, least: int = 0) -> int:
    """Bytes of its elements, of extents of at least `least`."""
    size = storage_dtype(buffer.dtype).itemsize
    for extent in buffer.shape:
        size *= max(extent, least)
    return size


def _is_symbol(name: str) -> bool:
    """Whether linkers take the name: [A-Za-z_][A-Za-z0-9_.$]*."""
    return name.isascii() and name[:1] not in (".", "$") and name.replace(".", "_").replace("$", "_").isidentifier()


def _kernel_problems(plan: Plan) -> Iterator[str]:
    names: set[str] = set()
    for number, kernel in enumerate(plan.kernels):
        if not _is_symbol(kernel.name):
            yield f"kernel {number} has the name {kernel.name!r}, which no linker takes"
        elif kernel.name in names:
            yield f"kernel {number} has the same name '{kernel.name}' as another"
        names.add(kernel.name)


def _step_problems(plan: Plan) -> Iterator[str]:
    arity: dict[int, int] = {}
    for number, step in enumerate(plan.steps):
        wrong = [str(index) for index in buffer_ids(step) if index >= len(plan.buffers)]
        if wrong:
            yield f"step {number} names buffers that do not exist: {', '.join(wrong)}"
        elif isinstance(step, KernelStep):
            yield from _kernel_step_problems(plan, number, step, arity)
        elif isinstance(step, LoopStep):
            yield from _loop_problems(plan, number, step)
            yield from _scalar_problems(plan, number, (step.trip_buffer, step.counter, step.predicate))
        elif isinstance(step, BranchStep):
            yield from _scalar_problems(plan, number, (step.predicate,))


def _scalar_problems(plan: Plan, number: int, scalars: Sequence[int | None]) -> Iterator[str]:
    for index in scalars:
        if index is not None and math.prod(plan.buffers[index].shape) != 1:
            yield f"step {number} takes buffer {index} of shape {plan.buffers[index].shape} for a single element"


def _loop_problems(plan: Plan, number: int, loop: LoopStep) -> Iterator[str]:
    if (loop.trip is None) == (loop.trip_buffer is None):
        yield f"step {number} is a loop that needs either 'trip' or 'trip_buffer'"
    if any(plan.buffers[source].bytes != plan.buffers[target].bytes for source, target in (*loop.carry, *loop.initial)):
        yield f"step {number} carries between buffers of different sizes"
    for part, whole, stride in loop.slices:
        last = max((loop.trip or 0) - 1, 0) * stride if loop.trip else 0
        if plan.buffers[part].kind != "slice":
            yield f"step {number} cuts buffer {whole} into buffer {part}, which is no slice"
        elif loop.trip and last + plan.buffers[part].bytes > plan.buffers[whole].bytes:
            yield f"step {number} cuts {loop.trip} parts of {stride} bytes from buffer {whole}, which is too small"


def _kernel_step_problems(plan: Plan, number: int, step: KernelStep, arity: dict[int, int]) -> Iterator[str]:
    if step.kernel >= len(plan.kernels):
        yield f"step {number} calls kernel {step.kernel}, which does not exist"
        return
    symbols = (*plan.kernels[step.kernel].symbols, *(() if step.per is None else (step.per,)))
    if any(symbol >= len(plan.symbols) for symbol in symbols):
        yield f"step {number} uses a symbol that does not exist"
    if arity.setdefault(step.kernel, len(step.buffers)) != len(step.buffers):
        yield f"step {number} calls '{plan.kernels[step.kernel].name}' with another number of buffers than before"


def _call_problems(plan: Plan) -> Iterator[str]:
    sizes = [buffer.bytes for buffer in plan.buffers]
    for number, call in enumerate(plan.calls):
        problem = problem_of(call, sizes)
        if problem is not None:
            yield f"call {number} {problem}"
        elif call.steps[0] == call.steps[1] or not (_are_kernels(plan, call.steps) and _are_kernels(plan, call.rest)):
            yield f"call {number} stands for steps that are no kernels"


def _are_kernels(plan: Plan, bounds: Range) -> bool:
    steps = plan.steps[slice(*bounds)]
    return bounds[0] <= bounds[1] <= len(plan.steps) and all(isinstance(step, KernelStep) for step in steps)


def buffer_ids(step: Step) -> tuple[int, ...]:
    """Every buffer that the step itself names, its inner ranges left out."""
    match step:
        case KernelStep():
            return step.buffers
        case HostStep():
            return (*step.inputs, *step.outputs)
        case BranchStep():
            return (step.predicate,)
        case LoopStep():
            single = (step.trip_buffer, step.counter, step.predicate)
            return (*(number for number in single if number is not None), *step.clear,
                    *(end for pair in (*step.initial, *step.carry) for end in pair),
                    *(end for part, whole, _ in step.slices for end in (part, whole)))


def replaced_steps(plan: Plan, call: Call) -> list[KernelStep]:
    """The steps in whose place a call is, at least one."""
    return [step for step in plan.steps[slice(*call.steps)] if isinstance(step, KernelStep)]


def runs_natively(plan: Plan, step: Step) -> bool:
    """Whether the driver runs the step by itself: all but host steps, loops and branches that hold one, test a float
    or carry in a circle."""
    waiting = [step]
    while waiting:
        step = waiting.pop()
        if isinstance(step, HostStep) or not (_tests_integers(plan, step) and _carries_apart(step)):
            return False
        waiting += [inner for first, last in inner_ranges(step) for inner in plan.steps[first:last]]
    return True


def _tests_integers(plan: Plan, step: Step) -> bool:
    tested = (getattr(step, "predicate", None), getattr(step, "trip_buffer", None))
    return all(storage_dtype(plan.buffers[number].dtype).kind in "iub" for number in tested if number is not None)


def _carries_apart(step: Step) -> bool:
    ends = [end for pair in step.carry for end in pair] if isinstance(step, LoopStep) else []
    return len(ends) == len(set(ends))


def steps_within(plan: Plan, bounds: Range) -> Iterator[Step]:
    """Steps of a range and of all ranges that its loops and branches run."""
    waiting = [bounds]
    while waiting:
        first, last = waiting.pop()
        for step in plan.steps[first:last]:
            yield step
            waiting.extend(inner_ranges(step))


def inner_ranges(step: Step) -> tuple[Range, ...]:
    """Ranges of steps that a loop or branch runs."""
    match step:
        case LoopStep():
            return (step.body,)
        case BranchStep():
            return (step.then, step.otherwise)
    return ()


def _range_problems(plan: Plan) -> Iterator[str]:
    ranges = sorted([*set(plan.entries.values()), *(bounds for step in plan.steps for bounds in inner_ranges(step)),
                     *(call.rest for call in plan.calls)])
    ranges = [bounds for bounds in ranges if bounds[0] != bounds[1]]
    for (first, last), following in itertools.zip_longest(ranges, ranges[1:]):
        if not first < last <= len(plan.steps):
            yield f"range [{first}, {last}) does not lie within the {len(plan.steps)} steps"
        elif following is not None and following[0] < last:
            yield f"ranges [{first}, {last}) and [{following[0]}, {following[1]}) overlap"
        elif any(inner[0] < last for step in plan.steps[first:last] for inner in inner_ranges(step) if any(inner)):
            yield f"a loop or branch in [{first}, {last}) does not run steps behind that range"
        elif any(plan.steps[number].phase < plan.steps[number - 1].phase for number in range(first + 1, last)):
            yield f"phases fall within [{first}, {last})"
