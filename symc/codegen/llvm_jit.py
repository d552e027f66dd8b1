"""Maps objects into this process with LLVM's LLJIT."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import llvmlite.binding as llvm

from symc.codegen.elf import read_symbols

_joined: list[object] = []      # what is mapped stays as long as these do


def map_object(image: bytes, imports: Mapping[str, int]) -> Mapping[str, int]:
    """Addresses of what an object defines.  imports: addresses of what it calls beside libc and libm."""
    names = sorted(read_symbols(image).defined)
    builder = llvm.JITLibraryBuilder().add_current_process().add_object_img(image)
    for name, address in imports.items():
        builder.import_symbol(name, address)
    for name in names:
        builder.export_symbol(name)
    joined = builder.link(_compiler(), f"symc{len(_joined)}")
    _joined.append(joined)
    return {name: joined[name] for name in names}


@functools.cache
def _compiler() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    return llvm.create_lljit_compiler(machine)
