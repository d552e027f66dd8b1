"""Packages loaded where there is a GPU, which the emulator is, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import symc as mx
from symc import runtime
from symc.errors import PackageError, SymcError, SymcWarning
from symc.runtime import cuda, devices
from symc.runtime.gpu_module import GpuModule, fitting
from symc.runtime.images import pack_images
from tests.cuda.packages import hold_texts, network, write

DATA = np.random.default_rng(3).standard_normal((4, 12)).astype(np.float32)


@pytest.fixture
def texts(monkeypatch):
    hold_texts(monkeypatch)


@pytest.fixture
def card(gpu):
    """gpu(0), which says that it is an H100."""
    gpu.architecture = "sm_90"
    return gpu


@pytest.fixture
def no_gpu(monkeypatch):
    def refuse(number=0):
        raise cuda.NoDevice(f"there is no gpu({number}): CUDA finds no GPU that it can use: no driver",
                            "install NVIDIA's driver, or use symc.cpu()")
    monkeypatch.setattr(cuda, "open_device", refuse)


@pytest.mark.parametrize("own, expected", [
    ("sm_80", "sm_80"), ("sm_86", "sm_86"), ("sm_89", "sm_86"), ("sm_90", "sm_90"), ("sm_75", None),
    ("sm_100", "compute_90"), ("sm_103", "compute_90"), ("sm_120", "compute_90")])
def test_which_code_a_gpu_runs(own, expected):
    assert fitting(["sm_80", "sm_86", "sm_90", "compute_90"], own) == expected


def test_code_that_is_for_one_architecture_alone():
    names = ["sm_90a", "compute_90a", "sm_100f"]
    assert [fitting(names, own) for own in ("sm_90", "sm_100", "sm_103", "sm_120", "sm_89")] \
        == ["sm_90a", "sm_100f", "sm_100f", None, None]


# ---- where there is one --------------------------------------------------------------------------------------------


def test_the_gpu_is_taken(texts, card, tmp_path):
    path = write(tmp_path / "m.symc", "llvm,cuda")
    module = runtime.load(path)
    assert isinstance(module, GpuModule)
    out, = module.forward(data=DATA)
    assert out.context == mx.cpu()
    expected, = runtime.load(path, target="cpu").forward(data=DATA)
    np.testing.assert_allclose(out.asnumpy(), expected.asnumpy(), rtol=1e-5, atol=1e-6)
    assert runtime.load(path, level="x86-64-v3").library is not None


def test_arrays_on_the_gpu_stay_there(texts, card, tmp_path):
    module = runtime.load(write(tmp_path / "m.symc", "cuda"), target="cuda")
    data = mx.nd.array(DATA, ctx=mx.gpu(0))
    expected = module.forward(data=DATA)[0].asnumpy()
    copies = card.calls["write"], card.calls["read"]
    with mx.gpu(0):
        out, = module.forward(data=data)
    assert out.context == mx.gpu(0) and (card.calls["write"], card.calls["read"]) == copies
    np.testing.assert_array_equal(out.asnumpy(), expected)


def test_a_batch_of_any_size(texts, card, tmp_path):
    path = write(tmp_path / "m.symc", "llvm,cuda", {"data": ("N", 12)})
    rows = np.concatenate([DATA, DATA[:3] + 1])
    for count in (1, 4, 7):
        on_gpu, = runtime.load(path).forward(data=rows[:count])
        on_cpu, = runtime.load(path, target="cpu").forward(data=rows[:count])
        np.testing.assert_allclose(on_gpu.asnumpy(), on_cpu.asnumpy(), rtol=1e-5, atol=1e-6)


def test_training(texts, card, tmp_path):
    path = write(tmp_path / "m.symc", "llvm,cuda", train=True)
    gradients = []
    for target in ("cuda", "cpu"):
        module = runtime.load(path, target=target)
        module.forward(is_train=True, data=DATA)
        module.backward(np.ones((4, 5), np.float32) * np.arange(5, dtype=np.float32))
        gradients.append({name: array.asnumpy() for name, array in module.gradients.items()})
    assert gradients[0].keys() == {"fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"}
    for name, found in gradients[0].items():
        np.testing.assert_allclose(found, gradients[1][name], rtol=1e-4, atol=1e-5)


# ---- where there is none, or another -------------------------------------------------------------------------------


def test_without_a_gpu_the_cpu_serves(texts, no_gpu, tmp_path, recwarn):
    path = write(tmp_path / "m.symc", "llvm,cuda")
    assert runtime.load(path).forward(data=DATA)[0].shape == (4, 5) and not recwarn
    with pytest.raises(PackageError, match=r"m.symc cannot run on a GPU: there is no gpu\(1\): .*no driver"):
        runtime.load(path, target="cuda:1")


def test_without_a_gpu_and_code_for_cpus_it_is_said(texts, no_gpu, tmp_path):
    path = write(tmp_path / "m.symc", "cuda")
    with pytest.raises(PackageError, match=r"cannot run on a GPU: there is no gpu\(0\)(.|\n)*--target llvm,cuda"):
        runtime.load(path)
    with pytest.raises(PackageError, match=r"has code for GPUs alone \(sm_80, sm_90, compute_90\)"):
        runtime.load(path, target="cpu")


def test_a_gpu_that_there_is_no_code_for(texts, card, tmp_path):
    card.architecture = "sm_75"
    path = write(tmp_path / "m.symc", "llvm,cuda")
    expected = r"has code for sm_80, sm_90, compute_90, gpu\(0\) is sm_75"
    with pytest.warns(SymcWarning, match=f"the package runs on the CPU: .*{expected}"):
        assert runtime.load(path).forward(data=DATA)[0].shape == (4, 5)
    with pytest.raises(PackageError, match=rf"{expected}(.|\n)*--arch sm_75"):
        runtime.load(path, target="cuda")


def test_a_driver_that_is_too_old(texts, card, tmp_path, monkeypatch):
    def refuse(images):
        raise SymcError("the PTX was compiled with an unsupported toolchain")
    monkeypatch.setattr(card, "load", refuse)
    with pytest.raises(PackageError, match=r"does not load the code for sm_90 of package .*unsupported toolchain"):
        runtime.load(write(tmp_path / "m.symc", "cuda"))


def test_packages_for_cpus_are_not_for_gpus(texts, card, tmp_path):
    path = write(tmp_path / "m.symc", "cpu")
    assert not isinstance(runtime.load(path), GpuModule)
    with pytest.raises(PackageError, match="has no code for GPUs"):
        runtime.load(path, target="cuda")
    with pytest.raises(SymcError, match="there is no target 'gpu'"):
        runtime.load(path, target="gpu")


def test_packages_for_cpus_look_for_no_gpu(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "driver_of", lambda number: 1 / 0)
    assert runtime.load(write(tmp_path / "m.symc", "cpu")).forward(data=DATA)


def test_damaged_images_are_not_loaded(texts, card, tmp_path, monkeypatch):
    monkeypatch.setattr("symc.codegen.cuda_package.pack_images", lambda images: pack_images(images)[:-70])
    with pytest.raises(PackageError, match="no sound index"):
        runtime.load(write(tmp_path / "m.symc", "cuda"))


def test_kernels_that_are_missing_are_damage(texts, card, tmp_path, monkeypatch):
    monkeypatch.setattr("symc.codegen.cuda_package.pack_images", lambda images: pack_images(images[1:]))
    with pytest.raises(SymcError, match="the code for GPUs lacks the kernel 'k.*' of the plan"):
        runtime.load(write(tmp_path / "m.symc", "cuda")).forward(data=DATA)


# ---- compiled in this process --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [{"data": (4, 12)}, {"data": ("N", 12)}, [{"data": (4, 12)}, {"data": (2, 12)}]])
def test_modules_on_the_gpu(gpu, shapes):
    symbol, params = network()
    options = mx.compiler.Options(slabs=(1, 4))
    modules = (mx.compile(symbol, params, shapes, target=target, options=options) for target in ("cuda", "cpu"))
    found, expected = (module.forward(data=DATA)[0].asnumpy() for module in modules)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_weights_lie_once_on_the_gpu(texts, card, tmp_path):
    module = runtime.load(write(tmp_path / "m.symc", "cuda", {"data": ("N", 12)}))
    used = card.memory_info()[0]
    for count in (1, 4, 1, 4):
        module.forward(data=DATA[:count])
    plans = [module.plans[number] for number in range(2)]
    assert plans[0].placed_weights is plans[1].placed_weights and plans[0].placed_weights.size > 500
    arrays = sum(buffer.bytes for plan in plans for buffer in plan.plan.buffers if buffer.kind in ("input", "output"))
    assert used - card.memory_info()[0] <= arrays + sum(plan.plan.arena_bytes for plan in plans)


def test_a_module_is_for_one_target(no_gpu):
    with pytest.raises(SymcError, match="for one target"):
        mx.compile(*network(), {"data": (4, 12)}, target="llvm,cuda")
    with pytest.raises(SymcError, match=r"there is no gpu\(0\)"):
        mx.compile(*network(), {"data": (4, 12)}, target="cuda")
