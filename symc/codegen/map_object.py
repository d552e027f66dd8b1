"""Maps objects into this process.  What is mapped stays until the process ends: threads of the team may run in it, and
the next plan may need the same kernel.

Objects for x86-64 are mapped here, by the few relocations that position-independent code has, so that a process which
finds its kernels in the cache need not load LLVM.  Those for other machines are left to `llvm_jit`.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import mmap
import os
import struct
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from symc.codegen.elf import ABSOLUTE, NO_BITS, RELOCATIONS, Section, Symbol, architecture_of, read_sections, read_table
from symc.errors import SymcError

ALLOCATED, WRITABLE = 2, 1                  # flags of sections
UNWIND = 0x70000001                         # kind of the section of unwind tables; our code throws nothing
ABSOLUTE_64, RELATIVE_32, CALL_32, RELATIVE_64 = 1, 2, 4, 24        # System V ABI for x86-64, table 4.10
THROUGH_TABLE = (9, 41, 42)                 # relative address of an 8-byte slot that holds the symbol's address
JUMP = b"\xff\x25\0\0\0\0"                  # jmp [rip + 0]: to the address behind it
STUB = 16                                   # bytes of a jump and its address; the address is the slot of THROUGH_TABLE

NO_MEMORY = 2 ** 64 - 1                     # MAP_FAILED

Addresses = Mapping[str, int]
_lock = threading.Lock()
_mapped: dict[bytes, Addresses] = {}


def addresses_in(image: bytes, imports: Addresses | None = None) -> Addresses:
    """Addresses of the symbols that an object defines; equal objects are mapped once.

    imports: addresses of what it calls beside libc and libm, which come from this process.
    """
    key = hashlib.sha256(image).digest()
    with _lock:
        if key not in _mapped:
            _mapped[key] = _map(image, imports or {})
        return _mapped[key]


def _map(image: bytes, imports: Addresses) -> Addresses:
    if architecture_of(image) == "x86_64":
        return _Mapping(image, imports).finish()
    from symc.codegen.llvm_jit import map_object

    return map_object(image, imports)


class _Place(NamedTuple):
    """Where a section lies in the memory of an object."""

    section: Section
    start: int


class _Mapping:
    """An object on its way into memory: code and constants, then stubs of what it calls, then variables."""

    def __init__(self, image: bytes, imports: Addresses) -> None:
        self.image, self.imports = image, imports
        self.sections = read_sections(image)
        self.symbols = list(read_table(image, self.sections))
        outside = [symbol.name for symbol in self.symbols if symbol.name and not symbol.section]
        fixed, end = self._laid_out(0, writable=False)
        self.stubs = {name: end + STUB * number for number, name in enumerate(outside)}
        self.read_only = _page(end + STUB * len(outside))
        variables, end = self._laid_out(self.read_only, writable=True)
        self.places = fixed | variables
        self.base = _new_memory(_page(end) or mmap.PAGESIZE)
        self.memory = memoryview((ctypes.c_char * end).from_address(self.base)).cast("B")

    def _laid_out(self, start: int, writable: bool) -> tuple[dict[int, _Place], int]:
        """Places of the sections that are needed at run time, by number, and where the last one ends."""
        places = {}
        for number, section in enumerate(self.sections):
            is_needed = section.flags & ALLOCATED and section.kind != UNWIND
            if is_needed and bool(section.flags & WRITABLE) == writable:
                start += -start % max(section.alignment, 1)
                places[number] = _Place(section, start)
                start += section.size
        return places, start + -start % STUB

    def finish(self) -> Addresses:
        """Fill the memory, and let its first part be run and no longer written."""
        for section, start in self.places.values():
            if section.kind != NO_BITS:
                self.memory[start:start + section.size] = self.image[section.offset:section.offset + section.size]
        for name, start in self.stubs.items():
            self.memory[start:start + STUB] = JUMP + struct.pack("<Q", self._outside(name)) + b"\0\0"
        for section in self.sections:
            if section.kind == RELOCATIONS and section.information in self.places:
                self._relocate(section, self.places[section.information].start)
        _protect(self.base, self.read_only)
        return {symbol.name: self._address(symbol) for symbol in self.symbols if symbol.is_global and symbol.section}

    def _outside(self, name: str) -> int:
        return self.imports.get(name) or _address_in_process(name)

    def _address(self, symbol: Symbol) -> int:
        """Where a symbol is; a stub stands for a function from elsewhere."""
        assert symbol.section != ABSOLUTE, f"{symbol.name} is no address"
        inside = self.stubs[symbol.name] if not symbol.section else self.places[symbol.section].start + symbol.value
        return self.base + inside

    def _relocate(self, section: Section, start: int) -> None:
        entries = struct.iter_unpack("<QQq", self.image[section.offset:section.offset + section.size])
        for offset, information, addend in entries:
            kind, symbol, at = information & 0xFFFFFFFF, self.symbols[information >> 32], start + offset
            if kind in THROUGH_TABLE:
                target = self._slot(symbol) + addend
            else:
                target = self._address(symbol) + addend
            if kind == ABSOLUTE_64:
                struct.pack_into("<Q", self.memory, at, target)
            elif kind == RELATIVE_64:
                struct.pack_into("<q", self.memory, at, target - self.base - at)
            else:
                assert kind in (RELATIVE_32, CALL_32, *THROUGH_TABLE), f"relocation {kind} of {symbol.name}"
                struct.pack_into("<i", self.memory, at, target - self.base - at)

    def _slot(self, symbol: Symbol) -> int:
        """The address of the word in which the stub of a symbol keeps the symbol's address."""
        assert symbol.name in self.stubs, f"{symbol.name} is in the object, but is read from a table"
        return self.base + self.stubs[symbol.name] + len(JUMP)


def _page(size: int) -> int:
    return size + -size % mmap.PAGESIZE


@functools.cache
def _address_in_process(name: str) -> int:
    """The address of a function of libc or libm."""
    for library in (None, "libm.so.6"):
        function = getattr(ctypes.CDLL(library), name, None)
        if function is not None:
            return ctypes.cast(function, ctypes.c_void_p).value or 0
    raise AssertionError(f"{name} is in no library of this process")


@functools.cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *3 * [ctypes.c_int], ctypes.c_long)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return libc


def _new_memory(size: int) -> int:
    """The address of zeroed pages.  Not Python's: its objects end with the interpreter, before the team's threads."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address: int = _libc().mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if address == NO_MEMORY:
        raise MemoryError(f"no memory for {size} bytes of code")
    return address


def _protect(address: int, size: int) -> None:
    if size and _libc().mprotect(address, size, mmap.PROT_READ | mmap.PROT_EXEC):
        raise SymcError(f"code cannot be made executable in this process: {os.strerror(ctypes.get_errno())}",
                        "write a package with symc compile, and load that")
