"""Libraries for 64-bit ARM, made by cross-compiling, beside those for x86-64 and over the same weights.

They run here under qemu-user (Debian: qemu-user, libc6-arm64-cross, binutils-aarch64-linux-gnu), called by a program
that has a plan's buffers in one mapped file.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from symc import compiler, runtime
from symc.codegen.llvm_compile import compile_object
from symc.errors import PackageError, SymcError
from symc.runtime.machine import Machine
from symc.runtime.package import open_package
from symc.runtime.plan import storage_dtype
from tests.c_programs import LIBRARIES, SOURCES, STRICT

NETWORK = """
    %data, %conv_weight, %conv_bias, %fc_weight, %fc_bias: ?[*]
    %conv = Convolution(%data, %conv_weight, %conv_bias) kernel=(3,3) num_filter=20 pad=(1,1)
    %relu = Activation(%conv) act_type=tanh
    %pool = Pooling(%relu) kernel=(2,2) stride=(2,2) pool_type=max
    %fc = FullyConnected(%pool, %fc_weight, %fc_bias) num_hidden=7
    %out = softmax(%fc)
    heads %out
"""
SHAPES = {"data": (2, 3, 8, 8)}
SYSTEM = Path("/usr/aarch64-linux-gnu")
LINKER, COMPILER, EMULATOR = "aarch64-linux-gnu-ld", "aarch64-linux-gnu-gcc", "qemu-aarch64"
PROGRAM = """
target triple = "aarch64-unknown-linux-gnu"
@path = private constant [8 x i8] c"buffers\\00"
declare i32 @open(ptr, i32, ...)
declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @symc_run(ptr, ptr, i64, i64, ptr)
declare void @_exit(i32)

define void @_start() {{
entry:
  %file = call i32 (ptr, i32, ...) @open(ptr @path, i32 2)
  %base = call ptr @mmap(ptr null, i64 {size}, i32 3, i32 1, i32 %file, i64 0)
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %j, %next ]
  %at = getelementptr i64, ptr %base, i64 %i
  %offset = load i64, ptr %at
  %place = getelementptr i8, ptr %base, i64 %offset
  store ptr %place, ptr %at
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, {count}
  br i1 %more, label %next, label %run
run:
  %status = call i32 @symc_run(ptr %base, ptr %base, i64 {first}, i64 {last}, ptr null)
  call void @_exit(i32 %status)
  ret void
}}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    from tests.conftest import parse

    generator, path = np.random.default_rng(0), tmp_path_factory.mktemp("arm") / "net.symc"
    shapes = {"conv_weight": (20, 3, 3, 3), "conv_bias": (20,), "fc_weight": (7, 320), "fc_bias": (7,)}
    params = {name: generator.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    try:
        compiler.compile_package(path, parse(NETWORK), params, SHAPES, levels=["x86-64-v3", "aarch64"])
    except SymcError as error:
        pytest.skip(f"no linker for aarch64: {error.message}")
    return open_package(path)


def test_one_package_for_two_architectures(package):
    targets = {target["level"]: target for target in package.manifest["targets"]}
    assert targets["aarch64"]["architecture"] == "aarch64" and targets["aarch64"]["features"] == ["asimd", "fp"]
    assert targets["x86-64-v3"]["architecture"] == "x86_64" and "fma" in targets["x86-64-v3"]["features"]
    arm = Machine("aarch64", "linux", 64, frozenset({"fp", "asimd", "evtstrm"}))
    assert package.target_for(arm).library == "lib-aarch64.so"
    with pytest.raises(PackageError, match="level aarch64; this one lacks asimd"):
        package.target_for(Machine("aarch64", "linux", 64, frozenset({"fp"})))
    with pytest.raises(PackageError, match="on aarch64 .* and linux on x86_64 .*, this machine is linux on riscv64"):
        package.target_for(Machine("riscv64", "linux", 64, frozenset()))


def buffers_of(plan, weights, data):
    """The file: the table of offsets, then weights, arena and what callers bind.  Also where the output lies."""
    image = bytearray(-(-8 * len(plan.buffers) // 64) * 64)
    weights_at = len(image)
    image += bytes(weights) + bytes(-len(weights) % 64)
    arena_at = len(image)
    image += bytes(-(-plan.arena_bytes // 64) * 64)
    offsets = []
    for buffer in plan.buffers:
        if buffer.kind in ("weight", "arena"):
            offsets.append(buffer.offset + (weights_at if buffer.kind == "weight" else arena_at))
        else:
            offsets.append(len(image))
            content = data.tobytes() if buffer.kind == "input" else bytes(buffer.bytes)
            image += content + bytes(-len(content) % 64)
    image[:8 * len(offsets)] = np.array(offsets, np.int64).tobytes()
    return bytes(image), offsets[plan.of_kind("output")[0]]


def tools_missing(*further):
    missing = [tool for tool in (LINKER, EMULATOR, *further) if shutil.which(tool) is None]
    return ", ".join(missing + [str(SYSTEM)] * (not (SYSTEM / "lib/libc.so.6").exists()))


@pytest.mark.skipif(bool(tools_missing()), reason=f"needs {tools_missing()}")
def test_the_code_runs(package, tmp_path):
    data = np.random.default_rng(1).uniform(-1, 1, SHAPES["data"]).astype(np.float32)
    plan, output = package.plan, package.plan.buffers[package.plan.of_kind("output")[0]]
    image, place = buffers_of(plan, package.weights(), data)
    (tmp_path / "buffers").write_bytes(image)
    (tmp_path / "symc").write_bytes(package.members["lib-aarch64.so"])
    first, last = plan.entries["infer"]
    (tmp_path / "run.o").write_bytes(compile_object(
        PROGRAM.format(size=len(image), count=len(plan.buffers), first=first, last=last), "aarch64"))
    subprocess.run([LINKER, "-dynamic-linker=/lib/ld-linux-aarch64.so.1", "-o", "run", "run.o", "symc",
                    SYSTEM / "lib/libc.so.6", SYSTEM / "lib/libm.so.6"], cwd=tmp_path, check=True)
    subprocess.run([EMULATOR, "-L", SYSTEM, "-E", "LD_LIBRARY_PATH=.", "./run"], cwd=tmp_path, check=True, timeout=60)
    found = np.frombuffer((tmp_path / "buffers").read_bytes(), storage_dtype(output.dtype),
                          int(np.prod(output.shape)), place).reshape(output.shape)
    right = runtime.load(package.path).forward(data=data)[0].asnumpy()
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(bool(tools_missing(COMPILER)), reason=f"needs {tools_missing(COMPILER)}")
def test_the_package_runs_from_c(package, tmp_path):
    data = np.random.default_rng(1).uniform(-1, 1, SHAPES["data"]).astype(np.float32)
    np.save(tmp_path / "data.npy", data)
    program = SOURCES.parents[2] / "examples" / "c" / "main.c"
    subprocess.run([COMPILER, *STRICT, "-o", "main", program, SOURCES / "symc.c", *LIBRARIES], cwd=tmp_path, check=True)
    lines = subprocess.run([EMULATOR, "-L", SYSTEM, "./main", package.path, "data.npy"], cwd=tmp_path, check=True,
                           timeout=60, capture_output=True, text=True).stdout.splitlines()
    found = [(int(index), float(score)) for index, score in map(str.split, lines)]
    scores = runtime.load(package.path).forward(data=data)[0].asnumpy().reshape(-1)
    assert [index for index, _ in found] == list(np.argsort(-scores, kind="stable")[:5])
    np.testing.assert_allclose([score for _, score in found], np.sort(scores)[:-6:-1], rtol=1e-5)
