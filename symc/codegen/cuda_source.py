"""What every source file of kernels in CUDA C++ begins with.

No header is included, so that a kernel compiles in a tenth of a second, and the texts compile for the host too
(`tests/cuda/emulation.h`).
"""

from __future__ import annotations

import functools

from symc.ops.random import threefry

GENERATOR = "symc_threefry"
ALIGNED = "symc_aligned"    # (pointer): whether 16 bytes may be loaded from there at once
WORDS = "symc_words"        # (integers, pointer): loads 16 bytes
ATOMIC = "symc_add"     # (pointer, number): adds to what many threads add to

# `half` has no arithmetic: kernels compute in float32.
PRELUDE = """\
typedef signed char int8_t;
typedef short int16_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
#define CUDART_INF_F __int_as_float(0x7f800000)
#define CUDART_NAN_F __int_as_float(0x7fffffff)
#define CUDART_INF __longlong_as_double(0x7ff0000000000000ull)
#define CUDART_NAN __longlong_as_double(0xfff8000000000000ull)
struct half {
  unsigned short bits;
  __device__ half() {}
  __device__ half(float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
  __device__ operator float() const { float x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits)); return x; }
};
"""

# Factors in words of 32 bits, and the matrix instruction over them as `tir_grid_mma.py` says.  What has no such
# instruction, and the host, multiplies the same by shuffles.
MATRICES = """\
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define SYMC_MATRICES(kind, shape, type, factor) \\
static __device__ __forceinline__ void symc_multiply_##kind(float *sums, const int *left, const int *right) { \\
  asm("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, " \\
      "{%0, %1, %2, %3};" : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]) \\
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1])); \\
}
#else
#ifndef SYMC_SHARE
#define SYMC_SHARE(left, right)
#define SYMC_SHARED()
#define SYMC_LEFT(i, lane) __shfl_sync(0xffffffffu, left[i], lane)
#define SYMC_RIGHT(i, lane) __shfl_sync(0xffffffffu, right[i], lane)
#endif
#define SYMC_MATRICES(kind, shape, type, factor) \\
static __device__ void symc_multiply_##kind(float *sums, const int *left, const int *right) { \\
  int lane = threadIdx.x & 31, row = lane & ~3, column = (lane & 3) * 8; \\
  SYMC_SHARE(left, right); \\
  for (int k = 0; k < 8; ++k) { \\
    int a[2], b[2]; \\
    for (int i = 0; i < 2; ++i) { \\
      a[i] = SYMC_LEFT(k / 4 * 2 + i, row + k % 4); \\
      b[i] = SYMC_RIGHT(k / 4, column + i * 4 + k % 4); \\
    } \\
    for (int i = 0; i < 4; ++i) { \\
      for (int part = 0; part < sizeof(int) / sizeof(factor); ++part) \\
        sums[i] += symc_factor((factor)(a[i / 2] >> 16 * part)) * symc_factor((factor)(b[i % 2] >> 16 * part)); \\
    } \\
  } \\
  SYMC_SHARED(); \\
}
#endif
struct symc_f16 { ushort bits; __device__ symc_f16(int x) : bits(x) {} };
struct symc_bf16 { ushort bits; __device__ symc_bf16(int x) : bits(x) {} };
static __device__ float symc_factor(symc_f16 x) { return (float)*(half *)&x; }
static __device__ float symc_factor(symc_bf16 x) { return __int_as_float(x.bits << 16); }
static __device__ float symc_factor(int x) { return __int_as_float(x); }
SYMC_MATRICES(f16, "m16n8k16", "f16", symc_f16)
SYMC_MATRICES(bf16, "m16n8k16", "bf16", symc_bf16)
SYMC_MATRICES(tf32, "m16n8k8", "tf32", int)
static __device__ int symc_pack_f16(float x, float y) {
  half low(x), high(y);
  return *(ushort *)&low | *(ushort *)&high << 16;
}
static __device__ int symc_pack_bf16(float x, float y) {
  return (uint)__float_as_int(x) >> 16 | __float_as_int(y) & 0xffff0000;
}
static __device__ int symc_pack_tf32(float x) {
  int bits = __float_as_int(x);
  return (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
}
"""

# What has no such instruction exchanges words until nobody came between.
ATOMICS = """\
static __device__ void symc_add(float *place, float value) { atomicAdd(place, value); }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 600
static __device__ void symc_add(double *place, double value) {
  unsigned long long *word = (unsigned long long *)place, seen = *word, expected;
  do {
    expected = seen;
    seen = atomicCAS(word, expected, (unsigned long long)__double_as_longlong(__longlong_as_double(expected) + value));
  } while (seen != expected);
}
#else
static __device__ void symc_add(double *place, double value) { atomicAdd(place, value); }
#endif
static __device__ void symc_add(half *place, half value) {
  uint *word = (uint *)((uint64_t)place & ~3ull), shift = ((uint64_t)place & 2) * 8, seen = *word, expected;
  do {
    expected = seen;
    ushort bits = expected >> shift;
    half sum((float)*(half *)&bits + (float)value);
    seen = atomicCAS(word, expected, (expected & ~(0xffffu << shift)) | (uint)*(ushort *)&sum << shift);
  } while (seen != expected);
}
"""

ALIGNMENT = """\
static __device__ bool symc_aligned(const void *place) { return ((uint64_t)place & 15) == 0; }
static __device__ void symc_words(int *words, const void *place) {
  const int4 loaded = *(const int4 *)place;     // `words` may begin at any integer
  words[0] = loaded.x, words[1] = loaded.y, words[2] = loaded.z, words[3] = loaded.w;
}
"""


def source_of(text: str) -> str:
    """The source file of a text of `tir_cuda.cuda_text`."""
    return PRELUDE + functions_of(text) + text


def functions_of(text: str) -> str:
    """The functions that a text calls, which are the same for the host."""
    needed = ((f"{GENERATOR}(", generator_text()), ("symc_multiply_", MATRICES), (f"{ATOMIC}(", ATOMICS),
              (f"{ALIGNED}(", ALIGNMENT))
    return "".join(functions for name, functions in needed if name in text)


@functools.cache
def generator_text() -> str:
    """The random generator of `ops/random.py`: GENERATOR(element, number, key), the key's and the block's lower words
    in the lower halves of 64 bits."""
    statements: list[str] = []
    low, high, element, number = (_Word(name, statements) for name in ("low", "high", "element", "number"))
    x, y = threefry(_Word.rotated, (low, high), (element, number))
    return (f"static __device__ int64_t {GENERATOR}(uint32_t element, uint32_t number, int64_t key) {{\n"
            "  uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);\n"
            + "".join(f"  {statement}\n" for statement in statements)
            + f"  return (int64_t)((uint64_t){y.name} << 32 | {x.name});\n}}\n")


class _Word:
    """A uint32_t of C; operators on it append statements."""

    def __init__(self, name: str, statements: list[str]) -> None:
        self.name, self.statements = name, statements

    def _new(self, expression: str) -> _Word:
        name = f"t{len(self.statements)}"
        self.statements.append(f"uint32_t {name} = {expression};")
        return _Word(name, self.statements)

    def __add__(self, other: _Word | int) -> _Word:
        return self._new(f"{self.name} + {_operand(other)}")

    def __xor__(self, other: _Word | int) -> _Word:
        return self._new(f"{self.name} ^ {_operand(other)}")

    def rotated(self, count: int) -> _Word:
        return self._new(f"{self.name} << {count} | {self.name} >> {32 - count}")


def _operand(value: _Word | int) -> str:
    return value.name if isinstance(value, _Word) else f"{value}u"
