"""Cases one by one, each within a time and all within a memory; and what they found, once for each place."""

from __future__ import annotations

import gc
import multiprocessing
import random
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.targets import TARGETS

SECONDS = 2             # of a case in user mode; the kernel's time is that of page faults, which others cause too
TURN = 0.1              # seconds of CPU time of a target, before it is the next one's turn
MEMORY = 1 << 30        # bytes beyond what the process has when it begins


class TooSlow(Exception):
    """A case takes too long."""


@dataclass
class Report:
    """executions: cases by target; accepted: how many of them were not refused.  findings: the first case of each kind.
    """

    executions: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def count(self, target: str, case: int) -> None:
        """Run a case and note what comes of it."""
        found, accepted = outcome(target, case)
        self.executions[target] = self.executions.get(target, 0) + 1
        self.accepted[target] = self.accepted.get(target, 0) + accepted
        if found:
            self.findings.setdefault(f"{target}: {found}", {"target": target, "case": case})


def outcome(target: str, case: int) -> tuple[str, bool]:
    """What is wrong ('' for nothing), and whether the input was accepted."""
    found, accepted = _read(target, case)
    if found.startswith((TooSlow.__name__, MemoryError.__name__)):
        # Imports, what others do to the machine, and garbage of earlier cases count too; what is slow or large for its
        # own sake is so again.
        gc.collect()
        found, accepted = _read(target, case)
    return found, accepted


def _read(target: str, case: int) -> tuple[str, bool]:
    try:
        data = TARGETS[target].make(random.Random(f"{target} {case}"))
        with within(SECONDS):
            return "", TARGETS[target].run(data)
    except Exception as problem:
        place = traceback.extract_tb(problem.__traceback__)[-1]
        own = [frame for frame in traceback.extract_tb(problem.__traceback__) if "/symc/" in frame.filename]
        where = own[-1] if own else place
        return f"{type(problem).__name__} at {where.filename.rpartition('/symc/')[2]}:{where.lineno}", False


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """TooSlow is raised when the body takes more CPU time in user mode."""
    signal.signal(signal.SIGVTALRM, _refuse)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _refuse(*_: object) -> None:
    raise TooSlow


def limit_memory() -> None:
    """From now on more than `MEMORY` bytes beyond what the process has mapped are refused: MemoryError."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, resource.RLIM_INFINITY))


def run_cases(targets: list[str], first: int, stride: int, seconds: float) -> Iterator[Report]:
    """Cases first, first + stride, ... of each target, which take turns, until the time is over; the report so far
    after each round."""
    report, end, following = Report(), time.monotonic() + seconds, dict.fromkeys(targets, first)
    while time.monotonic() < end:
        for target in targets:
            turn = time.thread_time() + TURN
            while time.thread_time() < turn:
                report.count(target, following[target])
                following[target] += stride
        yield report


# ---- in worker processes ---------------------------------------------------------------------------------------------


def work(channel: Any, targets: list[str], first: int, stride: int, seconds: float) -> None:
    """In a process of its own, which a case may kill."""
    limit_memory()
    warnings.simplefilter("ignore")         # of zip archives with two members of one name, which are made on purpose
    for report in run_cases(targets, first, stride, seconds):
        channel.send(vars(report))
    channel.close()


def fuzz(targets: list[str], first: int, processes: int, seconds: float) -> dict[str, Any]:
    """The sum of what all processes report."""
    context = multiprocessing.get_context("spawn")
    reports: list[dict[str, Any]] = [{} for _ in range(processes)]
    channels, workers = [], []
    for number in range(processes):
        own, other = context.Pipe(duplex=False)
        workers.append(context.Process(target=work, args=(other, targets, first + number, processes, seconds)))
        workers[-1].start()
        other.close()
        channels.append(own)
    for number, channel in enumerate(channels):
        for report in _received(channel):
            reports[number] = report
    findings = {what: where for report in reports for what, where in report.get("findings", {}).items()}
    for number, worker in enumerate(workers):
        worker.join()
        if worker.exitcode:
            findings[f"process {number} ended with {worker.exitcode}"] = reports[number].get("executions", {})
    return {"total": sum(sum(report["executions"].values()) for report in reports if report),
            **{key: dict(sum((Counter(report.get(key, {})) for report in reports), Counter()))
               for key in ("executions", "accepted")}, "findings": findings}


def _received(channel: Any) -> Any:
    while True:
        try:
            yield channel.recv()
        except EOFError:
            return
