"""Packages as C sources and shared libraries: built by the machine's compiler, run without anything else."""

import io
import os
import subprocess
import tarfile

import numpy as np
import pytest

from symc.codegen.c_bundle import archive, bundle, shared_library
from symc.codegen.c_header import _identifiers, model_header, model_name
from symc.errors import SymcError
from symc.runtime.package import open_package

USER = """
#include "affine.h"
#include <stdio.h>
static float data[AFFINE_INPUT_DATA_ELEMENTS], result[AFFINE_OUTPUT_RESULT_ELEMENTS];
int main(void)
{
    static const int64_t shape[AFFINE_INPUT_DATA_RANK] = AFFINE_INPUT_DATA_SHAPE;
    symc_module *module;
    symc_executor *executor;
    data[1] = 3;
    if (affine_open(&module) || symc_executor_create(module, &executor)
        || symc_set(executor, SYMC_INPUT, AFFINE_INPUT_DATA, data, AFFINE_INPUT_DATA_BYTES)
        || symc_forward(executor, 0)
        || symc_get(executor, SYMC_OUTPUT, AFFINE_OUTPUT_RESULT, result, AFFINE_OUTPUT_RESULT_BYTES))
        return puts(symc_last_error()), 1;
    printf("%s %d %g %g\\n", AFFINE_INPUT_DATA_NAME, (int)shape[0], result[1], result[2]);
    symc_executor_destroy(executor);
    symc_module_close(module);
    return 0;
}
"""


@pytest.fixture(scope="module")
def package(package_path):
    return open_package(package_path)


@pytest.fixture(scope="module")
def library(package, build_c):
    """`build_c` skips where there is no compiler."""
    return shared_library(package, "affine")


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=100, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_library_and_its_header_are_all_it_takes(library, tmp_path):
    for name, content in zip(("libaffine.so", "affine.h"), library, strict=True):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "user.c").write_text(USER)
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "user.c", "-L.", "-laffine", "-Wl,-rpath,.", "-o",
        "user", cwd=tmp_path)
    assert run("./user", cwd=tmp_path) == "data 1000 7 2\n"


def test_equal_packages_give_equal_libraries(package, library):
    assert shared_library(package, "affine") == library


def test_sources_build_with_make_alone(package, build_c, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(archive(bundle(package, "affine"), "affine"))) as tar:
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / "affine"
    np.arange(1000, dtype=np.float32).tofile(folder / "data.bin")
    run("make", "CFLAGS=-Wall -Wextra -Werror -pedantic", cwd=folder)
    assert run("./main", "data.bin", cwd=folder).startswith("result (1000) 0 3 6 9 12")
    assert run("./main", cwd=folder).startswith("result (1000) 0 1 2 3 4")
    refused = subprocess.run(["./main", "Makefile"], cwd=folder, capture_output=True, text=True)
    assert refused.returncode == 1 and "input data has 4000" in refused.stderr


def test_equal_packages_give_equal_archives(package):
    assert archive(bundle(package, "affine"), "a") == archive(bundle(package, "affine"), "a")


def test_without_a_compiler_one_sentence_says_so(package, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(SymcError, match="needs a C compiler, and there is no cc on this machine"):
        shared_library(package, "affine")


def test_a_compiler_for_other_machines(package, monkeypatch, tmp_path):
    (tmp_path / "cross").write_text("#!/bin/sh\necho riscv64-linux-gnu\n")
    os.chmod(tmp_path / "cross", 0o755)
    monkeypatch.setenv("CC", str(tmp_path / "cross"))
    with pytest.raises(SymcError, match="compiles for riscv64, the package is for x86_64"):
        shared_library(package, "affine")


@pytest.mark.parametrize("name", ["", "a-b", "1a", "für", "class", "int", "symc", "numpy", "json", "_a"])
def test_names_that_no_model_can_have(name, tmp_path):
    with pytest.raises(SymcError, match="choose one of letters"):
        model_name(tmp_path / "good.symc", name)


def test_names_of_files_become_names_of_models(tmp_path):
    assert model_name(tmp_path / "resnet-18.v2.symc", None) == "resnet_18_v2"


def test_macros_have_names_of_their_own():
    assert _identifiers(["data", "data_shape", "Data", "a/b", "a.b"]) == ["DATA", "DATA_SHAPE_1", "DATA_1", "A_B",
                                                                          "A_B_1"]


def test_a_header_is_c_and_cpp(package, build_c, tmp_path):
    (tmp_path / "m.h").write_text(model_header(package, "m", is_whole=True))
    for language in ("c", "c++"):
        run("cc", "-fsyntax-only", "-x", language, "-Wall", "-Wextra", "-Werror", "-pedantic", tmp_path / "m.h")
