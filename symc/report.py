"""What `symc inspect` shows of a network or a package, `symc check` and `symc tune` of a network, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symc.check import INFERENCE, NEEDS, NEVER, Findings, Use
from symc.errors import counted
from symc.frontend.files import FilePath
from symc.frontend.model_files import is_package
from symc.frontend.reader import is_hidden
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import PartialShape, TensorType
from symc.ops.refused import refusal
from symc.passes.measure import gradient_inputs
from symc.runtime.machine import cpu_name

if TYPE_CHECKING:
    from symc.codegen.tune import Tuned, Tuning
    from symc.runtime.package import Package
    from symc.runtime.plan import Plan

YES, NO = "yes", "no"
SHOWN = 3            # items of a long list in the text form of a report
NO_GRADIENT = "choose outputs or parameters that need no gradient through it, or put BlockGrad behind it"


def inspect(file: FilePath, shapes: Mapping[str, PartialShape], trust: FilePath | None = None) -> dict[str, Any]:
    """The report of a package, or of the network that `file` names.  `shapes`: of a network's inputs, if known.

    trust: the public key that must have signed it, which only packages are.
    """
    if trust is not None or is_package(file):
        return inspect_package(Path(file), trust)
    return inspect_network(file, shapes)


# ---- networks ------------------------------------------------------------------------------------------------------


def inspect_network(file: FilePath, shapes: Mapping[str, PartialShape]) -> dict[str, Any]:
    """Inputs, outputs, and a table of layers with output shapes and numbers of parameters, as far as they follow."""
    from symc.codegen.lowered import output_names, state_names
    from symc.loading import load_network
    from symc.lowering import check_names
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


# ---- networks that may not be supported ----------------------------------------------------------------------------


def check(file: FilePath, found: Findings) -> dict[str, Any]:
    """The operators of a network, what symc lacks of them, and what to do about that."""
    by_operator: dict[str, list[Use]] = {}
    for use in found.uses:
        by_operator.setdefault(use.node.op, []).append(use)
    rows = [_row(operator, uses) for operator, uses in sorted(by_operator.items(), key=lambda item: item[0].lower())]
    return {"network": str(file), "written_by": f"MXNet {_version(found.version)}", "outputs": found.outputs,
            "supported": not (found.lacks_operators or found.is_wrong), "operators": rows,
            "problems": list(_problems(by_operator, found)), "possible_outputs": found.possible,
            "heads_for_training": found.dropped}


def _row(operator: str, uses: Sequence[Use]) -> dict[str, Any]:
    """One operator.  What has a kernel for CPUs has one for GPUs."""
    attributes: dict[str, list[str]] = {}
    for use in uses:
        for key, value in sorted(use.node.attrs.items()):
            if not is_hidden(key):
                attributes.setdefault(key, []).append(value)
    forward = NO if uses[0].is_missing else YES
    return {"operator": operator, "count": len(uses), "needed_for": max((use.need for use in uses), key=NEEDS.index),
            "forward": forward, "backward": _backward(uses), "cpu": forward, "cuda": forward,
            "nodes": [use.label for use in uses],
            "attributes": {key: list(dict.fromkeys(values)) for key, values in attributes.items()}}


def _backward(uses: Sequence[Use]) -> str:
    """Whether gradients pass: 'zero' where they end, as they do in MXNet; '?' where the parameters are wrong."""
    operators = [use.op for use in uses if use.op is not None]
    if not operators:
        return NO if uses[0].is_missing else "?"
    passed = [gradient_inputs(op) for op in operators]
    if None in passed:
        return NO
    return YES if any(passed) else "zero"


def _problems(by_operator: Mapping[str, Sequence[Use]], found: Findings) -> Iterator[dict[str, Any]]:
    """What is missing, by operator, then what is wrong, by node."""
    for operator, uses in by_operator.items():
        if uses[0].is_missing:
            known = refusal(operator)
            yield _problem(operator, uses, known.reason or "symc has no such operator", known.instead)
        elif lacking := [use for use in uses if use.lacks_gradient]:
            yield _problem(operator, lacking, "a gradient must pass it, and it has none", NO_GRADIENT)
    for use in found.uses:
        if use.problem:
            yield _problem(use.node.op, [use], use.problem, "correct the file, or choose outputs that do not need it")
    if found.other:
        yield _problem("", [], found.other, "correct the file")


def _problem(operator: str, uses: Sequence[Use], what: str, instead: str) -> dict[str, Any]:
    need = max((use.need for use in uses), key=NEEDS.index, default=INFERENCE)
    if need == NEVER:
        instead = "none is needed: the outputs do not depend on it"
    return {"operator": operator, "needed_for": need, "nodes": [use.label for use in uses], "problem": what,
            "instead": instead}


def _version(number: int) -> str:
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def check_summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report of `check` for people to read: long lists are cut short."""
    rows = [{**{key: value for key, value in row.items() if key not in ("nodes", "attributes")},
             "nodes": _shortened(row["nodes"]), "attributes": ", ".join(row["attributes"])}
            for row in report["operators"]]
    problems = {f"{row['operator'] or 'the file'}, needed for {row['needed_for']}" + (
                f" by {_shortened(row['nodes'])}" if row["nodes"] else ""):
                f"{row['problem']}\n    → {row['instead']}" for row in report["problems"]}
    shown = {**report, "supported": YES if report["supported"] else NO, "operators": rows, "problems": problems,
             "possible_outputs": _shortened(report["possible_outputs"]),
             "heads_for_training": _shortened(report["heads_for_training"])}
    return {key: value for key, value in shown.items() if value}


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


