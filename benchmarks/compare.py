"""symc beside OpenVINO, ONNX Runtime, PyTorch and MXNet: times and memory.  See README.md in this folder.

usage: python -m benchmarks.compare [--models NAME,...] [--training NAME,...] [--threads 1,2] [--results FILE]
       python -m benchmarks.compare --precision bf16 ...      symc beside OpenVINO, which takes it where CPUs have it

All systems load a network in processes of their own, pinned to the same cores, and run it in turn, a slice of time at a
time (A B C A B C); who waits is stopped.  Without --results the figures of README.md and the chart are written anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from benchmarks import figures, peers
from symc.codegen.build import host_level
from symc.runtime.machine import available_cores, cpu_name
from symc.runtime.package import open_package

HERE = Path(__file__).parent
TEN = ("mlp", "lstm", "bert4", "resnet18_v1", "resnet50_v1", "mobilenetv2_1.0", "squeezenet1.1", "inceptionv3",
       "densenet121", "vgg11")
TASKS = {"fp32": "inference", "bf16": "bf16"}       # of measure.py, by precision
BATCHES = ("resnet50_v1_b8", "mobilenetv2_1.0_b8")
TRAINING = ("train_mlp", "train_lenet", "train_lstm", "train_resnet18_v1_b8", "train_mobilenetv2_1.0_b8",
            "train_resnet50_v1_b4")


def main() -> None:
    options = parse_options()
    interpreters = {"symc": sys.executable, **peers.interpreters(options.folder, options.mxnet, options.others)}
    networks = options.folder / "networks"
    peers.export_networks(networks, interpreters.get("mxnet"), [*options.models, *options.training])
    packages = {name: compile_package(networks / name, options.precision) for name in options.models}
    results = {"machine": {"cpu": cpu_name(), "cores": available_cores(), "level": host_level()},
               "date": datetime.date.today().isoformat(), "rounds": options.rounds, "seconds": options.seconds,
               "packages": packages, "versions": {}, **{task: [] for task in (TASKS[options.precision], "training")}}
    tasks = {TASKS[options.precision]: options.models, "training": options.training}
    for task, name, threads in ((t, n, k) for t, names in tasks.items() for k in options.threads for n in names):
        able = {system: python for system, python in interpreters.items() if _can(system, task, networks / name)}
        records = [*compare(task, networks / name, able, threads, options.rounds, options.seconds)]
        results["versions"] |= {record["system"]: record.pop("version") for record in records}
        results[task] += records
        print(line(name, threads, records), flush=True)
        options.results.write_text(json.dumps(results, indent=1) + "\n")
    if options.results == figures.RESULTS:
        figures.write(results)
    elif options.results == figures.RESULTS_IN_BFLOAT16:
        figures.write_bfloat16(results)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=peers.FOLDER, help="environments and networks, made if missing")
    parser.add_argument("--models", type=_names, default=[*TEN, *BATCHES])
    parser.add_argument("--training", type=_names, default=[*TRAINING], help="networks to train; '' for none")
    parser.add_argument("--precision", choices=[*TASKS], default="fp32", help="of inference; bf16: no training")
    parser.add_argument("--threads", type=lambda text: [*map(int, _names(text))], default=[1, 2])
    parser.add_argument("--mxnet", help="a Python 3.8 with MXNet 1.9.1; otherwise one is set up")
    parser.add_argument("--others", help="a Python with openvino, onnxruntime, torch; otherwise one is set up")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a slice")
    parser.add_argument("--results", type=Path, help="another file leaves README.md alone")
    options = parser.parse_args()
    if options.precision == "bf16":
        options.training = []
    options.results = options.results or (figures.RESULTS_IN_BFLOAT16 if options.precision == "bf16"
                                          else figures.RESULTS)
    return options


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _can(system: str, task: str, prefix: Path) -> bool:
    """Whether a system takes part: all but symc and MXNet read ONNX files, which not every network has."""
    has_twin = prefix.with_name(f"{prefix.name}.onnx").exists()
    if task == "bf16":
        return system == "symc" or system == "openvino" and has_twin
    return system in ("symc", "mxnet") or (task == "inference" and has_twin)


def compile_package(prefix: Path, precision: str = "fp32") -> dict[str, int]:
    """Write PREFIX.symc, or PREFIX-bf16.symc, for this machine; bytes of its weights and intermediate results."""
    peers.say(f"compiling {prefix.name}")
    package = f"{prefix}{'' if precision == 'fp32' else '-' + precision}.symc"
    shape = ",".join(map(str, np.load(f"{prefix}-io.npz")["data"].shape))
    subprocess.run([sys.executable, "-m", "symc", "compile", f"{prefix}-symbol.json", "--params",
                    f"{prefix}-0000.params", "--shape", f"data={shape}", "--cpu", host_level(),
                    "--precision", precision, "-o", package], check=True, stdout=subprocess.DEVNULL)
    plan = open_package(package).plan
    return {"weights_bytes": plan.weights_bytes, "arena_bytes": plan.arena_bytes}


class Contestant:
    """A system that has loaded a network, in a stopped process.  RuntimeError: it cannot."""

    def __init__(self, system: str, python: str, task: str, prefix: Path, threads: int,
                 complaints: IO[str]) -> None:
        command = [python, "-W", "ignore", str(HERE / "measure.py"), system, task, str(prefix.resolve()), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=complaints, env=os.environ | {"PYTHONPATH": search_path(system, python)})
        self.system, self.complaints, self.peak_kib = system, complaints, 0
        self.times: list[float] = []
        self.facts = self._answer()

    def run(self, seconds: float) -> None:
        """Take a turn."""
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin
        print(seconds, file=self.process.stdin, flush=True)
        answer = self._answer()
        self.times += answer["times"]
        self.peak_kib = answer["peak_kib"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        text = self.process.stdout.readline()
        if not text:
            self.complaints.seek(0)
            raise RuntimeError(f"{self.system} is left out: its process ended with {self.process.wait()}\n"
                               f"{self.complaints.read()[-1000:]}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(text)  # type: ignore[no-any-return]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def record(self, name: str, threads: int) -> dict[str, Any]:
        return {"network": name, "threads": threads, "system": self.system, "minimum_ms": min(self.times),
                "median_ms": statistics.median(self.times), "runs": len(self.times), "peak_kib": self.peak_kib,
                **self.facts}


def search_path(system: str, python: str) -> str:
    """PYTHONPATH of a system's process: that of this one where it is the same Python, and symc itself."""
    own = os.environ.get("PYTHONPATH", "") if python == sys.executable else ""
    return os.pathsep.join(filter(None, [str(HERE.parent) if system == "symc" else "", own]))


