"""Builds one graph: passes, kernels, plan, driver, library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from symc.codegen import cache
from symc.codegen.assemble import Assembly, assemble
from symc.codegen.bodies import all_bodies, unshared
from symc.codegen.compile_groups import Progress, compile_groups
from symc.codegen.group_code import GRID_LEVEL, GroupCode
from symc.codegen.in_process import compiled, load_plan
from symc.codegen.llvm_checksum import checksum_text
from symc.codegen.llvm_descriptor import batch_text
from symc.codegen.llvm_driver import driver_text
from symc.codegen.llvm_probe import lanes_of
from symc.codegen.pack import pack_rule
from symc.codegen.package import LEVELS
from symc.codegen.plan import Plan
from symc.codegen.shared_weights import SharedWeights, part_for_others, share_weights
from symc.errors import SymcError, raise_collected, warn
from symc.ir.graph import Graph, Node
from symc.ops.group import Group
from symc.ops.operator import output_name, states_of
from symc.ops.record import Record, record
from symc.passes.base import Pass, run_passes
from symc.passes.cut_segments import cut
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import (
    frozen_pipeline,
    grid_pipeline,
    inference_pipeline,
    lowering_pipeline,
    training_pipeline,
)
from symc.passes.places import inherited
from symc.runtime.batch import Batch
from symc.runtime.libraries import LIBRARIES
from symc.runtime.library import Library
from symc.runtime.machine import permits, this_machine
from symc.runtime.modes import FROZEN, INFERENCE, TRAINING

if TYPE_CHECKING:
    from symc.codegen.library_calls import LibraryCall

_PIPELINES: dict[str, Callable[[Mapping[str, str]], list[Pass]]] = {
    INFERENCE: lambda _: inference_pipeline(), TRAINING: training_pipeline, FROZEN: frozen_pipeline}


Place = TypeVar("Place", bound=Hashable)    # where segments are computed

NATIVE = "native"
PRECISIONS = ("fp32", "bf16", "fp16", "tf32")
GRID_PRECISIONS = ("fp16", "tf32")     # that GPUs alone have


@dataclass(frozen=True)
class Options:
    """How to compile.

    dump: folder for the graph after each pass.  print_after: names of passes whose result is printed.  times: gets
    the seconds of each pass.  progress: told how far the work is.  verify: check the graph between passes.
    precision: 'fp32', or 'bf16' to store weights and what lies between kernels as bfloat16; sums stay float32.  For
    GPUs also 'fp16', the same with float16, and 'tf32': the factors of products are rounded to 10 bits of mantissa.
    fast_math: 3x3 convolutions also by tiles of 4x4 pixels, which are faster and round more (`passes.winograd`).
    note: told what was found or decided that the user did not say; by default a Python warning.
    weights_file: name of a file beside the package for the weights, which packages of equal weights share.
    slabs: the sizes for which a batch of any size has plans, ascending; others are computed by these.
    verification: compare what packages compute with the interpreter before they are written (docs/verification.md).
    libraries: of NVIDIA that GPUs may use, of LIBRARIES: 'cublaslt', 'cudnn'.  `library_calls` has the rule for what;
    where they are not installed, or refuse, symc's own kernels run.
    """

    dump: Path | None = None
    print_after: Collection[str] = ()
    times: dict[str, float] | None = None
    progress: Progress | None = None
    verify: bool = field(default_factory=lambda: bool(os.environ.get("SYMC_DEBUG")))
    precision: str = "fp32"
    fast_math: bool = False
    note: Callable[[str], None] = warn
    weights_file: str | None = None
    slabs: tuple[int, ...] = (1, 8, 64)
    verification: bool = True
    libraries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.slabs or list(self.slabs) != sorted(set(self.slabs)) or self.slabs[0] < 1:
            raise SymcError(f"the sizes of slabs {self.slabs} are not different numbers above 0, ascending")
        if self.precision not in PRECISIONS:
            raise SymcError(f"precision {self.precision!r} is not known", f"it is {' or '.join(PRECISIONS)}")
        if self.fast_math and self.precision != "fp32":
            raise SymcError(f"fast math is for precision 'fp32', not {self.precision!r}", "choose one of the two")
        raise_collected(SymcError, "the libraries", [f"there is no library {name!r}" for name in self.libraries
                                                     if name not in LIBRARIES], f"known are {', '.join(LIBRARIES)}")


# ---- one graph, one mode: passes, kernels, plan --------------------------------------------------------------------


@record
class Lowered(Record):
    """A graph after all passes, and what `assemble` must know of the graph before them.

    source: the graph before them, and requests of gradients (None: inference), by which it is verified.
    """

    graph: Graph
    states: tuple[str, ...]
    parameters: frozenset[str]
    outputs: tuple[str, ...]
    trains: bool
    initial: Mapping[str, np.ndarray]
    source: Graph
    requests: Mapping[str, str] | None


@record
class Unit(Record):
    """A compiled graph: for each level its plan and object code.

    The plans differ in numbers of jobs and names of kernels alone.  tuned: how many groups are scheduled as `symc tune`
    found best, for the levels that have some.
    """

    assembly: Assembly
    plans: Mapping[str, Plan]
    objects: Mapping[str, list[bytes]]
    tuned: Mapping[str, int]


def lower(graph: Graph, mode: str, requests: Mapping[str, str], parameters: Collection[str], options: Options,
          initial: Mapping[str, np.ndarray] | None = None, target: str = "cpu") -> Lowered:
    """Run the passes of `mode` (inference, training, frozen) over a typed graph, for 'cpu' or 'cuda'.

    requests: argument → 'write' or 'add', for gradients.  parameters: names of the variables whose consequences the
    entry `prepare` computes.  initial: for a module, which holds its own arrays: the first values of inputs and
    states.  None: all arrays are the user's and stay bound, and what forward writes to them is seen.
    """
    stable = frozenset(parameters)
    _check_options(options, mode, target)
    passes = passes_of(mode, requests, stable, options, initial is not None, target)
    _check_pass_names(options.print_after, passes)
    fused = _run(graph, passes, options)
    trains = mode != INFERENCE
    states = state_names(graph) if trains or initial is None else []
    return Lowered(unshared(fused), tuple(states), stable, tuple(output_names(graph)), trains, initial or {}, graph,
                   requests if trains else None)


def lower_segments(graph: Graph, mode: str, requests: Mapping[str, str], parameters: Collection[str],
                   options: Options, places: Mapping[Node, Place], default: Place,
                   target_of: Callable[[Place], str]) -> list[tuple[Place, Lowered]]:
    """The same of a graph whose nodes have several places, for each segment in the order in which they run.

    The heads of a segment are called as in `cut_segments`.  default: the place of what belongs to no node.
    """
    stable, states = frozenset(parameters), tuple(state_names(graph))
    joined = _run(graph, _PIPELINES[mode](requests), options, "joined")
    made = []
    for number, segment in enumerate(cut(joined, inherited(joined, places, default))):
        target = target_of(segment.place)
        _check_options(options, mode, target)
        fused = _run(segment.graph, _lowering_passes(stable, options, target), options, f"segment{number}")
        made.append((segment.place, Lowered(unshared(fused), states, stable, segment.outputs, mode != INFERENCE, {},
                                            segment.graph, None)))
    return made


def _run(graph: Graph, passes: Sequence[Pass], options: Options, folder: str = "") -> Graph:
    """`run_passes` as the options say; folder: within that of dumps."""
    return run_passes(graph, passes, dump=options.dump and options.dump / folder, print_after=options.print_after,
                      times=options.times, verify=options.verify)


def _check_options(options: Options, mode: str, target: str) -> None:
    """SymcError: the options are not for this mode or target."""
    if options.precision in GRID_PRECISIONS and target != "cuda":
        raise SymcError(f"precision {options.precision!r} is for GPUs",
                        "compile for 'cuda' alone, or with precision 'fp32' or 'bf16'")
    if options.precision in ("bf16", "fp16") and mode != INFERENCE:
        raise SymcError(f"precision {options.precision!r} is for inference; gradients are computed in float32",
                        "compile without train, or with precision 'fp32'")
    if options.fast_math and mode != INFERENCE:
        raise SymcError("fast math is for inference: it transforms weights, which training changes",
                        "compile without train, or without fast math")


def passes_of(mode: str, requests: Mapping[str, str], parameters: Collection[str], options: Options,
              is_module: bool, target: str = "cpu") -> list[Pass]:
    """The passes of `lower`.  is_module: whether arrays are the module's own, which forward does not write."""
    passes = [*_PIPELINES[mode](requests), *_lowering_passes(frozenset(parameters), options, target)]
    return [step for step in passes if not (is_module and isinstance(step, OverwriteInputs))]


