"""The manifest of a package: what it says, and that it says so in the form and range that format 1 allows.

docs/package-format.md describes every field.  What the manifest repeats of a plan must be what the plan says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from symc.errors import PackageError
from symc.runtime.archive import WEIGHTS, damaged, is_member_name
from symc.runtime.plan import DTYPES, Plan
from symc.runtime.random import SEED

FORMAT = 1
FORMAT_FOR_GPUS = 2     # of packages without code for CPUs
MOST_BYTES = 16 * 2**20         # of a manifest
MOST_DEPTH = 16                 # of what is free in form
MOST_DIMS, MOST_PLANS, MOST_TARGETS, MOST_ARRAYS = 32, 1024, 64, 2**20
KINDS = {"inputs": "input", "outputs": "output", "head_gradients": "head_gradient", "gradients": "gradient",
         "states": "state"}


def plan_member(number: int) -> str:
    """The member that holds plan `number`."""
    return f"plan-{number}.json" if number else "plan.json"


def graph_member(number: int) -> str:
    """The member that holds the graph of plan `number`, where it is stored."""
    return f"graph-{number}.txt" if number else "graph.txt"


def cuda_plan_member(number: int, alone: bool) -> str:
    """The member that holds plan `number` for GPUs.  alone: of a package that has none for CPUs."""
    return plan_member(number) if alone else f"plan-cuda-{number}.json" if number else "plan-cuda.json"


def image_member(architecture: str) -> str:
    """The member that holds code for an architecture of GPUs."""
    return f"cuda-{architecture}.bin"


def run_name(number: int) -> str:
    """The function of each library that runs plan `number`."""
    return f"symc_run_{number}" if number else "symc_run"


def describe(plan: Plan, number: int) -> dict[str, Any]:
    """What the manifest says of plan `number`."""
    return {"member": plan_member(number), "run": run_name(number),
            **{name: _arrays(plan, kind) for name, kind in KINDS.items()},
            "entries": sorted(plan.entries), "arena_bytes": plan.arena_bytes, "weights_bytes": plan.weights_bytes}


def _arrays(plan: Plan, kind: str) -> list[dict[str, Any]]:
    buffers = [plan.buffers[number] for number in plan.of_kind(kind)]
    return [{"name": buffer.name, "dtype": buffer.dtype, "shape": list(buffer.shape)} for buffer in buffers
            if buffer.name != SEED]


# ---- rules: a test of one value, a list of one rule (Many), or a mapping of rules by key (ANY: of any keys) ---------

ANY = "*"
HEXADECIMAL = frozenset("0123456789abcdef")


class Many:
    """A list of at most so many values, each of which the rule holds for."""

    def __init__(self, rule: Any, most: int, least: int = 0) -> None:
        self.rule, self.most, self.least = rule, most, least


def _is_architecture(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("(sm|compute)_[1-9][0-9]{1,2}[af]?", value, re.ASCII) is not None


def _is_feature(value: Any) -> bool:
    return (isinstance(value, str) and 0 < len(value) <= 64 and value.isascii() and value == value.lower()
            and f"_{value}".isidentifier())


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and HEXADECIMAL.issuperset(value)


def _is_crc32(value: Any) -> bool:
    return _is_count(value) and value < 2**32


def _is_member(value: Any) -> bool:
    return isinstance(value, str) and is_member_name(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 65536


def _is_dtype(value: Any) -> bool:
    return isinstance(value, str) and value in DTYPES


def _is_symbol(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_plain(value: Any, depth: int = MOST_DEPTH) -> bool:
    """Anything that JSON can say, not too deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_plain(item, depth - 1) for item in inner)


def _is_record_or_null(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and _is_plain(value))


def _is_extent(value: Any) -> bool:
    """A number, a symbol, or a multiple of one: 7*N."""
    return _is_count(value) or (isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,17}\*)?[^\W\d]\w*", value)
                                is not None)


def _is_place(value: Any) -> bool:
    """Of a batch in an output: axis, outer and inner; null where the output does not depend on the batch."""
    return value is None or (isinstance(value, list) and len(value) == 3 and all(map(_is_count, value)))


SUMS = {"bytes": _is_count, "crc32": _is_crc32, "sha256": _is_sha256}
ARRAYS = Many({"name": _is_text, "dtype": _is_dtype, "shape": Many(_is_count, MOST_DIMS)}, MOST_ARRAYS)
OPEN_ARRAYS = Many({"name": _is_text, "dtype": _is_dtype, "shape": Many(_is_extent, MOST_DIMS)}, MOST_ARRAYS)
PLAN = {"member": _is_member, "run": _is_text, **dict.fromkeys(KINDS, ARRAYS),
        "entries": Many(_is_text, 16), "arena_bytes": _is_count, "weights_bytes": _is_count}