def compare(task: str, prefix: Path, interpreters: Mapping[str, str], threads: int, rounds: int,
            seconds: float) -> Iterator[dict[str, Any]]:
    """One record for each system that can run the network; others are named."""
    with tempfile.TemporaryFile("w+", errors="replace") as complaints, ExitStack() as ends:
        contestants = []
        for system, python in interpreters.items():
            try:
                contestants.append(Contestant(system, python, task, prefix, threads, complaints))
                ends.callback(contestants[-1].end)
            except RuntimeError as failure:
                peers.say(str(failure))
        for _ in range(rounds):
            contestants = [contestant for contestant in contestants if _takes_turn(contestant, seconds)]
        yield from with_differences([contestant.record(prefix.name, threads) for contestant in contestants])


def _takes_turn(contestant: Contestant, seconds: float) -> bool:
    try:
        contestant.run(seconds)
    except RuntimeError as failure:
        peers.say(str(failure))
        return False
    return True


def with_differences(records: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of training, how far the sum of all gradients' sizes is from MXNet's; that of inference is there already."""
    right = next((record["gradients"] for record in records if "gradients" in record and record["system"] == "mxnet"),
                 None)
    for record in records:
        if right is None:
            yield record
        else:
            yield {**record, "difference": abs(record["gradients"] - right) / right}


def line(name: str, threads: int, records: Sequence[Mapping[str, Any]]) -> str:
    found = figures.ratio(records, "minimum_ms")
    times = "  ".join(f"{r['system']} {r['minimum_ms']:.3f} / {r['median_ms']:.3f}" for r in records)
    return f"{name:<26} {threads} threads  best / symc {found:.2f}  {times}"


if __name__ == "__main__":
    main()
