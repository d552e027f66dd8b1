"""Native code of one plan: a driver and its kernels, joined in process or loaded from a shared library."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from symc.errors import PackageError
from symc.runtime.memory import address_of
from symc.runtime.sha256 import sha256

_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
_RUN = (_POINTER, _POINTER, _LONG, _LONG, _POINTER)
_SIGNATURES = {"symc_run": (_INT, *_RUN), "symc_run_plan": (_INT, _POINTER, *_RUN), "symc_team_version": (_INT,),
               "symc_team_create": (_POINTER,), "symc_team_resize": (_INT, _POINTER, _INT),
               "symc_probe_arithmetic": (_LONG, _POINTER, _LONG), "symc_probe_memory": (_LONG, _POINTER, _LONG),
               "symc_fold": (_LONG, _POINTER, _LONG, _POINTER)}
TEAM_EXPORTS = ("symc_team_version", "symc_team_create", "symc_team_resize")
HELPERS = ("symc_probe_arithmetic", "symc_probe_memory", "symc_fold")      # what a library may lack
EXPORTS = ("symc_run", *TEAM_EXPORTS, *HELPERS)     # further plans have symc_run_1 and so on
DESCRIPTOR, DESCRIPTOR_OF_BATCH = "symc_descriptor", "symc_batch"      # what runtime/c/symc.c reads; nothing here does
BLOCK = 64      # bytes that symc_fold takes at a time
Fold = Callable[[int, int, int], int]       # symc_fold: addresses of data, number of blocks, address of the rest


class Steps:
    """The step table of a plan in memory, as the engine reads it; `address` is that of the structure."""

    def __init__(self, rows: np.ndarray, ids: np.ndarray, own: int) -> None:
        self._parts = (rows, ids, np.array([rows.ctypes.data, ids.ctypes.data, len(rows), own], np.uint64))
        self.address = self._parts[-1].ctypes.data


def fold_at(address: int) -> Fold:
    """`symc_fold` that lies at an address."""
    function: Fold = ctypes.CFUNCTYPE(*_SIGNATURES["symc_fold"])(address)
    return function


def folded_crc32(fold: Fold, data: np.ndarray) -> int:
    """The CRC-32 of bytes, whose blocks `symc_fold` folds into one."""
    blocks = len(data) // BLOCK
    if not blocks:
        return zlib.crc32(data.data)
    rest = np.zeros(BLOCK, np.uint8)
    fold(address_of(data), blocks, address_of(rest))
    return zlib.crc32(data[BLOCK * blocks:].data, zlib.crc32(rest.data, 0xFFFFFFFF))    # from the register 0


class Library:
    """Functions of a driver by their addresses.  The code behind them is never unmapped.

    run(buffers, symbols, first, last, team) -> 0: addresses of the pointer table and the symbols, a range of kernel
    steps, and the team (None: run alone); objects of ctypes are passed on sooner than numbers.  team_create() and
    team_resize(team, size) serve team.py, the probes peak.py.
    """

    def __init__(self, addresses: Mapping[str, int], steps: Steps | None = None) -> None:
        """steps: the plan to run, where the library is the engine alone; otherwise it has its own."""
        run = "symc_run_plan" if steps else "symc_run"
        functions = {name: ctypes.CFUNCTYPE(*_SIGNATURES[name])(addresses[name])
                     for name in (run, *TEAM_EXPORTS, *(name for name in HELPERS if name in addresses))}
        self.steps = steps
        self.run = functools.partial(functions[run], steps.address) if steps else functions[run]
        self.team_version: int = functions["symc_team_version"]()
        self.team_create = functions["symc_team_create"]
        self.team_resize = functions["symc_team_resize"]
        self.probe_arithmetic, self.probe_memory, self._fold = map(functions.get, HELPERS)

    def crc32(self, data: np.ndarray) -> int:
        """The CRC-32 of bytes, by the library's own code where it has some."""
        return zlib.crc32(data.data) if self._fold is None else folded_crc32(self._fold, data)

    @staticmethod
    def of(handle: ctypes.CDLL, title: str, run: str = "symc_run") -> Library:
        """A mapped library, to run the plan of its function `run`.  PackageError, naming it `title`: it has none."""
        try:
            found = {name: ctypes.cast(getattr(handle, name), _POINTER).value or 0
                     for name in (run, *TEAM_EXPORTS, *HELPERS) if name not in HELPERS or hasattr(handle, name)}
        except AttributeError as error:
            raise _refused(title, error) from error
        return Library(found | {"symc_run": found[run]})

    @staticmethod
    def load(path: str, title: str) -> Library:
        """The shared library at `path`.  PackageError, naming it `title`: the system cannot load it."""
        try:
            return Library.of(ctypes.CDLL(path), title)
        except OSError as error:
            raise _refused(title, error) from error

    @staticmethod
    def from_image(image: bytes | memoryview, title: str, run: str = "symc_run", digest: str | None = None) -> Library:
        """The shared library whose file would hold `image`, to run the plan of its function `run`.

        The same image is mapped once.  digest: its SHA-256, where that is known.  PackageError: as those of `load`.
        """
        key = digest or sha256(image)
        with _lock:
            if key not in _handles:
                _handles[key] = _from_memory(image) or _from_folder(image, title)
            if (key, run) not in _loaded:
                _loaded[key, run] = Library.of(_handles[key], title, run)
            return _loaded[key, run]


_lock = threading.Lock()
_handles: dict[str, ctypes.CDLL] = {}
_loaded: dict[tuple[str, str], Library] = {}


def _refused(title: str, error: Exception) -> PackageError:
    return PackageError(f"{title}: the system cannot load its library: {error}",
                        "rebuild it on this machine, or for it, with symc compile")


def _from_memory(image: bytes | memoryview) -> ctypes.CDLL | None:
    """Load from an anonymous file; None where the system has none, or does not run code from it.

    The file stays open: the loader knows libraries by path, and the number must not come to mean another file.
    """
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("symc")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(image)
    try:
        return ctypes.CDLL(f"/proc/self/fd/{descriptor}")
    except OSError:
        os.close(descriptor)
        return None


def _from_folder(image: bytes | memoryview, title: str) -> ctypes.CDLL:
    import tempfile  # which takes longer to import than this module

    with tempfile.TemporaryDirectory(prefix="symc-") as folder:
        path = os.path.join(folder, "library.so")
        with open(path, "wb") as file:
            file.write(image)
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            raise _refused(title, error) from error
