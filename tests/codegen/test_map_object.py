"""Objects mapped into this process, by our own relocations and by LLVM's."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from symc.codegen import llvm_jit, map_object
from symc.codegen.build import host_level
from symc.codegen.llvm_compile import compile_object
from symc.codegen.llvm_team import TRIPLES

MAPPERS = [map_object.addresses_in, llvm_jit.map_object]
TEXT = """target triple = "{triple}"
@count = internal global i64 40
@zeros = internal global [3000 x i64] zeroinitializer
@pointer = internal global ptr @count
@table = internal constant [2 x ptr] [ptr @by_cosine, ptr @by_power]
declare double @cos(double)
declare double @pow(double, double)
declare i64 @outside(i64)
define double @by_cosine(double %x) {{
  %y = call double @cos(double %x)
  ret double %y
}}
define double @by_power(double %x) {{
  %y = call double @pow(double %x, double 2.5)
  %z = fadd double %y, 0.125
  ret double %z
}}
define double @chosen(i64 %which, double %x) {{
  %place = getelementptr [2 x ptr], ptr @table, i64 0, i64 %which
  %function = load ptr, ptr %place
  %y = call double %function(double %x)
  ret double %y
}}
define i64 @counted(i64 %at) {{
  %where = load ptr, ptr @pointer
  %old = load i64, ptr %where
  %new = add i64 %old, 1
  store i64 %new, ptr %where
  %cell = getelementptr [3000 x i64], ptr @zeros, i64 0, i64 %at
  %zero = load i64, ptr %cell
  %sum = add i64 %new, %zero
  %result = call i64 @outside(i64 %sum)
  ret i64 %result
}}
"""


@pytest.fixture(scope="module")
def image() -> bytes:
    level = host_level()
    return compile_object(TEXT.format(triple=TRIPLES[platform.machine()]), level)


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
def twice(value):
    return 2 * value


@pytest.mark.parametrize("mapper", MAPPERS)
def test_calls_constants_and_variables(image, mapper):
    outside = ctypes.cast(twice, ctypes.c_void_p).value
    found = mapper(image, {"outside": outside})
    chosen = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double)(found["chosen"])
    counted = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(found["counted"])
    assert chosen(0, 0.0) == 1.0 and chosen(1, 4.0) == 32.125
    assert [counted(2999), counted(0)] == [82, 84]
    assert sorted(found) == ["by_cosine", "by_power", "chosen", "counted"]


def test_equal_objects_are_mapped_once(image):
    assert map_object.addresses_in(image) is map_object.addresses_in(bytes(image))


def test_what_is_nowhere():
    level = host_level()
    text = f'target triple = "{TRIPLES[platform.machine()]}"\ndeclare void @nowhere_at_all()\n' \
           "define void @f() {\n  call void @nowhere_at_all()\n  ret void\n}\n"
    with pytest.raises(AssertionError, match="nowhere_at_all is in no library"):
        map_object.addresses_in(compile_object(text, level))


SCRIPT = """
import sys
import symc as mx
network = mx.sym.exp(mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=5))
executor = network.simple_bind(mx.cpu(), x=(2, 3))
executor.forward(is_train=True)
executor.backward(mx.nd.ones((2, 5)))
assert executor.outputs[0].asnumpy().tolist() == [[1.0] * 5] * 2
print(sorted({"tvm", "llvmlite", "llvmlite.binding"} & set(sys.modules)))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="elsewhere LLVM maps the objects")
def test_a_process_that_finds_its_kernels_loads_no_compiler():
    def run() -> str:
        return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    run()
    assert run() == "[]\n"
