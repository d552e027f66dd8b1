"""The thread team of this process.  Its code comes from the first library loaded; every library gets its address."""

from __future__ import annotations

import ctypes
import os
import threading

from symc.errors import SymcError
from symc.runtime.library import Library
from symc.runtime.machine import available_cores

MOST_THREADS = 1024


class Team:
    """Address of the shared team block, made by the first library that asks, for libraries of the same version."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted: int | None = None
        self.forget()

    def forget(self) -> None:
        """Start anew without touching the old block: after a fork its threads are gone and its locks may be held."""
        self.lock = threading.Lock()
        self.address: ctypes.c_void_p | None = None
        self.owner: Library | None = None
        self.version = 0

    def address_for(self, library: Library) -> ctypes.c_void_p | None:
        """The team to hand to `library`; None when it must run alone."""
        if self.owner is None:
            self._found(library)
        return self.address if library.team_version == self.version else None

    def _found(self, library: Library) -> None:
        with self.lock:
            if self.owner is None:
                self.version = library.team_version
                self.address = ctypes.c_void_p(library.team_create())     # null if there is no memory
                self._resize(library)
                self.owner = library

    def resize(self, threads: int) -> None:
        """Stop the workers when their run is over, and start `threads` - 1 new ones."""
        with self.lock:
            self.wanted = threads
            if self.owner is not None:
                self._resize(self.owner)

    @property
    def threads(self) -> int:
        """What set_num_threads or SYMC_NUM_THREADS asks for, else all cores; where fewer could be started, those."""
        if self.wanted is None:
            text = os.environ.get("SYMC_NUM_THREADS")
            self.wanted = available_cores() if text is None else _checked(
                int(text) if text.isdecimal() else text, "environment variable SYMC_NUM_THREADS")
        return self.wanted

    def _resize(self, library: Library) -> None:
        if self.address:
            self.wanted = library.team_resize(self.address, self.threads)


def _checked(threads: object, title: str) -> int:
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= MOST_THREADS:
        raise SymcError(f"{title} is {threads!r}, expected a number of threads from 1 to {MOST_THREADS}")
    return threads


TEAM = Team()
os.register_at_fork(after_in_child=TEAM.forget)


def set_num_threads(threads: int) -> None:
    """Run kernels with `threads` threads from now on, the calling one included.  Results do not depend on it."""
    TEAM.resize(_checked(threads, "argument 'threads'"))


def num_threads() -> int:
    """Threads that a run uses, the calling one included."""
    return TEAM.threads
