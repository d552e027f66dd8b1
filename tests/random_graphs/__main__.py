"""Many random graphs: python -m tests.random_graphs --count 20000 --seed 1

Graphs are compared in worker processes, so that one may crash or hang; what fails is made smaller.  The record, a
line a graph, lies in build/random_graphs; a run with a seed goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.random_graphs.case import Case, random_case, reduced

RECORDS = Path("build") / "random_graphs"
LONGEST_SECONDS = 120       # that a graph may take
WORKER_GRAPHS = 200         # that a worker compares before another takes its place: kernels stay in memory


def main() -> None:
    options = _options()
    if options.worker:
        _serve(options.seed, options.operators)
        return
    RECORDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="random-graphs-") as cache:
        os.environ["SYMC_CACHE_DIR"] = cache
        Run(options).run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--operators", nargs="*", default=[], help="draw from these alone")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


class Run:
    """The graphs of a series that its record lacks."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.record = RECORDS / f"seed-{options.seed}{'-'.join(['', *options.operators])[:80]}.jsonl"
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        known = [json.loads(line) for line in lines]
        done = {entry["number"] for entry in known}
        self.waiting = iter([n for n in range(options.count) if n not in done])
        self.start, self.done, self.lock = time.monotonic(), 0, threading.Lock()
        self.failed = sum(bool(entry["failure"]) for entry in known)
        self.before = len(known)

    def run(self) -> None:
        threads = [threading.Thread(target=self.drive) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.report()

    def drive(self) -> None:
        """Compare graphs, one after the other, until there are none."""
        workers = Workers(self.options)
        while (number := self.next()) is not None:
            answer = workers.ask({"number": number})
            entry = {"number": number, "failure": answer["failure"]}
            if entry["failure"]:
                entry |= self.explained(workers, answer)
            self.note(entry)
        workers.end()

    def next(self) -> int | None:
        with self.lock:
            if time.monotonic() - self.start > self.options.seconds:
                return None
            return next(self.waiting, None)

    def explained(self, workers: Workers, answer: dict[str, Any]) -> dict[str, Any]:
        """The smallest case that fails in the same way, and how."""
        if not answer["case"]:
            return {}
        kind = _kind(answer["failure"])

        def fails(case: Case) -> bool:
            return _kind(workers.ask({"case": asdict(case)})["failure"]) == kind
        case = reduced(Case(**answer["case"]), fails)
        return {"case": asdict(case), "failure": workers.ask({"case": asdict(case)})["failure"] or answer["failure"]}

    def note(self, entry: dict[str, Any]) -> None:
        with self.lock, self.record.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            self.done += 1
            self.failed += bool(entry["failure"])
        if entry["failure"]:
            case = entry.get("case", {})
            how = {key: value for key, value in case.items() if key != "text"}
            print(f"\n# {self.options.seed}/{entry['number']}: {entry['failure']}\n# {how}\n{case.get('text', '')}",
                  flush=True)
        if self.done % 100 == 0:
            self.report()

    def report(self) -> None:
        seconds = time.monotonic() - self.start
        print(f"{self.before + self.done} graphs, {self.failed} of them failed; {self.done} in {seconds:.0f} s",
              flush=True)


def _kind(failure: str) -> str:
    """How it went wrong: without the numbers."""
    return failure.split(" ")[0] if failure else ""


# ---- workers -------------------------------------------------------------------------------------------------------


class Workers:
    """One worker at a time, and another when it has crashed, hangs, or has done its share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.command = [sys.executable, "-W", "ignore", "-m", "tests.random_graphs", "--worker", "--seed",
                        str(options.seed), "--operators", *options.operators]
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked = 0

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """The answer: what failed, and the case, where the worker lived to tell."""
        if self.process is None or self.asked >= WORKER_GRAPHS:
            self.end()
            self.start()
        self.asked += 1
        assert self.process and self.process.stdin
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        drawn = task.get("case") or self._line()
        answer = self._line() if drawn is not None else None
        if answer is not None:
            return {"case": drawn, **answer}
        failure = self._how_it_ended()
        return {"case": drawn, "failure": failure}

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self.lines, self.asked = queue.SimpleQueue(), 0
        threading.Thread(target=_pass_on, args=(self.process, self.lines), daemon=True).start()

    def _line(self) -> Any:
        """The next line of the worker, None when it has ended or is silent for too long."""
        try:
            line = self.lines.get(timeout=LONGEST_SECONDS)
        except queue.Empty:
            return None
        return json.loads(line) if line.endswith("\n") else None

    def _how_it_ended(self) -> str:
        assert self.process
        code = self.process.poll()
        if code is None:
            time.sleep(0.5)
            code = self.process.poll()
        self.end()
        return f"hangs for {LONGEST_SECONDS} s" if code is None else f"crash {code}"

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


def _pass_on(process: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    """What the worker writes, line by line; '' when it ends."""
    assert process.stdout
    for line in process.stdout:
        lines.put(line)
    lines.put("")


def _serve(seed: int, names: Sequence[str]) -> None:
    """Answer tasks: the case of a number, and what failed of it, a line each; of a case given, what failed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for line in sys.stdin:
        task = json.loads(line)
        try:
            case = Case(**task["case"]) if "case" in task else random_case(seed, task["number"], names)
            if "number" in task and os.environ.get("RANDOM_GRAPHS_CRASH") == str(task["number"]):     # a test's wish
                os.abort()
        except Exception:
            tell({})
            tell({"failure": "undrawn " + traceback.format_exc()})
            continue
        if "number" in task:
            tell(asdict(case))
        try:
            tell({"failure": case.failure()})
        except Exception as problem:
            tell({"failure": f"{type(problem).__name__} {problem}\n{traceback.format_exc(limit=-3)}"})


if __name__ == "__main__":
    main()
