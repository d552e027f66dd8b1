"""What this machine is: architecture, CPU features, cores.  Read from /proc and /sys; nothing is executed."""

from __future__ import annotations

import functools
import os
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

CPU_INFORMATION = Path("/proc/cpuinfo")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Machine:
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
    """Flags that every listed core has; none where the file does not exist."""
    if not source.exists():
        return frozenset()
    lines = (line.partition(":") for line in source.read_text(errors="replace").splitlines())
    cores = [frozenset(flags.split()) for key, _, flags in lines if key.strip() in ("flags", "Features")]
    return frozenset.intersection(*cores) if cores else frozenset()


def cpu_name(source: Path = CPU_INFORMATION) -> str:
    """What the maker calls the CPU; its architecture where nothing tells."""
    text = source.read_text(errors="replace") if source.exists() else ""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.machine())


def available_cores(quota: Path = CPU_QUOTA) -> int:
    """Cores this process may use: its affinity, and the CPU quota of its container (cgroup v2) rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fields = quota.read_text().split() if quota.exists() else []
    if len(fields) == 2 and fields[0] != "max":
        cores = min(cores, -(-int(fields[0]) // int(fields[1])))
    return max(1, cores)
