"""Times a package: whole runs, and each of its steps beside what the machine can do."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.errors import MXNetError, SymcError
from symc.runtime.batch import Batch, ModuleOfBatches
from symc.runtime.calls import Call
from symc.runtime.machine import cpu_name, this_machine
from symc.runtime.module import CompiledModule, Description, module_for
from symc.runtime.package import Package, open_package
from symc.runtime.peak import Peak, measure_peak
from symc.runtime.plan import BranchStep, HostStep, KernelStep, LoopStep, Range, Step, storage_dtype
from symc.runtime.program import Program
from symc.runtime.shapes import ModuleOfShapes, shape_of
from symc.runtime.team import num_threads

PERCENTILES = {"min": 0, "median": 50, "p90": 90, "p99": 99}
LEAST_RUNS = 5              # where seconds alone say how many
LOOKUPS = ("Embedding", "_contrib_SparseEmbedding")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: `repeats` runs, or `seconds` where that is None, after `warmup` runs that do not count."""

    warmup: int = 3
    repeats: int | None = None
    seconds: float = 2.0

    def times(self, run: Callable[[], Any]) -> list[float]:
        """Seconds of each run, in their order."""
        for _ in range(self.warmup):
            run()
        times: list[float] = []
        end = time.perf_counter() + self.seconds
        while not self._suffices(len(times), end):
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
        return times

    def _suffices(self, runs: int, end: float) -> bool:
        if self.repeats is not None:
            return runs >= self.repeats
        return runs >= LEAST_RUNS and time.perf_counter() >= end


@dataclass(frozen=True)
class Subject:
    """What is timed: a package for inputs of certain shapes.

    module: what runs.  parts: the plans that a run goes through, of which the steps of the first are timed one by one.
    """

    module: CompiledModule | ModuleOfShapes | ModuleOfBatches
    parts: Sequence[CompiledModule]
    inputs: Sequence[Description]
    rows: int | None = None         # of a batch of any size

    @staticmethod
    def of(module: CompiledModule | ModuleOfShapes | ModuleOfBatches, shapes: Mapping[str, tuple[int, ...]]) -> Subject:
        """shapes: by name; where they leave open which plan is meant it is the first, or a batch of its size."""
        if isinstance(module, ModuleOfBatches):
            rows = module.rows(shapes)
            parts = [module.plans[module.number_of(size)] for size in module.slabs(rows)]
            return Subject(module, parts, [_with_rows(one, module.batch, rows) for one in module.inputs], rows)
        chosen = module.module_for(shapes) if isinstance(module, ModuleOfShapes) else module
        return Subject(module, [chosen], chosen.inputs)


def _with_rows(described: Description, batch: Batch, rows: int) -> Description:
    shape = (rows if extent == batch.symbol else extent for extent in described.shape)
    return Description(described.name, tuple(shape), described.dtype)


def bench(path: str | os.PathLike[str], given: Mapping[str, Any], effort: Effort,
          shapes: Mapping[str, tuple[int, ...]] | None = None,
          trust: str | os.PathLike[str] | None = None, target: str | None = None) -> dict[str, Any]:
    """What `symc bench` reports of a package, as plain data: times of runs, of steps, and this CPU's peaks.

    given: arrays by name of input; others are drawn at random.  shapes: of these, where the package is for several.
    trust, target: as those of `load`; on a GPU inputs and outputs are copied in each run.  Packages for training are
    timed by their training step, with head gradients of one.
    PackageError, SymcError: as those of `load` and `forward`.
    """
    package = open_package(path, trust=trust)
    subject = Subject.of(module_for(package, target),
                         {**(shapes or {}), **{name: shape_of(one) for name, one in given.items()}})
    module = subject.parts[0]
    inputs = {**draw_inputs(package, subject.inputs), **given}
    run = _runner(subject, inputs)
    _try(run, drawn=[name for name in inputs if name not in given])
    times = effort.times(run)
    peak = None if module.library is None else measure_peak(module.library, num_threads())
    steps = list(_step_rows(module, effort, peak))
    flops = sum(map(_flops, subject.parts))
    return {"package": os.fspath(path), **_where(package, module, target),
            "inputs": {entry.name: [entry.dtype, list(entry.shape)] for entry in subject.inputs},
            **({} if subject.rows is None else {"slabs": [_rows_of(part, subject) for part in subject.parts]}),
            "entries": entries_of(module), "warmup": effort.warmup, "runs": len(times),
            "milliseconds": {name: 1e3 * percentile(times, share) for name, share in PERCENTILES.items()},
            "arena_bytes": max(part.plan.arena_bytes for part in subject.parts),
            "weights_bytes": module.plan.weights_bytes,
            "peak": {"gflops": peak.flops / 1e9, "gbytes_per_second": peak.bytes / 1e9} if peak else None,
            "flops": flops, **_rate("gflops", flops, min(times), peak.flops if peak else None), "steps": steps}


