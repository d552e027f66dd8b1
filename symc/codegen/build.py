"""Builds graphs that are ready for kernels: kernels, plan, driver, library."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from symc.codegen import cache
from symc.codegen.assemble import Assembly, assemble
from symc.codegen.bodies import all_bodies
from symc.codegen.compile_groups import compile_groups
from symc.codegen.group_code import GRID_LEVEL, GroupCode
from symc.codegen.in_process import compiled, crc32_for, load_plan
from symc.codegen.llvm_checksum import checksum_text
from symc.codegen.llvm_descriptor import batch_text
from symc.codegen.llvm_driver import driver_text
from symc.codegen.llvm_probe import lanes_of
from symc.codegen.lowered import Lowered, Options
from symc.codegen.package import LEVELS
from symc.codegen.plan import Plan
from symc.codegen.shared_weights import SharedWeights
from symc.errors import SymcError
from symc.ir.graph import Node
from symc.ops.group import Group
from symc.ops.record import Record, record
from symc.runtime.batch import Batch
from symc.runtime.library import Library
from symc.runtime.machine import permits, this_machine

if TYPE_CHECKING:
    from symc.codegen.library_calls import LibraryCall

NATIVE = "native"


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


def compile_lowered(lowered: Lowered, levels: Sequence[str], options: Options) -> Unit:
    """Kernels and plans for the CPU `levels`, the first of which gives the plan that all share."""
    unit, = _units([lowered], levels, options)
    return unit


def compile_several(lowered: Sequence[Lowered], levels: Sequence[str], options: Options,
                    weights: tuple[SharedWeights, SharedWeights], grid: Sequence[Lowered] = ()) -> list[Unit]:
    """The same for one network lowered for several shapes, without an entry `prepare`: all plans have one block of
    weights, `weights_of_all`, and the same kernels where their texts are equal.

    grid: lowered for GPUs.  Their units, with texts for objects, follow the others; their plans' own block is the end
    of the other.
    """
    units = _units(lowered, levels, options), _units(grid, [GRID_LEVEL], options)
    return [_over(unit, part, place) for part, some in zip(weights, units, strict=True)
            for place, unit in enumerate(some)]


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


def host_crc32() -> Callable[[bytes | memoryview], int]:
    """CRC-32 as this machine computes it fastest."""
    return crc32_for(host_level())


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
