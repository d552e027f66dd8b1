"""TIR kernels to LLVM IR text, by way of TVM.

The kernels arrive flat, vectorised and simplified: no pass of TVM's is left to run, and LLVM IR is optimised later.
Pointers are plain arguments, aligned to an element; nothing of TVM's runtime is called.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import tvm
from tvm import tirx

from symc.codegen.group_code import Parameter
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_math import substitute_vector_math
from symc.codegen.llvm_random import define_generator
from symc.codegen.tir_divide import without_floor_division
from symc.codegen.tir_emit import Emitter, sequence
from symc.codegen.tir_machine import Jobs, Launch
from symc.codegen.tir_memory import Buffer

LIBM = frozenset(name + suffix for suffix in ("", "f") for name in (
    "acosh", "asinh", "atanh", "cbrt", "erf", "expm1", "fmod", "hypot", "lgamma", "log1p", "tgamma"))
PROVIDED = ("llvm.", "symc.")
MOST_SHARED = 48 << 10      # bytes that a block of threads may declare on every GPU


@dataclass(eq=False)
class TirKernel:
    """A kernel before compilation: its body works on the jobs within the bounds, or on all of a launch.

    constant: buffers that no thread writes, by whichever parameter.
    """

    symbol: str
    parameters: tuple[tuple[Parameter, Buffer], ...]
    jobs: int
    bounds: Jobs | Launch
    body: tirx.Stmt | None
    constant: tuple[Buffer, ...] = ()

    def function(self, target: tvm.target.Target) -> tirx.PrimFunc:
        """The function symbol(ptr..., i64 begin, i64 end).  TVM has it return an i32 0, which its callers ignore.
        Of a launch symbol(ptr...), which returns nothing."""
        pointers, declarations = [], []
        for _, buffer in self.parameters:
            element = tvm.ir.PrimType(str(buffer.var.dtype))
            pointers.append(tirx.Var(f"{buffer.name}_pointer", tvm.ir.PointerType(element)))
            declarations.append(tirx.DeclBuffer(buffer.var, data=pointers[-1]))
        body = sequence([*declarations, self.body] if self.body is not None else [tirx.Evaluate(0)])
        if isinstance(self.bounds, Launch):
            function = tirx.PrimFunc(pointers, body)
            return function.with_attrs({"global_symbol": self.symbol, "target": target, "calling_conv": 2})
        function = tirx.PrimFunc([*pointers, self.bounds.begin, self.bounds.end], body,
                                 ret_type=tvm.ir.PrimType("int32"))
        return function.with_attrs({"global_symbol": self.symbol, "target": target, "calling_conv": 0})


def kernel_of(emitter: Emitter, symbol: str, parameters: Sequence[tuple[Parameter, Buffer]], jobs: int,
              bounds: Jobs | Launch, constant: Sequence[Buffer] = ()) -> TirKernel:
    """The kernel whose only statement at the root is what walks its jobs: no code escapes the schedule, and what
    threads share has room on any GPU."""
    (root,) = emitter.levels
    scheduled = tirx.AttrStmt if isinstance(bounds, Launch) else tirx.For
    assert len(root.statements) == 1 and isinstance(root.statements[0], scheduled), f"{symbol} is not scheduled"
    assert emitter.shared_bytes <= MOST_SHARED, f"the threads of {symbol} share {emitter.shared_bytes} bytes"
    body = without_floor_division(root.statements[0], emitter.analyzer)
    return TirKernel(symbol, tuple(parameters), jobs, bounds, body, tuple(constant))


def llvm_text(kernels: Sequence[TirKernel], level: str) -> str:
    """LLVM IR of the kernels for a CPU level, ready for `compile_object`."""
    target = target_of(level)
    module = tvm.IRModule({kernel.symbol: kernel.function(target) for kernel in kernels})
    built = tvm.get_global_func("target.build.llvm")(module, target)
    text = define_generator(substitute_vector_math(plain_module(built.inspect_source("ll"), level)))
    foreign = {name for name in undefined_symbols(text) if name not in LIBM and not name.startswith(PROVIDED)}
    assert not foreign, f"kernels call {', '.join(sorted(foreign))}"
    return text


def plain_module(text: str, level: str) -> str:
    """TVM's module less its runtime's variables, start-up code, debug information and alias metadata.

    The aliases TVM declares do not hold: an output may be written in the place of an input.
    """
    functions = re.findall(r"^define [^\n]*\n.*?^}\n", text, re.MULTILINE | re.DOTALL)
    kept = [function.replace("dllexport ", "") for function in functions if "@__tvm" not in function.split("(")[0]
            and (level == "x86-64" or not re.match(r"define [^\n]*@__\w+hf", function))]
    body = "\n".join(kept)
    body = re.sub(r"(?:,)? !(?:dbg|tbaa|prof|llvm\.loop) !\d+", "", body)
    body = re.sub(r"^ *#dbg_[^\n]*\n", "", body, flags=re.MULTILINE)
    body = re.sub(r"\) (?:local_unnamed_addr )?#\d+ \{", ") #0 {", re.sub(r"(call [^\n]*\)) #\d+", r"\1", body))
    declared = re.findall(r"^declare [^\n]*@([\w.]+)\([^\n]*", text, re.MULTILINE)
    lines = re.findall(r"^declare [^\n]*", text, re.MULTILINE)
    needed = [re.sub(r" #\d+$", " nounwind", line) for name, line in zip(declared, lines, strict=True)
              if f"@{name}(" in body]
    return "\n".join([body, *needed, LEVELS[level].attributes])


def undefined_symbols(text: str) -> set[str]:
    """The functions that a module calls and does not define."""
    return {match[1].strip('"') for match in re.finditer(r'^declare [^@\n]*@("[^"]*"|[\w.$]+)\(', text, re.MULTILINE)}


@functools.cache
def target_of(level: str) -> tvm.target.Target:
    found = LEVELS[level]
    return tvm.target.Target({"kind": "llvm", "mcpu": found.cpu, "mtriple": found.triple, "opt-level": 0})
