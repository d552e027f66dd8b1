"""What every source file of kernels in CUDA C++ begins with.

No header is included, so that a kernel compiles in a tenth of a second, and the texts compile for the host too
(`tests/cuda/emulation.h`).
"""

from __future__ import annotations

import functools

from symc.ops.random import threefry

GENERATOR = "symc_threefry"

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


def source_of(text: str) -> str:
    """The source file of a text of `tir_cuda.cuda_text`."""
    return PRELUDE + (generator_text() if f"{GENERATOR}(" in text else "") + text


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
