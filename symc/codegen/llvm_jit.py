"""Joins objects in this process with LLVM's LLJIT."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import llvmlite.binding as llvm

from symc.runtime.library import EXPORTS, Library

_numbers = count()
_kept: list[object] = []


def join_in_process(objects: Sequence[bytes]) -> Library:
    """Map kernel objects and the driver, and resolve what they call; libc and libm come from this process.

    The code stays mapped until the process ends: threads of the team may run in it.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    compiler = llvm.create_lljit_compiler(machine)
    builder = llvm.JITLibraryBuilder().add_current_process()
    for image in objects:
        builder.add_object_img(image)
    for name in EXPORTS:
        builder.export_symbol(name)
    joined = builder.link(compiler, f"symc{next(_numbers)}")
    _kept.extend((compiler, joined))
    return Library({name: joined[name] for name in EXPORTS})
