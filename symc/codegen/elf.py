"""Reads 64-bit little-endian ELF objects and shared libraries: their sections and symbols."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from symc.ops.record import Record, record

SYMBOL_TABLE, RELOCATIONS, NO_BITS, DYNAMIC_SYMBOLS = 2, 4, 8, 11     # kinds of sections
ABSOLUTE = 0xFFF1       # section of a symbol whose value is no address
MACHINES = {62: "x86_64", 183: "aarch64"}


class Section(NamedTuple):
    """A header of the section table."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    information: int
    alignment: int
    entry: int


class Symbol(NamedTuple):
    """`section` is 0 where the image needs it from elsewhere; `value` is its place in the section."""

    name: str
    is_global: bool
    section: int
    value: int


@record
class Symbols(Record):
    """Names of global symbols: those the image has, and those it needs from elsewhere."""

    architecture: str
    defined: frozenset[str]
    undefined: frozenset[str]


def architecture_of(image: bytes) -> str:
    assert image[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF image"
    return MACHINES[struct.unpack_from("<H", image, 18)[0]]


def read_sections(image: bytes) -> list[Section]:
    start, = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    return [Section(*struct.unpack_from("<IIQQQQIIQQ", image, start + size * number)) for number in range(count)]


def read_table(image: bytes, sections: list[Section], wanted: int = SYMBOL_TABLE) -> Iterator[Symbol]:
    """The symbols of the tables of a kind, in their order."""
    for section in sections:
        if section.kind == wanted:
            names = sections[section.link].offset
            entries = struct.iter_unpack("<IBBHQQ", image[section.offset:section.offset + section.size])
            for name, information, _, place, value, _ in entries:
                text = image[names + name:image.index(b"\0", names + name)].decode()
                yield Symbol(text, information >> 4 > 0, place, value)


def read_symbols(image: bytes) -> Symbols:
    """The linker's symbols of an object; the dynamic symbols of a shared library."""
    architecture, is_object = architecture_of(image), struct.unpack_from("<H", image, 16)[0] == 1
    table = read_table(image, read_sections(image), SYMBOL_TABLE if is_object else DYNAMIC_SYMBOLS)
    found = [symbol for symbol in table if symbol.name and symbol.is_global]
    defined = frozenset(symbol.name for symbol in found if symbol.section)
    return Symbols(architecture, defined, frozenset(symbol.name for symbol in found) - defined)
