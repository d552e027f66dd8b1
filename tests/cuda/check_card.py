"""All checks that need a GPU, in one command and under ten minutes: `make cuda-check`.

usage: python -m tests.cuda.check_card [--cases FILE] [--networks DIR]

1. recorded cases on the GPU: those of FILE (`python -m tests.cuda.carry`, on any machine), else as many as can be
   compiled here in the time there is;
2. some of them under compute-sanitizer, for accesses out of bounds and for races, where it is installed;
3. recorded networks, inference and training, compiled here;
4. networks beside PyTorch and ONNX Runtime, if DIR holds what `python -m benchmarks.cuda prepare` wrote.
What cannot be done is said.  Exits with 1 if a check fails, with 2 where there is no GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from symc.errors import SymcError
from symc.runtime import cuda

SAMPLE = 40     # cases under the sanitizer, which slows them tenfold and more
# Of each part, the two tools of the sanitizer apart: what can end early is told to, and has STARTING to begin and end.
SECONDS = {"compiling": 160, "cases": 90, "sanitizer": 45, "networks": 110, "times": 110}
STARTING = 20


def main() -> None:
    options = parse_options()
    try:
        card = cuda.devices()[0]
    except SymcError as problem:
        print(f"nothing was checked: {problem.message}")
        sys.exit(2)
    print(f"{card.name}, {card.architecture}, driver {cuda.driver_version()}", flush=True)
    found = [cases_agree(options.cases or carried(card.architecture)), networks_agree(), compared(options.networks)]
    sys.exit(not all(found))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--networks", type=Path, default=Path("build/cuda/networks"))
    return parser.parse_args()


def cases_agree(cases: Path | None) -> bool:
    if cases is None:
        print("cases: not done, they do not compile here: write them elsewhere with `python -m tests.cuda.carry FILE`, "
              "and say --cases FILE", flush=True)
        return False
    return all([passes("cases", "tests.cuda.on_card", str(cases)),
                *[sanitized(tool, cases) for tool in ("memcheck", "racecheck")]])


def carried(architecture: str) -> Path | None:
    """As many of the cases as there is time for, compiled here for this card; None: that fails."""
    file = Path("build/cuda/cases.zip")
    file.parent.mkdir(parents=True, exist_ok=True)
    written = passes("compiling", "tests.cuda.carry", str(file), "--arch", architecture, "--seconds", told("compiling"))
    return file if written else None


def told(what: str) -> str:
    """The time that a part is told of."""
    return str(SECONDS[what] - STARTING)


def passes(what: str, module: str, *arguments: str, under: tuple[str, ...] = ()) -> bool:
    """Whether a program of this folder ends well and in time."""
    try:
        done = subprocess.run([*under, sys.executable, "-m", module, *arguments], timeout=SECONDS[what])
    except subprocess.TimeoutExpired:
        print(f"{what}: {module} took more than {SECONDS[what]} seconds", flush=True)
        return False
    return done.returncode == 0


def sanitized(tool: str, cases: Path) -> bool:
    program = shutil.which("compute-sanitizer")
    if program is None:
        print(f"{tool}: not done, there is no compute-sanitizer on PATH", flush=True)
        return True
    print(f"{tool}:", flush=True)
    return passes("sanitizer", "tests.cuda.on_card", str(cases), "--sample", str(SAMPLE),
                  under=(program, "--tool", tool, "--error-exitcode", "1"))


def networks_agree() -> bool:
    if importlib.util.find_spec("tvm") is None:
        print("networks: not done, there is no TVM to compile them: pip install '.[compile]'", flush=True)
        return True
    return passes("networks", "tests.cuda.networks_on_card", "--seconds", told("networks"))


def compared(networks: Path) -> bool:
    if not any(networks.glob("*-fp32.symc")):
        print(f"times: not taken, {networks} has none; `python -m benchmarks.cuda prepare` writes them", flush=True)
        return True
    names = sorted({file.name.rpartition("-")[0] for file in networks.glob("*.symc")})
    return passes("times", "benchmarks.cuda", "run", "--folder", str(networks), "--models", ",".join(names),
                  "--rounds", "2", "--seconds", "0.3", "--within", told("times"))


if __name__ == "__main__":
    main()
