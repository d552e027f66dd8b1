"""Reading and replacing files, with errors that name them."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from symc.errors import SymcError

FilePath = str | os.PathLike[str]


def read_bytes(path: FilePath) -> bytes:
    """The content of a file.  SymcError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise SymcError(f"cannot read {os.fspath(path)}: {problem.strerror}") from problem


def map_bytes(path: FilePath) -> memoryview:
    """The content of a file, read as it is touched, so that large files are not held twice.  SymcError as above."""
    try:
        with open(path, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return memoryview(b"")          # an empty file cannot be mapped
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as problem:
        raise SymcError(f"cannot read {os.fspath(path)}: {problem.strerror}") from problem


@contextmanager
def replacing(path: FilePath) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well.

    Until then, and for good when the block raises, `path` keeps its old content.  SymcError when the file system
    refuses.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, target)
    except OSError as problem:
        raise SymcError(f"cannot write {target}: {problem.strerror}") from problem
    finally:
        temporary.unlink(missing_ok=True)