def _lowering_passes(parameters: frozenset[str], options: Options, target: str) -> list[Pass]:
    if target == "cuda":
        return grid_pipeline(parameters, options.precision)
    return lowering_pipeline(pack_rule, parameters, options.precision == "bf16", options.fast_math)


def _check_pass_names(wanted: Collection[str], passes: Sequence[Pass]) -> None:
    names = {step.name: None for step in passes}
    unknown = [f"there is no pass '{name}'" for name in wanted if name not in (*names, "all")]
    raise_collected(SymcError, "the names of passes", unknown, f"the passes are {', '.join(names)}")


def compile_lowered(lowered: Lowered, levels: Sequence[str], options: Options) -> Unit:
    """Kernels and plans for the CPU `levels`, the first of which gives the plan that all share."""
    unit, = _units([lowered], levels, options)
    return unit


def compile_several(lowered: Sequence[Lowered], levels: Sequence[str], options: Options,
                    grid: Sequence[Lowered] = ()) -> list[Unit]:
    """The same for one network lowered for several shapes, without an entry `prepare`: all plans have one block of
    weights, in which equal pieces lie once, and the same kernels where their texts are equal.

    grid: lowered for GPUs.  Their units, with texts for objects, follow the others; what they read is the end of the
    block, and their plans' own block.
    """
    units = [*_units(lowered, levels, options), *_units(grid, [GRID_LEVEL], options)]
    parts = part_for_others(share_weights([unit.assembly for unit in units]), len(lowered))
    return [_over(unit, part, place) for part, some in zip(parts, (units[:len(lowered)], units[len(lowered):]),
                                                           strict=True) for place, unit in enumerate(some)]


