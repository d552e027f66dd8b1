"""Maps objects into this process with LLVM's LLJIT.  What is mapped stays until the process ends: threads of the team
may run in it, and the next plan may need the same kernel."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Mapping

import llvmlite.binding as llvm

from symc.codegen.elf import read_symbols

_lock = threading.Lock()
_mapped: dict[bytes, tuple[Mapping[str, int], object]] = {}


def addresses_in(image: bytes, imports: Mapping[str, int] | None = None) -> Mapping[str, int]:
    """Addresses of the symbols that an object defines; equal objects are mapped once.

    imports: addresses of what it calls beside libc and libm, which come from this process.
    """
    key = hashlib.sha256(image).digest()
    with _lock:
        if key not in _mapped:
            _mapped[key] = _map(image, imports or {}, f"symc{len(_mapped)}")
        return _mapped[key][0]


def _map(image: bytes, imports: Mapping[str, int], title: str) -> tuple[Mapping[str, int], object]:
    names = sorted(read_symbols(image).defined)
    builder = llvm.JITLibraryBuilder().add_current_process().add_object_img(image)
    for name, address in imports.items():
        builder.import_symbol(name, address)
    for name in names:
        builder.export_symbol(name)
    joined = builder.link(_compiler(), title)
    return {name: joined[name] for name in names}, joined


@functools.cache
def _compiler() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    return llvm.create_lljit_compiler(machine)
