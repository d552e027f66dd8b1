"""The container of packages: a zip of stored members, of which there is exactly one for given members.

Everything in the file that is not a member's data follows from names, sizes and checksums, in the order of the
members: headers, padding, directory.  So nothing can hide between members, overlap, or say two things.  Any zip program
opens it.  docs/package-format.md has the bytes.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from symc.errors import PackageError

ALIGNMENT, WEIGHTS_ALIGNMENT = 64, 4096
MANIFEST = "manifest.json"
WEIGHTS = "weights.bin"         # the member that is aligned for mapping
MOST_MEMBERS = 4096
MOST_LETTERS = 255              # of the name of a member
LARGE = 0xFFFFFFFF              # sizes and places from here on are said in 64 bits
STORED, NO_TIME, FIRST_DAY, FILE_MODE, FROM_UNIX = 0, 0, 0x21, 0o100644 << 16, 3 << 8
CLASSIC, ZIP64 = 20, 45         # versions of zip that a program needs

# signature, version needed, flags, method, time, date, CRC-32, stored size, size, bytes of name and of extra field
LOCAL = struct.Struct("<4sHHHHHIIIHH")
# signature, version made by, then as above, bytes of comment, disk, internal and external attributes, place
CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
# signature, this disk, disk of the directory, members here and in all, bytes and place of the directory, comment
END = struct.Struct("<4sHHHHIIH")
END64 = struct.Struct("<4sQHHIIQQQQ")
LOCATOR = struct.Struct("<4sIQI")

Pieces = Sequence[bytes | memoryview]       # what lies one behind the other in a member


class Entry(NamedTuple):
    """A member: its size in bytes, its CRC-32, and where its header begins."""

    name: str
    size: int
    crc32: int
    place: int

    @property
    def is_large(self) -> bool:
        return self.size >= LARGE

    @property
    def data(self) -> int:
        """Where the data begins."""
        return self.place + len(local_header(self))


def is_member_name(name: str) -> bool:
    """Whether a member may have the name: [A-Za-z0-9][A-Za-z0-9_.-]*.  (`re` would compile that for 0.2 ms.)"""
    return (name.isascii() and name[:1].isalnum() and len(name) <= MOST_LETTERS
            and f"_{name.replace('.', '_').replace('-', '_')}".isidentifier())


def local_header(entry: Entry) -> bytes:
    """What lies in front of the data: its extra field of identifier "sy" and zeros aligns these."""
    name = entry.name.encode("ascii")
    wide = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if entry.is_large else b""
    bare = entry.place + LOCAL.size + len(name) + len(wide) + 4
    padding = -bare % (WEIGHTS_ALIGNMENT if entry.name == WEIGHTS else ALIGNMENT)
    extra = wide + struct.pack("<2sH", b"sy", padding) + bytes(padding)
    size = LARGE if entry.is_large else entry.size
    return LOCAL.pack(b"PK\3\4", ZIP64 if entry.is_large else CLASSIC, 0, STORED, NO_TIME, FIRST_DAY, entry.crc32,
                      size, size, len(name), len(extra)) + name + extra


def _central_header(entry: Entry) -> bytes:
    wide = struct.pack("<QQ", entry.size, entry.size) if entry.is_large else b""
    wide += struct.pack("<Q", entry.place) if entry.place >= LARGE else b""
    extra = struct.pack("<HH", 1, len(wide)) + wide if wide else b""
    size, version, name = min(entry.size, LARGE), ZIP64 if wide else CLASSIC, entry.name.encode("ascii")
    return CENTRAL.pack(b"PK\1\2", FROM_UNIX | version, version, 0, STORED, NO_TIME, FIRST_DAY, entry.crc32, size,
                        size, len(name), len(extra), 0, 0, 0, FILE_MODE, min(entry.place, LARGE)) + name + extra


def directory(entries: Sequence[Entry], place: int) -> bytes:
    """Everything behind the last member, which ends at `place`."""
    headers = b"".join(map(_central_header, entries))
    count, size = len(entries), len(headers)
    wide = b"" if place < LARGE else END64.pack(b"PK\6\6", END64.size - 12, FROM_UNIX | ZIP64, ZIP64, 0, 0, count,
                                                count, size, place) + LOCATOR.pack(b"PK\6\7", 0, place + size, 1)
    return headers + wide + END.pack(b"PK\5\6", 0, 0, count, count, size, min(place, LARGE), 0)


def place_of_last(sizes: Iterable[tuple[str, int]]) -> int:
    """Where the data of the last of the members with these names and sizes begins."""
    place = size = 0
    for name, following in sizes:
        place, size = Entry(name, following, 0, place + size).data, following
    return place


def write_archive(file: BinaryIO, members: Iterable[tuple[str, Pieces, int]], written: int | None = None) -> None:
    """Write members, each with its name, data and CRC-32, into a file.

    written: where the data of WEIGHTS lies in it already; if that is elsewhere than it must be, it is written again.
    """
    entries, place = [], 0
    for name, pieces, crc32 in members:
        entry = Entry(name, sum(map(len, pieces)), crc32, place)
        file.write(local_header(entry))
        place = entry.data + entry.size
        if name == WEIGHTS and entry.data == written:
            file.seek(place)
        else:
            file.writelines(pieces)
        entries.append(entry)
    file.write(directory(entries, place))
    file.truncate()


# ---- reading -------------------------------------------------------------------------------------------------------


def damaged(title: str, problem: str) -> PackageError:
    return PackageError(f"package {title} is damaged: {problem}", "copy or build it again")


_lock = threading.Lock()
_mapped: weakref.WeakValueDictionary[tuple[int, ...], mmap.mmap] = weakref.WeakValueDictionary()
_sound: weakref.WeakKeyDictionary[mmap.mmap, set[tuple[int, int, int]]] = weakref.WeakKeyDictionary()


def map_file(title: str, what: str = "package") -> memoryview:
    """The bytes of a file, which is mapped once in this process as long as it does not change, and shared with others.

    PackageError: unreadable.
    """
    try:
        with open(title, "rb") as file, _lock:
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            found = _mapped.get(identity)
            if found is None and status.st_size:
                found = _mapped[identity] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return memoryview(b"" if found is None else found)
    except OSError as error:
        raise PackageError(f"cannot read {what} {title}: {error.strerror}") from error


def sound_parts(data: memoryview) -> set[tuple[int, int, int]]:
    """Address, size and CRC-32 of parts of a mapped file that were checked: it need not be taken again."""
    return _sound.setdefault(data.obj, set()) if isinstance(data.obj, mmap.mmap) else set()


def read_archive(title: str, image: memoryview) -> dict[str, tuple[Entry, memoryview]]:
    """Every member of a mapped file by name.  PackageError: not as `write_archive` writes it."""
    if bytes(image[:1]) == b"{":
        raise PackageError(f"{title} is JSON and no package", "symc compile makes a package of a network")
    if len(image) < END.size or bytes(image[-END.size:-END.size + 4]) != b"PK\5\6":
        raise damaged(title, "not a zip archive, or one that is cut off")
    try:
        entries, place = _entries(title, image)
    except struct.error as error:
        raise damaged(title, "the directory of the zip archive is cut off") from error
    names = [entry.name for entry in entries]
    if MANIFEST not in names:
        raise PackageError(f"{title} is not a symc package: it has no {MANIFEST}")
    if len(set(names)) != len(names):
        raise damaged(title, "two members have the same name")
    end = 0
    for entry in entries:
        header = local_header(entry)
        if entry.place != end or bytes(image[end:end + len(header)]) != header:
            raise damaged(title, f"member {entry.name} is not where, or not as, the directory of the zip archive says")
        end += len(header) + entry.size
    if end != place or place > len(image) or bytes(image[place:]) != directory(entries, place):
        raise damaged(title, "the directory of the zip archive is not as symc writes it")
    return {entry.name: (entry, image[entry.data:entry.data + entry.size]) for entry in entries}


def _entries(title: str, image: memoryview) -> tuple[list[Entry], int]:
    """What the directory lists, and where it begins."""
    _, _, _, _, count, _, place, _ = END.unpack_from(image, len(image) - END.size)
    if place == LARGE:
        place = END64.unpack_from(image, max(0, len(image) - END.size - LOCATOR.size - END64.size))[-1]
    if count > MOST_MEMBERS:
        raise damaged(title, f"it has {count} members, more than {MOST_MEMBERS}")
    entries, at = [], place
    for _ in range(count):
        if at > len(image):
            raise damaged(title, "the directory of the zip archive is cut off")
        entry, at = _entry(title, image, at)
        entries.append(entry)
    return entries, place


def _entry(title: str, image: memoryview, at: int) -> tuple[Entry, int]:
    """The member whose header in the directory is at `at`, and where the next one is."""
    fields = CENTRAL.unpack_from(image, at)
    method, crc32, stored, size, name_bytes, extra_bytes, place = *fields[4:5], *fields[7:12], fields[16]
    at += CENTRAL.size
    name = bytes(image[at:at + name_bytes]).decode("latin-1")
    if not is_member_name(name):
        raise damaged(title, f"a member has the name {name!r}")
    if method != STORED or stored != size:
        raise damaged(title, f"member {name} is not stored plainly")
    wide = iter(struct.unpack_from(f"<{(extra_bytes - 4) // 8}Q", image, at + name_bytes + 4) if extra_bytes else ())
    if size == LARGE:
        size = next(wide, 0)
        next(wide, 0)
    place = next(wide, 0) if place == LARGE else place
    return Entry(name, size, crc32, place), at + name_bytes + extra_bytes
