"""Seconds to compile a network for both default CPU levels, with an empty and with a full kernel cache.

usage: python compile_time.py PREFIX      (PREFIX-symbol.json and PREFIX-0000.params, input data 1x3x224x224)

Where other programs use the cores, the CPU seconds (of the process and its workers) say more than those on the clock.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def cpu_seconds() -> float:
    """Of the children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(prefix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"SYMC_CACHE_DIR": folder}
        command = [sys.executable, "-m", "symc", "compile", f"{prefix}-symbol.json", "--params",
                   f"{prefix}-0000.params", "--shape", "data=1,3,224,224", "-o", str(Path(folder) / "model.symc")]
        for state in ("cold", "warm", "warm", "warm"):
            start, used = time.perf_counter(), cpu_seconds()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            print(f"{state}: {time.perf_counter() - start:.2f} s, {cpu_seconds() - used:.2f} s of CPU, "
                  f"{len(os.sched_getaffinity(0))} cores")


if __name__ == "__main__":
    main(sys.argv[1])