# ---- packages ------------------------------------------------------------------------------------------------------


def inspect_package(file: Path, trust: FilePath | None = None) -> dict[str, Any]:
    """What the manifest says, the steps with their kernels, and the memory plan.  No code is mapped."""
    from symc.runtime.package import open_package

    package = open_package(file, trust=trust)
    manifest = package.manifest
    plans = [package.read_plan(number) for number in range(len(manifest["plans"]))]
    arena = [buffer for buffer in max(plans, key=lambda plan: plan.arena_bytes).buffers if buffer.kind == "arena"]
    several = {"plans": [_plan_row(described) for described in manifest["plans"]]} if len(plans) > 1 else {}
    return {"package": str(file),
            "inputs": {d["name"]: [d["dtype"], d["shape"]] for d in manifest["inputs"]},
            "outputs": {d["name"]: [d["dtype"], d["shape"]] for d in manifest["outputs"]}, **several,
            "entries": manifest["entries"], "targets": [target["level"] for target in manifest["targets"]],
            **({"gpus": gpus_summary(for_gpus(package)), "gpu_kernels": gpu_kernels(package), **gpu_calls(package)}
               if package.architectures else {}),
            "options": manifest["options"], "tuned_groups": manifest["tuned_groups"],
            "memory": {**manifest["memory"], "buffers": len(arena),
                       "unshared_bytes": sum(buffer.bytes for buffer in arena)},
            "versions": [f"{k} {v}" for k, v in manifest["versions"].items()],
            "steps": [{**({"plan": number} if several else {}), **row}
                      for number, plan in enumerate(plans) for row in _plan_steps(plan)]}


def _plan_row(described: Mapping[str, Any]) -> dict[str, Any]:
    shapes = {array["name"]: "x".join(map(str, array["shape"])) for array in described["inputs"]}
    return {"plan": described["member"], **shapes, "arena_bytes": described["arena_bytes"]}


def _plan_steps(plan: Plan) -> list[dict[str, Any]]:
    from symc.runtime.plan import KernelStep

    return [{"step": number, "phase": step.phase, "kernel": plan.kernels[step.kernel].name, "nodes": list(step.nodes),
             "jobs": step.jobs, "flops": plan.kernels[step.kernel].flops}
            for number, step in enumerate(plan.steps) if isinstance(step, KernelStep)]