def _units(lowered: Sequence[Lowered], levels: Sequence[str], options: Options) -> list[Unit]:
    """Units that have a block of weights each."""
    groups = [node for one in lowered for node in groups_of(one)]
    calls = _library_calls(groups, options) if GRID_LEVEL in levels else {}
    rests = [call.rest for call in calls.values() if call.rest is not None]
    code = compile_groups([*groups, *rests], levels, options.progress)
    return [_unit(one, code, levels, calls) for one in lowered]


def _over(unit: Unit, shared: SharedWeights, place: int) -> Unit:
    """The unit at `place` over a block of several."""
    plans = {level: shared.moved(plan, place) for level, plan in unit.plans.items()}
    return replace(unit, plans=plans, assembly=replace(unit.assembly, plan=shared.moved(unit.assembly.plan, place),
                                                       contents=shared.contents))


def _unit(lowered: Lowered, code: Mapping[str, Mapping[Node, GroupCode]], levels: Sequence[str],
          calls: Mapping[Node, LibraryCall]) -> Unit:
    """code, calls: of its groups, and perhaps of others."""
    groups = groups_of(lowered)
    called = {node: calls[node] for node in groups if node in calls}
    rests = [call.rest for call in called.values() if call.rest is not None]
    own = {level: {node: code[level][node] for node in (*groups, *rests)} for level in levels}
    assemblies = {level: _assembled(lowered, _with_scratch_of_all(own, level), called) for level in levels}
    distinct = {level: list({found.kernels: found for found in own[level].values()}.values()) for level in levels}
    tuned = {level: sum(bool(found.choice) for found in distinct[level]) for level in levels}
    return Unit(assemblies[levels[0]], {level: a.plan for level, a in assemblies.items()},
                {level: [found.object for found in distinct[level]] for level in levels},
                {level: count for level, count in tuned.items() if count})


def groups_of(lowered: Lowered) -> list[Node]:
    """The groups of a graph, and of the bodies of its loops and branches."""
    graphs = [lowered.graph, *(body.graph for body in all_bodies(lowered.graph))]
    return [node for graph in graphs for node in graph.nodes if isinstance(node.op, Group)]


