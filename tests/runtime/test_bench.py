"""What `symc bench` measures: percentiles, inputs that are drawn, work of steps, and the report as data."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from symc.errors import MXNetError, PackageError, SymcError
from symc.runtime import bench
from symc.runtime.bench import Effort, draw_inputs, percentile, step_times, step_work
from symc.runtime.module import Description
from symc.runtime.plan import BranchStep, Buffer, Kernel, LoopStep, Plan, check
from symc.runtime.program import Program

QUICK = Effort(warmup=1, repeats=3)


@pytest.fixture(autouse=True)
def small_probes(monkeypatch):
    monkeypatch.setattr("symc.runtime.peak.MEMORY", 2**20)
    monkeypatch.setattr("symc.runtime.peak.ROUNDS", 1000)


def test_percentiles_are_times_that_occurred():
    times = [float(n) for n in range(100, 0, -1)]
    assert [percentile(times, share) for share in (0, 50, 90, 99, 100)] == [1, 50, 90, 99, 100]
    assert [percentile([3.0], share) for share in (0, 50, 99)] == [3, 3, 3]
    assert [percentile([2.0, 1.0], share) for share in (0, 50, 51)] == [1, 1, 2]


def test_effort():
    calls = []
    assert len(Effort(warmup=2, repeats=4, seconds=0).times(lambda: calls.append(1))) == 4 and len(calls) == 6
    assert len(Effort(warmup=0, seconds=0).times(lambda: None)) == bench.LEAST_RUNS
    assert sum(Effort(warmup=0, seconds=0.02).times(lambda: None)) <= 0.1


def package(inputs, nodes=()):
    network = {"nodes": [{"op": "null", "name": name, "inputs": []} for name, *_ in inputs] + list(nodes)}
    return SimpleNamespace(text=lambda name: json.dumps(network))


def test_drawn_inputs():
    inputs = [("x", (200,), "float32"), ("words", (500,), "float32"), ("ids", (500,), "int32"),
              ("half", (100,), "bfloat16")]
    found = draw_inputs(package(inputs,
                                [{"op": "Embedding", "name": "e", "inputs": [[1, 0, 0]], "attrs": {"input_dim": "7"}}]),
                        [Description(*one) for one in inputs])
    assert {name: str(array.dtype) for name, array in found.items()} == {
        "x": "float32", "words": "float32", "ids": "int32", "half": "uint16"}
    assert 0 <= found["x"].min() < 0.1 and 0.9 < found["x"].max() < 1
    assert set(found["words"].tolist()) == set(range(7)) and not found["ids"].any()
    values = (found["half"].astype(np.uint32) << 16).view(np.float32)
    assert values.min() >= 0 and 0.8 < values.max() < 1


def test_the_report(package_path):
    report = bench.bench(package_path, {}, QUICK)
    assert json.loads(json.dumps(report)) == report
    assert list(report["milliseconds"]) == ["min", "median", "p90", "p99"]
    assert sorted(report["milliseconds"].values()) == list(report["milliseconds"].values())
    assert (report["runs"], report["warmup"], report["entries"]) == (3, 1, ["infer"])
    assert report["peak"]["gflops"] > 0 and report["peak"]["gbytes_per_second"] > 0
    assert sum(row["share"] for row in report["steps"]) == pytest.approx(1)
    for row in report["steps"]:
        assert row["gbytes_per_second"] == pytest.approx(row["bytes"] / row["microseconds"] / 1e3)
        assert row["gbytes_per_second_of_peak"] == pytest.approx(
            row["gbytes_per_second"] / report["peak"]["gbytes_per_second"])


def test_given_inputs_must_fit(package_path, tmp_path):
    with pytest.raises(SymcError, match="no input 'date'"):
        bench.bench(package_path, {"date": np.zeros(1000)}, QUICK)
    with pytest.raises(SymcError, match=r"shape \(2,\)"):
        bench.bench(package_path, {"data": np.zeros(2)}, QUICK)
    with pytest.raises(PackageError, match="cannot read"):
        bench.bench(tmp_path / "nowhere.symc", {}, QUICK)


def test_data_that_the_network_refuses():
    def refuse():
        raise MXNetError("not positive definite")
    with pytest.raises(SymcError, match="values drawn for x: not positive.*\n*.*--input"):
        bench._try(refuse, ["x"])
    with pytest.raises(MXNetError, match="^not positive definite"):
        bench._try(refuse, [])


def test_work_and_times_of_loops_and_branches(native):
    """A loop of three over an addition, and a branch between two kernels and one."""
    size = 4
    plan = Plan((native.buffer("input", "x", size), native.buffer("output", "y", size),
                 Buffer("arena", "flag", "int64", (), 8, 0)),
                (Kernel("increase", flops=10), Kernel("scale", flops=100)),
                (LoopStep((2, 3), 0, trip=3), BranchStep(2, (3, 5), (5, 6), 1), native.step(0, (0, 1), size, 0),
                 native.step(0, (0, 1), size, 0), native.step(1, (1, 1), size, 1), native.step(1, (0, 1), size, 0)),
                {"infer": (0, 2)}, arena_bytes=64)
    check(plan)
    program = Program(plan, native.library(plan))
    for number in (0, 1):
        program.bind(number, np.ones(size, np.float32))
    program.array(2)[...] = 0
    program.run("infer")
    loop, branch = plan.steps[:2]
    assert step_work(program, loop) == (30, 3 * 32) and step_work(program, branch) == (100, 32)
    program.array(2)[...] = 1
    assert step_work(program, branch) == (110, 32 + 16)
    assert all(0 < seconds < 1 for seconds in step_times(program, [0, 1], QUICK).values())
    assert [bench.step_name(program, step) for step in plan.steps[:3]] == ["loop of 3", "branch", "increase"]
