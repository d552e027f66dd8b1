"""TIR kernels to CUDA C++, by way of TVM, and what every such text begins with.

TVM prints the bodies; its own prelude goes, because ours needs no header, so that a kernel compiles in a tenth of a
second and the text compiles for the host too (`tests/cuda_emulation`).  Math functions are those of C, in the widths
that CUDA has; nothing is fast math.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tvm
from tvm import tirx
from tvm.target.codegen import llvm_get_intrinsic_name
from tvm_ffi import structural_map

from symc.codegen.tir_module import TirKernel
from symc.frontend.te_math import Expr
from symc.ops.random import threefry

INTRINSICS = frozenset(("exp", "log", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
                        "tanh", "sqrt", "fabs", "floor", "ceil", "trunc", "pow"))
SYNCHRONISE, SHUFFLE = "__syncthreads", "__shfl_xor_sync"
GENERATOR = "symc_threefry"
NAMED = {"symc.threefry.i32": GENERATOR}    # functions that CUDA's names cannot spell

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


def cuda_text(kernels: Sequence[TirKernel]) -> str:
    """CUDA C++ of kernels that are launches, without PRELUDE.  Each is `extern "C" void symbol(pointers...)`."""
    functions = {kernel.symbol: kernel.function(target()) for kernel in kernels}
    module = tvm.IRModule({symbol: function.with_body(structural_map(function.body, [(tvm.ir.Call, _cuda_call)]))
                           for symbol, function in functions.items()})
    text = tvm.get_global_func("target.build.cuda")(module, target()).inspect_source()
    return text[text.index('extern "C" __global__'):].replace("alignas(64) ", "")   # of single variables


def source_of(text: str) -> str:
    """The source file of a text of `cuda_text`."""
    return PRELUDE + (generator_text() if f"{GENERATOR}(" in text else "") + text


def _cuda_call(call: tvm.ir.Call) -> Expr:
    """LLVM's intrinsics, which are what `te_math` calls, by the names of CUDA's functions."""
    name, arguments = getattr(call.op, "name", ""), call.args
    if name == "tirx.call_llvm_pure_intrin":
        function = llvm_get_intrinsic_name(arguments[0].value).removeprefix("llvm.")
        assert function in INTRINSICS, f"CUDA has no function for llvm.{function}"
        return tirx.call_pure_extern(str(call.ty), function + ("f" if str(call.ty) == "float32" else ""),
                                     *arguments[1:])
    if name == "tirx.call_pure_extern" and arguments[0].value in NAMED:
        return tirx.call_pure_extern(str(call.ty), NAMED[arguments[0].value], *arguments[1:])
    return call


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


@functools.cache
def target() -> tvm.target.Target:
    """Any GPU of CUDA: what the text depends on."""
    return tvm.target.Target({"kind": "cuda", "arch": "sm_80", "max_threads_per_block": 1024,
                              "max_shared_memory_per_block": 49152, "thread_warp_size": 32})
