"""Reads the symbols of 64-bit little-endian ELF objects and shared libraries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SYMBOL_TABLE, DYNAMIC_SYMBOLS = 2, 11
MACHINES = {62: "x86_64", 183: "aarch64"}


@dataclass(frozen=True, slots=True)
class Symbols:
    """Names of global symbols: those the image has, and those it needs from elsewhere."""

    architecture: str
    defined: frozenset[str]
    undefined: frozenset[str]


def read_symbols(image: bytes) -> Symbols:
    """The linker's symbols of an object; the dynamic symbols of a shared library."""
    assert image[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF image"
    kind, machine = struct.unpack_from("<HH", image, 16)
    sections_at, = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_at + size * number) for number in range(count)]
    wanted = SYMBOL_TABLE if kind == 1 else DYNAMIC_SYMBOLS
    defined: set[str] = set()
    undefined: set[str] = set()
    for section in sections:
        if section[1] == wanted:
            _read_table(image, section[4], section[5], sections[section[6]][4], defined, undefined)
    return Symbols(MACHINES[machine], frozenset(defined), frozenset(undefined - defined))


def _read_table(image: bytes, start: int, size: int, names: int, defined: set[str], undefined: set[str]) -> None:
    for name, information, _, section, _, _ in struct.iter_unpack("<IBBHQQ", image[start:start + size]):
        if name and information >> 4:  # binding 0: a local symbol
            end = image.index(b"\0", names + name)
            (defined if section else undefined).add(image[names + name:end].decode())
