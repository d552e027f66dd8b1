"""CRC-32 of weights, as LLVM IR: zlib's takes longer than all else that loading a package does.

    i64 symc_fold(ptr data, i64 blocks, ptr rest)

leaves in `rest` 64 bytes whose CRC-32, taken from the register 0, is that of `blocks` blocks of 64 bytes, of which
there is at least one; returns `blocks`.  Lanes of 128 bits are multiplied by x^512 modulo the polynomial of CRC-32,
bits reflected, for each block (Gopal and others, Fast CRC Computation for Generic Polynomials Using PCLMULQDQ, Intel,
2009).

A multiplication of 256 bits takes a CPU no longer than one of 128, which alone is slower than memory; so pairs of
blocks are multiplied by x^1024 in such vectors where there is VPCLMULQDQ.  No CPU level has it, so the function asks
the CPU, and the instruction is none that a machine needs (`ASKED_FOR`).
"""

from __future__ import annotations

from typing import NamedTuple

ASKED_FOR = frozenset({"vpclmulqdq"})       # features of code that only runs where the CPU says that it has them
REGISTER = 0xFFFFFFFF   # of a CRC-32 before the first byte
AHEAD = 2048            # bytes; what is read is prefetched so early, since the hardware's prefetch ends with each page
# x^(n+64) and x^n modulo the polynomial, times x, reflected, for shifts by n bits
BLOCK_FACTORS = (0x154442bd4, 0x1c6e41596)      # 512
PAIR_FACTORS = (0x1e88ef372, 0x14a7fe880)       # 1024


class Vector(NamedTuple):
    """A type of several lanes of 128 bits, and how it is multiplied."""

    type: str
    bytes: int
    multiply: str


NARROW = Vector("<2 x i64>", 16, "@llvm.x86.pclmulqdq")
WIDE = Vector("<4 x i64>", 32, "@llvm.x86.pclmulqdq.256")

FOLD = """
declare <2 x i64> @llvm.x86.pclmulqdq(<2 x i64>, <2 x i64>, i8 immarg)
declare <4 x i64> @llvm.x86.pclmulqdq.256(<4 x i64>, <4 x i64>, i8 immarg)
declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)

define i64 @symc_fold(ptr %data, i64 %blocks, ptr %rest) #9 {{
entry:
  %is_pair = icmp sgt i64 %blocks, 1
  br i1 %is_pair, label %ask, label %narrow
ask:
  %answer = call {{ i32, i32, i32, i32 }} asm "cpuid", "={{ax}},={{bx}},={{cx}},={{dx}},{{ax}},{{cx}}"(i32 7, i32 0)
  %features = extractvalue {{ i32, i32, i32, i32 }} %answer, 2
  %bit = and i32 %features, 1024
  %has_wide = icmp ne i32 %bit, 0
  br i1 %has_wide, label %wide, label %narrow
wide:
  %done_wide = call i64 @symc_fold_pairs(ptr %data, i64 %blocks, ptr %rest)
  ret i64 %done_wide
narrow:
{first}
  br label %test
test:
  %i = phi i64 [ 1, %narrow ], [ %next, %round ]
{phis}
  %more = icmp slt i64 %i, %blocks
  br i1 %more, label %round, label %done
round:
  %at = shl i64 %i, 6
  %block = getelementptr i8, ptr %data, i64 %at
{steps}
  %next = add i64 %i, 1
  br label %test
done:
{stores}
  ret i64 %blocks
}}

define internal i64 @symc_fold_pairs(ptr %data, i64 %blocks, ptr %rest) noinline #10 {{
entry:
{first_pair}
  br label %test
test:
  %i = phi i64 [ 2, %entry ], [ %next, %round ]
{pair_phis}
  %next = add i64 %i, 2
  %more = icmp sle i64 %next, %blocks
  br i1 %more, label %round, label %join
round:
  %at = shl i64 %i, 6
  %block = getelementptr i8, ptr %data, i64 %at
{prefetches}
{pair_steps}
  br label %test
join:
{joined}
  %is_odd = icmp slt i64 %i, %blocks
  br i1 %is_odd, label %last, label %done
last:
  %end = shl i64 %i, 6
  %final = getelementptr i8, ptr %data, i64 %end
{last_steps}
  br label %done
done:
{pair_stores}
  ret i64 %blocks
}}

attributes #9 = {{ nounwind "target-features"="+avx,+pclmul" }}
attributes #10 = {{ nounwind "target-features"="+avx2,+pclmul,+vpclmulqdq" }}
"""