def for_gpus(package: Package) -> dict[str, Any]:
    """What a package holds for GPUs: architectures, and of each plan how much there is to run, and to keep."""
    plans = [package.read_cuda_plan(number) for number in range(len(package.manifest["plans"]))]
    return {"architectures": package.architectures,
            "plans": [{"kernels": len(plan.kernels), "steps": len(plan.steps), "arena_bytes": plan.arena_bytes,
                       "weights_bytes": plan.weights_bytes} for plan in plans],
            "verification": package.manifest["cuda"]["verification"]}


def gpus_summary(found: Mapping[str, Any]) -> dict[str, str]:
    """The same for people to read: what the largest of the plans needs."""
    most = {key: max(plan[key] for plan in found["plans"]) for key in found["plans"][0]}
    record = found["verification"]
    return {"architectures": ", ".join(found["architectures"]), "steps": f"{most['steps']}, {most['kernels']} kernels",
            "memory": f"{_megabytes(most['weights_bytes'])} of weights, {_megabytes(most['arena_bytes'])} of "
                      "intermediate results",
            **({"verification": f"{record['status']}: {record['against']}"} if record else {})}


def gpu_kernels(package: Package) -> list[dict[str, Any]]:
    """What the kernels use of a multiprocessor of the newest architecture for which there is machine code."""
    architecture = [name for name in package.architectures if name.startswith("sm_")][-1:]
    return [{"kernel": kernel.name, "architecture": name, "registers": kernel.registers,
             "spilled_bytes": kernel.spilled_bytes, "shared_bytes": kernel.shared_bytes}
            for name in architecture for image in package.images(name) for kernel in image.kernels]


def gpu_calls(package: Package) -> dict[str, Any]:
    """What plans for GPUs have for libraries, if they have something."""
    from symc.runtime.plan import replaced_steps

    plans = [package.read_cuda_plan(number) for number in range(len(package.manifest["plans"]))]
    rows = [{**({"plan": number} if len(plans) > 1 else {}), "library": call.library,
             "nodes": list(replaced_steps(plan, call)[0].nodes), "computes": call.title, "compute": call.compute,
             "epilogue": ", ".join(call.epilogue), "kernels_behind": call.rest[1] - call.rest[0]}
            for number, plan in enumerate(plans) for call in plan.calls]
    return {"library_calls": rows} if rows else {}


# ---- times ---------------------------------------------------------------------------------------------------------


def bench_summary(report: Mapping[str, Any], top: int) -> dict[str, Any]:
    """The report of `bench` for people to read: the `top` slowest steps."""
    times, peak, steps = report["milliseconds"], report["peak"], report["steps"]
    slowest = sorted(steps, key=lambda row: -row["microseconds"])
    alone = sum(row["microseconds"] for row in steps) / 1000
    shown = {
        "package": report["package"],
        "machine": _machine(report),
        "peaks": f"{peak['gflops']:.1f} GFLOP/s, {peak['gbytes_per_second']:.1f} GB/s read from memory" if peak else
                 "unknown: " + ("those of GPUs are not measured" if "gpu" in report else
                                "the package is older than `symc bench`"),
        "not timed on a GPU": report.get("gpu_not_timed"), "inputs": report["inputs"], "slabs": report.get("slabs"),
        "memory": f"{_megabytes(report['weights_bytes'])} of weights, {_megabytes(report['arena_bytes'])} of "
                  "intermediate results",
        "milliseconds": ", ".join(f"{name} {value:.4g}" for name, value in times.items())
                        + f" of {report['runs']} {'runs' if 'infer' in report['entries'] else 'training steps'}",
        "work": f"{report['flops'] / 1e9:.4g} GFLOP in contractions, {report['gflops']:.1f} GFLOP/s"
                f"{_of_peak(report['gflops_of_peak'])}",
        "steps": f"{len(steps)}, {alone:.4g} ms when each is run alone",
        "slowest steps": [_step_row(row) for row in slowest[:top]]}
    return {key: value for key, value in shown.items() if value}


def _machine(report: Mapping[str, Any]) -> str:
    """What a package was timed on."""
    if "gpu" in report:
        return f"{report['gpu']} ({report['level']}), inputs and results copied in each run"
    threads = report["threads"]
    return f"{report['cpu']}, {threads} thread{'s' * (threads != 1)}, {report['level']}"


