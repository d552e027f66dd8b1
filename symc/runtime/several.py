"""Packages of several plans: each becomes a module when it is first needed; they share weights, code and arena."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from symc.runtime.batch import Batch, ModuleOfBatches
from symc.runtime.module import CompiledModule, Description
from symc.runtime.package import Package, Target
from symc.runtime.program import HostFunction, SharedArena
from symc.runtime.shapes import ModuleOfShapes, Plans


def module_for_cpus(package: Package, target: Target,
                    hosts: Mapping[str, HostFunction] | None = None) -> ModuleOfShapes | ModuleOfBatches:
    """The module of a package for several sets of shapes, or for batches of any size."""
    manifest = package.manifest
    arena = None if "backward" in manifest["entries"] else SharedArena(manifest["memory"]["arena_bytes"])

    def make(number: int) -> CompiledModule:
        library = package.library(target, number)
        return CompiledModule(package.read_plan(number), library, package.weights(library), hosts, arena)
    return module_of_plans(package, make)


def module_of_plans(package: Package, make: Callable[[int], CompiledModule]) -> ModuleOfShapes | ModuleOfBatches:
    """The same of the modules that `make` makes of plans by their numbers."""
    manifest = package.manifest
    described = manifest["plans"]
    plans = Plans([partial(make, number) for number in range(len(described))])
    batch = batch_of(manifest)
    if batch is None:
        return ModuleOfShapes(plans, [{one["name"]: tuple(one["shape"]) for one in plan["inputs"]}
                                      for plan in described])
    return ModuleOfBatches(plans, batch, *(
        [Description(one["name"], tuple(one["shape"]), one["dtype"]) for one in described[0][key]]
        for key in ("inputs", "outputs")))


def batch_of(manifest: Mapping[str, Any]) -> Batch | None:
    """What the manifest says of a batch of any size."""
    if manifest.get("batch") is None:
        return None
    inputs = {symbol["input"]: symbol["axis"] for symbol in manifest["symbols"]}
    name, axis = next(iter(inputs.items()))
    sizes = [one["shape"][axis] for plan in manifest["plans"] for one in plan["inputs"] if one["name"] == name]
    places = (None if place is None else tuple(place) for place in manifest["batch"]["outputs"])
    return Batch(manifest["symbols"][0]["name"], inputs, tuple(places), tuple(sizes),     # type: ignore[arg-type]
                 tuple(manifest["batch"]["nanoseconds"]))


def batch_record(batch: Batch) -> dict[str, Any]:
    """What the manifest says besides `symbols` and `plans`."""
    return {"outputs": [None if place is None else list(place) for place in batch.outputs],
            "nanoseconds": list(batch.nanoseconds)}
