"""Results recorded from Apache MXNet 1.9.1, one case an operator or small graph, and how symc is compared with them.

A file `data/golden/FAMILY.jsonl.gz` holds a case a line: the symbol as MXNet's JSON, the given shapes and dtypes,
gradient requests, and arrays by role and name (`in/data`, `aux/`, `hg/0` head gradient, `out/0`, `grad/data`,
`gin/` gradient buffer before backward, `aux_fwd/`, `aux_bwd/` states after forward and backward, `in_after/`
arguments that MXNet changed).

    python tests/golden.py FAMILY.jsonl FAMILY.npz tests/data/golden/FAMILY.jsonl.gz [OPERATOR ...]

packs a recording, all of it or the cases of some operators.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from symc.frontend.reader import parse_graph
from symc.interpreter import Results, run
from symc.ir.graph import Graph
from symc.ir.types import DType
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import typed
from symc.passes.seed_random import SEED, SeedRandom

DATA = Path(__file__).parent / "data" / "golden"
KEPT = ("id", "op", "symbol", "given", "out_shapes", "is_train", "grad_req", "grad", "steps", "rtol", "atol",
        "kernel_dependent", "undefined")
TOLERANCES = {"float16": (1e-2, 1e-2), "float32": (1e-4, 1e-5), "float64": (1e-6, 1e-8)}  # rtol, atol

Case = dict[str, Any]


def cases(family: str, operators: Iterable[str] = ()) -> list[Case]:
    """The recorded cases of a family, or of some operators of it."""
    with gzip.open(DATA / f"{family}.jsonl.gz", "rt") as file:
        found = [json.loads(line) for line in file]
    for case in found:
        case["arrays"] = {key: unpacked(*packed) for key, packed in case["arrays"].items()}
    wanted = set(operators)
    return [case for case in found if not wanted or case["op"] in wanted]


def families() -> list[str]:
    """The names of all families of recorded cases."""
    return sorted(path.name.partition(".")[0] for path in DATA.glob("*.jsonl.gz"))


def some_cases(every: int, wanted: Callable[[Case], bool] = lambda case: True) -> list[Any]:
    """Parameters of a test: about one case in `every` of all families, always the same ones."""
    import pytest

    found = [(family, case) for family in families() for case in cases(family)]
    return [pytest.param(case, id=f"{family}-{case['id']}") for family, case in found
            if zlib.crc32(case["id"].encode()) % every == 0 and wanted(case)]


def each_case(family: str, operators: Iterable[str] = ()) -> Callable[..., Any]:
    """Decorator: run a test with each `case` of a family."""
    import pytest  # which machines that only run carried cases need not have

    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases(family, operators)])


def differences(case: Case) -> list[str]:
    """What symc's interpreter computes differently: heads, gradients and states; empty when all is well."""
    graph = graph_of(case)
    results = run(graph, bound(case, graph))
    found = [] if len(results.heads) == len(case["out_shapes"]) else [f"{len(results.heads)} outputs"]
    for i, (head, (shape, dtype)) in enumerate(zip(results.heads, case["out_shapes"], strict=False)):
        if (list(head.shape), head.dtype.name) != (shape, dtype):
            found.append(f"out/{i}: {head.dtype}{list(head.shape)}, expected {dtype}{shape}")
    skipped = {*case.get("kernel_dependent", ()), *case.get("undefined", ())}
    for key, value in observed(case, results).items():
        if key in case["arrays"] and key not in skipped and (why := mismatch(value, case["arrays"][key], case)):
            found.append(f"{key}: {why}")
    return found


def graph_of(case: Case) -> Graph:
    """The graph that a case runs: with gradients if it has any, in the form of inference unless it is for training."""
    graph = OverwriteInputs()(parse_graph_of(case))
    if not case["is_train"]:
        return SeedRandom()(UseInferenceForms()(graph))
    graph = Legalize(keep_differentiable=True)(SeedRandom()(graph))
    if case.get("grad") in ("defined", "zero"):
        return Differentiate(tuple(case["grad_req"].items()))(graph)
    return graph


def parse_graph_of(case: Case) -> Graph:
    """The typed graph of a case as it was read."""
    given = case["given"]
    return typed(parse_graph(json.dumps(case["symbol"])), {name: tuple(shape) for name, (shape, _) in given.items()},
                 {name: DType.of(dtype) for name, (_, dtype) in given.items() if dtype})


def bound(case: Case, graph: Graph) -> dict[str, np.ndarray]:
    """Values of the variables of `graph`."""
    values = {key.partition("/")[2]: array for key, array in case["arrays"].items() if key.startswith(("in/", "aux/"))}
    values[SEED] = np.zeros(1, np.int64)
    heads = range(len(graph.heads))
    return values | {HEAD_GRADIENT.format(i): case["arrays"][f"hg/{i}"] for i in heads if f"hg/{i}" in case["arrays"]}


def observed(case: Case, results: Results) -> dict[str, np.ndarray]:
    """What a run shows, by the keys of the recorded arrays.  A buffer of request 'add' has collected all steps."""
    shown = {f"out/{i}": head for i, head in enumerate(results.heads)}
    for name, gradient in results.gradients.items():
        before = case["arrays"].get(f"gin/{name}")
        total = gradient if before is None else before + gradient * case.get("steps", 1)
        shown[f"grad/{name}"] = total.astype(gradient.dtype)
    if case.get("steps", 1) == 1:
        for name, value in results.updates.items():
            shown |= {f"aux_bwd/{name}": value, f"in_after/{name}": value}
    return shown


def mismatch(value: np.ndarray, expected: np.ndarray, case: Case) -> str:
    """Why `value` is not what was recorded, '' when it is: |a - b| ≤ atol·max(1, max |b|) + rtol·|b|."""
    if value.shape != expected.shape or value.dtype != expected.dtype:
        return f"{value.dtype}{list(value.shape)}, expected {expected.dtype}{list(expected.shape)}"
    if expected.dtype.kind != "f":
        return "" if np.array_equal(value, expected) else f"{value} expected {expected}"
    rtol, atol = TOLERANCES[expected.dtype.name]
    if expected.dtype == np.float32:
        rtol, atol = case.get("rtol", rtol), case.get("atol", atol)
    a, b = value.astype(np.float64), expected.astype(np.float64)
    atol *= np.abs(b[np.isfinite(b)]).max(initial=1.0)
    return "" if np.allclose(a, b, rtol, atol, equal_nan=True) else f"{a} expected {b}"


def unpacked(dtype: str, shape: list[int], data: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape)


def packed(array: np.ndarray) -> tuple[str, tuple[int, ...], str]:
    return array.dtype.name, array.shape, base64.b64encode(array.tobytes()).decode()


def pack(records: str, arrays: str, target: str, operators: Iterable[str] = ()) -> None:
    """Write the cases of kind 'op' of a recording (a .jsonl file, and a .npz with keys id/role/name) to `target`."""
    stored = np.load(arrays)
    by_case: dict[str, dict[str, Any]] = {}
    for key in stored.files:
        by_case.setdefault(key.partition("/")[0], {})[key.partition("/")[2]] = packed(stored[key])
    recorded = [json.loads(line) for line in Path(records).read_text().splitlines()]
    wanted = set(operators)
    lines = [json.dumps({**{key: case[key] for key in KEPT if key in case}, "arrays": by_case.get(case["id"], {})},
                        separators=(",", ":"))
             for case in recorded if case["kind"] == "op" and (not wanted or case["op"] in wanted)]
    with open(target, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    pack(*sys.argv[1:4], sys.argv[4:])  # type: ignore[arg-type]
