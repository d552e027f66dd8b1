"""What `symc tune` found out: one record a group, CPU level and CPU model, in the kernel cache.

A record's key covers the sources of the generators, as those of kernels do, so that it expires with them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass

from symc.codegen import cache
from symc.codegen.choice import Choice
from symc.runtime.machine import cpu_name

KIND = "tuned"


@dataclass(frozen=True)
class Record:
    """choice: the fastest.  threads: with which it was timed.  default, best: seconds of the model's choice and of it.

    choices: how many were timed.
    """

    choice: str
    threads: int
    default: float
    best: float
    choices: int


def kernel_name(text: str, choice: Choice) -> str:
    """What the kernels of a group are named after: the same for every level, and another for every choice."""
    return f"k{cache.key_of(text, '')[:24]}" + (f"_{choice}" if str(choice) else "")


def choice_of(text: str, level: str) -> Choice:
    """How the contraction of a group (its canonical text) is to be scheduled on machines like this one."""
    record = find(text, level)
    return Choice.parse(record.choice if record else "")


def find(text: str, level: str) -> Record | None:
    """The record of a group, None where there is none, or one that is damaged."""
    data = cache.read_bytes(KIND, _key(text, level))
    return Record(**json.loads(data)) if data is not None else None


def keep(text: str, level: str, record: Record) -> None:
    """SymcError: the cache cannot be written."""
    cache.write_bytes(KIND, _key(text, level), json.dumps(asdict(record)).encode())


def _key(text: str, level: str) -> str:
    return cache.key_of(text, f"{level} of {_own_cpu()}")


@functools.cache
def _own_cpu() -> str:
    return cpu_name()
