"""CUDA C++ to machine code of GPUs (cubins), and to PTX, which drivers compile for GPUs to come.

By NVRTC, NVIDIA's compiler as a library, which the package `nvidia-cuda-nvrtc` brings; where there is none by nvcc.
Neither needs a GPU.  Finding a compiler loads nothing; the library is loaded by what compiles, a worker process.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from symc.errors import SymcError
from symc.runtime.images import Image, ImageKernel

DEFAULT_ARCHITECTURES = ("sm_80", "sm_90")
ARCHITECTURE = r"(?P<kind>sm|compute)_(?P<number>[1-9][0-9]{1,2})(?P<suffix>[af]?)"
OPTIONS = ("-std=c++17", "-default-device")
SPARING = "--register-usage-level=3"     # of ptxas, 5 of 10 by default: what takes many registers is left out
WHEELS = ("nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib")       # of CUDA 13, of CUDA 12
FOLDERS = ("/usr/local/cuda/lib64", "/usr/local/cuda/lib")
MISSING = ("pip install 'symc[cuda]' (a compiler of 90 MB; it needs no GPU and no driver), or put nvcc of the CUDA "
           "Toolkit on PATH")
# nvcc includes headers that declare these otherwise
OTHER_NAMES = "#define int64_t symc_int64_t\n#define uint64_t symc_uint64_t\n"


class Compiler(NamedTuple):
    """kind: 'nvrtc' or 'nvcc'.  version: as 13.0.88."""

    kind: str
    path: str
    version: str


# ---- which compiler ------------------------------------------------------------------------------------------------


@functools.cache
def find_compiler() -> Compiler:
    """NVRTC of the Python environment, of LD_LIBRARY_PATH or the CUDA Toolkit; else nvcc.  SymcError: there is none."""
    for folder in _folders():
        for path in sorted(folder.glob("libnvrtc.so.*"), key=lambda path: len(path.name)):
            return Compiler("nvrtc", str(path), _library_version(path))
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        raise SymcError("compiling for GPUs needs NVRTC or nvcc, and neither is installed", MISSING)
    return Compiler("nvcc", nvcc, _nvcc_version(nvcc))


def _folders() -> Iterator[Path]:
    for place in sys.path:
        yield from (Path(place) / wheel for wheel in WHEELS)
    yield from map(Path, filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)))
    yield from map(Path, FOLDERS)


def _library_version(path: Path) -> str:
    """By the name of the file that a link leads to; of a package, whose files have no links, by its description beside
    the folder `nvidia`."""
    version = path.resolve().name.partition(".so.")[2]
    if path.parent.as_posix().endswith(WHEELS):
        described = (found.name.removesuffix(".dist-info").split("-")[1]
                     for found in path.parents[3].glob("nvidia_cuda_nvrtc*-*.dist-info"))
        return next((one for one in described if one.startswith(version)), version)
    return version


def _nvcc_version(path: str) -> str:
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bV([0-9.]+)", told)
    if found is None:
        raise SymcError(f"{path} does not tell its version", MISSING)
    return found[1]


def named_architectures(names: Sequence[str] | None) -> list[str]:
    """What to compile for: the architectures, each once, and PTX for the cards that come after the newest of them.

    None: DEFAULT_ARCHITECTURES.  Where PTX is among the names (compute_90), that is the one.  SymcError: not a name.
    """
    given = list(dict.fromkeys(DEFAULT_ARCHITECTURES if names is None else names))
    unknown = [name for name in given if not re.fullmatch(ARCHITECTURE, name)]
    if unknown or not given:
        raise SymcError(f"there is no architecture {', '.join(map(repr, unknown)) or 'given'}",
                        "architectures of GPUs are named sm_80 (A100), sm_86, sm_89, sm_90 (H100), ...; compute_90 is "
                        "PTX for sm_90 and later")
    cubins = sorted((name for name in given if name.startswith("sm_")), key=_number)
    ptx = [name for name in given if name.startswith("compute_")] or [f"compute_{_number(cubins[-1])}"]
    return [*cubins, *sorted(ptx, key=_number)]


def _number(architecture: str) -> int:
    found = re.fullmatch(ARCHITECTURE, architecture)
    assert found is not None
    return int(found["number"])


# ---- compiling -----------------------------------------------------------------------------------------------------


def compile_image(compiler: Compiler, source: str, architecture: str) -> Image:
    """Code of a source file; where registers go to the stack, without the optimisations that need many.

    SymcError: the compiler does not know the architecture.  RuntimeError: it finds errors.
    """
    image = _compiled(compiler, source, architecture, ())
    if not _spilled(image):
        return image
    return min(image, _compiled(compiler, source, architecture, (SPARING,)), key=_spilled)


def _spilled(image: Image) -> int:
    return sum(kernel.spilled_bytes or 0 for kernel in image.kernels)


def _compiled(compiler: Compiler, source: str, architecture: str, for_ptxas: Sequence[str]) -> Image:
    if compiler.kind == "nvcc":
        return _by_nvcc(compiler.path, source, architecture, for_ptxas)
    library = _load(compiler.path)
    if _number(architecture) not in (known := _known(library)):
        raise SymcError(f"NVRTC {compiler.version} does not compile for {architecture}",
                        f"it compiles for {', '.join(f'sm_{number}' for number in known)}; other versions of NVRTC and "
                        "nvcc for others")
    return _by_nvrtc(library, source, architecture, for_ptxas)


@functools.cache
def _load(path: str) -> ctypes.CDLL:
    """The library; NVRTC looks for its builtins by name, and finds them when they are there already."""
    for builtins in sorted(Path(path).parent.glob("libnvrtc-builtins.so*"))[:1]:
        ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(path)


@functools.cache
def _known(library: ctypes.CDLL) -> tuple[int, ...]:
    count = ctypes.c_int()
    library.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    numbers = (ctypes.c_int * count.value)()
    library.nvrtcGetSupportedArchs(numbers)
    return tuple(numbers)


def _by_nvrtc(library: ctypes.CDLL, source: str, architecture: str, for_ptxas: Sequence[str]) -> Image:
    program = ctypes.c_void_p()
    if library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None):
        raise RuntimeError("NVRTC does not start")
    try:
        told = [f"--ptxas-options={option}" for option in ("-v", *for_ptxas)]
        options = [option.encode() for option in (*OPTIONS, f"--gpu-architecture={architecture}", *told)]
        failed = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = _told(library, program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
        if failed:
            raise RuntimeError(f"NVRTC: {_first_error(log)}")
        return image_of(_told(library, program, "PTX" if architecture.startswith("compute_") else "CUBIN"), source, log)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _told(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    """The log, or a result, of a program."""
    size = ctypes.c_size_t()
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(library, f"nvrtcGet{what}")(program, text)
    return text.raw


def _by_nvcc(path: str, source: str, architecture: str, for_ptxas: Sequence[str]) -> Image:
    import tempfile  # few networks are for GPUs

    with tempfile.TemporaryDirectory(prefix="symc-") as folder:
        (Path(folder) / "kernels.cu").write_text(OTHER_NAMES + source)
        kind = "-ptx" if architecture.startswith("compute_") else "-cubin"
        told = [part for option in ("-v", *for_ptxas) for part in ("-Xptxas", option)]
        done = subprocess.run([path, kind, f"-arch={architecture}", OPTIONS[0], *told, "-o", "kernels", "kernels.cu"],
                              cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode and re.search("gpu.arch", done.stderr):
            raise SymcError(f"{path} does not compile for {architecture}", "`nvcc --list-gpu-arch` lists what it knows")
        if done.returncode:
            raise RuntimeError(f"nvcc: {_first_error(done.stderr)}")
        code = (Path(folder) / "kernels").read_bytes()
        return image_of(code + b"\0" * (kind == "-ptx"), source, done.stderr)


def _first_error(log: str) -> str:
    lines = log.splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else "it says nothing")


# ---- what the compiler tells of kernels ----------------------------------------------------------------------------

KERNEL = r'extern "C" __global__ void (?:__launch_bounds__\(\d+(?:, *\d+)?\) )?(\w+)\('
USE = r"(?s)Compiling entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers([^\n]*)"


def image_of(code: bytes, source: str, log: str) -> Image:
    """Code with the names of its kernels, and what these use of a multiprocessor as ptxas told it.

    PTX, a text that ends in a zero, is not compiled yet: of its kernels no use is known.
    """
    uses = {name: ImageKernel(name, int(registers), int(spilled), _shared_bytes(rest))
            for name, spilled, registers, rest in re.findall(USE, log)}
    names = list(dict.fromkeys(re.findall(KERNEL, source)))      # each is declared first
    assert names and all(name.encode() in code for name in names), "the code lacks kernels of its source"
    return Image(tuple(uses.get(name, ImageKernel(name)) for name in names), code)


def _shared_bytes(told: str) -> int:
    found = re.search(r"(\d+) bytes smem", told)
    return int(found[1]) if found else 0
