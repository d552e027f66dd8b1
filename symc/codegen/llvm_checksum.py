"""CRC-32 of weights, as LLVM IR: zlib's takes longer than all else that loading a package does.

    i64 symc_fold(ptr data, i64 blocks, ptr rest)

leaves in `rest` 64 bytes whose CRC-32, taken from the register 0, is that of `blocks` blocks of 64 bytes, of which
there is at least one; returns `blocks`.  Four lanes of 128 bits are multiplied by x^512 modulo the polynomial of
CRC-32, bits reflected, for each block (Gopal and others, Fast CRC Computation for Generic Polynomials Using PCLMULQDQ,
Intel, 2009).
"""

from __future__ import annotations

LANES = 4
FACTORS = (0x154442bd4, 0x1c6e41596)        # x^(512+64) and x^512 modulo the polynomial, times x, reflected

FOLD = """
declare <2 x i64> @llvm.x86.pclmulqdq(<2 x i64>, <2 x i64>, i8 immarg)

define i64 @symc_fold(ptr %data, i64 %blocks, ptr %rest) #9 {{
entry:
{first}
  %begun = xor <2 x i64> %first0, <i64 4294967295, i64 0>
  br label %test
test:
  %i = phi i64 [ 1, %entry ], [ %next, %round ]
{phis}
  %more = icmp slt i64 %i, %blocks
  br i1 %more, label %round, label %done
round:
  %at = shl i64 %i, 6
{steps}
  %next = add i64 %i, 1
  br label %test
done:
{stores}
  ret i64 %blocks
}}

attributes #9 = {{ nounwind "target-features"="+avx,+pclmul" }}
"""


def checksum_text(level: str) -> str:
    """LLVM IR of `symc_fold`; empty for CPUs that may lack the instruction, where zlib serves."""
    return _fold() if level.startswith("x86-64-") else ""


def _fold() -> str:
    first = [line for i in range(LANES) for line in _load("first", f"%data, i64 {16 * i}", i)]
    phis = [f"  %lane{i} = phi <2 x i64> [ {'%begun' if i == 0 else f'%first{i}'}, %entry ], [ %sum{i}, %round ]"
            for i in range(LANES)]
    steps = ["  %block = getelementptr i8, ptr %data, i64 %at", *(line for i in range(LANES) for line in _step(i))]
    stores = [line for i in range(LANES) for line in
              (f"  %rest_at{i} = getelementptr i8, ptr %rest, i64 {16 * i}",
               f"  store <2 x i64> %lane{i}, ptr %rest_at{i}, align 1")]
    return FOLD.format(first="\n".join(first), phis="\n".join(phis), steps="\n".join(steps), stores="\n".join(stores))


def _load(name: str, place: str, lane: int) -> list[str]:
    return [f"  %{name}_at{lane} = getelementptr i8, ptr {place}",
            f"  %{name}{lane} = load <2 x i64>, ptr %{name}_at{lane}, align 1"]


def _step(lane: int) -> list[str]:
    low, high = FACTORS
    factors = f"<2 x i64> <i64 {low}, i64 {high}>"
    return [*_load("next", f"%block, i64 {16 * lane}", lane),
            f"  %low{lane} = call <2 x i64> @llvm.x86.pclmulqdq(<2 x i64> %lane{lane}, {factors}, i8 0)",
            f"  %high{lane} = call <2 x i64> @llvm.x86.pclmulqdq(<2 x i64> %lane{lane}, {factors}, i8 17)",
            f"  %both{lane} = xor <2 x i64> %low{lane}, %high{lane}",
            f"  %sum{lane} = xor <2 x i64> %both{lane}, %next{lane}"]
