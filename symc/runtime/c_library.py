"""Libraries of C whose functions give a status, 0 for success, by ctypes."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Mapping
from ctypes import byref, c_int, c_size_t, c_void_p
from typing import Any, TypeVar

from symc.runtime.libraries import LibraryProblem

T = TypeVar("T")
ALIGNMENT = 16      # bytes; arrays of other programs may begin at any multiple of this


class CLibrary:
    """title, version: of the library, for people."""

    title: str
    version: str

    def __init__(self, library: ctypes.CDLL, functions: Mapping[str, tuple[Any, ...]], version: str) -> None:
        """functions: the types of their arguments.  version: the function that tells the library's number.

        LibraryProblem: it lacks functions.
        """
        try:
            for name, types in functions.items():
                getattr(library, name).argtypes, getattr(library, name).restype = types, c_int
            number = getattr(library, version)
        except AttributeError as problem:
            raise LibraryProblem(f"this is not {self.title}: {problem}") from problem
        number.restype = c_size_t
        major, rest = divmod(number(), 10000)
        self.library, self.version = library, f"{major}.{rest // 100}.{rest % 100}"
        self.lock = threading.Lock()
        self._chosen: dict[object, Any] = {}

    def status(self, number: int) -> str:
        """The name of a status."""
        raise NotImplementedError

    def __call__(self, function: str, *arguments: Any) -> None:
        """LibraryProblem: the function fails."""
        status = getattr(self.library, function)(*arguments)
        if status:
            raise LibraryProblem(f"{function} of {self.title} {self.version} fails: {self.status(status)}")

    def make(self, function: str, *arguments: Any) -> c_void_p:
        """What a function makes, which is its first argument."""
        made = c_void_p()
        self(function, byref(made), *arguments)
        return made

    def end(self, function: str, made: c_void_p) -> None:
        """Call what ends the life of something."""
        getattr(self.library, function)(made)

    def chosen(self, key: object, ask: Callable[[], T]) -> T:
        """What `ask` gives, the algorithm for a call say; asked once for equal keys.  LibraryProblem: as of `ask`."""
        with self.lock:
            if key not in self._chosen:
                try:
                    self._chosen[key] = ask()
                except LibraryProblem as problem:
                    self._chosen[key] = problem
            found = self._chosen[key]
        if isinstance(found, LibraryProblem):
            raise found
        return found  # type: ignore[no-any-return]


class Owned:
    """Something that a library has made, which is ended with this."""

    _is_ending = staticmethod(sys.is_finalizing)

    def __init__(self, library: CLibrary, create: str, destroy: str, *arguments: Any) -> None:
        self.library, self.destroy = library, destroy
        self.handle = library.make(create, *arguments)

    def __del__(self) -> None:
        if hasattr(self, "handle") and not self._is_ending():
            self.library.end(self.destroy, self.handle)
