"""The same targets, with inputs kept for the branches that they reach: atheris (symc[fuzz]) beside our mutations."""

from __future__ import annotations

import multiprocessing
import random
import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["symc.runtime", "symc.frontend", "symc.passes", "symc.ops"]):
    from tests.fuzz.targets import TARGETS

SEEDS = 50          # inputs to begin with


def guide_all(targets: list[str], seconds: float, folder: Path) -> int:
    """Fuzz the targets in turn, for equal shares of the time, each in a process; 1 if one of them failed."""
    context = multiprocessing.get_context("spawn")
    failed = 0
    for target in targets:
        print(f"{target}:", file=sys.stderr)
        process = context.Process(target=guide, args=(target, seconds / len(targets), folder / target))
        process.start()
        process.join()
        failed |= process.exitcode != 0
    return failed


def guide(name: str, seconds: float, folder: Path) -> None:
    """Fuzz one target; inputs that are worth keeping, and those that fail, lie in the folder.  Ends the process."""
    target = TARGETS[name]
    warnings.simplefilter("ignore")         # of zip archives with two members of one name, which are made on purpose
    folder.mkdir(parents=True, exist_ok=True)
    for case in range(SEEDS):
        (folder / f"seed-{case}").write_bytes(target.make(random.Random(f"{name} {case}")))

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        choose = random.Random(seed)
        ours = choose.random() < 0.3
        return target.make(choose)[:largest] if ours else atheris.Mutate(data, largest)

    def read(data: bytes) -> None:
        target.run(data)
    atheris.Setup([sys.argv[0], f"-max_total_time={round(seconds)}", "-timeout=10", "-rss_limit_mb=2048",
                   "-max_len=65536", f"-artifact_prefix={folder}/", "-print_final_stats=1", str(folder)], read,
                  custom_mutator=mutate)
    atheris.Fuzz()
