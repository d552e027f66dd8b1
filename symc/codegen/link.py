"""Joins the objects of a plan, kernels and driver, into a shared library.  `map_object` joins them in this process.

The library exports the driver's functions alone; kernels stay visible to debuggers and profilers under their names.
It needs libc.so.6 and libm.so.6 without symbol versions, so that it loads with an older glibc than that of the
machine it was made on, and no header or development file of a C library is needed to make it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from symc.codegen.elf import read_symbols
from symc.errors import SymcError
from symc.runtime.library import DESCRIPTOR, DESCRIPTOR_OF_BATCH, EXPORTS

NEEDED = ("libm.so.6", "libc.so.6")
# What kernels and driver may refer to besides each other; the first is the linker's own.
LIBC = """_GLOBAL_OFFSET_TABLE_ memcpy memmove memset memcmp aligned_alloc calloc free syscall sched_yield sigfillset
    pthread_create pthread_join pthread_sigmask"""
LIBM = """acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor fma fmax fmin
    fmod hypot ldexp lgamma log log10 log1p log2 nearbyint pow rint round sin sincos sinh sqrt tan tanh tgamma trunc"""
ALLOWED = frozenset(LIBC.split()) | {name + suffix for name in LIBM.split() for suffix in ("", "f")}
OPTIONS = ("-shared", "--no-as-needed", "--build-id=none", "--hash-style=gnu",
           "-z", "now", "-z", "noexecstack", "-z", "relro")


def link_shared(objects: Sequence[bytes], path: Path) -> None:
    """Write the shared library at `path`, whole or not at all; equal objects give equal bytes.

    SymcError: this machine has no linker for the architecture of the objects, or it fails.
    """
    architecture = check_objects(objects)
    linker = find_linker(architecture)
    with tempfile.TemporaryDirectory(prefix="symc-") as name:
        folder = Path(name)
        for number, image in enumerate(objects):
            (folder / f"{number}.o").write_bytes(image)
        # equal names in every folder: linkers write them into what they make
        (folder / "objects").write_text("\n".join(f"{number}.o" for number in range(len(objects))))
        (folder / "exports").write_text(f"{{ global: {'; '.join(exports(objects))}; local: *; }};\n")
        (folder / "nothing").write_text("{ local: *; };\n")
        for needed in NEEDED:
            _run(linker, folder, "--version-script=nothing", f"-soname={needed}", f"-o{needed}", "0.o")
        _run(linker, folder, "--version-script=exports", "-soname=symc", "-olinked", "@objects", *NEEDED)
        _move(folder / "linked", path)


def exports(objects: Sequence[bytes]) -> list[str]:
    """Those of the objects' functions that the runtime calls."""
    defined = sorted({name for image in objects for name in read_symbols(image).defined})
    plain = (*EXPORTS, DESCRIPTOR, DESCRIPTOR_OF_BATCH)
    return [name for name in defined if name in plain or re.fullmatch("symc_run_[0-9]+", name)]


def _run(linker: Sequence[str], folder: Path, *arguments: str) -> None:
    command = [*linker, *_for_linker(linker, [*OPTIONS, *arguments])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SymcError(f"the linker {linker[0]} fails: {(done.stderr or done.stdout).strip()[:2000]}",
                        f"the command was: {' '.join(command)}")


def _for_linker(linker: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Arguments of ld as a compiler driver takes them, when `linker` is one."""
    if "-nostdlib" not in linker:
        return list(arguments)
    return [f"-Wl,{item}" if item.startswith(("--", "-soname")) else item for item in arguments]


def find_linker(architecture: str) -> list[str]:
    """Command of the first linker found for 'x86_64' or 'aarch64'.  SymcError: there is none."""
    emulation = {"x86_64": "elf_x86_64", "aarch64": "aarch64linux"}[architecture]
    native = [["ld"], ["cc", "-nostdlib"], ["gcc", "-nostdlib"]] if os.uname().machine == architecture else []
    cross = [[f"{architecture}-linux-gnu-ld"], ["ld.lld", "-m", emulation],
             ["clang", "-nostdlib", f"--target={architecture}-linux-gnu", "-fuse-ld=lld"]]
    for command in (*native, *cross):
        if shutil.which(command[0]):
            return command
    raise SymcError(f"no linker for {architecture} on this machine",
                    "install binutils (or lld), or run the network here without writing a package")


def _move(source: Path, path: Path) -> None:
    """Put a finished file in its place in one step, although the temporary folder may lie on another disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, beside)
        beside.chmod(0o755)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_objects(objects: Sequence[bytes]) -> str:
    """The architecture of the objects.  Asserts that they need nothing but each other, libc and libm."""
    symbols = [read_symbols(image) for image in objects]
    defined = {name for one in symbols for name in one.defined}
    for number, one in enumerate(symbols):
        missing = sorted(one.undefined - defined - ALLOWED)
        assert not missing, f"object {number} ({', '.join(sorted(one.defined)[:2])}) calls {', '.join(missing)}"
    assert len({one.architecture for one in symbols}) == 1, "objects of several architectures"
    return symbols[0].architecture
