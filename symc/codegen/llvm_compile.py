"""Compiles LLVM IR text to object code.

Levels of x86-64 are those of its psABI; a package holds one library for each.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import llvmlite.binding as llvm

from symc.codegen.llvm_schedule import Core


@dataclass(frozen=True, slots=True)
class Level:
    """A CPU to compile for: LLVM's names of it, and what schedules need to know."""

    triple: str
    cpu: str
    core: Core
    features: str = ""     # beyond those of the CPU

    @property
    def attributes(self) -> str:
        """Attribute group #0 of every generated function."""
        return f'attributes #0 = {{ "prefer-vector-width"="{self.core.vector_bytes * 8}" }}\n'


X86_64 = "x86_64-unknown-linux-gnu"
_V1 = Core(registers=14, vector_bytes=16)    # of 16: a product that is yet to be added takes one, its copied factor too
_V4 = Core(registers=32, vector_bytes=64, prefetched_bytes=16384)
LEVELS = {
    "x86-64": Level(X86_64, "x86-64", _V1),
    "x86-64-v3": Level(X86_64, "x86-64-v3", Core(registers=16, vector_bytes=32)),
    "x86-64-v4": Level(X86_64, "x86-64-v4", _V4),
    "x86-64-v4-bf16": Level(X86_64, "x86-64-v4", replace(_V4, has_pairs=True), "+avx512bf16"),
    "x86-64-v4-amx": Level(X86_64, "x86-64-v4", replace(_V4, has_pairs=True, has_tiles=True),
                           "+avx512bf16,+amx-tile,+amx-bf16"),
    "aarch64": Level("aarch64-unknown-linux-gnu", "generic", Core(registers=31, vector_bytes=16)),
}


def compile_object(text: str, level: str, optimise: bool = False) -> bytes:
    """Object code, position-independent, of the module `text`: symbols as they stand in it, libm may be called.

    Functions marked alwaysinline are inlined; nothing else is optimised before code generation unless `optimise`.
    """
    return _machine(level).emit_object(_module(text, level, optimise))


def assembly(text: str, level: str, optimise: bool = False) -> str:
    """What `compile_object` makes of a module, in the assembly language of the level."""
    return _machine(level).emit_assembly(_module(text, level, optimise))


def _module(text: str, level: str, optimise: bool) -> llvm.ModuleRef:
    """The module as it goes to code generation."""
    module = llvm.parse_assembly(text)
    module.verify()
    machine = _machine(level)
    module.triple = machine.triple
    if optimise:
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_unrolling = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    elif "alwaysinline" in text:
        passes = llvm.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return module


@functools.cache
def _machine(level: str) -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.initialize_native_asmparser()
    found = LEVELS[level]
    target = llvm.Target.from_triple(found.triple)
    return target.create_target_machine(cpu=found.cpu, features=found.features, opt=3, reloc="pic", codemodel="small")