def _where(package: Package, module: CompiledModule, target: str | None) -> dict[str, Any]:
    """On what the package is timed, and why not on a GPU that it has code for."""
    if module.library is None:
        driver = module.program.driver  # type: ignore[attr-defined]
        return {"gpu": driver.name, "level": driver.architecture}
    found = {"cpu": cpu_name(), "level": package.target_for(this_machine()).level, "threads": num_threads()}
    if package.architectures:
        from symc.runtime.gpu_module import why_not_here  # most packages are for CPUs

        found["gpu_not_timed"] = "the CPU was asked for" if target else why_not_here(package)
    return found


def _flops(module: CompiledModule) -> int:
    """Of all steps that are timed."""
    return sum(step_work(module.program, module.plan.steps[number])[0]
               for entry in entries_of(module) for number in range(*module.plan.entries[entry]))


def _rows_of(part: CompiledModule, subject: Subject) -> int:
    """The size of the batch for which a plan is."""
    assert isinstance(subject.module, ModuleOfBatches)
    name, axis = next(iter(subject.module.batch.inputs.items()))
    return part.buffer(name).shape[axis]


def percentile(times: Sequence[float], share: float) -> float:
    """The least of `times` that `share` percent of them do not exceed; for 0 the least of all."""
    return sorted(times)[max(0, math.ceil(len(times) * share / 100) - 1)]


def entries_of(module: CompiledModule) -> list[str]:
    """The entries of the plan that are timed: inference, or a step of training."""
    return ["infer"] if "infer" in module.plan.entries else ["forward", "backward"]


def draw_inputs(package: Package, inputs: Sequence[Description]) -> dict[str, np.ndarray]:
    """Arrays for the inputs of a package, the same at each call: rows of a table where an Embedding reads them,
    otherwise in [0, 1), which is 0 for integers.
    """
    random, rows = np.random.default_rng(0), _rows_looked_up(json.loads(package.text("network.json")))
    drawn = {}
    for entry in inputs:
        values = random.uniform(0, rows.get(entry.name, 1), tuple(map(int, entry.shape)))
        drawn[entry.name] = _stored(np.floor(values) if entry.name in rows else values, entry.dtype)
    return drawn


def _stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """The values as a buffer holds them; bfloat16 is the upper half of float32."""
    if dtype == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(dtype)


def _rows_looked_up(network: Mapping[str, Any]) -> dict[str, int]:
    """Rows of the tables that are looked up by variables, by the names of these."""
    nodes = network["nodes"]
    tables = [node for node in nodes if node["op"] in LOOKUPS]
    return {nodes[node["inputs"][0][0]]["name"]: int(node["attrs"]["input_dim"]) for node in tables}


def _runner(subject: Subject, inputs: Mapping[str, Any]) -> Callable[[], Any]:
    module = subject.parts[0]
    if entries_of(module) == ["infer"]:
        return lambda: subject.module.forward(**inputs)
    heads = [module.plan.buffers[number] for number in module.plan.of_kind("head_gradient")]
    ones = [np.ones(head.shape, storage_dtype(head.dtype)) for head in heads]

    def step() -> None:
        module.forward(is_train=True, **inputs)
        module.backward(ones)
    return step