TARGET = {"level": _is_member, "architecture": _is_member, "system": _is_member, "pointer_bits": _is_count,
          "features": Many(_is_feature, 256), "library": _is_member}
MEMORY = {"arena_bytes": _is_count, "weights_bytes": _is_count}
SYMBOL = {"name": _is_symbol, "input": _is_text, "axis": _is_count}
BATCH = {"outputs": Many(_is_place, MOST_ARRAYS), "nanoseconds": Many(_is_count, MOST_PLANS, 1)}
CUDA = {"images": Many({"architecture": _is_architecture, "member": _is_member}, MOST_TARGETS, 1),
        "plans": Many({"member": _is_member, "arena_bytes": _is_count, "weights_bytes": _is_count}, MOST_PLANS, 1),
        "verification": _is_record_or_null}
MANIFEST = {"format": _is_count, "inputs": OPEN_ARRAYS, "outputs": OPEN_ARRAYS,
            "heads": Many({"node": _is_text, "output": _is_count}, MOST_ARRAYS), "symbols": Many(SYMBOL, 256),
            "entries": Many(_is_text, 16), "plans": Many(PLAN, MOST_PLANS, 1), "targets": Many(TARGET, MOST_TARGETS),
            "cuda": lambda value: value is None or not _problem(value, CUDA, "cuda"),
            "batch": lambda value: value is None or not _problem(value, BATCH, "batch"),
            "memory": MEMORY, "source": _is_sha256, "versions": {ANY: _is_text},
            "options": {ANY: _is_plain}, "tuned_groups": {ANY: _is_count}, "verification": _is_record_or_null,
            "weights": lambda value: isinstance(value, dict), "members": {ANY: SUMS}}
OWN_WEIGHTS = {"member": lambda value: value == WEIGHTS}
OTHER_WEIGHTS = {"file": _is_member, **SUMS}


def _problem(value: Any, rule: Any, place: str) -> str | None:
    """The place of the first value that breaks its rule."""
    if callable(rule):
        return None if rule(value) else place
    if isinstance(rule, Many):
        if not (isinstance(value, list) and rule.least <= len(value) <= rule.most):
            return place
        return next(filter(None, (_problem(item, rule.rule, f"{place}[{number}]")
                                  for number, item in enumerate(value))), None)
    if not isinstance(value, dict):
        return place
    rules = dict.fromkeys(value, rule[ANY]) if ANY in rule else rule
    return next(filter(None, (_problem(value.get(key), inner, f"{place}.{key}" if place else key)
                              for key, inner in rules.items())), None)


# ---- reading -------------------------------------------------------------------------------------------------------


