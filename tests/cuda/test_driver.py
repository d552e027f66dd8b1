"""The driver for CUDA on a stand-in for NVIDIA's package: handles, order, what is given back, what errors say."""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib.util
import re
import sys
import types

import numpy as np
import pytest

from symc.errors import MXNetError
from symc.runtime import cuda
from symc.runtime.devices import KernelFailure, OutOfDeviceMemory
from symc.runtime.libraries import LibraryProblem
from tests.cuda.bindings import Bindings, CUresult

PTX = b".version 8.0\n.visible .entry twice(\n.param .u64 x)\n{}\n.visible .entry fails (\n)\n"


@pytest.fixture
def bindings(monkeypatch):
    """The package as far as it is used, put in its place."""
    made = Bindings()
    install(monkeypatch, made)
    made.kernels["twice"] = lambda pointers: _twice(pointers[0])
    yield made
    gc.collect()
    assert not made.pushed, "contexts that were pushed stay"


def install(monkeypatch, driver):
    package = types.ModuleType("cuda.bindings")
    package.driver = driver
    monkeypatch.setitem(sys.modules, "cuda", types.ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", package)
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", driver)
    forget(monkeypatch)


def forget(monkeypatch):
    """No card and no package is known yet, nor afterwards."""
    for name in ("_api", "_card"):
        monkeypatch.setattr(cuda, name, functools.cache(getattr(cuda, name).__wrapped__))


def _twice(pointer):
    values = (ctypes.c_float * 4).from_address(pointer)
    values[:] = [2 * value for value in values]


def placed(driver, values):
    pointer = driver.allocate(values.nbytes, "an array")
    driver.write(pointer, values)
    return pointer


def read(driver, pointer, like):
    found = np.empty_like(like)
    driver.read(found, pointer)
    return found


def test_devices(bindings):
    assert cuda.driver_version() == "13.0"
    assert cuda.devices() == [cuda.Device(0, "Card of Tests", "sm_90", bindings.memory)]
    assert cuda.count() == 1 and cuda.open_device(0).architecture == "sm_90"
    with pytest.raises(MXNetError, match=r"there is no gpu\(1\): CUDA shows 1 GPU\n"):
        cuda.open_device(1)


@pytest.mark.parametrize("count", [1, 5, 3 * cuda.HALF + 100])
def test_copies(bindings, count):
    driver = cuda.open_device(0)
    values = np.random.default_rng(0).integers(0, 255, count, np.uint8)
    given = values.copy()
    pointer, other = placed(driver, given), driver.allocate(count, "another")
    given[:] = 0        # it is the caller's again
    driver.copy(other, pointer, count)
    np.testing.assert_array_equal(read(driver, other, values), values)
    driver.fill(other, count)
    assert not read(driver, other, values).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_filling(bindings, dtype):
    driver, values = cuda.open_device(0), np.full(7, 1.5).astype(dtype)
    pointer = driver.allocate(values.nbytes, "an array")
    driver.fill(pointer, values.nbytes, values[:1].tobytes())
    np.testing.assert_array_equal(read(driver, pointer, values), values)


def test_copies_between_devices(bindings):
    bindings.devices = 2
    one, other = cuda.open_device(0), cuda.open_device(1)
    values = np.arange(5, dtype=np.float32)
    source, target = placed(one, values), other.allocate(values.nbytes, "an array")
    one.wait()
    other.fetch(target, one, source, values.nbytes)
    np.testing.assert_array_equal(read(other, target, values), values)


@pytest.mark.parametrize("pools", [False, True])
def test_what_is_given_back(bindings, pools):
    bindings.pools = pools
    driver = cuda.open_device(0)
    functions = driver.load([PTX])
    pointer = placed(driver, np.ones(4, np.float32))
    again = driver.stream().record(lambda: None)
    assert driver.memory_info() == (bindings.memory - 16, bindings.memory)
    driver.release(pointer)
    driver.empty_cache()
    driver.wait()
    assert not bindings.blocks
    del functions, again, driver
    gc.collect()
    assert {handle.kind for handle in bindings.alive} <= {"device", "context", "pool", "event", "function"}


def test_launches(bindings):
    driver = cuda.open_device(0)
    functions = driver.load([PTX])
    assert sorted(functions) == ["fails", "twice"]
    values = np.array([1, 2, 3, 4], np.float32)
    pointer = placed(driver, values)
    driver.launch(functions["twice"], 7, 256, [pointer])
    np.testing.assert_array_equal(read(driver, pointer, values), 2 * values)


def test_records(bindings):
    """What is recorded is done when it is repeated, on the stream that recorded it."""
    driver = cuda.open_device(0).stream()
    functions = driver.load([PTX])
    values = np.array([1, 2, 3, 4], np.float32)
    pointer = placed(driver, values)
    again = driver.record(lambda: driver.launch(functions["twice"], 1, 4, [pointer]))
    np.testing.assert_array_equal(read(driver, pointer, values), values)
    again()
    again()
    np.testing.assert_array_equal(read(driver, pointer, values), 4 * values)
    assert bindings.calls.count("cuStreamBeginCapture") == bindings.calls.count("cuGraphDestroy") == 1


def test_settling_waits_for_all_streams(bindings):
    driver = cuda.open_device(0)
    other, values = driver.stream(), np.array([1, 2, 3, 4], np.float32)
    pointer = placed(driver, values)
    driver.wait()
    other.launch(driver.load([PTX])["twice"], 1, 4, [pointer])
    np.testing.assert_array_equal(read(driver, pointer, values), values)
    driver.settle()
    np.testing.assert_array_equal(read(driver, pointer, values), 2 * values)


def test_libraries_are_asked_for_once(bindings, monkeypatch):
    opened = []

    class Library:
        def ready(self, call):
            assert bindings.pushed
            return call

    def open_library(name):
        assert bindings.pushed
        opened.append(name)
        if name == "cudnn":
            raise LibraryProblem("there is none")
        return Library()
    monkeypatch.setattr(cuda, "open_on_device", open_library)
    driver, product, convolution = cuda.open_device(0), *(types.SimpleNamespace(library=name) for name in
                                                          ("cublaslt", "cudnn"))
    for stream in (driver, driver.stream()):
        assert stream.ready(product) is product
        with pytest.raises(LibraryProblem, match="there is none"):
            stream.ready(convolution)
    assert opened == ["cublaslt", "cudnn"]


def test_libraries_begin_on_the_stream(bindings):
    driver, begun = cuda.open_device(0), []

    def begin(stream):
        assert bindings.pushed
        begun.append(stream)
    driver.call(begin, "twice")
    assert begun == [driver.number]

    def refuse(stream):
        raise LibraryProblem("not supported")
    with pytest.raises(LibraryProblem, match="not supported"):
        driver.call(refuse, "twice")
    bindings.failing["cuStreamSynchronize"] = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(KernelFailure) as failure:
        driver.wait()
    assert failure.value.kernels == ("twice",)


def test_a_failed_recording_ends(bindings):
    driver = cuda.open_device(0)
    with pytest.raises(ZeroDivisionError):
        driver.record(lambda: 1 // 0)
    assert not bindings.captures


def test_kernels_that_fail_while_others_are_recorded(bindings):
    """It is said as everywhere, and the recording is over."""
    driver = cuda.open_device(0)
    driver.launch(driver.load([PTX])["fails"], 1, 1, [])
    bindings.kernels["fails"] = lambda pointers: None
    bindings.failing["cuStreamEndCapture"] = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(KernelFailure, match="ILLEGAL_ADDRESS.*it is one of: fails"):
        driver.record(lambda: None)


def test_out_of_memory(bindings):
    driver = cuda.open_device(0)
    with pytest.raises(OutOfDeviceMemory, match=r"the arena needs 64\.0 MiB .* gpu\(0\), of whose 16 MiB 16 are"):
        driver.allocate(1 << 26, "the arena")


def test_kernels_for_other_cards(bindings):
    driver = cuda.open_device(0)
    bindings.failing["cuModuleLoadData"] = CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU
    with pytest.raises(MXNetError, match=r"not compiled for gpu\(0\), Card of Tests \(sm_90\).*\n.*--arch sm_90"):
        driver.load([PTX])


def test_failing_kernels_are_named(bindings, monkeypatch):
    driver = cuda.open_device(0)
    functions = driver.load([PTX])
    bindings.kernels["fails"] = lambda pointers: None
    for name in functions:
        driver.launch(functions[name], 1, 1, [])
    bindings.kernels["twice"] = lambda pointers: None
    bindings.failing["cuStreamSynchronize"] = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(KernelFailure, match="ILLEGAL_ADDRESS.*one of: fails, twice\n.*CUDA_LAUNCH_BLOCKING=1"):
        driver.wait()


def test_kernels_one_by_one(bindings, monkeypatch):
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    driver = cuda.open_device(0)
    functions = driver.load([PTX])
    bindings.kernels["fails"] = lambda pointers: None
    bindings.failing["cuStreamSynchronize"] = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(KernelFailure, match="one of: fails\n.*a new process"):
        driver.launch(functions["fails"], 1, 1, [])
    work = lambda: None  # noqa: E731
    assert driver.record(work) is work


@pytest.mark.parametrize("status", [CUresult.CUDA_ERROR_NO_DEVICE, CUresult.CUDA_ERROR_OUT_OF_MEMORY])
def test_no_device(bindings, status):
    """Whatever keeps CUDA from beginning: a machine without GPUs, or one where something is broken."""
    bindings.failing["cuInit"] = status
    assert cuda.count() == 0
    with pytest.raises(MXNetError, match=rf"there is no gpu\(0\): CUDA finds no GPU .*{status.name}"):
        cuda.open_device(0)


def test_forked_processes(bindings, monkeypatch):
    """CUDA does not work in them, and what they inherit is not theirs to give back."""
    driver = cuda.open_device(0)
    pointer = placed(driver, np.ones(4, np.float32))
    with monkeypatch.context() as child:
        child.setattr(cuda.os, "getpid", lambda: -1)
        calls = len(bindings.calls)
        assert cuda.count() == 0
        with pytest.raises(MXNetError, match="forked from one that used CUDA(.|\n)*spawn"):
            driver.wait()
        driver.release(pointer)
        assert len(bindings.calls) == calls
    assert len(bindings.blocks) == 1


def test_the_package_is_missing(monkeypatch):
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    assert cuda.count() == 0
    with pytest.raises(MXNetError, match=r"there is no gpu\(0\): GPUs need .* cuda-bindings.*\n.*pip install"):
        cuda.open_device(0)


def has_bindings():
    return importlib.util.find_spec("cuda") is not None and importlib.util.find_spec("cuda.bindings") is not None


@pytest.mark.skipif(not has_bindings(), reason="cuda-bindings is not installed")
def test_the_package_has_what_is_called():
    """Names, and numbers of arguments, of all functions; enumerators too."""
    from cuda.bindings import driver

    for name in [name for name in dir(Bindings) if name.startswith("cu") and name != "cuuint64_t"]:
        signature = getattr(driver, name).__doc__.split("\n")[0]
        expected = re.sub(r"\[[^\]]*\]", "", signature[signature.index("(") + 1:signature.rindex(")")])
        code = getattr(Bindings, name).__code__
        count = 11 if name == "cuLaunchKernel" else code.co_argcount - 1
        assert len([part for part in expected.split(",") if part.strip()]) == count, signature
    for name in ("CUdevice_attribute", "CUmemPool_attribute", "CUstreamCaptureMode", "CUresult"):
        for member in getattr(Bindings, name):
            assert int(getattr(getattr(driver, name), member.name)) == member, member
    for name in (*cuda.FAILED, *cuda.OTHER_CARD):
        assert hasattr(driver.CUresult, name), name
