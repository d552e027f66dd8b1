"""Compiling CUDA C++ without a GPU: which compiler, which architectures, what it tells of kernels."""

from __future__ import annotations

import shutil
import stat

import pytest

from symc.codegen import compile_groups, cuda_compile
from symc.codegen.cuda_compile import Compiler, find_compiler, image_of, named_architectures
from symc.codegen.cuda_source import PRELUDE, source_of
from symc.errors import SymcError
from symc.runtime.images import Image, ImageKernel
from tests.cuda.compilers import needs_compiler

DECLARED = 'extern "C" __global__ void __launch_bounds__(64) k_0(float* x, int64_t* y);\n'
TEXT = (DECLARED + 'extern "C" __global__ void __launch_bounds__(64) k_0(float* x, int64_t* y) {\n'
        "  __shared__ float s[64];\n  s[threadIdx.x] = x[threadIdx.x];\n  __syncthreads();\n"
        "  y[threadIdx.x] = (int64_t)s[63 - threadIdx.x];\n}\n")
LOG = """ptxas info    : 24 bytes gmem
ptxas info    : Compiling entry function 'k_0' for 'sm_90'
ptxas info    : Function properties for k_0
ptxas         .     16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 22 registers, used 1 barriers, 256 bytes smem
"""


@pytest.mark.parametrize("given, expected", [
    (None, ["sm_80", "sm_90", "compute_90"]), (["sm_90", "sm_75", "sm_90"], ["sm_75", "sm_90", "compute_90"]),
    (["sm_120", "sm_80"], ["sm_80", "sm_120", "compute_120"]), (["sm_80", "compute_80"], ["sm_80", "compute_80"]),
    (["compute_75"], ["compute_75"])])
def test_architectures_and_ptx_for_later_ones(given, expected):
    assert named_architectures(given) == expected


@pytest.mark.parametrize("given", [[], ["sm80"], ["sm_80", "volta"], ["sm_0"]])
def test_architectures_have_names(given):
    with pytest.raises(SymcError, match="there is no architecture"):
        named_architectures(given)


def test_what_ptxas_tells_of_kernels():
    image = image_of(b"\x7fELF k_0", TEXT, LOG)
    assert image.kernels == (ImageKernel("k_0", registers=22, spilled_bytes=8, shared_bytes=256),)


@pytest.mark.parametrize("bytes_by_level, expected", [((0, None), (0, 1)), ((8, 0), (0, 2)), ((8, 16), (8, 2))])
def test_registers_are_not_saved_by_the_stack(bytes_by_level, expected, monkeypatch):
    """ptxas is asked again where it does so; the better code is taken."""
    asked = []

    def compiled(compiler, source, architecture, for_ptxas):
        asked.append(for_ptxas)
        return Image((ImageKernel("k_0", 40, bytes_by_level[bool(for_ptxas)]),), b"")
    monkeypatch.setattr(cuda_compile, "_compiled", compiled)
    image = cuda_compile.compile_image(Compiler("nvrtc", "", ""), TEXT, "sm_80")
    assert (image.kernels[0].spilled_bytes, len(asked)) == expected


def test_of_ptx_no_use_is_known():
    assert image_of(b".entry k_0\0", TEXT, "").kernels == (ImageKernel("k_0"),)


def test_without_a_compiler_it_is_said_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr(cuda_compile, "_folders", lambda: iter([tmp_path]))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SymcError, match=r"neither is installed(.|\n)*pip install 'symc\[cuda\]'"):
        find_compiler.__wrapped__()


def test_nvcc_serves_where_there_is_no_library(monkeypatch, tmp_path):
    nvcc = tmp_path / "nvcc"
    nvcc.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.4, V12.4.131'\n")
    nvcc.chmod(nvcc.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(cuda_compile, "_folders", lambda: iter([tmp_path]))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler.__wrapped__() == Compiler("nvcc", str(nvcc), "12.4.131")


def test_versions_are_those_of_packages_and_of_files_behind_links(tmp_path):
    folder = tmp_path / "nvidia" / "cu13" / "lib"
    folder.mkdir(parents=True)
    (tmp_path / "nvidia_cuda_nvrtc-13.0.88.dist-info").mkdir()
    (folder / "libnvrtc.so.13").touch()
    assert cuda_compile._library_version(folder / "libnvrtc.so.13") == "13.0.88"
    (tmp_path / "libnvrtc.so.12.4.127").touch()
    (tmp_path / "libnvrtc.so.12").symlink_to("libnvrtc.so.12.4.127")
    assert cuda_compile._library_version(tmp_path / "libnvrtc.so.12") == "12.4.127"


@needs_compiler
def test_texts_become_images_once(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path))
    told = []
    texts = {TEXT.encode(): ["y"]}
    found = compile_groups.compile_images(texts, ["sm_80", "compute_80"], find_compiler(),
                                          lambda *what: told.append(what))
    (cubin,), (ptx,) = found["sm_80"], found["compute_80"]
    assert cubin.code[:4] == b"\x7fELF" and b".entry k_0" in ptx.code and ptx.code[-1] == 0
    assert cubin.kernels[0].registers > 0 and cubin.kernels[0].shared_bytes == 256 and ptx.kernels[0].registers is None
    assert told[-1] == ("compiling for GPUs", 2, 2)
    monkeypatch.setattr(compile_groups, "_start_worker", lambda: 1 / 0)
    compile_groups.WORKERS.dismiss_all()
    assert compile_groups.compile_images(texts, ["sm_80", "compute_80"], find_compiler()) == found


@needs_compiler
def test_an_architecture_that_the_compiler_lacks_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path))
    with pytest.raises(SymcError, match="does not compile for sm_30"):
        compile_groups.compile_images({TEXT.encode(): ["y"]}, ["sm_30"], find_compiler())


@needs_compiler
def test_errors_name_the_nodes(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path))
    with pytest.raises(SymcError, match=r"the kernel for conv0 \(sm_80\) failed to compile: .*nonsense"):
        compile_groups.compile_images({TEXT.replace("__syncthreads", "nonsense").encode(): ["conv0"]}, ["sm_80"],
                                      find_compiler())


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on PATH")
def test_nvcc_takes_the_same_sources():
    compiler = Compiler("nvcc", shutil.which("nvcc"), "any")
    image = cuda_compile.compile_image(compiler, source_of(TEXT), "sm_80")
    assert image.code[:4] == b"\x7fELF" and image.kernels[0].shared_bytes == 256
    assert PRELUDE in source_of(TEXT)
    with pytest.raises(SymcError, match="does not compile for sm_30"):
        cuda_compile.compile_image(compiler, source_of(TEXT), "sm_30")
