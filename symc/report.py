"""What `symc inspect` shows of a network or a package, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symc.ir.graph import Graph, Node, Value
from symc.ir.types import PartialShape, TensorType

ZIP_MAGIC = b"PK\x03\x04"


def inspect(file: Path, shapes: Mapping[str, PartialShape]) -> dict[str, Any]:
    """The report of a package or, from its symbol.json, of a network.  `shapes`: of a network's inputs, if known."""
    with file.open("rb") as stream:
        is_package = stream.read(4) == ZIP_MAGIC
    return inspect_package(file) if is_package else inspect_network(file, shapes)


# ---- networks ------------------------------------------------------------------------------------------------------


def inspect_network(file: Path, shapes: Mapping[str, PartialShape]) -> dict[str, Any]:
    """Inputs, outputs, and a table of layers with output shapes and numbers of parameters, as far as they follow."""
    from symc.codegen.build import output_names, state_names
    from symc.compiler import check_names, load_network
    from symc.passes.partition import parameter_variables
    from symc.passes.pipeline import inferred

    graph = load_network(file)
    check_names(graph, list(shapes))
    types = inferred(graph, shapes)
    parameters = parameter_variables(graph) | set(state_names(graph))
    inputs = [node for node in graph.variables if node.name not in parameters]
    counted: set[Node] = set()
    layers = [_layer(node, types, parameters, counted) for node in graph.nodes if node.op is not None]
    held = [types[Value(node)] for node in graph.variables if node.name in parameters]
    outputs = zip(output_names(graph), graph.heads, strict=True)
    return {"network": str(file), "inputs": {node.name: str(types[Value(node)]) for node in inputs},
            "outputs": {name: str(types[head]) for name, head in outputs},
            "parameters": sum(_elements(type) or 0 for type in held),
            "operators": _operators(graph), "layers": layers}


def _layer(node: Node, types: Mapping[Value, TensorType], parameters: frozenset[str] | set[str],
           counted: set[Node]) -> dict[str, Any]:
    """One row; a parameter shared by several layers counts for the first."""
    own = [value.node for value in node.inputs if value.node.name in parameters and value.node not in counted]
    counted.update(own)
    elements = [_elements(types[Value(parameter)]) for parameter in own]
    previous = [value.node.name for value in node.inputs if value.node.name not in parameters]
    assert node.op is not None
    return {"layer": node.name, "operator": node.op.name, "output": str(types[Value(node)]),
            "parameters": "?" if None in elements else sum(e for e in elements if e is not None), "inputs": previous}


def _elements(type: TensorType) -> int | None:
    return math.prod(type.dims) if type.shape is not None and None not in type.shape else None


def _operators(graph: Graph) -> dict[str, int]:
    """How often each operator occurs, most frequent first."""
    counts: dict[str, int] = {}
    for node in graph.nodes:
        if node.op is not None:
            counts[node.op.name] = counts.get(node.op.name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


# ---- packages ------------------------------------------------------------------------------------------------------


def inspect_package(file: Path) -> dict[str, Any]:
    """What the manifest says, the steps with their kernels, and the memory plan.  No code is mapped."""
    from symc.runtime.package import open_package
    from symc.runtime.plan import KernelStep

    package = open_package(file)
    manifest, plan = package.manifest, package.plan
    steps = [{"step": i, "phase": step.phase, "kernel": plan.kernels[step.kernel].name,
              "nodes": list(step.nodes), "jobs": step.jobs,
              "flops": plan.kernels[step.kernel].flops}
             for i, step in enumerate(plan.steps) if isinstance(step, KernelStep)]
    arena = [buffer for buffer in plan.buffers if buffer.kind == "arena"]
    return {"package": str(file),
            "inputs": {d["name"]: [d["dtype"], d["shape"]] for d in manifest["inputs"]},
            "outputs": {d["name"]: [d["dtype"], d["shape"]] for d in manifest["outputs"]},
            "entries": manifest["entries"], "targets": [target["level"] for target in manifest["targets"]],
            "memory": {"arena_bytes": plan.arena_bytes, "weights_bytes": plan.weights_bytes,
                       "buffers": len(arena), "unshared_bytes": sum(buffer.bytes for buffer in arena)},
            "versions": [f"{k} {v}" for k, v in manifest["metadata"].get("versions", {}).items()], "steps": steps}
