"""Where NVIDIA's libraries are found; one that is not right is told of, and not used."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from symc.runtime import libraries
from symc.runtime.calls import ConvolutionCall, ProductCall
from symc.runtime.cublaslt import CublasLt
from symc.runtime.cudnn import Cudnn
from symc.runtime.libraries import CUBLASLT, CUDNN, LibraryProblem, candidates, load, open_on_device
from tests.cuda.math_library import build, word

NEW, OLD = "nvidia/cu13/lib/libcublasLt.so.13", "nvidia/cublas/lib/libcublasLt.so.12"
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc compiles the library")


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder of Python packages, the only one."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for path in (NEW, OLD):
        (tmp_path / path).parent.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def alone(place, monkeypatch):
    """The same, where the loader finds nothing."""
    monkeypatch.setattr(libraries, "candidates", lambda name: (one for one in candidates(name) if "/" in one))
    return place


def test_packages_come_before_the_loader(place):
    for path in (OLD, NEW):
        (place / path).touch()
    assert list(candidates(CUBLASLT)) == [str(place / NEW), str(place / OLD), "libcublasLt.so.13", "libcublasLt.so.12"]


def test_there_is_none(alone):
    with pytest.raises(LibraryProblem, match="cublaslt cannot be used: there is none"):
        open_on_device(CUBLASLT)


def test_one_that_is_damaged(alone):
    (alone / NEW).write_bytes(b"\x7fELF of sorts")
    with pytest.raises(LibraryProblem, match=r"libcublasLt.so.13: (file too short|invalid ELF header)"):
        open_on_device(CUBLASLT)


@needs_compiler
def test_one_that_is_something_else(alone):
    subprocess.run(["gcc", "-shared", "-o", alone / NEW, "-x", "c", "-"], input=b"int cublasLtCreate;", check=True)
    with pytest.raises(LibraryProblem, match="this is not cuBLASLt: .*undefined symbol: cublasLtMatmulDescCreate"):
        open_on_device(CUBLASLT)


@needs_compiler
def test_one_that_does_not_work_with_the_driver(alone):
    """An older one may."""
    newer = build((alone / NEW).parent)
    word(load(str(newer)), "create_status").value = 1
    with pytest.raises(LibraryProblem, match=r"cublasLtCreate of cuBLASLt 13.2.5 fails: CUBLAS_STATUS_NOT_INITIALIZED"):
        open_on_device(CUBLASLT)
    build((alone / OLD).parent, "libcublasLt.so.12")
    found = open_on_device(CUBLASLT)
    assert isinstance(found, CublasLt) and found.version == "13.2.5"


# ---- cuBLASLt ------------------------------------------------------------------------------------------------------

PRODUCT = ProductCall("cublaslt", (0, 1), (0, 1, 2, 3), ("float32", "float32"), (3, 4, 5, 1), (3, 5, 3), (0, 0, 0),
                      (0, 4, 0), (0, 0), "float32", ("bias",))


@needs_compiler
def test_a_product_on_memory_of_the_host(tmp_path):
    library = CublasLt(load(str(build(tmp_path))))
    ready = library.ready(PRODUCT)
    a, b, bias = (np.arange(size, dtype=np.float32) for size in (15, 24, 3))
    out, workspace = np.zeros(12, np.float32), np.zeros(ready.workspace, np.uint8)
    ready([array.ctypes.data for array in (a, b, out, bias)], workspace.ctypes.data, None)
    expected = a.reshape(5, 3).T @ b[4:].reshape(4, 5).T + bias[:, None]
    np.testing.assert_array_equal(out.reshape(4, 3).T, expected)


@needs_compiler
def test_where_buffers_may_begin(tmp_path):
    library = CublasLt(load(str(build(tmp_path))))
    assert library.ready(PRODUCT).fits([16, 32, 48, 64])
    assert not library.ready(PRODUCT).fits([16, 32, 48, 68])
    assert not library.ready(PRODUCT).fits([16, 40, 48, 64])
    assert not library.ready(PRODUCT._replace(begins=(0, 1, 0))).fits([16, 32, 48, 64])


@needs_compiler
def test_what_is_made_is_ended(tmp_path):
    library = CublasLt(load(str(build(tmp_path))))
    alive = word(library.library, "alive")
    ready = library.ready(PRODUCT)
    assert alive.value == 4         # a description and three layouts; the preference has served
    del ready
    assert alive.value == 0


@needs_compiler
def test_dtypes_that_it_is_not_asked_for(tmp_path):
    library = CublasLt(load(str(build(tmp_path))))
    with pytest.raises(LibraryProblem, match="not asked for products of float64, float64"):
        library.ready(PRODUCT._replace(dtypes=("float64", "float64")))


# ---- cuDNN ---------------------------------------------------------------------------------------------------------

CONVOLUTION = ConvolutionCall("cudnn", (0, 1), (0, 1, 2, 3), "float32", (1, 2, 3, 3), (4, 2, 3, 3), (1, 4, 1, 1),
                              (0, 0), (1, 1), (1, 1), 1, "float32", ("bias", "relu"))


@needs_compiler
def test_a_convolution_on_memory_of_the_host(alone):
    build(alone / "nvidia/cudnn/lib", "libcudnn.so.9")
    library = open_on_device(CUDNN)
    assert isinstance(library, Cudnn) and library.version == "9.7.3"
    ready = library.ready(CONVOLUTION)
    image, weight, bias = (np.arange(size, dtype=np.float32) - size / 2 for size in (18, 72, 4))
    out, workspace = np.zeros(4, np.float32), np.zeros(ready.workspace, np.uint8)
    ready([array.ctypes.data for array in (image, weight, out, bias)], workspace.ctypes.data, None)
    np.testing.assert_array_equal(out, np.maximum(weight.reshape(4, 18) @ image + bias, 0))
    alive = word(library.library, "alive")
    assert alive.value == 6         # image, result, bias, weight, convolution, positive part
    del ready
    assert alive.value == 0


@needs_compiler
def test_convolutions_that_it_does_not_compute(tmp_path):
    library = Cudnn(load(str(build(tmp_path, "libcudnn.so.9"))))
    with pytest.raises(LibraryProblem, match="not asked for convolutions of bfloat16"):
        library.ready(CONVOLUTION._replace(dtype="bfloat16"))
    with pytest.raises(LibraryProblem, match="convolutions alone"):
        library.ready(PRODUCT)
    word(library.library, "heuristic_status").value = 3000
    with pytest.raises(LibraryProblem, match=r"Algorithm_v7 of cuDNN 9.7.3 fails: CUDNN_STATUS_NOT_SUPPORTED"):
        library.ready(CONVOLUTION)
