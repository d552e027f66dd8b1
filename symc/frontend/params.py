"""MXNet's .params files: every form MXNet ever wrote is read, the dense form of 1.9 is written; and NumPy's .npz.
Either may be compressed by gzip.

The layout is that of src/ndarray/ndarray.cc (`NDArray::Save`, `Load`, `LegacyLoad`), little endian: a list header,
the arrays, the names.  An array of 0.12 and later says how it is stored (V2; V3 under NumPy shape semantics), one of
0.9 to 0.11 (V1) is a shape of 64-bit extents, and before that the place of the magic holds the number of 32-bit
extents.  Files are not trusted: nothing is allocated before the file is known to hold that many bytes.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
from numpy.lib import format as npy

from symc.errors import MXNetError
from symc.frontend.files import FilePath, map_bytes, replacing
from symc.frontend.limits import limits, way_out
from symc.ir.types import BY_CODE, DType
from symc.ops.record import Record, record

if TYPE_CHECKING:
    import zipfile

LIST_MAGIC = 0x112
MAGIC_BYTES = struct.pack("<Q", LIST_MAGIC)
V1_MAGIC, V2_MAGIC, V3_MAGIC = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
ZIP_MAGIC, GZIP_MAGIC = b"PK\x03\x04", b"\x1f\x8b"
GZIP_FORM = 31                                              # what zlib calls it
PIECE = 1 << 20                                             # bytes that are unpacked at a time
TAR_MAGIC, TAR_PLACE = b"ustar", slice(257, 262)
MAX_RANK = 32
SPARSE_STORAGE = {1: ("row_sparse", 1), 2: ("csr", 2)}      # code: (name, number of index arrays)
CPU = (1, 0)                                                # device type and number
FOREIGN_TYPES = {8: "int16", 9: "uint16", 10: "uint32", 11: "uint64"}       # of MXNet 2.0

# What people pass instead of a .params file, by its first bytes.
OTHER_FILES = {b"version https://git-lfs": "a Git LFS pointer; fetch the file itself with `git lfs pull`",
               b"<": "a web page or XML; the download went wrong",
               b"\x89HDF": "an HDF5 file, which MXNet does not write",
               b"\x80": "a Python pickle, which symc does not read",
               b"DJL@": "parameters in the format of DJL's own blocks, which are Java; models that MXNet exported have "
                        "MXNet's",
               b"{": "JSON text; the symbol file perhaps"}


@record
class NamedArrays(Record):
    """The content of a file.

    names: one for each array, or none at all for a plain list.  notes: what the user may want to know: arrays
    converted, arrays left out.
    """

    file: str
    arrays: tuple[np.ndarray, ...]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, np.ndarray]:
        """Name → array.  MXNetError for a list without names, and for a name that occurs twice."""
        if self.arrays and not self.names:
            raise MXNetError(f"{self.file} is a list of {len(self.arrays)} arrays without names",
                            "parameters need names: save a dict of arrays")
        named = dict(zip(self.names, self.arrays, strict=True))
        if len(named) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise MXNetError(f"{self.file} holds two arrays of the name {twice!r}")
        return named


def read(source: FilePath | bytes, name: str = "bytes", mapped: bool = False) -> NamedArrays:
    """All arrays of a .params or .npz file, or of its bytes, which gzip may have compressed; which it is, the content
    says.

    name: what errors call bytes.  mapped: arrays of a .params file are views of it, which nobody may write, where they
    need no conversion.

    Dtypes are those of `DType`; bfloat16 becomes float32, sparse arrays dense ones, with a note.  Arrays without a
    value, which MXNet before 0.12 could save, are left out, with a note.  MXNetError names the file, the byte offset,
    the array and what was expected there.
    """
    file = name if isinstance(source, bytes) else os.fspath(source)
    data = memoryview(source) if isinstance(source, bytes) else map_bytes(source)
    if data[:len(GZIP_MAGIC)] == GZIP_MAGIC:
        data = _unpacked(data, file)
    is_zip = data[:len(ZIP_MAGIC)] == ZIP_MAGIC
    return _read_npz(data, file) if is_zip else _read_list(_Cursor(data, file, mapped))


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is a .params file that gzip compressed: other gzip files are archives."""
    if not head.startswith(GZIP_MAGIC):
        return False
    try:
        return zlib.decompressobj(GZIP_FORM).decompress(head, len(MAGIC_BYTES)) == MAGIC_BYTES
    except zlib.error:
        return False


