"""The probes: what they say they did, on each level, and how their loops look."""

from __future__ import annotations

import re

import numpy as np
import pytest

from symc.codegen import package
from symc.codegen.llvm_compile import LEVELS, assembly
from symc.codegen.llvm_probe import CHAINS, NARROW, lanes_of, probe_text
from symc.runtime.machine import this_machine
from symc.runtime.memory import address_of
from symc.runtime.package import open_package
from symc.runtime.peak import measure_peak


@pytest.mark.parametrize("level", LEVELS)
def test_vectors_are_those_that_kernels_of_the_level_use(level):
    assert lanes_of(package.LEVELS[level]) == LEVELS[level].core.vector_bytes // 4


@pytest.mark.parametrize("level, instruction, register", [
    ("x86-64-v3", "vfmadd", "ymm"), ("x86-64-v4", "vfmadd", "zmm"),
    ("x86-64-v4-bf16", "vfmadd", "zmm"), ("aarch64", "fmla", "v"), ("x86-64", "mulps", "xmm")])
def test_multiply_adds_stay_in_registers(level, instruction, register):
    text = assembly(probe_text(lanes_of(package.LEVELS[level])), level)
    body = text[text.index("symc_probe_arithmetic:"):text.index("symc_probe_memory:")]
    lines = [line for line in body.splitlines() if re.match(rf"\s+{instruction}", line)]
    assert len(lines) >= CHAINS and all(register in line for line in lines)
    assert level == "x86-64" or not any("sp)" in line or "[sp" in line for line in lines)


@pytest.fixture
def linked(package_path):
    """The library of a package; those of this process have no probes."""
    package = open_package(package_path)
    return package.library(package.target_for(this_machine()))


def test_probes_count_what_they_do(linked):
    memory = np.full(4096, 0.5, np.float32)
    assert linked.probe_arithmetic(address_of(memory), 10) == 10 * 2 * CHAINS * NARROW
    assert memory[128:128 + NARROW].tolist() == [pytest.approx(CHAINS, abs=0.01)] * NARROW and memory[0] == 0.5
    assert linked.probe_memory(address_of(memory), memory.nbytes) == memory.nbytes
    assert linked.probe_memory(address_of(memory), 1000) == 768


@pytest.mark.parametrize("threads", [1, 3])
def test_peaks(linked, monkeypatch, threads):
    monkeypatch.setattr("symc.runtime.peak.MEMORY", 2**20)
    monkeypatch.setattr("symc.runtime.peak.ROUNDS", 1000)
    peak = measure_peak(linked, threads)
    assert peak.flops > 1e6 and peak.bytes > 1e6


def test_a_library_without_probes_has_no_peak(native):
    assert measure_peak(native.library(native.affine()), 1) is None
