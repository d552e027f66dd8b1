"""Reading tar and zip archives that nobody vouches for.

Members are read into memory and never unpacked to disk, so that their names decide nothing.  How much an archive may
hold is stated in `limits.py` alone.  Links are not followed.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import IO, BinaryIO, NamedTuple, TypeVar, cast

from symc.errors import MXNetError, SymcError
from symc.frontend.files import FilePath, opened
from symc.frontend.limits import Limits, limits, way_out

HEAD = 512                          # bytes that tell what a file is
KEPT = 16 << 20                     # documents up to this size are kept, for to read one means to unpack what is before
TAR_MAGIC = b"ustar", 257           # and where it stands
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma"}      # and Python's modules for them
TAR_RECORD = 10240                  # bytes that tarfile reads at once
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
Info = TypeVar("Info")              # what zipfile or tarfile knows of a member


class Member(NamedTuple):
    """A file in an archive.  head: its first bytes; all of a small JSON document."""

    size: int
    head: bytes


@dataclass(frozen=True)
class Archive:
    """An archive that has been looked through: its files by name, and the names of links, which are none.

    name: as the user wrote it; content: of an archive that lies in another one.
    """

    name: str
    members: Mapping[str, Member]
    links: tuple[str, ...] = ()
    content: bytes | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=limits)

    def label(self, member: str) -> str:
        """What the user calls a member: archive!member."""
        return f"{self.name}!{member}"

    def read(self, member: str) -> bytes:
        """The bytes of a member.  MXNetError: the archive is damaged."""
        if len(self.members[member].head) == self.members[member].size:
            return self.members[member].head
        with _damage(self.label(member)), _open(self.name, self.content) as stream:
            for entry in _entries(stream, self.name, self.limits):
                if entry.name == member and entry.read is not None:
                    return entry.read(entry.size)
        raise AssertionError(f"{self.label(member)} was there before")

    def inner(self, member: str) -> Archive:
        """A member that is an archive itself."""
        return looked_through(self.label(member), self.read(member), self.limits)


def is_archive(head: bytes) -> bool:
    """Whether a file with these first bytes is a tar or zip archive; what is compressed is taken for a tar archive."""
    magic, start = TAR_MAGIC
    return head.startswith((*COMPRESSIONS, *ZIP_MAGICS)) or head[start:].startswith(magic)


def open_archive(path: FilePath, allowed: Limits | None = None) -> Archive:
    """Look through an archive.

    MXNetError: it is damaged, has more in it than is allowed (by default by `limits()`), has two members of one name,
    or one whose name leads out of it.
    """
    return looked_through(os.fspath(path), None, allowed or limits())


# ---- members ---------------------------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """What an archive lists.  read: gives the first bytes; None for what is no file."""

    name: str
    size: int
    read: Callable[[int], bytes] | None
    is_link: bool = False


def looked_through(name: str, content: bytes | None, limits: Limits) -> Archive:
    """The archive at a path, or of the content of one, which errors call `name`.  MXNetError as `open_archive`."""
    members: dict[str, Member] = {}
    links = []
    with _damage(name), _open(name, content) as stream:
        for entry in _entries(stream, name, limits):
            if _is_shadow(entry.name):
                continue
            if entry.is_link:
                links.append(entry.name)
            elif entry.read is not None:
                if entry.name in members:
                    raise MXNetError(f"{name} holds two members of the name {entry.name!r}", "pack it anew")
                kept = entry.size if entry.name.endswith(".json") and entry.size <= KEPT else HEAD
                members[entry.name] = Member(entry.size, entry.read(min(entry.size, kept)))
    return Archive(name, members, tuple(links), content, limits)


def _is_shadow(name: str) -> bool:
    """Whether a file is what macOS adds to archives."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")


@contextmanager
def _open(name: str, content: bytes | None) -> Iterator[BinaryIO]:
    with opened(name) if content is None else io.BytesIO(content) as stream:
        yield stream


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """The modules for archives raise a dozen exceptions of their own for a damaged one; all mean the same here."""
    try:
        yield
    except SymcError:
        raise
    except Exception as problem:
        raise MXNetError(f"{name}: {str(problem) or type(problem).__name__}",
                         "a tar or zip archive is expected; this one is damaged, cut short or encrypted") from problem


def _entries(stream: BinaryIO, name: str, limits: Limits) -> Iterator[_Entry]:
    """Everything listed in an archive, with the limits checked on the way."""
    packed = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(HEAD)
    stream.seek(0)
    allowed = limits.unpacked(packed)
    found = _zip_entries(stream) if head.startswith(ZIP_MAGICS) else _tar_entries(stream, head, allowed)
    total = 0
    for count, entry in enumerate(found, 1):
        total += entry.size
        if count > limits.members or entry.size < 0 or total > allowed:
            raise MXNetError(f"{name} holds more than {limits.members} members" if count > limits.members else
                             f"{name} unpacks to more than {allowed} bytes, of {packed} packed",
                             "that is no model; " + way_out("members" if count > limits.members else "bytes"))
        yield entry._replace(name=_inside(entry.name, name))


def _inside(member: str, archive: str) -> str:
    """The name of a member, in which no step leads out of the archive."""
    parts = [part for part in member.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or member.startswith(("/", "\\")) or "\0" in member:
        raise MXNetError(f"{archive}: the name {member!r} leads out of the archive", "pack it anew")
    return "/".join(parts)


def _zip_entries(stream: BinaryIO) -> Iterator[_Entry]:
    import zipfile  # few networks lie in archives

    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            is_file = not info.is_dir() and stat.S_IFMT(mode) in (0, stat.S_IFREG)
            yield _Entry(info.filename, info.file_size, _reader(archive.open, info) if is_file else None,
                         stat.S_ISLNK(mode))


def _tar_entries(stream: BinaryIO, head: bytes, allowed: int) -> Iterator[_Entry]:
    import tarfile

    kind = next((kind for magic, kind in COMPRESSIONS.items() if head.startswith(magic)), None)
    bounded = _Bounded(import_module(kind).open(stream) if kind else stream, allowed)
    with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
        for info in archive:
            is_file = info.isreg() and not info.issparse()      # sparse files are small and unpack to anything
            yield _Entry(info.name, info.size, _reader(archive.extractfile, info) if is_file else None,
                         info.issym() or info.islnk())


def _reader(open_member: Callable[[Info], IO[bytes] | None], info: Info) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        file = open_member(info)
        assert file is not None, "links and folders have no reader"
        with file:
            return file.read(count)
    return read


class _Bounded(io.RawIOBase):
    """A stream that may be read up to a place; the place is behind what an honest archive unpacks to."""

    def __init__(self, stream: IO[bytes], end: int) -> None:
        self._stream, self._end = stream, end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        assert whence == os.SEEK_SET, "tarfile goes to places by their offset"
        self._check(offset)
        return self._stream.seek(offset)

    def read(self, size: int = -1) -> bytes:
        self._check(self.tell() + size if size >= 0 else self._end + 1)
        return self._stream.read(size)

    def _check(self, place: int) -> None:
        if not 0 <= place <= self._end + TAR_RECORD:
            raise ValueError(f"it unpacks to more than {self._end} bytes")
