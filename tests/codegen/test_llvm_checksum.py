"""`symc_fold` gives what zlib gives, for any number of bytes."""

import zlib

import numpy as np
import pytest

from symc.codegen import build, link
from symc.codegen.llvm_checksum import ASKED_FOR, checksum_text
from symc.codegen.llvm_compile import compile_object
from symc.codegen.package import LEVELS
from symc.codegen.x86_instructions import used_features
from symc.runtime.library import BLOCK, Library
from symc.runtime.machine import this_machine

WIDE_BIT = "and i32 %features, 1024"        # of what CPUID says


@pytest.fixture(scope="module", params=["as the CPU has it", "without VPCLMULQDQ"])
def library(request, native, tmp_path_factory):
    if not {"avx2", "pclmulqdq"} <= this_machine().features:
        pytest.skip("no CPU of level x86-64-v3")
    plan, path = native.affine(), tmp_path_factory.mktemp("fold") / "lib.so"
    text = checksum_text("x86-64-v3")
    if request.param == "without VPCLMULQDQ":
        assert text.count(WIDE_BIT) == 1
        text = text.replace(WIDE_BIT, "and i32 %features, 0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "checksum_text", lambda level: text)
        link.link_shared([*native.objects(plan, "x86-64-v3")[:-1], build.driver_object([plan], "x86-64-v3")], path)
    return Library.load(str(path), "it")


@pytest.mark.parametrize("size", [0, 1, *(n * BLOCK + k for n in (1, 2, 3, 4, 5) for k in (-1, 0, 1)), 1000, 100_003])
def test_checksums_are_those_of_zlib(library, size):
    assert library._fold is not None
    data = np.random.default_rng(size).integers(0, 256, size + 3, np.uint8)
    for start in (0, 3):
        part = data[start:start + size]
        assert library.crc32(part) == zlib.crc32(part)
    if size:
        data[size // 2] ^= 1
        assert library.crc32(data[:size]) != zlib.crc32(np.random.default_rng(size).bytes(size))


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx"])
def test_machines_need_no_wide_multiplication(level):
    code = compile_object(checksum_text(level), level)
    assert ASKED_FOR < used_features(code) <= ASKED_FOR.union(LEVELS[level])


def test_levels_without_the_instruction_use_zlib():
    assert checksum_text("x86-64") == checksum_text("aarch64") == ""
