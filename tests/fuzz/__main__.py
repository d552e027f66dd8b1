"""`python -m tests.fuzz --seconds 60`: cases in worker processes, and what they found; exit code 1 if anything."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path
from random import Random


def show_case(target: str, case: int, folder: Path | None) -> None:
    """Run one case with its trace; in a folder, also write its input there."""
    from tests.fuzz.targets import TARGETS

    data = TARGETS[target].make(Random(f"{target} {case}"))
    print(data[:2000])
    if folder is not None:
        (folder / f"{target}-{case}").write_bytes(data)
    try:
        print("accepted" if TARGETS[target].run(data) else "refused")
    except Exception:
        traceback.print_exc()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--target", action="append", help="by default all")
    parser.add_argument("--first", type=int, default=0, help="the first case; a series goes on where it ended")
    parser.add_argument("--case", type=int, help="run this one, and show its trace")
    parser.add_argument("--write", type=Path, help="folder for the input of the case")
    parser.add_argument("--atheris", type=Path, help="atheris chooses inputs, kept in this folder")
    chosen = parser.parse_args()
    os.environ["SYMC_NUM_THREADS"] = "1"
    if chosen.case is not None:
        show_case(chosen.target[0], chosen.case, chosen.write)
        return 0
    from tests.fuzz.running import fuzz
    from tests.fuzz.targets import TARGETS

    targets = chosen.target or list(TARGETS)
    if chosen.atheris is not None:
        from tests.fuzz.guided import guide_all

        return guide_all(targets, chosen.seconds, chosen.atheris)
    report = fuzz(targets, chosen.first, chosen.processes, chosen.seconds)
    print(json.dumps(report, indent=1))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
