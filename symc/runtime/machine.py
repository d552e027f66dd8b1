"""What this machine is: architecture, CPU features, cores.  Read from /proc and /sys; nothing is executed but the one
system call that asks for the tiles of AMX."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

Path = str | os.PathLike[str]
CPU_INFORMATION = "/proc/cpuinfo"
AUXILIARY_VECTOR = "/proc/self/auxv"
CPU_QUOTA = "/sys/fs/cgroup/cpu.max"
HARDWARE_CAPABILITIES = 16      # AT_HWCAP
ARM_FEATURES = ("fp", "asimd")  # bits of it, from the lowest on
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18    # of Linux on x86-64
WIDE_STATE = ("avx", "fma", "f16c", "amx")  # beginnings of features with registers that the system saves by xsave


class Machine(NamedTuple):
    """architecture: 'x86_64' or 'aarch64'; system: 'linux'; features: names as in /proc/cpuinfo,
    of ARM's those that levels need."""

    architecture: str
    system: str
    pointer_bits: int
    features: frozenset[str]


@functools.cache
def this_machine() -> Machine:
    """The machine this process runs on."""
    architecture = platform.machine().lower().replace("amd64", "x86_64").replace("arm64", "aarch64")
    features = arm_features() if architecture == "aarch64" else cpu_features()
    return Machine(architecture, sys.platform, 8 * struct.calcsize("P"), features)


def cpu_features(source: Path = CPU_INFORMATION) -> frozenset[str]:
    """Flags that every listed core has and the system lets programs use; none where the file does not exist.

    Linux lists no feature whose registers it does not save, as AVX under `noxsave` or AVX-512 under `clearcpuid`.
    """
    lines = (line.partition(":") for line in _text(source).splitlines())
    cores = [frozenset(flags.split()) for key, _, flags in lines if key.strip() == "flags"]
    common = frozenset.intersection(*cores) if cores else frozenset()
    return common if "xsave" in common else frozenset(flag for flag in common if not flag.startswith(WIDE_STATE))


def permits(features: Iterable[str]) -> bool:
    """Whether the system lets this process use features of its CPU: those of AMX after being asked, once for all
    threads; systems that do not know the question, or filter it, let nobody."""
    return not any(name.startswith("amx_") for name in features) or _tiles_are_permitted()


@functools.cache
def _tiles_are_permitted() -> bool:
    numbers = map(ctypes.c_long, (ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA))
    return bool(ctypes.CDLL(None).syscall(*numbers) == 0)


def arm_features(source: Path = AUXILIARY_VECTOR) -> frozenset[str]:
    """What the system told this process of its CPU: /proc/cpuinfo is the host's where a program is emulated, as in
    containers for another architecture."""
    pairs = dict(struct.iter_unpack("@NN", _content(source)))
    capabilities = pairs.get(HARDWARE_CAPABILITIES, 0)
    return frozenset(name for bit, name in enumerate(ARM_FEATURES) if capabilities >> bit & 1)


def _text(source: Path) -> str:
    return _content(source).decode(errors="replace")


def _content(source: Path) -> bytes:
    """What a file of the system says; nothing where it does not exist."""
    try:
        with open(source, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def cpu_name(source: Path = CPU_INFORMATION) -> str:
    """What the maker calls the CPU; its architecture where nothing tells."""
    names = (line.partition(":")[2].strip() for line in _text(source).splitlines() if line.startswith("model name"))
    return next(names, platform.machine())


def available_cores(quota: Path = CPU_QUOTA) -> int:
    """Cores this process may use: its affinity, and the CPU quota of its container (cgroup v2) rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fields = _text(quota).split()
    if len(fields) == 2 and fields[0] != "max":
        cores = min(cores, -(-int(fields[0]) // int(fields[1])))
    return max(1, cores)
