"""Native code of one plan: a driver and its kernels, joined in process or loaded from a shared library."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from symc.errors import PackageError

_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
_SIGNATURES = {"symc_run": (_INT, _POINTER, _POINTER, _LONG, _LONG, _POINTER), "symc_team_version": (_INT,),
               "symc_team_create": (_POINTER,), "symc_team_resize": (_INT, _POINTER, _INT, _INT)}
EXPORTS = tuple(_SIGNATURES)


class Library:
    """Functions of a driver by their addresses.  The code behind them is never unmapped.

    run(buffers, symbols, first, last, team) -> 0: addresses of the pointer table and the symbols, a range of kernel
    steps, and the team (None: run alone).  team_create() and team_resize(team, size, spin) serve team.py.
    """

    def __init__(self, addresses: Mapping[str, int]) -> None:
        functions = {name: ctypes.CFUNCTYPE(*signature)(addresses[name]) for name, signature in _SIGNATURES.items()}
        self.run = functions["symc_run"]
        self.team_version: int = functions["symc_team_version"]()
        self.team_create = functions["symc_team_create"]
        self.team_resize = functions["symc_team_resize"]

    @staticmethod
    def load(path: str, title: str) -> Library:
        """The shared library at `path`.  PackageError, naming it `title`: the system cannot load it."""
        try:
            handle = ctypes.CDLL(path)
            return Library({name: ctypes.cast(getattr(handle, name), _POINTER).value or 0 for name in EXPORTS})
        except (OSError, AttributeError) as error:
            raise PackageError(f"{title}: the system cannot load its library: {error}",
                               "rebuild the package on this machine with symc compile") from error
