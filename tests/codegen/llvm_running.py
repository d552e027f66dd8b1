"""Runs generated LLVM IR in tests: in this process, over buffers that end (or begin) at a forbidden page."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence

import llvmlite.binding as llvm
import numpy as np

from symc.codegen.llvm_compile import compile_object
from symc.ir.types import DType, TensorType, parse_layout

HOST_LEVEL = "x86-64-v3"   # what every machine that runs the tests has; wider vectors are split by LLVM
_kept: list[object] = []
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def load_function(text: str, name: str, *argument_types: type, level: str = HOST_LEVEL) -> Callable[..., None]:
    """Compile the module `text` and get its void function `name`."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    compiler = llvm.create_lljit_compiler(machine)
    builder = llvm.JITLibraryBuilder().add_current_process().add_object_img(compile_object(text, level))
    library = builder.export_symbol(name).link(compiler, f"test{len(_kept)}")
    _kept.append((compiler, library))
    return ctypes.CFUNCTYPE(None, *argument_types)(library[name])


def guarded(array: np.ndarray, at_end: bool = True) -> np.ndarray:
    """A copy that ends right before a page that may not be touched, or begins right behind one."""
    page = mmap.PAGESIZE
    pages = -(-array.nbytes // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    raw = np.frombuffer(memory, np.uint8)
    for first in (0, pages + 1):
        assert _libc.mprotect(raw.ctypes.data + first * page, page, 0) == 0
    start = page + (pages * page - array.nbytes if at_end else 0)
    copy = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    _kept.append(memory)
    return copy


def _physical_indices(type: TensorType) -> tuple[np.ndarray, ...]:
    """For every logical element, where it lies in the physical array."""
    if type.layout is None:
        return tuple(np.indices(type.dims))
    rest = list(np.indices(type.dims))
    found: list[np.ndarray] = []
    for dim in reversed(parse_layout(type.layout)):
        found.insert(0, rest[dim.axis] % dim.block if dim.block > 1 else rest[dim.axis])
        rest[dim.axis] = rest[dim.axis] // dim.block
    return tuple(found)


def pack(array: np.ndarray, type: TensorType) -> np.ndarray:
    """`array` in the type's layout; pad lanes are NaN."""
    nothing = 0x7FC0 if type.element is DType.bfloat16 else np.nan
    packed = np.full(type.physical, nothing, type.element.numpy)
    packed[_physical_indices(type)] = array
    return packed


def unpack(packed: np.ndarray, type: TensorType) -> np.ndarray:
    return packed[_physical_indices(type)]


def run_jobs(function: Callable[..., None], arrays: Sequence[np.ndarray], bounds: Sequence[int]) -> None:
    """Call a kernel for the job ranges between neighbouring bounds."""
    for begin, end in zip(bounds, bounds[1:], strict=False):
        function(*(array.ctypes.data for array in arrays), begin, end)
