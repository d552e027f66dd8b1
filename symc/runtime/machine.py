"""What this machine is: architecture, CPU features, cores.  Read from /proc and /sys; nothing is executed."""

from __future__ import annotations

import functools
import os
import platform
import struct
import sys
from typing import NamedTuple

Path = str | os.PathLike[str]
CPU_INFORMATION = "/proc/cpuinfo"
CPU_QUOTA = "/sys/fs/cgroup/cpu.max"
WIDE_STATE = ("avx", "fma", "f16c")     # beginnings of features that need registers which the system saves by xsave


class Machine(NamedTuple):
    """architecture: 'x86_64' or 'aarch64'; system: 'linux'; features: names as in /proc/cpuinfo."""

    architecture: str
    system: str
    pointer_bits: int
    features: frozenset[str]


@functools.cache
def this_machine() -> Machine:
    """The machine this process runs on."""
    return Machine(platform.machine().lower().replace("amd64", "x86_64").replace("arm64", "aarch64"), sys.platform,
                   8 * struct.calcsize("P"), cpu_features())


def cpu_features(source: Path = CPU_INFORMATION) -> frozenset[str]:
    """Flags that every listed core has and the system lets programs use; none where the file does not exist.

    Linux lists no feature whose registers it does not save, as AVX under `noxsave` or AVX-512 under `clearcpuid`.
    """
    lines = (line.partition(":") for line in _text(source).splitlines())
    cores = [frozenset(flags.split()) for key, _, flags in lines if key.strip() in ("flags", "Features")]
    common = frozenset.intersection(*cores) if cores else frozenset()
    return common if "xsave" in common else frozenset(flag for flag in common if not flag.startswith(WIDE_STATE))


def _text(source: Path) -> str:
    """What a file of the system says; nothing where it does not exist."""
    try:
        with open(source, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


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