def checksum_text(level: str) -> str:
    """LLVM IR of `symc_fold`; empty for CPUs that may lack the instruction, where zlib serves."""
    return _fold() if level.startswith("x86-64-") else ""


def _fold() -> str:
    narrow, pair = range(4), range(4)
    join = [line for i in range(2) for line in _shifted(WIDE, f"joined{i}", f"pair{i}", BLOCK_FACTORS, f"%pair{i + 2}")]
    last = [line for i in range(2) for line in _folded(WIDE, f"last{i}", f"joined{i}", BLOCK_FACTORS, "final", i)]
    ends = [f"  %end{i} = phi {WIDE.type} [ %joined{i}, %join ], [ %last{i}, %last ]" for i in range(2)]
    parts = {
        "first": _first(NARROW, "lane", narrow),
        "phis": [_phi(NARROW, "lane", i, "narrow") for i in narrow],
        "steps": [line for i in narrow for line in
                  _folded(NARROW, f"lane_next{i}", f"lane{i}", BLOCK_FACTORS, "block", i)],
        "stores": [line for i in narrow for line in _stored(NARROW, f"lane{i}", i)],
        "first_pair": _first(WIDE, "pair", pair),
        "pair_phis": [_phi(WIDE, "pair", i, "entry") for i in pair],
        "prefetches": [line for i in range(2) for line in _prefetched(AHEAD + 64 * i)],
        "pair_steps": [line for i in pair for line in
                       _folded(WIDE, f"pair_next{i}", f"pair{i}", PAIR_FACTORS, "block", i)],
        "joined": join, "last_steps": last,
        "pair_stores": [*ends, *(line for i in range(2) for line in _stored(WIDE, f"end{i}", i))]}
    return FOLD.format(**{name: "\n".join(lines) for name, lines in parts.items()})


def _first(vector: Vector, name: str, numbers: range) -> list[str]:
    """The vectors that the data begins with, onto which the register is added."""
    zeros = ", i64 0" * (vector.bytes // 8 - 1)
    return [*(line for i in numbers for line in _loaded(vector, f"{name}_data{i}", "data", i)),
            *(f"  %{name}_begun{i} = xor {vector.type} %{name}_data{i}, <i64 {REGISTER if i == 0 else 0}{zeros}>"
              for i in numbers)]


def _phi(vector: Vector, name: str, number: int, before: str) -> str:
    return (f"  %{name}{number} = phi {vector.type} [ %{name}_begun{number}, %{before} ], "
            f"[ %{name}_next{number}, %round ]")


def _loaded(vector: Vector, name: str, place: str, number: int) -> list[str]:
    return [f"  %{name}_at = getelementptr i8, ptr %{place}, i64 {vector.bytes * number}",
            f"  %{name} = load {vector.type}, ptr %{name}_at, align 1"]


def _stored(vector: Vector, name: str, number: int) -> list[str]:
    return [f"  %{name}_at = getelementptr i8, ptr %rest, i64 {vector.bytes * number}",
            f"  store {vector.type} %{name}, ptr %{name}_at, align 1"]


def _prefetched(distance: int) -> list[str]:
    return [f"  %ahead{distance} = getelementptr i8, ptr %block, i64 {distance}",
            f"  call void @llvm.prefetch.p0(ptr %ahead{distance}, i32 0, i32 3, i32 1)"]


def _folded(vector: Vector, name: str, before: str, factors: tuple[int, int], place: str, number: int) -> list[str]:
    """`before` shifted, plus vector `number` of the data at `place`."""
    return [*_loaded(vector, f"{name}_data", place, number),
            *_shifted(vector, name, before, factors, f"%{name}_data")]


def _shifted(vector: Vector, name: str, before: str, factors: tuple[int, int], added: str) -> list[str]:
    constant = ", ".join(f"i64 {factor}" for factor in factors * (vector.bytes // 16))
    kind = vector.type
    return [f"  %{name}_low = call {kind} {vector.multiply}({kind} %{before}, {kind} <{constant}>, i8 0)",
            f"  %{name}_high = call {kind} {vector.multiply}({kind} %{before}, {kind} <{constant}>, i8 17)",
            f"  %{name}_both = xor {kind} %{name}_low, %{name}_high",
            f"  %{name} = xor {kind} %{name}_both, {added}"]
