"""Mutants of JSON documents, of bytes, and of the headers of zip and tar archives."""

from __future__ import annotations

import copy
import json
import random
import struct
import zlib
from typing import Any

NUMBERS = (0, 1, -1, 2, 3, 7, 63, 64, 65, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48, 2**62,
           2**63 - 1, 2**63, 2**64 - 1, 2**64, -2**31, -2**63, 10**40)
VALUES = (*NUMBERS, True, False, None, 0.5, 1e308, float("nan"), float("inf"), "", "x", "0", "-1", "\0", "../x",
          "\ud800", "é" * 40, "N", "9" * 4301, "(" * 300, "(9999999999,9999999999)", "[1, 2", "None", [], {}, [[]],
          [0], {"a": 1}, [-1, -1, -1], [0, 0, 0], [2**62] * 64, "1e999", "__import__('os')")
EDGES = (b"", b"\0", b"\xff" * 4, b"\xff" * 8, b"[" * 3000, b"{\"a\":" * 2000, b"PK\3\4", b"9" * 5000, b"null", b"\n")


def json_mutant(choose: random.Random, text: str) -> str:
    """The document with a few places changed."""
    value = json.loads(text)
    for _ in range(choose.choice((1, 1, 1, 2, 3, 8))):
        value = _changed(choose, value)
    return json.dumps(value)


def _changed(choose: random.Random, value: Any) -> Any:
    place = _place(choose, value)
    if place is None:
        return choose.choice(VALUES)
    holder, key = place
    match choose.randrange(9):
        case 0 | 1 | 2:
            holder[key] = copy.deepcopy(choose.choice(VALUES))
        case 3:
            del holder[key]
        case 4:
            other, at = _place(choose, value) or (holder, key)
            holder[key] = copy.deepcopy(other[at])
        case 5 if isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(holder[key])] * choose.choice((1, 1, 2, 40))
        case 5:
            holder[choose.choice((*holder, "", "attrs", "subgraphs", "format", "x"))] = holder.pop(key)
        case 6:
            holder[key] = _nested(choose, holder[key])
        case 7 | 8:
            holder[key] = _near(choose, holder[key])
    return value


def _place(choose: random.Random, value: Any) -> tuple[Any, Any] | None:
    """A container and one of its keys, at any depth; None where there is none."""
    place = None
    while isinstance(value, (dict, list)) and value and (place is None or choose.random() < 0.8):
        key = choose.choice(list(value)) if isinstance(value, dict) else choose.randrange(len(value))
        place, value = (value, key), value[key]
    return place


def _nested(choose: random.Random, value: Any) -> Any:
    for _ in range(choose.choice((1, 1, 2, 20, 40, 50))):
        value = [value] if choose.random() < 0.5 else {choose.choice(("a", "nodes", "inputs", "subgraphs")): value}
    return value


def _near(choose: random.Random, value: Any) -> Any:
    if type(value) is int:
        return choose.choice((value + 1, value - 1, value * 2, -value, value << 32, float(value), str(value)))
    if isinstance(value, str):
        return choose.choice((value + "x", value[:-1], value.upper(), value * 2, value.replace("1", "99999999999")))
    return [value, value]


def byte_mutant(choose: random.Random, data: bytes) -> bytes:
    """The bytes with a few places changed, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 4, 16))):
        place, length = choose.randrange(len(changed) + 1), choose.choice((1, 1, 2, 4, 8, 8, 100))
        match choose.randrange(7):
            case 0 | 1 if place < len(changed):
                changed[place] ^= 1 << choose.randrange(8)
            case 2:
                del changed[place:place + length]
            case 3:
                changed[place:place] = changed[place:place + length]
            case 4:
                changed[place:place + length] = choose.choice(EDGES)
            case 5:
                changed[place:place + 8] = _packed(choose)
            case 6 if choose.random() < 0.3:
                del changed[place:]
    return bytes(changed)


def _packed(choose: random.Random) -> bytes:
    size = choose.choice("BHIQ")
    return struct.pack(f"<{size}", choose.choice(NUMBERS) % (1 << 8 * struct.calcsize(size)))


def zip_mutant(choose: random.Random, data: bytes) -> bytes:
    """A zip archive with a few fields of its headers changed."""
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 4))):
        magic, size = choose.choice(((b"PK\3\4", 30), (b"PK\1\2", 46), (b"PK\5\6", 22), (b"PK\6\6", 56)))
        starts = [place for place in _occurrences(data, magic) if place + size <= len(changed)]
        if starts:
            place = choose.choice(starts) + choose.randrange(4, size)
            packed = _packed(choose)
            changed[place:place + len(packed)] = packed
    return bytes(changed)


def _occurrences(data: bytes, part: bytes) -> list[int]:
    found, place = [], data.find(part)
    while place >= 0:
        found.append(place)
        place = data.find(part, place + 1)
    return found


def tar_mutant(choose: random.Random, data: bytes) -> bytes:
    """A tar archive with fields of a header changed and its checksum made right, unless that is what changed."""
    changed = bytearray(data)
    block = 512 * choose.randrange(max(1, len(data) // 512))
    start, size = choose.choice(((0, 100), (100, 8), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100), (257, 8),
                                 (345, 155), (482, 30)))
    text = choose.choice((b"77777777777", b"0", b"-1", b"\x80" + b"\xff" * 11, b"../../x", b"/etc/x", b"a" * 155, b"",
                          bytes([choose.randrange(256)]), choose.choice((b"L", b"x", b"g", b"S", b"1", b"2", b"5"))))
    changed[block + start:block + start + size] = text[:size].ljust(size, b"\0")
    if start != 148:
        changed[block + 148:block + 156] = b" " * 8
        changed[block + 148:block + 156] = b"%06o\0 " % sum(changed[block:block + 512])
    return bytes(changed)


def sums(data: bytes, sha256: str) -> dict[str, Any]:
    return {"bytes": len(data), "crc32": zlib.crc32(data), "sha256": sha256}
