"""`symc_fold` gives what zlib gives, for any number of bytes."""

import zlib

import numpy as np
import pytest

from symc.codegen import link
from symc.codegen.build import driver_object
from symc.codegen.llvm_checksum import checksum_text
from symc.runtime.library import BLOCK, Library
from symc.runtime.machine import this_machine


@pytest.fixture(scope="module")
def library(native, tmp_path_factory):
    if not {"avx2", "pclmulqdq"} <= this_machine().features:
        pytest.skip("no CPU of level x86-64-v3")
    plan, path = native.affine(), tmp_path_factory.mktemp("fold") / "lib.so"
    link.link_shared([*native.objects(plan, "x86-64-v3")[:-1], driver_object([plan], "x86-64-v3")], path)
    return Library.load(str(path), "it")


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 1000, 100_003])
def test_checksums_are_those_of_zlib(library, size):
    assert library._fold is not None
    data = np.random.default_rng(size).integers(0, 256, size + 3, np.uint8)
    for start in (0, 3):
        part = data[start:start + size]
        assert library.crc32(part) == zlib.crc32(part)
    if size:
        data[size // 2] ^= 1
        assert library.crc32(data[:size]) != zlib.crc32(np.random.default_rng(size).bytes(size))


def test_levels_without_the_instruction_use_zlib():
    assert checksum_text("x86-64") == checksum_text("aarch64") == ""
