"""Which CPU features the code of an x86-64 library uses, by decoding every instruction in it.

Lengths and encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.  What these tables do not
know raises `Unknown`; what they know less well counts as more features, never as fewer.  Names are those of
/proc/cpuinfo.  LLVM puts no data among instructions, so they lie one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from symc.codegen.elf import read_sections

EXECUTABLE = 4          # flag of a section
AVX512 = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})


class Unknown(Exception):
    """An instruction that is not in the tables."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the tables of features ask of an instruction.

    encoding: 'legacy', 'vex' or 'evex'.  table: 0 of one byte, 1 (0F), 2 (0F 38), 3 (0F 3A).  prefix: 0 none, 1 (66),
    2 (F3), 3 (F2).  wide: the bit W.  length: of vectors, 0 for 128 bits, 1, 2.  modrm: 0 where there is none.
    """

    size: int
    encoding: str
    table: int
    opcode: int
    prefix: int
    wide: bool
    length: int
    modrm: int

    @property
    def is_register(self) -> bool:
        """Whether the last operand is no memory."""
        return self.modrm >= 0xC0


def _set(text: str) -> frozenset[int]:
    """Opcodes: '10-15 28' are hexadecimal."""
    ends = [item.partition("-") for item in text.split()]
    return frozenset(number for first, _, last in ends for number in range(int(first, 16), int(last or first, 16) + 1))


# ---- lengths -------------------------------------------------------------------------------------------------------

PREFIXES = {0x66: 1, 0xF3: 2, 0xF2: 3, **dict.fromkeys((0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0xF0), 0)}
BARE = _set("50-5f 90-99 9c-9f a4-a7 aa-af c3 c9 cc f4 f5 f8-fd")             # one byte, no operand byte
BYTE = _set("04 0c 14 1c 24 2c 34 3c 6a 70-7f a8 b0-b7 eb")                     # an immediate byte alone
WORD = _set("05 0d 15 1d 25 2d 35 3d 68 a9 b8-bf e8 e9")                         # an immediate of 4 bytes alone
MODRM = _set("00-03 08-0b 10-13 18-1b 20-23 28-2b 30-33 38-3b 63 69 6b 80 81 83-8b 8d 8f c0 c1 c6 c7 d0-d3 d8-df f6 f7 "
             "fe ff")
MODRM_BYTE, MODRM_WORD = _set("6b 80 83 c0 c1 c6"), _set("69 81 c7")
BARE_0F, WORD_0F, BYTE_0F = _set("05 0b 31 77 a2 c8-cf"), _set("80-8f"), _set("70-73 a4 ac ba c2 c4-c6")
MODRM_0F = _set("10-17 18-1f 28-2f 40-4f 50-7f 90-9f a3-a5 ab-af b0-bf c0-c7 d0-ff 0d")


def decode(code: memoryview, at: int) -> Instruction:
    """The instruction at byte `at`.  Unknown: not in the tables."""
    start, prefix = at, 0
    while code[at] in PREFIXES:
        prefix, at = PREFIXES[code[at]] or prefix, at + 1
    first = code[at]
    if first in (0xC4, 0xC5, 0x62):
        return _vector(code, start, at)
    rex = first if 0x40 <= first <= 0x4F else 0
    at += 1 if rex else 0
    table, at = _table(code, at)
    return _sized(code, start, at, "legacy", table, prefix, bool(rex & 8), 0)


def _table(code: memoryview, at: int) -> tuple[int, int]:
    """The table of opcodes, and where the opcode is."""
    if code[at] != 0x0F:
        return 0, at
    return {0x38: (2, at + 2), 0x3A: (3, at + 2)}.get(code[at + 1], (1, at + 1))


def _vector(code: memoryview, start: int, at: int) -> Instruction:
    """An instruction with a VEX or EVEX prefix at `at`."""
    kind, one, two = code[at], code[at + 1], code[at + 2]
    if kind == 0xC5:
        return _sized(code, start, at + 2, "vex", 1, one & 3, False, one >> 2 & 1)
    if kind == 0xC4:
        return _sized(code, start, at + 3, "vex", one & 31, two & 3, two >= 128, two >> 2 & 1)
    return _sized(code, start, at + 4, "evex", one & 7, two & 3, two >= 128, code[at + 3] >> 5 & 3)


def _sized(code: memoryview, start: int, at: int, encoding: str, table: int, prefix: int, wide: bool,
           length: int) -> Instruction:
    """The instruction with its opcode at `at`."""
    opcode = code[at]
    has_operand = _has_operand(encoding, table, opcode)
    modrm = code[at + 1] if has_operand else 0
    end = at + 1 + (_operand_size(code, at + 1) if has_operand else 0)
    end += _immediate_size(encoding, table, opcode, prefix, wide, modrm)
    return Instruction(end - start, encoding, table, opcode, prefix, wide, length, modrm)


def _has_operand(encoding: str, table: int, opcode: int) -> bool:
    """Whether an operand byte (ModRM) follows the opcode."""
    if table == 0:
        known, operand = opcode in BARE or opcode in BYTE or opcode in WORD, opcode in MODRM
    elif table == 1:
        known, operand = opcode in BARE_0F or opcode in WORD_0F, opcode in MODRM_0F and opcode != 0x77
    else:
        known, operand = False, table <= 3
    if not known and not operand:
        raise Unknown(f"{encoding} opcode {table}:{opcode:02x}")
    return operand


def _operand_size(code: memoryview, at: int) -> int:
    """Bytes of ModRM, SIB and displacement."""
    modrm = code[at]
    mode, register = modrm >> 6, modrm & 7
    if mode == 3:
        return 1
    size = 2 if register == 4 else 1
    base = code[at + 1] & 7 if register == 4 else register
    return size + (4 if mode == 2 or (mode == 0 and base == 5) else mode)


def _immediate_size(encoding: str, table: int, opcode: int, prefix: int, wide: bool, modrm: int) -> int:
    if table == 3:
        return 1
    if table == 2:
        return 0
    if table == 1:
        return 4 if opcode in WORD_0F and encoding == "legacy" else int(opcode in BYTE_0F)
    if opcode in BYTE or opcode in MODRM_BYTE or (opcode == 0xF6 and modrm & 0x38 <= 8):
        return 1
    if opcode in WORD or opcode in MODRM_WORD or (opcode == 0xF7 and modrm & 0x38 <= 8):
        if 0xB8 <= opcode <= 0xBF and wide:
            return 8
        return 2 if prefix == 1 and opcode not in (0xE8, 0xE9) else 4
    return 0


# ---- features ------------------------------------------------------------------------------------------------------

LEGACY = [          # table, opcodes, prefixes, feature; what is not here in table 1 is SSE2 or older
    (1, _set("b8"), (2,), "popcnt"), (1, _set("bc"), (2,), "bmi1"), (1, _set("bd"), (2,), "abm"),
    (1, _set("7c 7d d0"), (1, 3), "pni"), (1, _set("12 f0"), (3,), "pni"), (1, _set("12 16"), (2,), "pni"),
    (2, _set("00-0b 1c-1e"), (0, 1), "ssse3"), (2, _set("10 14 15 17 20-25 28-2b 30-35 38-41"), (1,), "sse4_1"),
    (2, _set("37"), (1,), "sse4_2"), (2, _set("f0 f1"), (3,), "sse4_2"), (2, _set("f0 f1"), (0, 1), "movbe"),
    (3, _set("0f"), (0, 1), "ssse3"), (3, _set("08-0e 14-17 20-22 40-42"), (1,), "sse4_1"),
    (3, _set("44"), (1,), "pclmulqdq"), (3, _set("60-63"), (1,), "sse4_2")]
MASKS = _set("41-4b 90-93 98 99"), _set("30-33")        # instructions on mask registers, tables 1 and 3
AVX_OF_128 = {1: _set("60-6d 70-76 c4 c5 d1-d5 d7-e5 e8-ef f1-f6 f8-fe"),       # AVX2 with 256 bits
              2: _set("00-0b 1c-1e 20-25 28-2b 30-35 37-41"), 3: _set("0e 0f 14-17 20 22 42 4c 60-63")}
AVX = {1: _set("10-17 28-2f 50-5f 6e 6f 77 7c-7f c2 c6 d0 d6 e6 e7 f0"), 2: _set("0c-0f 17 1a 2c-2f"),
       3: _set("04-06 08-0d 18 19 21 40 41 4a 4b")}
AVX2 = {1: frozenset[int](), 2: _set("16 36 45-47 58-5a 78 79 8c 8e 90-93"), 3: _set("00-02 38 39 46")}
FMA = _set("96-9f a6-af b6-bf")
AMX = {(0x49, 0): "amx_tile", (0x49, 1): "amx_tile", (0x49, 3): "amx_tile", (0x4B, 1): "amx_tile",
       (0x4B, 2): "amx_tile", (0x4B, 3): "amx_tile", (0x5C, 2): "amx_bf16"}     # of table 2 with these prefixes
VEX = {(2, 0x13): "f16c", (3, 0x1D): "f16c", (2, 0xF2): "bmi1", (2, 0xF3): "bmi1", (2, 0xF5): "bmi2",
       (2, 0xF6): "bmi2", (3, 0xF0): "bmi2"}
# table and prefix: what needs AVX-512F alone for 512 bits and scalars
AVX512F = {
    (1, 0): _set("10-17 28-2f 51 58-5f c2 c6"),
    (1, 1): _set("10-17 28-2f 51 58-5f 62 66 6a 6c-70 72 76 7e 7f c2 c6 d2-d4 db df e2 e6 e7 eb ef f2-f4 fa fb fe"),
    (1, 2): _set("10-12 16 2a 2c 2d 51 58-5f 6f 7f c2 e6"), (1, 3): _set("10-12 2a 2c 2d 51 58-5f c2 e6"),
    (2, 1): FMA | _set("0c 0d 13-16 18 1e 1f 21-25 28 29 2c 2d 31-37 39 3b 3d 3f 42-43 45-47 4c-4f 58 64 65 76 77 7c "
                       "7e 7f 88-8b 90-93 a0-a3"),
    (2, 2): _set("11-15 21-25 31-35"), (2, 3): frozenset[int](),
    (3, 1): _set("00 01 03-05 08-0b 1d-1f 23 25-27 43 54 55")}
SCALAR = _set("10 11 2a 2c 2d 51 58-5a 5c-5f c2")       # of table 1 with the prefixes F3 and F2


def features_of(instruction: Instruction) -> frozenset[str]:
    """What a CPU needs beyond x86-64 as it was first.  Unknown: not in the tables."""
    if instruction.encoding == "legacy":
        return _legacy_features(instruction)
    return _vex_features(instruction) if instruction.encoding == "vex" else _evex_features(instruction)


def _legacy_features(it: Instruction) -> frozenset[str]:
    for table, opcodes, prefixes, feature in LEGACY:
        if it.table == table and it.opcode in opcodes and it.prefix in prefixes:
            return frozenset({feature})
    if it.table > 1 or (it.table, it.opcode) == (1, 0xC7):
        raise Unknown(f"opcode {it.table}:{it.opcode:02x}")
    return frozenset()


def _vex_features(it: Instruction) -> frozenset[str]:
    if it.table in (1, 3) and it.opcode in MASKS[it.table // 2]:
        return AVX512
    if it.table == 2 and it.opcode in FMA:
        return frozenset({"avx", "fma"})
    if it.table == 2 and (it.opcode, it.prefix) in AMX:
        return frozenset({"amx_tile", AMX[it.opcode, it.prefix]})
    if (it.table, it.opcode) == (2, 0xF7):
        return frozenset({"bmi2" if it.prefix else "bmi1"})
    if (it.table, it.opcode) in VEX:
        name = VEX[it.table, it.opcode]
        return frozenset({"avx", name}) if name == "f16c" else frozenset({name})
    if (it.table, it.opcode) == (3, 0x44):
        return frozenset({"avx", "vpclmulqdq" if it.length else "pclmulqdq"})
    return frozenset({"avx", "avx2"} if _is_avx2(it) else {"avx"})


def _is_avx2(it: Instruction) -> bool:
    if it.table == 2 and it.opcode in (0x18, 0x19):        # broadcasts: of memory, or of a register
        return it.is_register
    if it.opcode in AVX_OF_128[it.table]:
        return it.length == 1
    if it.opcode not in AVX[it.table] and it.opcode not in AVX2[it.table]:
        raise Unknown(f"VEX opcode {it.table}:{it.opcode:02x}")
    return it.opcode in AVX2[it.table]


def _evex_features(it: Instruction) -> frozenset[str]:
    if it.table == 2 and (it.opcode, it.prefix) in ((0x52, 2), (0x72, 2), (0x72, 3)):
        return AVX512 | {"avx512_bf16"}
    if it.opcode not in AVX512F.get((it.table, it.prefix), ()):
        return _other_evex_features(it)
    is_scalar = (it.table == 1 and it.prefix > 1 and it.opcode in SCALAR) or (
        it.table == 2 and it.opcode in FMA and it.opcode & 9 == 9)
    return frozenset({"avx512f"}) if it.length == 2 or is_scalar else frozenset({"avx512f", "avx512vl"})


OTHER_AVX512 = {1: _set("10-17 28-2f 51-7f c2-c6 d0-ff"), 2: _set("00-47 4c-4f 58-66 75-7f 83-93 96-af b6-c4"),
                3: _set("00-27 38-43 50-57 66 67")}
NEWER = {2: _set("50-55 70-73 8d-8f b4 b5 c6 c8-cf db-df"), 3: _set("44 70-73 ce cf")}


def _other_evex_features(it: Instruction) -> frozenset[str]:
    """One of the byte, word, doubleword and conflict extensions: any of them."""
    if it.opcode not in OTHER_AVX512.get(it.table, ()) or it.opcode in NEWER.get(it.table, ()):
        raise Unknown(f"EVEX opcode {it.table}:{it.opcode:02x}")
    return AVX512


def used_features(image: bytes) -> frozenset[str]:
    """The features that the code of a library or object needs.  Unknown: it has an instruction not known here."""
    found: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    for section in read_sections(image):
        if section.flags & EXECUTABLE:
            code, at = memoryview(image)[section.offset:section.offset + section.size], 0
            while at < len(code):
                one = decode(code, at)
                key = (one.encoding, one.table, one.opcode, one.prefix, one.length, one.is_register)
                if key not in seen:
                    seen.add(key)
                    found |= features_of(one)
                at += one.size
    return frozenset(found)
