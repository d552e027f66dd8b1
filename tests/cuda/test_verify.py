"""`symc verify` and `symc bench` of packages with code for GPUs, where there is a GPU, which the emulator is, and where
there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symc import runtime
from symc.errors import PackageError
from symc.runtime import cuda
from symc.runtime.package import open_package
from symc.verify import verify_package
from tests.cuda.packages import hold_texts, network, write


@pytest.fixture
def card(gpu, monkeypatch):
    """gpu(0), which says that it is an H100, for packages of texts."""
    hold_texts(monkeypatch)
    gpu.architecture = "sm_90"
    return gpu


@pytest.fixture
def no_card(monkeypatch):
    def refuse(number=0):
        raise cuda.NoDevice(f"there is no gpu({number}): no driver", "install one")
    hold_texts(monkeypatch)
    monkeypatch.setattr(cuda, "open_device", refuse)


@pytest.mark.parametrize("options", [{}, {"train": True}, {"shapes": {"data": ("N", 12)}}])
def test_both_sides_are_run(card, tmp_path, options):
    path = write(tmp_path / "m.symc", "llvm,cuda", **options)
    for params in (None, network()[1]):
        found = verify_package(path, params)
        assert found.of_all == found.status == found.on_gpu.of_all == "passed"
        assert (found.levels, found.on_gpu.levels) == (("x86-64-v3",), ("sm_90",))
        assert set(found.on_gpu.others) == {"sm_80", "compute_90"} and len(found.on_gpu.differences) > 0
        assert len(found.on_gpu.other_plans) == len(found.other_plans)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_packages_for_gpus_alone(card, tmp_path, precision):
    path = write(tmp_path / "m.symc", "cuda", precision=precision)
    for params in (None, network()[1]):
        found = verify_package(path, params)
        assert (found.of_all, found.levels, found.on_gpu) == ("passed", ("sm_90",), None)
        assert found.steps_compared == (precision != "fp32")


def test_what_differs_on_the_gpu_alone_is_different(card, tmp_path, monkeypatch, call):
    path = write(tmp_path / "m.symc", "llvm,cuda")
    monkeypatch.setattr(type(card), "launch", lambda self, *_: self.calls.update(["launch"]))
    found = verify_package(path)
    assert (found.status, found.on_gpu.status, found.of_all) == ("passed", "different", "different")
    code, output, _ = call("verify", path)
    assert code == 3 and "on the GPU: different" in " ".join(output.split())


def test_the_first_wrong_step_on_a_gpu_is_named(card, tmp_path, monkeypatch):
    path = write(tmp_path / "m.symc", "cuda")
    monkeypatch.setattr(type(card), "launch", lambda self, *_: None)
    found = verify_package(path)
    assert found.of_all == "different" and found.steps_compared and "'fc1'" in found.fault


def test_without_a_gpu_the_cpu_is_verified_and_that_is_said(no_card, tmp_path, call):
    path = write(tmp_path / "m.symc", "llvm,cuda")
    record = verify_package(path).to_json()
    assert record["status"] == "passed" and record["gpu"]["status"] == "not run"
    code, output, _ = call("verify", path)
    assert code == 0 and "not run: no GPU here runs it: there is no gpu(0): no driver" in output
    with pytest.raises(PackageError, match="code for GPUs alone, and no GPU here runs it: there is no"):
        verify_package(write(tmp_path / "g.symc", "cuda"))


def test_a_gpu_that_there_is_no_code_for(card, tmp_path):
    card.architecture = "sm_75"
    found = verify_package(write(tmp_path / "m.symc", "llvm,cuda"))
    assert found.of_all == "passed" and "gpu(0) is sm_75" in found.on_gpu.against


# ---- times ---------------------------------------------------------------------------------------------------------

QUICK = ("--repeats", "3", "--warmup", "1", "--seconds", "0")


@pytest.mark.parametrize("options", [{}, {"train": True}, {"shapes": {"data": ("N", 12)}}])
def test_the_gpu_is_timed(card, tmp_path, call, options):
    path = write(tmp_path / "m.symc", "llvm,cuda", **options)
    code, output, _ = call("bench", path, *QUICK, "--json")
    report = json.loads(output)
    assert code == 0 and (report["gpu"], report["level"], report["peak"]) == ("the emulator", "sm_90", None)
    plan = open_package(path).read_cuda_plan(0)
    assert [row["kernel"] for row in report["steps"]] == [plan.kernels[step.kernel].name for step in plan.steps]
    assert report["runs"] == 3 and "gpu_not_timed" not in report
    assert "the emulator (sm_90)" in call("bench", path, *QUICK)[1]


def test_a_step_is_waited_for(card, tmp_path, monkeypatch):
    """Its time is not that of telling the GPU to begin."""
    module = runtime.load(write(tmp_path / "m.symc", "cuda"))
    module.forward(data=np.ones((4, 12), np.float32))
    told = []
    for name in ("launch", "wait"):
        monkeypatch.setattr(type(card), name, lambda self, *_, name=name: told.append(name))
    for _ in range(3):
        module.program.run_step(0)
    assert told == ["launch", "wait"] * 3


def test_the_cpu_is_timed_where_it_is_asked_for_or_there_is_no_gpu(no_card, tmp_path, call):
    path = write(tmp_path / "m.symc", "llvm,cuda")
    code, output, _ = call("bench", path, *QUICK)
    assert code == 0 and "not timed on a GPU: there is no gpu(0): no driver" in " ".join(output.split())
    code, output, _ = call("bench", path, *QUICK, "--target", "cpu", "--json")
    assert code == 0 and json.loads(output)["gpu_not_timed"] == "the CPU was asked for"
    code, _, error = call("bench", path, *QUICK, "--target", "cuda")
    assert code == 1 and "cannot run on a GPU: there is no gpu(0)" in error
