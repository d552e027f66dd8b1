"""What one core of a machine can do, as LLVM IR: the two functions by which `symc bench` measures its peaks.

    i64 symc_probe_arithmetic(ptr memory, i64 count)      count rounds of fused multiply-adds; float32 operations done
    i64 symc_probe_memory(ptr memory, i64 count)          reads count bytes; bytes read

Both begin with values found in `memory`, which has at least 1 KiB, and leave one there, so that nothing is optimised
away.  Twelve chains of multiply-adds hide their latency on cores that begin two of four cycles each in every cycle,
and fit sixteen registers with their two factors.
"""

from __future__ import annotations

from collections.abc import Collection

NARROW, WIDE, WIDEST = 4, 8, 16     # float32 in the vectors that every level has, and those of AVX and of AVX-512
CHAINS = 12
LINE, LINES = 64, 4         # bytes of a cache line; those read in one round

ARITHMETIC = """
declare {vector} @llvm.fmuladd.{suffix}({vector}, {vector}, {vector})

define i64 @symc_probe_arithmetic(ptr %memory, i64 %count) #8 {{
entry:
  %factor = load {vector}, ptr %memory, align 4
  %other_at = getelementptr {vector}, ptr %memory, i64 1
  %other = load {vector}, ptr %other_at, align 4
  br label %round
round:
  %i = phi i64 [ 0, %entry ], [ %next, %round ]
{phis}
{steps}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %round, label %done
done:
{sums}
  %result_at = getelementptr i8, ptr %memory, i64 512
  store {vector} %sum{last}, ptr %result_at, align 4
  %operations = mul i64 %count, {operations}
  ret i64 %operations
}}
"""

MEMORY = """
define i64 @symc_probe_memory(ptr %memory, i64 %count) #8 {{
entry:
  br label %round
round:
  %i = phi i64 [ 0, %entry ], [ %next, %round ]
  %even = phi <8 x i64> [ zeroinitializer, %entry ], [ %value{even}, %round ]
  %odd = phi <8 x i64> [ zeroinitializer, %entry ], [ %value{odd}, %round ]
{steps}
  %next = add i64 %i, {bytes}
  %behind = add i64 %next, {bytes}
  %more = icmp sle i64 %behind, %count
  br i1 %more, label %round, label %done
done:
  %seen = xor <8 x i64> %value{even}, %value{odd}
  store <8 x i64> %seen, ptr %memory, align 4
  ret i64 %next
}}

attributes #8 = {{ nounwind "prefer-vector-width"="512" }}
"""


def lanes_of(features: Collection[str]) -> int:
    """How many float32 the vectors of a CPU hold that has these features (of `package.LEVELS`).

    Not asked of `llvm_compile.LEVELS`, which schedules ask: a network whose kernels are in the cache needs no LLVM.
    """
    if "avx512f" in features:
        return WIDEST
    return WIDE if "avx" in features else NARROW


def probe_text(lanes: int) -> str:
    """LLVM IR of both functions, for registers of `lanes` float32."""
    return _arithmetic(lanes) + _memory()


def _arithmetic(lanes: int) -> str:
    vector, suffix = f"<{lanes} x float>", f"v{lanes}f32"
    phis = [f"  %chain{i} = phi {vector} [ %other, %entry ], [ %value{i}, %round ]" for i in range(CHAINS)]
    steps = [f"  %value{i} = call {vector} @llvm.fmuladd.{suffix}({vector} %chain{i}, {vector} %factor, "
             f"{vector} %other)" for i in range(CHAINS)]
    sums = [f"  %sum{i} = fadd {vector} %{f'sum{i - 1}' if i > 1 else 'value0'}, %value{i}" for i in range(1, CHAINS)]
    return ARITHMETIC.format(vector=vector, suffix=suffix, phis="\n".join(phis), steps="\n".join(steps),
                             sums="\n".join(sums), last=CHAINS - 1, operations=2 * CHAINS * lanes)


def _memory() -> str:
    steps = []
    for i in range(LINES):
        before = f"%value{i - 2}" if i > 1 else ("%even", "%odd")[i]
        steps += [f"  %offset{i} = add i64 %i, {i * LINE}", f"  %at{i} = getelementptr i8, ptr %memory, i64 %offset{i}",
                  f"  %line{i} = load <8 x i64>, ptr %at{i}, align 4",
                  f"  %value{i} = xor <8 x i64> {before}, %line{i}"]
    return MEMORY.format(steps="\n".join(steps), even=LINES - 2, odd=LINES - 1, bytes=LINE * LINES)
