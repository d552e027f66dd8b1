"""Reading and replacing files, with errors that name them.

A file is named by a path or by a URL: file:// is the path behind it; s3://, hdfs://, memory:// and whatever else
fsspec knows need the optional extra `symc[remote]`.
"""

from __future__ import annotations

import io
import mmap
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from symc.errors import MissingPackageError, MXNetError

FilePath = str | os.PathLike[str]

_LOCAL = "file://"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
# Here a write is one request that replaces the object whole; elsewhere a file under another name is renamed.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "r2", "memory"})


def is_remote(path: FilePath) -> bool:
    """Whether a name is a URL that fsspec is to open."""
    text = os.fspath(path)
    return bool(_SCHEME.match(text)) and not text.startswith(_LOCAL)


def read_bytes(path: FilePath) -> bytes:
    """The content of a file.  MXNetError when it cannot be read."""
    if is_remote(path):
        with _remote(path, "read") as (system, place):
            return bytes(system.cat_file(place))
    with _local_errors("read", path):
        return _local(path).read_bytes()


def map_bytes(path: FilePath) -> memoryview:
    """The content of a file, a local one read as it is touched, so that large files are not held twice.  MXNetError as
    above."""
    if is_remote(path):
        return memoryview(read_bytes(path))
    with _local_errors("read", path), open(_local(path), "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")          # an empty file cannot be mapped
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def opened(path: FilePath) -> Iterator[BinaryIO]:
    """A file to read here and there.  MXNetError as above."""
    if is_remote(path):
        yield io.BytesIO(read_bytes(path))
        return
    with _local_errors("read", path):
        file = open(_local(path), "rb")  # noqa: SIM115  (errors of the reader are no errors of the file)
    with file:
        yield file


@contextmanager
def replacing(path: FilePath) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well.

    Until then, and for good when the block raises, `path` keeps its old content.  MXNetError when the file system
    refuses.
    """
    if is_remote(path):
        content = io.BytesIO()
        yield content
        _put(path, content.getvalue())
        return
    target = _local(path)
    temporary = target.with_name(_temporary(target.name))
    try:
        with _local_errors("write", target):
            with open(temporary, "wb") as file:
                yield file
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def is_file(path: FilePath) -> bool:
    """Whether there is a file of this name.  MXNetError: a remote file system does not answer."""
    if is_remote(path):
        with _remote(path, "look for") as (system, place):
            return bool(system.isfile(place))
    return _local(path).is_file()


def is_folder(path: FilePath) -> bool:
    """Whether there is a folder of this name.  MXNetError as above."""
    if is_remote(path):
        with _remote(path, "look for") as (system, place):
            return bool(system.isdir(place))
    return _local(path).is_dir()


def is_stream(path: FilePath) -> bool:
    """Whether this is a pipe, a terminal or another device, which gives what it has once."""
    return not is_remote(path) and _local(path).exists() and not (is_file(path) or is_folder(path))


def folder_of(path: FilePath) -> str:
    """The folder that a file lies in; of a URL with the slash at its end."""
    text = os.fspath(path)
    return text[:text.rindex("/") + 1] if is_remote(path) else str(_local(path).parent)


def listing(folder: str) -> list[str]:
    """The names in a folder, sorted; none when there is no such folder."""
    if is_remote(folder):
        with _remote(folder, "list") as (system, place):
            found = system.ls(place, detail=False) if system.isdir(place) else []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


# ---- local files -----------------------------------------------------------------------------------------------


def _local(path: FilePath) -> Path:
    return Path(os.fspath(path).removeprefix(_LOCAL))


@contextmanager
def _local_errors(action: str, path: FilePath) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise MXNetError(f"cannot {action} {os.fspath(path)}: {problem.strerror}") from problem


def _temporary(name: str) -> str:
    """A name beside `name` that no other writer has."""
    return f".{name}.{os.getpid()}.{threading.get_ident()}.tmp"


# ---- remote files ----------------------------------------------------------------------------------------------


@contextmanager
def _remote(url: FilePath, action: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL, with nothing remembered of earlier looks at it, and the place there.

    MissingPackageError: fsspec, or its driver for the scheme, is not installed.  MXNetError: whatever else drivers
    raise, each exceptions of its own.
    """
    try:
        from fsspec.core import url_to_fs

        system, place = url_to_fs(os.fspath(url))
        system.invalidate_cache()
        yield system, place
    except ImportError as problem:
        raise MissingPackageError(f"cannot {action} {os.fspath(url)}: {problem}",
                                  "remote files need fsspec and its driver for the scheme: pip install 'symc[remote]' "
                                  "brings both for s3://") from problem
    except Exception as problem:
        reason = "there is no such file" if isinstance(problem, FileNotFoundError) else str(problem)
        raise MXNetError(f"cannot {action} {os.fspath(url)}: {reason or type(problem).__name__}") from problem


def _put(url: FilePath, content: bytes) -> None:
    """Replace a remote file.

    Other stores than those of objects get it under a temporary name; since not all of them rename onto a file, the old
    one is removed before: for a moment there is none, but never half of one.
    """
    with _remote(url, "write") as (system, place):
        protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
        if protocols & _OBJECT_STORES:
            system.pipe_file(place, content)
            return
        folder, _, name = place.rpartition("/")
        temporary = f"{folder}/{_temporary(name)}"
        try:
            system.pipe_file(temporary, content)
            if system.exists(place):
                system.rm_file(place)
            system.mv(temporary, place)
        finally:
            if system.exists(temporary):
                system.rm_file(temporary)