def read_manifest(title: str, data: memoryview) -> dict[str, Any]:
    """The manifest of package `title`, checked by itself.  PackageError: damaged, or of another format."""
    if len(data) > MOST_BYTES:
        raise damaged(title, f"manifest.json has {len(data)} bytes, more than {MOST_BYTES}")
    try:
        manifest = json.loads(bytes(data), object_pairs_hook=_record, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise damaged(title, f"manifest.json is not JSON ({error})") from error
    formats = (FORMAT, FORMAT_FOR_GPUS)
    if isinstance(manifest, dict) and _is_count(manifest.get("format")) and manifest["format"] not in formats:
        raise PackageError(f"package {title} has format {manifest['format']}, this symc reads formats 1 and 2",
                           "load it with the version of symc that wrote it, or compile the network again")
    _check(title, manifest, MANIFEST, "")
    _check(title, manifest["weights"], OTHER_WEIGHTS if "file" in manifest["weights"] else OWN_WEIGHTS, "weights")
    for key, numbered in (("member", plan_member), ("run", run_name)):
        if [plan[key] for plan in manifest["plans"]] != [numbered(k) for k in range(len(manifest["plans"]))]:
            raise damaged(title, f"manifest.json lacks a sound 'plans[].{key}'")
    _check_arrays(title, manifest)
    _check_cuda(title, manifest)
    return manifest


def _record(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key occurs twice")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _check(title: str, value: Any, rule: Any, place: str) -> None:
    wrong = _problem(value, rule, place)
    if wrong is not None:
        raise damaged(title, f"manifest.json lacks a sound '{wrong}'" if wrong else "manifest.json is not a record")


def _check_arrays(title: str, manifest: Mapping[str, Any]) -> None:
    """What the manifest says of the module is what it says of its plans."""
    for number, plan in enumerate(manifest["plans"]):
        for key in ("inputs", "outputs"):
            described = manifest[key]
            if len(plan[key]) != len(described) or not all(
                    _fits(array, other, number == 0) for array, other in zip(plan[key], described, strict=True)):
                raise damaged(title, f"'{key}' of plan {number} are not those of manifest.json")
        if plan["entries"] != manifest["entries"]:
            raise damaged(title, f"'entries' of plan {number} are not those of manifest.json")
    if any(manifest["memory"][key] != max(plan[key] for plan in manifest["plans"]) for key in MEMORY):
        raise damaged(title, "'memory' of manifest.json is not that of its plans")
    if manifest.get("batch") is not None:
        _check_batch(title, manifest)
    ranks = {array["name"]: len(array["shape"]) for array in manifest["inputs"]}
    if any(symbol["axis"] >= ranks.get(symbol["input"], 0) for symbol in manifest["symbols"]):
        raise damaged(title, "a symbol of manifest.json is of no input")
    free = {extent for key in ("inputs", "outputs") for array in manifest[key] for extent in array["shape"]
            if isinstance(extent, str)}
    if not {extent.rpartition("*")[2] for extent in free} <= {symbol["name"] for symbol in manifest["symbols"]}:
        raise damaged(title, "a shape of manifest.json names no symbol")


def _check_cuda(title: str, manifest: Mapping[str, Any]) -> None:
    """There is code for CPUs, or that for GPUs is all; each plan has one for GPUs, over a part of the weights."""
    alone, cuda = manifest["format"] == FORMAT_FOR_GPUS, manifest.get("cuda")
    if alone == bool(manifest["targets"]) or (alone and cuda is None):
        raise damaged(title, "manifest.json lacks a sound 'targets'")
    if cuda is None:
        return
    members = [cuda_plan_member(number, alone) for number in range(len(manifest["plans"]))]
    sizes = {plan["weights_bytes"] for plan in cuda["plans"]}
    if [plan["member"] for plan in cuda["plans"]] != members or len(sizes) > 1 \
            or max(sizes) > manifest["memory"]["weights_bytes"]:
        raise damaged(title, "'cuda' of manifest.json is not that of its plans")
    names = [image["architecture"] for image in cuda["images"]]
    if len(set(names)) != len(names) or [image["member"] for image in cuda["images"]] != list(map(image_member, names)):
        raise damaged(title, "manifest.json lacks sound 'cuda.images'")


def _check_batch(title: str, manifest: Mapping[str, Any]) -> None:
    """Each plan is for one size of the batch, which all inputs and outputs that depend on it have."""
    axes = {symbol["input"]: symbol["axis"] for symbol in manifest["symbols"]}
    sizes = [_sizes(plan, axes, manifest["batch"]["outputs"]) for plan in manifest["plans"]]
    distinct = {size for one in sizes for size in one}
    if not axes or any(len(one) != 1 or 0 in one for one in sizes) or len(distinct) != len(sizes) \
            or len(manifest["batch"]["nanoseconds"]) != len(sizes):
        raise damaged(title, "'batch' of manifest.json is not that of its plans")


def _sizes(plan: Mapping[str, Any], axes: Mapping[str, int], places: Sequence[Any]) -> set[int]:
    """The sizes that the batch has in a plan; 0 where the manifest is wrong."""
    inputs = {array["name"]: array["shape"] for array in plan["inputs"]}
    if len(places) != len(plan["outputs"]) or any(axis >= len(inputs.get(name, ())) for name, axis in axes.items()):
        return {0}
    found = {inputs[name][axis] for name, axis in axes.items()}
    for place, array in zip(places, plan["outputs"], strict=True):
        if place is not None:
            axis, part = place[0], place[1] * place[2]
            whole = array["shape"][axis] if axis < len(array["shape"]) else 0
            found.add(whole // part if part and whole % part == 0 else 0)
    return found


def _fits(array: Mapping[str, Any], described: Mapping[str, Any], is_first: bool) -> bool:
    """The shapes of the module are those of the first plan, with symbols in place of some extents."""
    if (array["name"], array["dtype"], len(array["shape"])) != \
            (described["name"], described["dtype"], len(described["shape"])):
        return False
    return not is_first or all(isinstance(other, str) or extent == other
                               for extent, other in zip(array["shape"], described["shape"], strict=True))