def _with_scratch_of_all(code: Mapping[str, Mapping[Node, GroupCode]], level: str) -> Mapping[Node, GroupCode]:
    """The code of one level with scratch buffers that suffice for every level, so that all share one memory plan."""
    def widest(node: Node) -> tuple[int, ...]:
        found = [code[other][node] for other in code]
        assert len({(len(c.kernels), len(c.scratch)) for c in found}) == 1, f"levels need different kernels for {node}"
        return tuple(map(max, zip(*(c.scratch for c in found), strict=True)))
    return {node: replace(c, scratch=widest(node)) for node, c in code[level].items()}


def _library_calls(groups: Sequence[Node], options: Options) -> dict[Node, LibraryCall]:
    """What libraries compute of these groups, if they may."""
    if not options.libraries:
        return {}
    from symc.codegen.library_calls import library_calls  # it knows operators, which networks need not have

    return library_calls(groups, options.libraries)


def _assembled(lowered: Lowered, code: Mapping[Node, GroupCode], calls: Mapping[Node, LibraryCall]) -> Assembly:
    """The plan; groups of which a library writes what is no result of theirs get one more scratch buffer for it."""
    wide = {node: call for node, call in calls.items() if call.needs_scratch}
    placed = {node: call.with_scratch(len(code[node].scratch)) for node, call in wide.items()}
    room = {node: replace(code[node], scratch=(*code[node].scratch, call.result.bytes)) for node, call in wide.items()}
    return assemble(lowered.graph, {**code, **room}, lowered.states, lowered.parameters, lowered.outputs,
                    lowered.trains, lowered.initial, {**calls, **placed})


def output_names(graph: Graph) -> list[str]:
    """MXNet's names of the heads, a number behind those that occur twice."""
    plain = [output_name(head) for head in graph.heads]
    earlier = [plain[:position].count(name) for position, name in enumerate(plain)]
    return [f"{name}#{count}" if count else name for name, count in zip(plain, earlier, strict=True)]


def state_names(graph: Graph) -> list[str]:
    """Names of the variables that operators take as auxiliary states, in the graph's order."""
    return [node.name for node in states_of(graph)]


def driver_object(plans: Sequence[Plan], level: str, batch: Batch | None = None) -> bytes:
    """The driver of plans for a library of their own; batch: of any size, which they serve."""
    text = driver_text(plans, architecture_of(level), lanes_of(LEVELS[level])) + checksum_text(level)
    return compiled(text if batch is None else text + batch_text(batch, plans[0]), level)


def architecture_of(level: str) -> str:
    """The architecture of a CPU level, as machines name it."""
    return "aarch64" if level == "aarch64" else "x86_64"


def host_level() -> str:
    """The best level that this machine can run."""
    return host_levels()[0]


def host_levels() -> list[str]:
    """The levels that this machine can run, the best first.  SymcError: there are none."""
    machine = this_machine()
    fitting = [level for level, needs in LEVELS.items()
               if architecture_of(level) == machine.architecture and set(needs) <= machine.features and permits(needs)]
    if not fitting:
        raise SymcError(f"this machine ({machine.architecture}) has none of the CPU levels {', '.join(LEVELS)}",
                        "symc runs on x86-64 and 64-bit ARM")
    return fitting


def named_levels(levels: Sequence[str]) -> list[str]:
    """The levels, 'native' being the best that this machine can run, each once."""
    return list(dict.fromkeys(host_level() if level == NATIVE else level for level in levels))


def load_in_process(unit: Unit) -> Library:
    """The unit's code for this machine, mapped into this process."""
    level = host_level()
    return load_plan(unit.plans[level], unit.objects[level], level)


def library_bytes(units: Sequence[Unit], level: str, batch: Batch | None = None) -> bytes:
    """The shared library of one level with the plans of all `units`, from the cache if it is there.

    batch: of any size, which the plans serve.
    """
    objects = [*dict.fromkeys(image for unit in units for image in unit.objects[level]),
               driver_object([unit.plans[level] for unit in units], level, batch)]
    key = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in objects)).hexdigest()
    found = cache.read_bytes("libraries", key)
    if found is None:
        import tempfile  # which takes longer to import than a library to read

        from symc.codegen.link import link_shared

        with tempfile.TemporaryDirectory(prefix="symc-") as name:
            link_shared(objects, Path(name) / "linked.so")
            found = (Path(name) / "linked.so").read_bytes()
        cache.write_bytes("libraries", key, found)
    return found
