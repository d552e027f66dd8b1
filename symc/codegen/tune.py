"""Times the schedules of a network's contractions, the most work first, and keeps what is found (`tuned`)."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from symc.codegen import cache, tuned
from symc.codegen.compile_groups import WORKERS, Progress, Worker, exchange, how_it_died
from symc.ir.graph import Graph, Node
from symc.ops.group import Group
from symc.ops.operator import operation


@dataclass
class Tuned:
    """A contraction group of a network, and what is known of it.

    nodes: the source nodes of each of its occurrences.  is_new: timed by this run.  problem: why it could not be.
    """

    text: str
    nodes: list[tuple[str, ...]]
    flops: int
    record: tuned.Record | None = None
    is_new: bool = False
    problem: str | None = None

    @property
    def work(self) -> int:
        return self.flops * len(self.nodes)


@dataclass
class Tuning:
    """groups: all contraction groups, those with the most work first.  others: distinct groups without a choice.

    interrupted: by the user, after which the groups that are left have no record.
    """

    groups: list[Tuned]
    others: int
    seconds: float = 0
    interrupted: bool = False
    worker: Worker | None = field(default=None, repr=False)

    def run(self, levels: Sequence[str], threads: int, seconds: float, progress: Progress | None = None) -> None:
        """Time the groups without a record of so many threads for levels[0], until `seconds` are over.

        A group that was begun by then is finished.  Records are kept for all `levels`.  SymcError: the cache cannot be
        written.
        """
        begin = time.perf_counter()
        for group in self.groups:
            found = tuned.find(group.text, levels[0])
            group.record = found if found and found.threads == threads else None
        try:
            for done, group in enumerate(self.groups):
                if progress:
                    progress("timing kernels", done, len(self.groups))
                if group.record is None and time.perf_counter() - begin < seconds:
                    self._time(group, levels, threads)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._end_worker()
            self.seconds = time.perf_counter() - begin

    def _time(self, group: Tuned, levels: Sequence[str], threads: int) -> None:
        self.worker = self.worker or WORKERS.take()
        answer = exchange(self.worker, _task(group.text, levels[0], threads))
        if answer is None:
            group.problem, self.worker = how_it_died(self.worker), None
        elif error := answer["refusal"] or answer["error"]:
            group.problem = error if os.environ.get("SYMC_DEBUG") else error.splitlines()[-1]
        else:
            group.record, group.is_new = tuned.Record(**answer["record"]), True
            for level in levels:
                tuned.keep(group.text, level, group.record)

    def _end_worker(self) -> None:
        """Not to be asked again if it was interrupted: its answer is still to come."""
        if self.worker is not None and not self.interrupted:
            WORKERS.give_back(self.worker)
        elif self.worker is not None:
            self.worker.kill()
            self.worker.wait()
        self.worker = None


def tuning_of(groups: Sequence[Node]) -> Tuning:
    """What there is to tune among the groups of a network."""
    alike: dict[str, list[Node]] = defaultdict(list)
    for node in groups:
        assert isinstance(node.op, Group)
        alike[cache.canonical_text(node.op.graph)].append(node)
    found = [Tuned(text, [tuple(map(str, node.sources)) for node in nodes], flops)
             for text, nodes in alike.items() if (flops := _flops(nodes[0]))]
    return Tuning(sorted(found, key=lambda group: -group.work), len(alike) - len(found))


def _flops(node: Node) -> int:
    """Nominal, of the contraction of a group; 0 without one."""
    assert isinstance(node.op, Group)
    return sum(_contractions(node.op.graph))


def _contractions(graph: Graph) -> Iterator[int]:
    for node in graph.nodes:
        contraction = operation(node).contraction if node.op is not None else None
        if contraction is not None:
            yield contraction([value.type for value in node.inputs]).flops


def _task(text: str, level: str, threads: int) -> str:
    task = {"key": "", "text": text, "level": level, "threads": threads, "cache": str(cache.folder())}
    return json.dumps(task) + "\n"