def _try(run: Callable[[], Any], drawn: Sequence[str]) -> None:
    """The first run.  Data that an operator refuses may be ours."""
    try:
        run()
    except MXNetError as problem:
        if not drawn:
            raise
        raise SymcError(f"the network does not take the values drawn for {', '.join(drawn)}: {problem}",
                        "give arrays with --input") from problem


def step_times(program: Program, steps: Sequence[int], effort: Effort,
               clock: Callable[[], float] = time.perf_counter) -> dict[int, float]:
    """The least seconds of each step, run alone, one after the other, round after round."""
    best = dict.fromkeys(steps, math.inf)

    def once() -> None:
        for number in best:
            begin = clock()
            program.run_step(number)
            best[number] = min(best[number], clock() - begin)
    effort.times(once)
    return best


def step_work(program: Program, step: Step) -> tuple[int, int]:
    """Float32 operations of a step, a multiply-add being two, and bytes of the buffers that it touches."""
    match step:
        case KernelStep():
            return program.plan.kernels[step.kernel].flops, sum(_bytes(program, n) for n in set(step.buffers))
        case HostStep():
            return 0, sum(_bytes(program, number) for number in {*step.inputs, *step.outputs})
        case BranchStep():
            return _work_within(program, program.arm(step))
        case LoopStep():
            flops, touched = _work_within(program, step.body)
            return program.trips(step) * flops, program.trips(step) * touched


def _call_work(program: Program, call: Call) -> tuple[int, int]:
    """The same of what a library does, and the kernels behind it."""
    flops, _ = _work_within(program, call.steps)
    _, behind = _work_within(program, call.rest)
    return flops, sum(_bytes(program, number) for number in set(call.buffers)) + behind


def _work_within(program: Program, bounds: Range) -> tuple[int, int]:
    works = [step_work(program, step) for step in program.plan.steps[slice(*bounds)]]
    return sum(flops for flops, _ in works), sum(touched for _, touched in works)


def _bytes(program: Program, number: int) -> int:
    buffer = program.plan.buffers[number]
    return math.prod(buffer.shape) * storage_dtype(buffer.dtype).itemsize


def _step_rows(module: CompiledModule, effort: Effort, peak: Peak | None) -> Iterator[dict[str, Any]]:
    """One record for each step of the timed entries that runs alone, in their order."""
    program = module.program
    numbers = [number for entry in entries_of(module) for number in program.alone(module.plan.entries[entry])]
    times = step_times(program, numbers, effort)
    whole = sum(times.values())
    for number, seconds in times.items():
        step, call = module.plan.steps[number], program.called(number)
        flops, touched = step_work(program, step) if call is None else _call_work(program, call)
        name = step_name(program, step) if call is None else call.library
        yield {"step": number, "kernel": name, "nodes": list(_nodes_of(program, step)),
               "microseconds": 1e6 * seconds, "share": seconds / whole, "flops": flops, "bytes": touched,
               **_rate("gflops", flops, seconds, peak.flops if peak else None),
               **_rate("gbytes_per_second", touched, seconds, peak.bytes if peak else None)}


def _rate(name: str, amount: int, seconds: float, peak: float | None) -> dict[str, float | None]:
    """Billions a second, and how much of the peak that is."""
    return {name: amount / seconds / 1e9, f"{name}_of_peak": amount / seconds / peak if peak else None}


def step_name(program: Program, step: Step) -> str:
    """The kernel's name in the library, or what else the step is."""
    match step:
        case KernelStep():
            return program.plan.kernels[step.kernel].name
        case HostStep():
            return f"host function {step.name}"
        case LoopStep():
            return f"loop of {program.trips(step)}"
    return "branch"


def _nodes_of(program: Program, step: Step) -> Iterator[str]:
    """Source nodes of a step, each once."""
    match step:
        case KernelStep():
            yield from step.nodes
        case LoopStep():
            inner = program.plan.steps[slice(*step.body)]
            yield from dict.fromkeys(name for part in inner for name in _nodes_of(program, part))
        case BranchStep():
            inner = program.plan.steps[slice(*program.arm(step))]
            yield from dict.fromkeys(name for part in inner for name in _nodes_of(program, part))
