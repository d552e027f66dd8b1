"""TIR kernels to CUDA C++, by way of TVM.

TVM prints the bodies; `cuda_source.PRELUDE` stands in place of its own prelude.  Math functions are those of C, in the
widths that CUDA has; nothing is fast math.
"""

from __future__ import annotations

import functools
import math
import re
import struct
from collections.abc import Sequence

import tvm
from tvm import tirx
from tvm.target.codegen import llvm_get_intrinsic_name
from tvm_ffi import structural_map

from symc.codegen.cuda_source import GENERATOR
from symc.codegen.tir_module import TirKernel
from symc.frontend.te_math import Expr

INTRINSICS = frozenset(("exp", "log", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
                        "tanh", "sqrt", "fabs", "floor", "ceil", "trunc", "pow"))
BITS = "__longlong_as_double"
NAMED = {"symc.threefry.i32": GENERATOR}    # functions that CUDA's names cannot spell


def cuda_text(kernels: Sequence[TirKernel]) -> str:
    """CUDA C++ of kernels that are launches, for `cuda_source.source_of`.  Each is `extern "C" void
    symbol(pointers...)`."""
    functions = {kernel.symbol: kernel.function(target()) for kernel in kernels}
    module = tvm.IRModule({symbol: function.with_body(structural_map(function.body, SPELLED))
                           for symbol, function in functions.items()})
    text = tvm.get_global_func("target.build.cuda")(module, target()).inspect_source()
    text = text[text.index('extern "C" __global__'):]
    text = text.replace("__shared__ alignas(64)", "alignas(64) __shared__")      # as C++ has it
    text = re.sub(r"alignas\(64\) (\w+ \w+\[1\])", r"\1", text)
    for kernel in kernels:
        text = _with_constants(text, kernel)
    return text


def _with_constants(text: str, kernel: TirKernel) -> str:
    """Declare what the kernel only reads, so that it goes through the cache of constants."""
    def declared(match: re.Match[str]) -> str:
        names = "|".join(f"{buffer.name}_pointer" for buffer in kernel.constant)
        return re.sub(rf"(\w+)\* ({names})\b", r"const \1* __restrict__ \2", match[0]) if names else match[0]
    return re.sub(rf"\b{kernel.symbol}\([^)]*\)", declared, text)


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


def _exact(number: tirx.FloatImm) -> Expr:
    """TVM prints float64 with 15 places behind the point; those for whom this is not enough, by their bits."""
    value = number.value
    if str(number.ty) != "float64" or not math.isfinite(value) or float(f"{value:.15f}") == value:
        return number
    return tirx.call_pure_extern("float64", BITS, tirx.const(struct.unpack("<q", struct.pack("<d", value))[0], "int64"))


SPELLED = [(tvm.ir.Call, _cuda_call), (tirx.FloatImm, _exact)]


@functools.cache
def target() -> tvm.target.Target:
    """Any GPU of CUDA: what the text depends on."""
    return tvm.target.Target({"kind": "cuda", "arch": "sm_80", "max_threads_per_block": 1024,
                              "max_shared_memory_per_block": 49152, "thread_warp_size": 32})