def write(path: FilePath, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> None:
    """Write arrays, with names if a mapping is given, so that MXNet 1.9.1 reads them; as .npz if `path` says so.

    `path` is replaced only once all is written.  MXNetError names an array whose dtype or rank the format cannot hold.
    """
    write_to = writer(arrays, is_npz=Path(path).suffix == ".npz")
    with replacing(path) as file:
        write_to(file)


def writer(arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray], is_npz: bool = False) -> Callable[[BinaryIO], None]:
    """What writes arrays to a file, as `write` does; that they can be written has been checked."""
    names = tuple(arrays) if isinstance(arrays, Mapping) else ()
    values = arrays.values() if isinstance(arrays, Mapping) else arrays
    prepared = [_writable(array, names[i] if names else str(i), scalars=is_npz) for i, array in enumerate(values)]
    return lambda file: (_write_npz if is_npz else _write_list)(file, prepared, names)


def split(arrays: NamedArrays, auxiliary: Container[str] = ()) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(arguments, auxiliary states) of a checkpoint.

    The prefixes 'arg:' and 'aux:' that Module and `HybridBlock.export` write decide; a name without one, as Gluon's
    `save_parameters` writes, is an argument unless `auxiliary` (the graph's auxiliary states) contains it.
    """
    arguments: dict[str, np.ndarray] = {}
    states: dict[str, np.ndarray] = {}
    for name, array in arrays.as_dict().items():
        kind, bare = (name[:3], name[4:]) if name.startswith(("arg:", "aux:")) else ("", name)
        into = states if kind == "aux" or not kind and bare in auxiliary else arguments
        if bare in into:
            raise MXNetError(f"{arrays.file} holds {bare!r} with and without the prefix {kind or 'arg'!r}")
        into[bare] = array
    return arguments, states


# ---- reading -------------------------------------------------------------------------------------------------


@dataclass
class _Cursor:
    """Walks the bytes of a file; every step is checked against the end.  where: the array or name it is at."""

    data: memoryview
    file: str
    mapped: bool = False
    offset: int = 0
    where: str = "header"
    changed: dict[int, str] = field(default_factory=dict)   # what became of arrays, by their positions
    dense: int = 0                                          # bytes of arrays that were sparse

    @property
    def left(self) -> int:
        return len(self.data) - self.offset

    def fail(self, message: str, hint: str = "", offset: int | None = None) -> NoReturn:
        raise MXNetError(f"{self.file}: byte {self.offset if offset is None else offset}, {self.where}: {message}",
                        hint or "the file is damaged, cut short, or no .params file")

    def take(self, count: int, what: str) -> memoryview:
        if count > self.left:
            self.fail(f"expected {what}, {count} bytes, but the file has {self.left} left")
        self.offset += count
        return self.data[self.offset - count:self.offset]

    def numbers(self, format: str, what: str) -> tuple[int, ...]:
        return struct.unpack("<" + format, self.take(struct.calcsize("<" + format), what))

    def number(self, format: str, what: str) -> int:
        return self.numbers(format, what)[0]


def _unpacked(data: memoryview, file: str) -> memoryview:
    """What gzip compressed, within the limits.  MXNetError: it is more, or damaged."""
    allowed, content, stream = limits().unpacked(len(data)), bytearray(), zlib.decompressobj(GZIP_FORM)
    try:
        for start in range(0, len(data), PIECE):
            content += stream.decompress(data[start:start + PIECE], allowed + 1 - len(content))
            if len(content) > allowed:
                raise MXNetError(f"{file} unpacks to more than {allowed} bytes, of {len(data)} packed",
                                 way_out("bytes"))
    except zlib.error as problem:
        raise MXNetError(f"{file}: {problem}", "the file is damaged, or no gzip file") from problem
    if not stream.eof:
        raise MXNetError(f"{file} ends within what gzip compressed", "the file is cut short; fetch it again")
    return memoryview(content).toreadonly()


def _read_list(cursor: _Cursor) -> NamedArrays:
    _check_header(cursor)
    count = _length(cursor, "number of arrays", at_least=4)
    items = []
    for position in range(count):
        cursor.where = f"array {position}"
        items.append(_array(cursor, position))
    cursor.where = "names"
    names = _names(cursor, count)
    return NamedArrays(cursor.file, tuple(item for item in items if item is not None),
                       tuple(name for name, item in zip(names, items, strict=False) if item is not None),
                       _notes(cursor, items, names))


def _check_header(cursor: _Cursor) -> None:
    if what := _other_file(cursor.data):
        raise MXNetError(f"{cursor.file} is not a .params file", f"it looks like {what}")
    magic, _ = cursor.numbers("QQ", "the header of a .params file")
    if magic != LIST_MAGIC:
        cursor.fail(f"expected the list magic 0x112, found {magic:#x}", offset=0)


def _other_file(data: memoryview) -> str:
    """What the file is instead, '' if that is not known."""
    if data[:len(MAGIC_BYTES)] == MAGIC_BYTES:
        return ""
    if data[TAR_PLACE] == TAR_MAGIC:
        return "an archive; name the file in it, as ARCHIVE!MEMBER"
    return next((what for prefix, what in OTHER_FILES.items() if data[:len(prefix)] == prefix), "")


def _length(cursor: _Cursor, what: str, at_least: int) -> int:
    """A 64-bit count of items that take `at_least` bytes each."""
    start = cursor.offset
    count = cursor.number("Q", what)
    if count * at_least > cursor.left:
        cursor.fail(f"expected a {what} that fits the file, found {count} with {cursor.left} bytes left", offset=start)
    return count


def _array(cursor: _Cursor, position: int) -> np.ndarray | None:
    """One array of any form; None for one without a value."""
    magic = cursor.number("I", "an array")
    if magic in (V2_MAGIC, V3_MAGIC):
        storage = cursor.number("i", "a storage type")
        if storage in SPARSE_STORAGE:
            return _sparse(cursor, *SPARSE_STORAGE[storage], position)
        if storage != 0:
            cursor.fail(f"expected storage type 0 (dense), 1 (row_sparse) or 2 (csr), found {storage}",
                        offset=cursor.offset - 4)
    shape = _legacy_shape(cursor, magic) if magic not in (V1_MAGIC, V2_MAGIC, V3_MAGIC) else _shape(cursor)
    if shape is None or not shape and magic != V3_MAGIC:
        return None
    cursor.numbers("ii", "a context")           # where the array lived is of no concern
    return _elements(cursor, shape, position)


def _shape(cursor: _Cursor) -> tuple[int, ...] | None:
    """A shape of 64-bit extents; None when it is unknown (rank or an extent of -1)."""
    rank = cursor.number("i", "a number of dimensions")
    if not -1 <= rank <= MAX_RANK:
        cursor.fail(f"expected at most {MAX_RANK} dimensions, found {rank}", offset=cursor.offset - 4)
    start = cursor.offset
    shape = cursor.numbers(f"{max(rank, 0)}q", "a shape")
    if any(extent < -1 for extent in shape):
        cursor.fail(f"expected a shape, found {shape}", offset=start)
    return None if rank < 0 or -1 in shape else shape


def _legacy_shape(cursor: _Cursor, rank: int) -> tuple[int, ...]:
    """A shape of 32-bit extents, whose rank is what was read in the place of a magic."""
    if rank > MAX_RANK:
        cursor.fail(f"expected an array (0xf993fac8 to 0xf993faca, or at most {MAX_RANK} dimensions), found {rank:#x}",
                    offset=cursor.offset - 4)
    return cursor.numbers(f"{rank}I", "a shape")


def _type(cursor: _Cursor) -> DType:
    code = cursor.number("i", "a type code")
    if code not in BY_CODE:
        name = f" ({FOREIGN_TYPES[code]})" if code in FOREIGN_TYPES else ""
        cursor.fail(f"expected one of the type codes {', '.join(f'{c} ({d.name})' for c, d in BY_CODE.items())}, "
                    f"found {code}{name}", offset=cursor.offset - 4,
                    hint="convert the array before saving it" if name else "")
    return BY_CODE[code]


def _elements(cursor: _Cursor, shape: tuple[int, ...], position: int) -> np.ndarray:
    """The dtype and the elements of a dense array, as an array of its own unless the file is mapped."""
    dtype = _type(cursor)
    if dtype is DType.bfloat16:
        cursor.changed[position] = "was bfloat16 and is float32 now"
    return _stored(cursor, dtype, shape)


def _stored(cursor: _Cursor, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    if math.prod(max(extent, 1) for extent in shape) * dtype.itemsize >= 2**63:
        cursor.fail(f"expected a shape of less than 2⁶³ bytes, found {shape}")
    count = math.prod(shape)
    raw = cursor.take(count * dtype.itemsize, f"{count} elements {dtype.name} of shape {shape}")
    stored = np.frombuffer(raw, dtype.numpy.newbyteorder("<"), count) if count else np.empty(0, dtype.numpy)
    if dtype is DType.bfloat16:
        return (stored.astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype is DType.bool:
        return (stored.view(np.uint8) != 0).reshape(shape)
    return stored.astype(dtype.numpy, copy=not cursor.mapped).reshape(shape)


def _sparse(cursor: _Cursor, storage: str, index_arrays: int, position: int) -> np.ndarray:
    """A sparse array, dense: shape of its values, shape, context, types and shapes, then the data of each."""
    extents, shape = _shape(cursor), _shape(cursor)
    cursor.numbers("ii", "a context")
    parts = [(_type(cursor), extents)]
    parts += [(_type(cursor), _shape(cursor)) for _ in range(index_arrays)]
    if shape is None or any(extent is None for _, extent in parts):
        cursor.fail(f"expected the shapes of a {storage} array to be known")
    values, *indices = [_stored(cursor, dtype, extent or ()) for dtype, extent in parts]
    _check_dense(cursor, storage, math.prod(max(extent, 1) for extent in shape) * values.itemsize)
    dense = np.zeros(shape, values.dtype)
    if not (_set_rows if storage == "row_sparse" else _set_places)(dense, values, *indices):
        cursor.fail(f"expected the indices of a {storage} array of shape {shape}")
    cursor.changed[position] = f"was {storage} and is dense now"
    return dense


def _check_dense(cursor: _Cursor, storage: str, size: int) -> None:
    """What is sparse in the file may be anything in memory: it is limited as what is compressed."""
    cursor.dense += size
    if cursor.dense > (allowed := limits().unpacked(len(cursor.data))):
        cursor.fail(f"dense, it and {storage} arrays before it take {cursor.dense} bytes, more than {allowed}",
                    way_out("bytes"))


def _set_rows(dense: np.ndarray, values: np.ndarray, rows: np.ndarray) -> bool:
    """Set the rows that a row_sparse array has; False if they are not there."""
    if not rows.size:
        return not values.size
    if not dense.ndim or values.shape != (rows.size, *dense.shape[1:]) or not _within(rows, len(dense)):
        return False
    dense[rows.reshape(-1)] = values
    return True


def _set_places(dense: np.ndarray, values: np.ndarray, starts: np.ndarray, columns: np.ndarray) -> bool:
    """Set what a csr array has, whose row i has columns[starts[i]:starts[i + 1]]; False if they are not there."""
    if not columns.size and not values.size:
        return True
    if dense.ndim != 2 or starts.shape != (len(dense) + 1,) or columns.ndim != 1 or values.shape != columns.shape:
        return False
    if not _within(starts, columns.size + 1) or starts[0] != 0 or starts[-1] != columns.size:
        return False
    counts: np.ndarray = np.diff(starts.astype(np.int64))
    if (counts < 0).any() or not _within(columns, dense.shape[1]):
        return False
    dense[np.repeat(np.arange(len(dense)), counts), columns] = values
    return True


def _within(indices: np.ndarray, end: int) -> bool:
    return indices.dtype.kind in "iu" and indices.ndim == 1 and bool(((indices >= 0) & (indices < end)).all())


def _names(cursor: _Cursor, arrays: int) -> list[str]:
    start = cursor.offset
    count = _length(cursor, "number of names", at_least=8)
    if count not in (0, arrays):
        cursor.fail(f"expected a name for each of the {arrays} arrays or none, found {count}", offset=start)
    names = []
    for position in range(count):
        cursor.where = f"name {position}"
        text = bytes(cursor.take(_length(cursor, "length of a name", at_least=1), "a name"))
        try:
            names.append(text.decode())
        except UnicodeDecodeError:
            cursor.fail("expected UTF-8 text", offset=cursor.offset - len(text))
    return names


def _label(position: int, names: Sequence[str]) -> str:
    return f"array {names[position]!r}" if names else f"array {position}"


def _notes(cursor: _Cursor, items: Sequence[object], names: Sequence[str]) -> tuple[str, ...]:
    notes = [f"{_label(i, names)} {what}" for i, what in cursor.changed.items()]
    notes += [f"{_label(i, names)} has no value and is left out" for i, item in enumerate(items) if item is None]
    if cursor.left:
        notes.append(f"{cursor.left} bytes behind the last name are ignored")
    return tuple(notes)


def _read_npz(data: memoryview, file: str) -> NamedArrays:
    import zipfile  # most files of parameters are MXNet's

    names, arrays = [], []
    allowed, total = limits().unpacked(len(data)), 0
    # zipfile and numpy.lib.format raise a dozen exceptions of their own for a damaged archive; all mean the same here.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                names.append(entry.filename.removesuffix(".npy"))
                total += entry.file_size
                if total > allowed:
                    raise MXNetError(f"{file} unpacks to more than {allowed} bytes, of {len(data)} packed",
                                     way_out("bytes"))
                arrays.append(_npz_array(archive, entry))
    except MXNetError:
        raise
    except Exception as problem:
        where = f"array {names[-1]!r}: " if names else ""
        raise MXNetError(f"{file}: {where}{problem or type(problem).__name__}",
                        "a .npz file of dense arrays is expected; pickled objects are not read") from problem
    return NamedArrays(file, tuple(arrays), tuple(names))


def _npz_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """One member, whose header must agree with its size before anything is allocated."""
    with archive.open(entry) as member:
        version = npy.read_magic(member)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(member)
        size = member.tell() + math.prod(shape) * dtype.itemsize
    if dtype.name not in DType.__members__:
        raise ValueError(f"MXNet has no dtype {dtype.name}")
    if size != entry.file_size:
        raise ValueError(f"expected {size} bytes for {dtype.name} of shape {shape}, found {entry.file_size}")
    with archive.open(entry) as member:
        array = npy.read_array(member, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# ---- writing -------------------------------------------------------------------------------------------------


def _writable(value: Any, name: str, scalars: bool) -> np.ndarray:
    """`value` as a contiguous little-endian array of a dtype that MXNet has."""
    array = np.asarray(value)
    if array.dtype.name not in DType.__members__ or array.dtype.name == "bfloat16":
        raise MXNetError(f"array {name!r} is {array.dtype.name}, which MXNet does not have",
                        f"convert it to one of {', '.join(d.name for d in DType if d is not DType.bfloat16)}")
    if not array.ndim and not scalars:
        raise MXNetError(f"array {name!r} has no dimensions, which a .params file cannot hold",
                        "reshape it to (1,), or write a .npz file")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)


def _write_list(file: BinaryIO, arrays: Sequence[np.ndarray], names: Sequence[str]) -> None:
    file.write(struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays)))
    for array in arrays:
        file.write(struct.pack(f"<Iii{array.ndim}q", V2_MAGIC, 0, array.ndim, *array.shape))
        file.write(struct.pack("<iii", *CPU, DType.of(array.dtype).code))
        file.write(array.data if array.size else b"")
    file.write(struct.pack("<Q", len(names)))
    for name in names:
        text = name.encode()
        file.write(struct.pack("<Q", len(text)) + text)


def _write_npz(file: BinaryIO, arrays: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """As `numpy.savez`, but any name is allowed and equal content gives equal bytes."""
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for position, array in enumerate(arrays):
            entry = zipfile.ZipInfo(f"{names[position] if names else f'arr_{position}'}.npy")
            with archive.open(entry, "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)  # type: ignore[arg-type]
