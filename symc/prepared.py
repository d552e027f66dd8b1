"""A network ready for kernels, and how it becomes a package."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import symc
from symc.codegen import cache, package
from symc.codegen.assemble import host_name
from symc.codegen.bodies import names_with_bodies
from symc.codegen.build import Lowered, Options, Unit, compile_several, library_bytes, named_levels
from symc.codegen.cuda_compile import find_compiler, named_architectures
from symc.codegen.cuda_package import ForGpus, compile_for_gpus
from symc.codegen.group_code import GRID_LEVEL
from symc.errors import SymcError, raise_collected
from symc.frontend.reader import print_graph as print_network
from symc.frontend.shape_sets import ShapeSets
from symc.ir.graph import Graph, Node
from symc.ir.text import print_graph
from symc.ops.operator import operation, run_reference
from symc.ops.record import Record, record
from symc.runtime.batch import Batch, Place, nanoseconds_of
from symc.runtime.plan import Plan
from symc.runtime.several import batch_record
from symc.verification.record import skipped

if TYPE_CHECKING:
    from symc.passes.batch_rows import BatchAxis

PACKAGE_LEVELS = {"fp32": ("x86-64-v3", "x86-64-v4"),      # by precision
                  "bf16": ("x86-64-v3", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx")}


@record
class Prepared(Record):
    """A network as it was given, and its graphs after all passes: one for each plan.

    lowered, grid: for CPUs, for GPUs; where it is not for these, none.  shapes: for which it is.  places: of the batch
    in inputs and outputs, if it may have any size.
    """

    network: Graph
    lowered: tuple[Lowered, ...]
    options: Options
    shapes: ShapeSets
    places: tuple[Mapping[str, BatchAxis], Sequence[BatchAxis | None]] | None = None
    grid: tuple[Lowered, ...] = ()

    @property
    def graphs(self) -> list[Graph]:
        """After all passes, of the plans that a package describes itself by."""
        return [one.graph for one in self.lowered or self.grid]

    def batch(self, plans: Sequence[Plan]) -> Batch | None:
        """The batch of any size; plans: of the graphs."""
        if self.places is None:
            return None
        inputs, outputs = self.places
        names = {plans[0].buffers[number].name for number in plans[0].of_kind("input")}
        return Batch(self.shapes.symbol or "", {name: one.axis for name, one in inputs.items() if name in names},
                     tuple(map(_place, outputs)), self.options.slabs, tuple(map(nanoseconds_of, plans)))

    def save(self, path: str | os.PathLike[str], levels: Sequence[str] | None = None,
             architectures: Sequence[str] | None = None) -> list[Unit]:
        """Write the package `path` for these CPU levels and architectures of GPUs, whole or not at all.

        None: PACKAGE_LEVELS, `cuda_compile.DEFAULT_ARCHITECTURES`.
        """
        return save_package(self, Path(path), levels, architectures)


def _place(batch: BatchAxis | None) -> Place | None:
    return None if batch is None else (batch.axis, batch.outer, batch.inner)


def save_package(prepared: Prepared, path: Path, levels: Sequence[str] | None,
                 architectures: Sequence[str] | None = None) -> list[Unit]:
    """Compile for all `levels` and `architectures`, link libraries, verify those that run here, and write the package.

    DifferentError: they compute something else than the interpreter.
    """
    options, own = prepared.options, prepared.lowered
    levels = _levels(prepared, levels)
    for_gpus = _compiler_for_gpus(prepared, architectures)
    refuse_host_steps(prepared.graphs[0])
    if not path.parent.is_dir():
        raise SymcError(f"cannot write {path}: there is no folder {path.parent}")
    units = compile_several(own, levels, options, prepared.grid)
    weights = package.weights_member(units[0].assembly.weight_pieces())     # checksums are taken from here on
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
    named = PACKAGE_LEVELS[prepared.options.precision] if levels is None else named_levels(levels)
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


def refuse_host_steps(graph: Graph) -> None:
    """Raise for nodes that run in Python, which a package does not hold."""
    problems = [f"node '{node.name}' ({operation(node).name}: "
                + ", ".join(f"{key}={value}" for key, value in operation(node).parameters().items())
                + ") is computed in Python, which a package cannot hold"
                for node in graph.nodes if node.op is not None and operation(node).is_host]
    raise_collected(SymcError, "the package", problems, "compose the node of other operators, choose outputs in front "
                    "of it, or run the network in this process: symc.compile, or bind")


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
