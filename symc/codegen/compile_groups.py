"""Compiles the groups of a graph, and texts for GPUs: from the kernel cache, or in worker processes."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import symc
from symc.codegen import cache, tuned
from symc.codegen.choice import MODEL, Choice
from symc.codegen.cuda_compile import OPTIONS, SPARING, Compiler
from symc.codegen.cuda_source import source_of
from symc.codegen.group_code import GRID_LEVEL, GroupCode
from symc.errors import SymcError
from symc.ir.graph import Node
from symc.ops.group import Group
from symc.ops.operator import operation
from symc.ops.record import Record, record
from symc.runtime.images import Image, unpack_images

Progress = Callable[[str, int, int], None]   # (what is being done, how many of it are, how many there are)


class Task(Protocol):
    """What a worker compiles, for `nodes`, and keeps in the cache under `key`; doing: what the user is told."""

    @property
    def key(self) -> str: ...

    @property
    def level(self) -> str: ...

    @property
    def nodes(self) -> tuple[str, ...]: ...

    @property
    def needs_tvm(self) -> bool: ...

    @property
    def doing(self) -> str: ...

    def to_json(self) -> str: ...


@record
class GroupTask(Record):
    """One group: its text, level, choice and cache key, the name of its kernels, and the nodes it is for."""

    key: str
    text: str
    level: str
    name: str
    nodes: tuple[str, ...]
    needs_tvm: bool
    choice: Choice = MODEL
    doing: ClassVar[str] = "compiling kernels"

    def to_json(self) -> str:
        return json.dumps({"key": self.key, "text": self.text, "level": self.level, "name": self.name,
                           "choice": str(self.choice), "cache": str(cache.folder())})


@record
class ImageTask(Record):
    """The text of a group for GPUs: its source file, and the architecture that it is compiled for."""

    source: str
    level: str
    nodes: tuple[str, ...]
    compiler: Compiler
    needs_tvm: ClassVar[bool] = False
    doing: ClassVar[str] = "compiling for GPUs"

    @cached_property
    def key(self) -> str:
        return cache.image_key(self.source, self.level, self.compiler.kind, self.compiler.version, *OPTIONS, SPARING)

    def to_json(self) -> str:
        return json.dumps({"key": self.key, "source": self.source, "architecture": self.level,
                           "compiler": self.compiler, "cache": str(cache.folder())})


def compile_groups(nodes: Sequence[Node], levels: Sequence[str],
                   progress: Progress | None = None) -> Mapping[str, Mapping[Node, GroupCode]]:
    """Code of every group node of `nodes` for each of the CPU `levels`, scheduled as `symc tune` found best, if it did.

    Equal groups are compiled once.  SymcError: a kernel could not be compiled; it names the nodes it computes.
    """
    tasks: dict[str, GroupTask] = {}
    keys: dict[tuple[str, Node], str] = {}
    are_tuned = cache.holds(tuned.KIND)
    for node in nodes:
        for task in _tasks(node, levels, are_tuned):
            keys[task.level, node] = task.key
            tasks.setdefault(task.key, task)
    code = {key: cache.read(key) for key in tasks}
    missing = [task for key, task in tasks.items() if code[key] is None]
    _Pool(missing, len(tasks), progress).run()
    code |= {task.key: cache.read(task.key) for task in missing}
    assert all(code.values()), "a worker answered for a kernel that is not in the cache"
    return {level: {node: code[keys[level, node]] for node in nodes} for level in levels}  # type: ignore[misc]


def start_ahead() -> None:
    """Have a worker load TVM while passes run."""
    WORKERS.give_back(_start_worker("symc.codegen.tir"))


def compile_images(texts: Mapping[bytes, Sequence[str]], architectures: Sequence[str], compiler: Compiler,
                   progress: Progress | None = None) -> Mapping[str, list[Image]]:
    """Images of texts of groups (`tir_cuda`) for each of the architectures, in the order of the texts.

    texts: each with the nodes that it computes.  SymcError: the compiler knows an architecture not, or finds an error.
    """
    tasks = {architecture: [ImageTask(source_of(text.decode()), architecture, tuple(nodes), compiler)
                            for text, nodes in texts.items()] for architecture in architectures}
    every = {task.key: task for row in tasks.values() for task in row}
    code = {key: cache.read_bytes(cache.IMAGES, key) for key in every}
    missing = [task for key, task in every.items() if code[key] is None]
    _Pool(missing, len(every), progress).run()
    code |= {task.key: cache.read_bytes(cache.IMAGES, task.key) for task in missing}
    assert all(code.values()), "a worker answered for an image that is not in the cache"
    return {architecture: [image for task in row for image in unpack_images("the kernel cache", code[task.key] or b"")]
            for architecture, row in tasks.items()}


def _tasks(node: Node, levels: Sequence[str], are_tuned: bool) -> list[GroupTask]:
    """What compiling a group node for `levels` takes.  are_tuned: whether `symc tune` may have timed it."""
    assert isinstance(node.op, Group)
    text = cache.canonical_text(node.op.graph)
    contracts = any(operation(inner).contraction is not None for inner in node.op.graph.nodes if inner.op)
    choices = [tuned.choice_of(text, level) if are_tuned and contracts else MODEL for level in levels]
    return [GroupTask(cache.key_of(text, level, str(choice)), text, level, tuned.kernel_name(text, choice),
                      tuple(map(str, node.sources)), not contracts or level == GRID_LEVEL, choice)
            for level, choice in zip(levels, choices, strict=True)]


SHOWN_FAILURES = 5
LOADING = 8     # groups that are compiled in the time in which a worker loads TVM


class _Pool:
    """As many workers as cores; each takes the next task when it has answered the last.

    Contractions for CPUs and texts for GPUs need no TVM, which takes a second to load: all workers but the first do
    these, and the rest only if there is much of it, or if they waited since the last graph.
    """

    def __init__(self, tasks: Sequence[Task], total: int, progress: Progress | None) -> None:
        self.light = deque(task for task in tasks if not task.needs_tvm)
        self.others = deque(task for task in tasks if task.needs_tvm)
        self.count = len(tasks)
        self.done, self.total, self.progress = total - len(tasks), total, progress
        self.failures: list[str] = []
        self.problem: BaseException | None = None      # of our own
        self.lock = threading.Lock()

    def run(self) -> None:
        cores = len(os.sched_getaffinity(0))
        loading = max(1, len(WORKERS.idle))
        threads = [threading.Thread(target=self._drive, args=[WORKERS.take_idle(), number < loading], daemon=True)
                   for number in range(min(cores, self.count))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.problem is not None:
            raise self.problem
        if self.failures:
            shown, hidden = self.failures[:SHOWN_FAILURES], self.failures[SHOWN_FAILURES:]
            more = [f"and {len(hidden)} more kernels"] if hidden else []
            raise SymcError("\n".join([*shown, *more]), "this is a bug of symc; SYMC_DEBUG=1 shows where")

    def _drive(self, worker: Worker | None, loads_tvm: bool) -> None:
        """Feed one worker; take another when it dies."""
        try:
            while (task := self._next(loads_tvm)) is not None:
                loads_tvm |= task.needs_tvm
                worker = worker or WORKERS.take()
                if not self._ask(worker, task):
                    worker = None
        except BaseException as problem:
            self.problem = problem
        if worker is not None:
            WORKERS.give_back(worker)

    def _next(self, loads_tvm: bool) -> Task | None:
        """The next task; None: another worker does the rest sooner."""
        with self.lock:
            if self.others and (loads_tvm or len(self.others) >= LOADING and not self.light):
                return self.others.popleft()
            return self.light.popleft() if self.light else None

    def _ask(self, worker: Worker, task: Task) -> bool:
        """Have `worker` compile `task`; False when it died of it."""
        answer = exchange(worker, task.to_json() + "\n")
        error = how_it_died(worker) if answer is None else answer["error"]
        if answer is not None and answer["refusal"]:
            raise SymcError(answer["refusal"])
        with self.lock:
            self.done += 1
            if error:
                whole = answer is None or os.environ.get("SYMC_DEBUG")
                self.failures.append(f"the kernel for {', '.join(task.nodes)} ({task.level}) failed to compile: "
                                     + (error if whole else error.splitlines()[-1]))
            elif self.progress:
                self.progress(task.doing, self.done, self.total)
        return answer is not None


# ---- workers -------------------------------------------------------------------------------------------------------


Worker = subprocess.Popen[str]
SECONDS_TO_END = 0.5      # that an idle worker gets: it ends at once, unless it still imports
LONGEST_SECONDS = 300     # that a worker may take for one group; most take a tenth of a second


class _Workers:
    """Idle workers wait a little for the next graph, since TVM takes a second to load."""

    PATIENCE = 15.0   # seconds

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: dict[Worker, threading.Timer] = {}

    def take(self) -> Worker:
        """A worker that nobody else asks."""
        return self.take_idle() or _start_worker()

    def take_idle(self) -> Worker | None:
        """One that waits, if one does."""
        with self.lock:
            while self.idle:
                worker, timer = self.idle.popitem()
                timer.cancel()
                if worker.poll() is None:
                    return worker
        return None

    def give_back(self, worker: Worker) -> None:
        timer = threading.Timer(self.PATIENCE, self._dismiss, [worker])
        timer.daemon = True
        with self.lock:
            self.idle[worker] = timer
        timer.start()

    def _dismiss(self, worker: Worker) -> None:
        with self.lock:
            if self.idle.pop(worker, None) is None:
                return
        _end(worker)

    def dismiss_all(self) -> None:
        with self.lock:
            workers = list(self.idle)
            self.idle.clear()
        for worker in workers:
            _end(worker)


WORKERS = _Workers()
atexit.register(WORKERS.dismiss_all)
os.register_at_fork(after_in_child=WORKERS.__init__)  # type: ignore[misc]  # they are the parent's


def _start_worker(*modules: str) -> Worker:
    """A worker in a session of its own: an interrupt from the terminal ends the parent, and with its input the
    worker.  modules: that it imports before its first task."""
    errors = None if os.environ.get("SYMC_DEBUG") else subprocess.DEVNULL
    return subprocess.Popen([*_command(), *modules], env=_environment(), text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=errors, start_new_session=True)


def _command() -> list[str]:
    """How a worker is started; -P: no module comes from the folder that the user works in."""
    return [sys.executable, "-P", "-m", "symc.codegen.worker"]


def _environment() -> dict[str, str]:
    """The environment in which a worker finds this symc."""
    paths = [str(Path(symc.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def exchange(worker: Worker, task: str) -> dict[str, Any] | None:
    """The answer to a task, None when the worker died of it or had to be ended."""
    assert worker.stdin and worker.stdout
    patience = threading.Timer(LONGEST_SECONDS, worker.kill)
    patience.daemon = True
    patience.start()
    try:
        worker.stdin.write(task)
        worker.stdin.flush()
        line = worker.stdout.readline()
    except BrokenPipeError:
        return None
    finally:
        patience.cancel()
    return json.loads(line) if line.endswith("\n") else None


def how_it_died(worker: Worker) -> str:
    """What ended a worker that gave no answer."""
    code = worker.wait()
    if code == -signal.SIGKILL:
        return f"the code generator was killed: for want of memory, or after {LONGEST_SECONDS} s"
    if code < 0:
        return f"the code generator was ended by {signal.Signals(-code).name}"
    return f"the code generator exited with status {code}"


def _end(worker: Worker) -> None:
    """Of an idle worker; for one that still imports, nobody waits."""
    assert worker.stdin and worker.stdout
    worker.stdin.close()
    worker.stdout.close()
    try:
        worker.wait(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
