"""What the machine says about itself."""

import ctypes
import struct

from symc.runtime import machine as module
from symc.runtime.machine import arm_features, available_cores, cpu_features, permits, this_machine


def test_features_that_all_cores_have(tmp_path):
    information = tmp_path / "cpuinfo"
    information.write_text("processor\t: 0\nflags\t: fpu xsave avx avx2\n\nprocessor\t: 1\nflags\t\t: fpu xsave avx\n")
    assert cpu_features(information) == {"fpu", "xsave", "avx"}
    assert cpu_features(tmp_path / "none") == frozenset()


def test_registers_that_the_system_does_not_save(tmp_path):
    information = tmp_path / "cpuinfo"
    information.write_text("flags\t\t: fpu sse4_2 avx avx2 avx512f fma f16c bmi1 amx_tile\n")
    assert cpu_features(information) == {"fpu", "sse4_2", "bmi1"}


def test_features_of_arm_are_those_that_the_process_was_told(tmp_path):
    vector = tmp_path / "auxv"
    for capabilities, features in ((0xFFFFFFF3, {"fp", "asimd"}), (0xFFFFFFF1, {"fp"}), (0, set())):
        vector.write_bytes(struct.pack("@6N", 6, 4096, 16, capabilities, 0, 0))
        assert arm_features(vector) == features
    assert arm_features(tmp_path / "none") == frozenset()


def test_cores_follow_the_quota_of_the_container(tmp_path):
    quota, everything = tmp_path / "cpu.max", available_cores(tmp_path / "none")
    for text, expected in (("max 100000", everything), ("100000 100000", 1), ("50000 100000", 1),
                           ("6400000 100000", everything), ("150000 100000", min(2, everything))):
        quota.write_text(text + "\n")
        assert available_cores(quota) == expected


def test_this_machine():
    machine = this_machine()
    assert machine.system == "linux" and machine.pointer_bits == 64 and machine is this_machine()


def test_tiles_are_asked_for_once_and_by_nobody_else(monkeypatch):
    answers = [-1]

    class System:
        def syscall(self, *numbers):
            assert [number.value for number in numbers] == [158, 0x1023, 18]
            return answers.pop()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: System())
    module._tiles_are_permitted.cache_clear()
    try:
        assert permits(["avx512f", "avx512_bf16"]) and len(answers) == 1
        assert not permits(["amx_bf16", "amx_tile"]) and not permits(["amx_tile"]) and not answers
    finally:
        module._tiles_are_permitted.cache_clear()
