"""NVIDIA's libraries that compute parts of plans on GPUs: where they are found, and what one has to do.

They come with NVIDIA's Python packages (nvidia-cublas, nvidia-cudnn-cu13), or lie where the loader finds them.  None
has to be there.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from symc.errors import SymcError
from symc.runtime.calls import Call

CUBLASLT, CUDNN = LIBRARIES = ("cublaslt", "cudnn")
# by library, the newest first: the folder of its Python package, and the file.  cuDNN 8 ends the process where parts of
# it are missing.
FILES = {CUBLASLT: (("nvidia/cu13/lib", "libcublasLt.so.13"), ("nvidia/cublas/lib", "libcublasLt.so.12")),
         CUDNN: (("nvidia/cudnn/lib", "libcudnn.so.9"),)}


class LibraryProblem(SymcError):
    """A library is not there, or does not do what it is asked for."""


class Ready(Protocol):
    """A call that is prepared for a device.  workspace: bytes of memory that it needs meanwhile."""

    workspace: int

    def fits(self, pointers: Sequence[int]) -> bool:
        """Whether the call's buffers may lie there."""

    def __call__(self, pointers: Sequence[int], workspace: int, stream: int | None) -> None:
        """Begin the work on a stream of the device; pointers: of the call's buffers.  LibraryProblem: it refuses."""


class MathLibrary(Protocol):
    """A library on a device.  version: as 13.0.2."""

    version: str

    def ready(self, call: Call) -> Ready:
        """LibraryProblem: it does not compute this."""


class Use(NamedTuple):
    """Whether a library computes what a plan has for it.  reason: why not."""

    library: str
    nodes: tuple[str, ...]
    is_used: bool
    reason: str = ""


def open_on_device(name: str) -> MathLibrary:
    """A library on the device whose context is that of the calling thread, the newest that works.

    LibraryProblem: there is none, or none that works with the device's driver, and why.
    """
    problems = []
    for path in candidates(name) if name in LIBRARIES else ():
        try:
            return _made(name, load(path))
        except LibraryProblem as problem:
            problems.append(problem.message)
    raise LibraryProblem(f"{name} cannot be used: {'; '.join(problems) or 'there is none'}")


def _made(name: str, library: ctypes.CDLL) -> MathLibrary:
    """LibraryProblem: it is not that library, or does not work."""
    if name == CUBLASLT:
        from symc.runtime.cublaslt import CublasLt

        return CublasLt(library)
    from symc.runtime.cudnn import Cudnn

    return Cudnn(library)


def candidates(name: str) -> Iterator[str]:
    """Files in Python packages, then names for the loader."""
    for folder, file in FILES[name]:
        found = (Path(place) / folder / file for place in sys.path)
        yield from (str(path) for path in found if path.exists())
    yield from (file for _, file in FILES[name])


def load(path: str) -> ctypes.CDLL:
    """LibraryProblem: there is no such library, or it is damaged."""
    try:
        return ctypes.CDLL(path)
    except OSError as problem:
        raise LibraryProblem(str(problem)) from problem
