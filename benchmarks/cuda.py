"""symc on a GPU beside PyTorch and ONNX Runtime on the same GPU.  See README.md in this folder.

usage: python -m benchmarks.cuda prepare [--folder DIR] [--arch sm_90] [--models NAME,...] [--precisions fp32,...]
       python -m benchmarks.cuda run [--folder DIR] [--models NAME,...] [--precisions fp32,...] [--results FILE]

`prepare` writes the networks (with MXNet) and compiles them; it needs no GPU.  `run`, on a machine with one, needs
NumPy and cuda-bindings, and times those of torch and onnxruntime that this Python has.  Inputs and outputs stay on the
GPU; systems take turns as in benchmarks.compare.  Networks of which the folder has no package are left out, and so is
what there is no time for with --within SECONDS; `run` exits with 1 where symc fails, or is further from MXNet's output
than its precision allows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.compare import compare, line
from symc.ir.types import DType
from symc.runtime.machine import available_cores
from symc.verification.compare import Tolerances

MODELS = [f"{name}{batch}" for name in ("resnet50_v1", "mobilenetv2_1.0", "bert4") for batch in ("", "_b8", "_b64")]
PRECISIONS = ("fp32", "tf32", "fp16")
MODULES = {"symc": "symc.runtime", "torch": "onnx2torch", "torch_compiled": "onnx2torch", "onnxruntime": "onnxruntime"}


def main() -> None:
    options = parse_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    {"prepare": prepare, "run": run}[options.task](options)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("prepare", "run"))
    parser.add_argument("--folder", type=Path, default=Path("build/cuda/networks"))
    parser.add_argument("--models", type=lambda text: text.split(","), default=MODELS)
    parser.add_argument("--precisions", type=lambda text: text.split(","), default=PRECISIONS)
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--mxnet", help="a Python 3.8 with MXNet 1.9.1; otherwise one is set up")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a slice")
    parser.add_argument("--within", type=float, default=math.inf, help="seconds after which no network is begun")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "cuda.json")
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> None:
    python = options.mxnet or peers.interpreters(peers.FOLDER, None, None).get("mxnet")
    peers.export_networks(options.folder, python, options.models)
    for name in options.models:
        for precision in options.precisions:
            compile_package(options.folder / name, precision, options.arch)


def compile_package(prefix: Path, precision: str, architecture: str) -> None:
    """Write PREFIX-PRECISION.symc."""
    peers.say(f"compiling {prefix.name} for {precision}")
    shape = ",".join(map(str, np.load(f"{prefix}-io.npz")["data"].shape))
    subprocess.run([sys.executable, "-m", "symc", "compile", f"{prefix}-symbol.json", "--params",
                    f"{prefix}-0000.params", "--shape", f"data={shape}", "--target", "cuda", "--arch", architecture,
                    "--precision", precision, "-o", f"{prefix}-{precision}.symc"],
                   check=True, stdout=subprocess.DEVNULL)


def run(options: argparse.Namespace) -> None:
    from symc.runtime import cuda

    card = cuda.devices()[0]
    results = {"card": card._asdict(), "driver": cuda.driver_version(), "date": datetime.date.today().isoformat(),
               "rounds": options.rounds, "seconds": options.seconds, "versions": {}, "inference": []}
    wrong = []
    for name, precision, records in compared(options):
        results["versions"] |= {record["system"]: record.pop("version") for record in records}
        results["inference"] += [{**record, "precision": precision} for record in records]
        print(f"{precision}  {line(name, available_cores(), records)}", flush=True)
        options.results.write_text(json.dumps(results, indent=1) + "\n")
        if not is_right(records, precision):
            wrong.append(f"{name} in {precision}")
    if wrong or not results["inference"]:
        sys.exit(f"symc is wrong or missing: {', '.join(wrong) or 'no network was timed'}")


def compared(options: argparse.Namespace) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """The records of each network and precision.  What is left out is said."""
    able = {system: sys.executable for system, module in MODULES.items() if peers.imports(sys.executable, module)}
    end = time.monotonic() + options.within
    for name, precision in ((name, precision) for name in options.models for precision in options.precisions):
        prefix = options.folder / name
        if not Path(f"{prefix}-{precision}.symc").exists():
            peers.say(f"{name} in {precision} is left out: it was not compiled")
        elif time.monotonic() > end:
            peers.say(f"{name} in {precision} is left out: there is no time")
        else:
            yield name, precision, [*compare(f"cuda-{precision}", prefix, able, available_cores(), options.rounds,
                                             options.seconds)]


def is_right(records: list[dict[str, Any]], precision: str) -> bool:
    """Whether symc has run, and its output is as near to MXNet's as its precision allows."""
    allowed = Tolerances(precision).of({DType.float32})
    return any(record["system"] == "symc" and record["difference"] <= allowed for record in records)


if __name__ == "__main__":
    main()