def _step_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A step in the table; operations are counted of contractions alone."""
    counted = row["flops"] > 0
    return {"us": f"{row['microseconds']:.1f}", "share": f"{100 * row['share']:.1f} %",
            "GFLOP/s": f"{row['gflops']:.1f}{_of_peak(row['gflops_of_peak'])}" if counted else "",
            "GB/s": f"{row['gbytes_per_second']:.1f}{_of_peak(row['gbytes_per_second_of_peak'])}",
            "nodes": _shortened([name.partition("@")[0] for name in row["nodes"]]) or row["kernel"]}


def tune(network: str, tuning: Tuning, level: str, threads: int) -> dict[str, Any]:
    """What `symc tune` found of contractions that have a choice, the most work first, and what all gain together."""
    timed = [group for group in tuning.groups if group.record and group.record.choices > 1]
    before, after = (sum(len(group.nodes) * getattr(group.record, kind) for group in timed)
                     for kind in ("default", "best"))
    single = sum(bool(group.record and group.record.choices == 1) for group in tuning.groups)
    return {"network": network, "cpu": cpu_name(), "level": level, "threads": threads,
            "seconds": round(tuning.seconds, 1), "interrupted": tuning.interrupted,
            "groups": [_tuned_row(group) for group in timed],
            "failed": [{"nodes": _tuned_nodes(group), "problem": group.problem}
                       for group in tuning.groups if group.problem],
            "not_timed": sum(group.record is None and not group.problem for group in tuning.groups),
            "without_choice": tuning.others + single,
            "total": {"default_us": 1e6 * before, "best_us": 1e6 * after,
                      "gain": 1 - after / before if before else 0.0}}


def _tuned_row(group: Tuned) -> dict[str, Any]:
    """Times are of one occurrence."""
    record = group.record
    assert record is not None
    return {"nodes": _tuned_nodes(group), "count": len(group.nodes), "default_us": 1e6 * record.default,
            "best_us": 1e6 * record.best, "gain": 1 - record.best / record.default, "choice": record.choice,
            "choices": record.choices, "new": group.is_new}


def _tuned_nodes(group: Tuned) -> list[str]:
    return [name for nodes in group.nodes for name in nodes]


def tune_summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report of `tune` for people to read."""
    rows, total, threads = report["groups"], report["total"], report["threads"]
    shown = {
        "network": report["network"],
        "machine": f"{report['cpu']}, {threads} thread{'s' * (threads != 1)}, {report['level']}",
        "groups": [{"default us": f"{row['default_us']:.1f}", "best us": f"{row['best_us']:.1f}",
                    "gain": f"{100 * row['gain']:.1f} %", "times": row["count"],
                    "choice": row["choice"] or "the model's",
                    "nodes": _first_node(row)} for row in rows],
        "failed": {_shortened(row["nodes"]): row["problem"] for row in report["failed"]},
        "left": _left(report),
        "total": f"{total['default_us'] / 1000:.4g} ms, now {total['best_us'] / 1000:.4g} ms: "
                 f"{100 * total['gain']:.1f} % less, in {sum(row['gain'] > 0 for row in rows)} of "
                 + counted(len(rows), "group")}
    return {key: value for key, value in shown.items() if value}


def _first_node(row: Mapping[str, Any]) -> str:
    """Of a group with its epilogue, which may occur several times."""
    first, *others = row["nodes"]
    return first.partition("@")[0] + (f" and {len(others)} more" if others else "")


def _left(report: Mapping[str, Any]) -> str:
    """What was not timed, and why."""
    why = "interrupted" if report["interrupted"] else "out of time"
    parts = [f"{_count(report['not_timed'])} not timed ({why}; run it again to go on)"] if report["not_timed"] else []
    parts += [f"{_count(report['without_choice'])} without a choice"] if report["without_choice"] else []
    return "; ".join(parts)


def _count(groups: int) -> str:
    return f"{groups} group{'s' * (groups != 1)}"


def _of_peak(share: float | None) -> str:
    return "" if share is None else f" ({100 * share:.0f} %)"


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
