"""How what is ready for kernels becomes a package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import symc
from symc.codegen import cache, package
from symc.codegen.build import Unit, compile_several, host_crc32, library_bytes, named_levels
from symc.codegen.checksums import Checked
from symc.codegen.cuda_compile import find_compiler, named_architectures
from symc.codegen.cuda_package import ForGpus, compile_for_gpus
from symc.codegen.group_code import GRID_LEVEL
from symc.codegen.lowered import Options
from symc.codegen.shared_weights import SharedWeights
from symc.errors import SymcError
from symc.frontend.reader import print_graph as print_network
from symc.host_steps import refuse_host_steps
from symc.ir.text import print_graph
from symc.prepared import Prepared
from symc.runtime.batch import Batch
from symc.runtime.plan import Plan
from symc.runtime.several import batch_record
from symc.verification.record import skipped


def save_package(prepared: Prepared, path: Path, levels: Sequence[str] | None, architectures: Sequence[str] | None,
                 block: tuple[SharedWeights, SharedWeights], weights: Checked) -> list[Unit]:
    """Compile for all `levels` and `architectures`, link libraries, verify those that run here, and write the package.

    block: `prepared.weights()`, and `weights` what lies in it, whose SHA-256 is being taken.
    DifferentError: they compute something else than the interpreter.
    """
    options, own = prepared.options, prepared.lowered
    levels = _levels(prepared, levels)
    for_gpus = _compiler_for_gpus(prepared, architectures)
    refuse_host_steps(prepared.graphs[0])
    weights.take_crc32(host_crc32())
    units = compile_several(own, levels, options, block, prepared.grid)
    gpus = for_gpus(units[len(own):])
    plans = [unit.assembly.plan for unit in units[:len(prepared.graphs)]]
    batch = prepared.batch(plans)
    libraries = {level: library_bytes(units[:len(own)], level, batch) for level in levels}
    package.write(path, package.Contents(
        plans=plans, network=print_network(prepared.network), libraries=libraries, gpus=gpus,
        weights=weights, graphs=_graphs(prepared),
        versions={"symc": symc.__version__, **dict(cache.pins()), **_compiler_version(prepared)},
        options=_options_of(options), tuned=_tuned(units[:len(own)]),
        weights_file=options.weights_file, verification=_verified(prepared, units[:len(own)], libraries),
        **_open_extents(batch, plans)))
    return units


def _levels(prepared: Prepared, levels: Sequence[str] | None) -> Sequence[str]:
    """The CPU levels to compile for.  SymcError: there is no such level, or none is wanted."""
    if not prepared.lowered:
        if levels is not None:
            raise SymcError(f"CPU levels ({', '.join(levels)}) are given, and the target is 'cuda' alone",
                            "the target 'llvm,cuda' is for both")
        return ()
    named = package.PACKAGE_LEVELS[prepared.options.precision] if levels is None else named_levels(levels)
    unknown = [level for level in named if level not in package.LEVELS]
    if unknown or not named:
        raise SymcError(f"there is no CPU level {', '.join(unknown)}", f"the levels are {', '.join(package.LEVELS)}")
    return named


def _compiler_for_gpus(prepared: Prepared, names: Sequence[str] | None) -> Callable[[Sequence[Unit]], ForGpus | None]:
    """What makes code for GPUs of units with texts for them.  SymcError: there is no compiler for GPUs, or no such
    architecture, or none is wanted."""
    if not prepared.grid:
        if names is not None:
            raise SymcError(f"architectures of GPUs ({', '.join(names)}) are given, and the target is not 'cuda'",
                            "the target 'cuda' is for GPUs, 'llvm,cuda' for both")
        return lambda _: None
    architectures, compiler = named_architectures(names), find_compiler()
    record = skipped("code for GPUs needs one to run, and was not run", architectures).to_json()
    return lambda units: compile_for_gpus([unit.plans[GRID_LEVEL] for unit in units],
                                          [unit.objects[GRID_LEVEL] for unit in units], architectures, compiler,
                                          prepared.options.progress, record)


def _options_of(options: Options) -> dict[str, Any]:
    """What the package says of how it was compiled."""
    libraries = {"libraries": ",".join(options.libraries)} if options.libraries else {}
    return {"precision": options.precision, "fast_math": options.fast_math, **libraries}


def _compiler_version(prepared: Prepared) -> dict[str, str]:
    """Of the compiler for GPUs, by its name."""
    return {find_compiler().kind: find_compiler().version} if prepared.grid else {}


def _graphs(prepared: Prepared) -> list[str]:
    """The graphs that `symc verify` needs: other slabs of a batch are compared with the first."""
    needed = prepared.graphs if prepared.places is None else prepared.graphs[:1]
    return [print_graph(graph) for graph in needed]


def _verified(prepared: Prepared, units: Sequence[Unit], libraries: Mapping[str, bytes]) -> dict[str, Any]:
    """The record of comparing what was compiled, if that is wanted, with the interpreter, which is loaded for it."""
    if not prepared.lowered:
        return skipped("there is no code for CPUs", []).to_json()
    if not prepared.options.verification:
        return skipped("verification was not asked for", list(libraries)).to_json()
    from symc.verification.compiled import verify_units

    compared = 1 if prepared.places is not None else len(units)      # of the slabs of a batch the smallest
    return verify_units(prepared.lowered, units, libraries, prepared.options, compared)


def _tuned(units: Sequence[Unit]) -> dict[str, int]:
    """Groups with a tuned schedule by CPU level, over all plans."""
    levels = dict.fromkeys(level for unit in units for level in unit.tuned)
    return {level: sum(unit.tuned.get(level, 0) for unit in units) for level in levels}


def _open_extents(batch: Batch | None, plans: Sequence[Plan]) -> dict[str, Any]:
    """What a package says of a batch of any size, as fields of its contents."""
    if batch is None:
        return {}
    plan = plans[0]
    inputs = {plan.buffers[number].name: plan.buffers[number].shape for number in plan.of_kind("input")}
    outputs = [plan.buffers[number] for number in plan.of_kind("output")]
    shapes = {name: batch.open_shape(inputs[name], (axis, 1, 1)) for name, axis in batch.inputs.items()}
    shapes |= {one.name: batch.open_shape(one.shape, place)
               for one, place in zip(outputs, batch.outputs, strict=True)}
    return {"symbols": [{"name": batch.symbol, "input": name, "axis": axis} for name, axis in batch.inputs.items()],
            "shapes": shapes, "batch": batch_record(batch)}
