"""Packages with code for GPUs: what they hold, what of it older readers see, and what is refused."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from symc import compiler, runtime
from symc.errors import PackageError, SymcError
from symc.runtime.archive import MANIFEST, read_archive, write_archive
from symc.runtime.manifest import read_manifest
from symc.runtime.package import check_everything, open_package
from tests.c_programs import Failed
from tests.cuda.compilers import needs_compiler
from tests.cuda.packages import hold_texts, network, write


@pytest.fixture
def texts(monkeypatch):
    hold_texts(monkeypatch)


def test_both_targets_in_one_package(texts, tmp_path):
    package = open_package(write(tmp_path / "m.symc", "llvm,cuda"))
    check_everything(package)
    manifest = package.manifest
    assert manifest["format"] == 1 and [target["level"] for target in manifest["targets"]] == ["x86-64-v3"]
    assert package.architectures == ["sm_80", "sm_90", "compute_90"]
    assert {"plan.json", "plan-cuda.json", "cuda-sm_80.bin", "cuda-compute_90.bin"} <= package.members.keys()
    assert manifest["versions"]["nvrtc"] == "13.0.88"
    assert manifest["cuda"]["verification"]["status"] == "not run"
    names = {kernel.name for image in package.images("sm_90") for kernel in image.kernels}
    assert names == {kernel.name for kernel in package.read_cuda_plan(0).kernels}


def test_it_runs_where_there_is_no_gpu(texts, tmp_path):
    data = {"data": np.ones((4, 12), np.float32)}
    own = runtime.load(write(tmp_path / "c.symc", "cpu")).forward(**data)[0].asnumpy()
    both = runtime.load(write(tmp_path / "m.symc", "llvm,cuda")).forward(**data)[0].asnumpy()
    np.testing.assert_array_equal(own, both)


def test_what_only_the_gpu_reads_is_the_end_of_the_weights(texts, tmp_path):
    package = open_package(write(tmp_path / "m.symc", "llvm,cuda"))
    _, params = network()
    plan, block = package.read_cuda_plan(0), package.weights()
    part = block[len(block) - plan.weights_bytes:]
    held = {buffer.name: part[buffer.offset:buffer.offset + buffer.bytes].view(np.float32) for buffer in plan.buffers
            if buffer.kind == "weight"}
    assert any(np.array_equal(np.sort(found), np.sort(params["fc1_weight"].ravel())) for found in held.values())
    assert any(np.array_equal(found, params["fc2_bias"]) for found in held.values())
    shared = {np.array(block[at.offset:at.offset + at.bytes]).tobytes() for at in package.plan.buffers
              if at.kind == "weight" and at.offset >= len(block) - plan.weights_bytes}
    assert params["fc2_bias"].tobytes() in shared       # lies once, in the part that both read


def test_packages_for_gpus_alone(texts, tmp_path):
    path = write(tmp_path / "m.symc", "cuda", architectures=["sm_75"])
    package = open_package(path)
    check_everything(package)
    assert package.manifest["format"] == 2 and package.manifest["targets"] == []
    assert package.architectures == ["sm_75", "compute_75"] and "plan-cuda.json" not in package.members
    assert package.plan == package.read_cuda_plan(0)


@pytest.mark.parametrize("target", ["cuda", "llvm,cuda"])
@pytest.mark.parametrize("shapes", [{"data": ("N", 12)}, [{"data": (2, 12)}, {"data": (3, 12)}]])
def test_several_plans(texts, target, shapes, tmp_path):
    package = open_package(write(tmp_path / "m.symc", target, shapes))
    check_everything(package)
    extents = [[buffer.shape for buffer in package.read_cuda_plan(number).buffers if buffer.kind == "input"]
               for number in range(2)]
    assert extents == [[tuple(plan["inputs"][0]["shape"])] for plan in package.manifest["plans"]]


def test_equal_networks_give_equal_bytes(texts, tmp_path):
    first, second = (write(tmp_path / name, "llvm,cuda") for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


@needs_compiler
def test_cubins(tmp_path):
    package = open_package(write(tmp_path / "m.symc", "cuda", architectures=["sm_80", "compute_80"]))
    check_everything(package)
    assert all(image.code[:4] == b"\x7fELF" for image in package.images("sm_80"))
    assert all(kernel.registers > 0 for image in package.images("sm_80") for kernel in image.kernels)
    assert all(b".target sm_80" in image.code for image in package.images("compute_80"))


# ---- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, expected", [
    ({"target": "tpu"}, "target 'tpu' is not supported"), ({"target": "cuda", "levels": ["x86-64"]}, "CPU levels"),
    ({"architectures": ["sm_80"]}, "architectures of GPUs"),
    ({"target": "cuda", "architectures": ["80"]}, "there is no architecture '80'"),
    ({"target": "llvm,cuda", "options": compiler.Options(precision="fp16")}, "precision 'fp16' is for GPUs"),
    ({"target": "cuda", "options": compiler.Options(fast_math=True)}, "fast math is for CPUs")])
def test_contradictions_are_refused_before_the_work(texts, options, expected, tmp_path):
    symbol, params = network()
    with pytest.raises(SymcError, match=expected):
        compiler.compile_package(tmp_path / "m.symc", symbol, params, {"data": (4, 12)}, **options)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def changed(texts, tmp_path):
    """`changed(target, change)`: the package, its manifest changed by a function, and all checksums right."""
    def change_package(target, change):
        path = write(tmp_path / "m.symc", target)
        members = {name: bytes(data) for name, (_, data) in
                   read_archive("it", memoryview(path.read_bytes())).items()}
        manifest = json.loads(members[MANIFEST])
        change(manifest)
        members[MANIFEST] = json.dumps(manifest).encode()
        with path.open("wb") as file:
            write_archive(file, [(name, [data], zlib.crc32(data)) for name, data in members.items()])
        return open_package(path)
    return change_package


CHANGES = {
    "cuda": lambda m: m["cuda"]["images"][0].update(architecture="sm_90"),
    "a member": lambda m: m["cuda"]["images"][0].update(member="cuda-sm_70.bin"),
    "a plan": lambda m: m["cuda"]["plans"].pop(),
    "its member": lambda m: m["cuda"]["plans"][0].update(member="plan.json"),
    "weights": lambda m: m["cuda"]["plans"][0].update(weights_bytes=2**40),
    "the format": lambda m: m.update(format=2),
    "targets": lambda m: m.update(targets=[]),
    "images": lambda m: m["cuda"].update(images=[]),
    "an architecture": lambda m: m["cuda"]["images"][0].update(architecture="../sm_80"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_does_not_fit_is_refused(changed, change):
    with pytest.raises(PackageError, match="is damaged: "):
        changed("llvm,cuda", change)


def test_a_plan_for_gpus_is_what_the_manifest_says(changed):
    package = changed("llvm,cuda", lambda m: m["cuda"]["plans"][0].update(arena_bytes=64))
    with pytest.raises(PackageError, match=r"plan-cuda.json is not what manifest.json says"):
        package.read_cuda_plan(0)


def test_format_2_without_code_for_gpus_is_refused(changed):
    with pytest.raises(PackageError, match="lacks a sound 'targets'"):
        changed("cuda", lambda m: m.pop("cuda"))


def test_later_formats_are_named(texts, tmp_path):
    path = write(tmp_path / "m.symc", "cuda")
    manifest = bytes(open_package(path).members[MANIFEST]).replace(b'"format": 2', b'"format": 3')
    with pytest.raises(PackageError, match="has format 3, this symc reads formats 1 and 2"):
        read_manifest("m.symc", memoryview(manifest))


def test_what_older_readers_ignore_is_all_that_is_added(texts, tmp_path):
    """A reader of format 1 that knows no GPUs sees a package for CPUs with further members."""
    manifest = dict(open_package(write(tmp_path / "m.symc", "llvm,cuda")).manifest)
    plain = open_package(write(tmp_path / "c.symc", "cpu")).manifest
    assert manifest.keys() - plain.keys() == {"cuda"}
    assert "cuda" not in plain and plain.keys() <= manifest.keys()


def test_c_runs_what_is_for_cpus(texts, symc_c, tmp_path):
    path, data = write(tmp_path / "m.symc", "llvm,cuda"), np.ones((4, 12), np.float32)
    found = symc_c.open(path).executor().forward(data=data)[0]
    np.testing.assert_array_equal(found, runtime.load(path).forward(data=data)[0].asnumpy())
    with pytest.raises(Failed, match="the package has code for GPUs alone"):
        symc_c.open(write(tmp_path / "g.symc", "cuda"))
