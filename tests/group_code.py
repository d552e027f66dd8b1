"""Runs compiled groups in the tests: the fixture `run_group`."""

import ctypes
from types import SimpleNamespace

import llvmlite.binding as llvm
import numpy as np
import pytest

from symc.codegen.tir import lower_group
from symc.interpreter import run_heads
from symc.ir.layouts import to_logical, to_physical
from symc.ir.types import DType
from symc.ops.math import NumPyMath

BFLOAT16_NAN = 0x7FC0
NATIVE = "x86-64-v4" if llvm.get_host_cpu_features().get("avx512f") else "x86-64-v3"


class CompiledGroup:
    """The kernels of a group, mapped into this process."""

    def __init__(self, group, level=NATIVE):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.group = group
        self.status = np.zeros(1, np.int32)
        self.code = lower_group(group, "k", level)
        machine = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
        self.compiler = llvm.create_lljit_compiler(machine)
        builder = llvm.JITLibraryBuilder().add_object_img(self.code.object).add_current_process()
        for kernel in self.code.kernels:
            builder.export_symbol(kernel.symbol)
        self.library = builder.link(self.compiler, f"group{id(self)}")

    def __call__(self, *inputs, split=1, misaligned=False):
        """The outputs, in memory as their layouts say; jobs are run in `split` ranges, the last first."""
        place = unaligned if misaligned else np.array
        scratch = [np.full(max(size, 1), 0xA5, np.uint8) for size in self.code.scratch]
        outputs = [place(np.full(head.type.physical, 77, head.type.element.numpy)) for head in self.group.heads]
        memory = {"input": [place(x) for x in inputs], "output": outputs, "scratch": scratch, "status": [self.status]}
        for kernel in self.code.kernels:
            arrays = [memory[kind][position] for kind, position in kernel.parameters]
            for begin, end in ranges(kernel.jobs, split):
                self.call(kernel, arrays, begin, end)
        return outputs

    def call(self, kernel, arrays, begin, end):
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays), ctypes.c_int64, ctypes.c_int64)
        function(self.library[kernel.symbol])(*(array.ctypes.data for array in arrays), begin, end)


def ranges(jobs, split):
    """[0, jobs) in `split` parts, the last first."""
    cuts = [jobs * part // split for part in range(split + 1)]
    return list(zip(cuts[:-1], cuts[1:], strict=True))[::-1]


def unaligned(array):
    """A copy that is aligned to its elements, and to nothing more."""
    memory = np.zeros(array.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + array.itemsize
    copy = memory[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def in_layout(array, layout):
    """A plain array as it lies in memory in `layout`; padding is NaN, of bfloat16 too, or 99 for integers."""
    valid = to_physical(np.ones(array.shape, bool), layout)
    nothing = np.nan if array.dtype.kind == "f" else BFLOAT16_NAN if array.dtype == np.uint16 else 99
    return np.where(valid, to_physical(array, layout), array.dtype.type(nothing))


def random_inputs(group, seed=0):
    """An array for each variable: floats in [-2, 2), small integers."""
    generator = np.random.default_rng(seed)
    return [random_array(generator, node.types[0]) for node in group.variables]


def random_array(generator, type):
    dtype = type.element
    if dtype is DType.bfloat16:
        return (generator.uniform(-2, 2, type.dims).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if dtype.is_float:
        return generator.uniform(-2, 2, type.dims).astype(dtype.numpy)
    return generator.integers(0, 2 if dtype is DType.bool else 5, type.dims).astype(dtype.numpy)


def check_group(group, inputs=None, *, level=NATIVE, rtol=2e-5, atol=1e-5, splits=(1, 3)):
    """The compiled group against the interpreter, on aligned and misaligned arrays and several splits of the jobs."""
    inputs = random_inputs(group) if inputs is None else inputs
    expected = run_heads(group, dict(zip((node.name for node in group.variables), inputs, strict=True)))
    compiled = CompiledGroup(group, level)
    physical = [in_layout(x, node.types[0].layout) for x, node in zip(inputs, group.variables, strict=True)]
    first = None
    for split in splits:
        outputs = compiled(*physical, split=split, misaligned=split > 1)
        plain = [to_logical(y, head.type.dims, head.type.layout) for y, head in zip(outputs, group.heads, strict=True)]
        for actual, right in zip(plain, expected, strict=True):
            half = actual.dtype in (np.float16, np.uint16)
            np.testing.assert_allclose(NumPyMath.cast(actual, DType.float64), NumPyMath.cast(right, DType.float64),
                                       rtol=1e-2 if half else rtol, atol=1e-2 if half else atol)
        first = first or [y.tobytes() for y in plain]
        assert first == [y.tobytes() for y in plain], "results depend on the split of the jobs"
    return compiled


@pytest.fixture(scope="session")
def groups():
    """`groups.check(graph, ...)`, `groups.compile(graph)` and their helpers."""
    return SimpleNamespace(check=check_group, compile=CompiledGroup, native=NATIVE, in_layout=in_layout,
                           random_inputs=random_inputs)
