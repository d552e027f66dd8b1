"""symc beside ONNX Runtime and MXNet on the same networks.  See README.md in this folder."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main() -> None:
    options = parse_options()
    interpreters = {"symc": sys.executable, "onnxruntime": options.onnxruntime, "mxnet": options.mxnet}
    competitors = {name: python for name, python in interpreters.items() if python}
    print(f"{cpu_name()}; {options.rounds} rounds of {options.seconds} s each, taken in turn; minimum / median in ms")
    for threads in map(int, options.threads.split(",")):
        for model in options.models.split(","):
            results = compare(options.data / model, competitors, threads, options.rounds, options.seconds)
            print(line(model, threads, results), flush=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("benchmark-data"), help="folder that export.py filled")
    parser.add_argument("--models", default="mlp,resnet18_v1")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--mxnet", help="a Python 3.8 with MXNet 1.9.1")
    parser.add_argument("--onnxruntime", help="a Python with onnxruntime")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


def compare(prefix: Path, competitors: dict[str, str], threads: int, rounds: int,
            seconds: float) -> dict[str, dict[str, Any]]:
    """Best minimum and median of each competitor over all rounds, and its difference from MXNet's recorded output."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, python in competitors.items():
            done = subprocess.run([python, str(HERE / "measure.py"), name, str(prefix), str(threads), str(seconds)],
                                  capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{name} failed on {prefix.name}:\n{done.stderr[-2000:]}")
            result = json.loads(done.stdout.splitlines()[-1])
            before = best.setdefault(name, result)
            best[name] = {key: min(before[key], value) if key.endswith("_ms") else value
                          for key, value in result.items()}
    return best


def line(model: str, threads: int, results: dict[str, dict[str, Any]]) -> str:
    own = results["symc"]
    parts = [f"{model:<18} {threads} thread{'s' if threads > 1 else ' '}  symc {figures(own)}"]
    for name, other in results.items():
        if name != "symc":
            ratio = other["minimum_ms"] / own["minimum_ms"]
            parts.append(f"{name} {figures(other)} = {ratio:.2f} x symc")
    return "   ".join(parts) + f"   difference from MXNet {own['difference']:.1e}"


def figures(result: dict[str, Any]) -> str:
    return f"{result['minimum_ms']:.3f} / {result['median_ms']:.3f}"


def cpu_name() -> str:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [text.partition(":")[2].strip() for text in flags.splitlines() if text.startswith("model name")]
    vector = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{names[0] if names else platform.machine()}, {vector}"


if __name__ == "__main__":
    main()
