"""The facade: from a symbol to a compiled module, a package, or an executor."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from symc.bound import bind, simple_bind
from symc.codegen import cache
from symc.codegen.build import (
    Unit,
    compile_lowered,
    compile_several,
    groups_of,
    host_level,
    host_levels,
    load_in_process,
)
from symc.codegen.device_code import device_code
from symc.codegen.lowered import Lowered, Options, output_names
from symc.codegen.package import PACKAGE_LEVELS
from symc.codegen.tune import Tuning, tuning_of
from symc.errors import SymcError, raise_collected, warn
from symc.frontend.shape_sets import Shapes
from symc.host_steps import host_functions
from symc.ir.graph import Graph
from symc.ir.types import DType
from symc.loading import Note, load_model
from symc.lowering import check_names, named_dtypes, prepare, targets_of
from symc.ops.operator import operation
from symc.passes.base import run_passes
from symc.passes.pipeline import export_pipeline, typed
from symc.prepared import Prepared
from symc.runtime.batch import ModuleOfBatches
from symc.runtime.devices import driver_of
from symc.runtime.gpu_module import GpuModule
from symc.runtime.module import CompiledModule
from symc.runtime.shapes import ModuleOfShapes, Plans

__all__ = ["BatchModule", "Module", "Options", "ShapesModule", "bind", "compile", "compile_package", "levels_here",
           "prepare", "simple_bind", "to_relax", "tune"]


class Module(CompiledModule):
    """A compiled module that can be saved as a package."""

    def __init__(self, prepared: Prepared) -> None:
        lowered, = prepared.lowered
        self.save = prepared.save
        self.unit = compile_lowered(lowered, [host_level()], prepared.options)
        super().__init__(self.unit.assembly.plan, load_in_process(self.unit), self.unit.assembly.weights,
                         host_functions(lowered.graph))


class ModuleOnGpu(GpuModule):
    """The same on gpu(0)."""

    def __init__(self, prepared: Prepared) -> None:
        self.save = prepared.save
        self.unit, = compile_several((), (), prepared.options, prepared.weights(), prepared.grid)
        super().__init__(*_on_gpu(self.unit, prepared.grid[0], prepared.options))


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
    units = compile_several(prepared.lowered, [host_level()], prepared.options, prepared.weights(), prepared.grid)
    weights = units[0].assembly.weights
    modules = [CompiledModule(unit.assembly.plan, load_in_process(unit), weights, host_functions(lowered.graph))
               for unit, lowered in zip(units, prepared.lowered, strict=False)]
    modules += [GpuModule(*_on_gpu(unit, lowered, prepared.options))
                for unit, lowered in zip(units, prepared.grid, strict=False)]
    return Plans([partial(modules.__getitem__, number) for number in range(len(modules))]), units


def _on_gpu(unit: Unit, lowered: Lowered, options: Options) -> tuple[Any, ...]:
    """The arguments of a module of a unit on gpu(0)."""
    driver = driver_of(0)
    return (unit.assembly.plan, 0, driver.load(device_code(unit, driver.architecture, options)), unit.assembly.weights,
            host_functions(lowered.graph))


def compile(symbol: Any, params: Any = None, shapes: Shapes | Sequence[Shapes] | None = None,
            outputs: Sequence[str] = (), train: bool | Mapping[str, str] = False, target: str = "cpu", *,
            dtypes: Mapping[str, Any] | None = None, epoch: int | None = None,
            options: Options | None = None) -> Module | ModuleOnGpu | ShapesModule | BatchModule:
    """Compile a network for this machine.

    symbol: a Symbol, a Graph, or what `model_files.find` finds: the path of a symbol.json, an archive, a folder, the
    prefix of a checkpoint.  params: a path, or arrays by name with or without the prefixes arg: and aux:; by default
    those of the archive, folder or prefix.  epoch: which of these, where they are of several; by default the last.
    shapes, dtypes: of the inputs, as far as they do not follow.  outputs: names of the heads to keep, internal ones
    included; by default all but, in inference, those for training.  train: gradients of all parameters, or requests by
    name; parameters are then inputs, whose first values are those given, and auxiliary states belong to each thread.
    target: 'cpu', or 'cuda' for gpu(0).
    Several sets of shapes in a list are compiled to one module, which takes inputs of any of them.  Where an extent is
    a name, ("N", 3, 224, 224), it is a batch of any size, whose rows the network must compute apart.
    """
    kinds = targets_of(target, options or Options())
    if len(kinds) > 1:
        raise SymcError(f"a module in this process is for one target, not {target!r}", "packages may be for both")
    if "cuda" in kinds:
        driver_of(0)        # which says why there is none, before the work
    prepared = prepare(symbol, params, shapes, outputs, train, target, dtypes, options or Options(), epoch)
    if prepared.places is not None:
        return BatchModule(prepared)
    if len(prepared.graphs) > 1:
        return ShapesModule(prepared)
    return Module(prepared) if prepared.lowered else ModuleOnGpu(prepared)


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
                  {name: DType.of(array.dtype) for name, array in own.items()} | named_dtypes(dtypes))
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
