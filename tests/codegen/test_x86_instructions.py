"""Every instruction is decoded, at the length that it has, and none needs more than what is said."""

import re
import shutil
import subprocess

import pytest

from symc.codegen.elf import read_sections
from symc.codegen.llvm_compile import assembly, compile_object
from symc.codegen.package import LEVELS
from symc.codegen.x86_instructions import EXECUTABLE, Unknown, decode, features_of, used_features

# what names of instructions and registers say of features; the assembler's own knowledge
SIGNS = {"fma": r"\bvfn?m(add|sub)\d+.*[xy]mm", "bmi1": r"\b(andn|bls|bextr|tzcnt)", "abm": r"\blzcnt",
         "bmi2": r"\b(mulx|rorx|shlx|shrx|sarx|bzhi|pdep|pext)", "movbe": r"\bmovbe", "popcnt": r"\bpopcnt",
         "avx512f": r"zmm|%k\d", "avx512_bf16": "vdpbf16ps", "f16c": "vcvtp[hs]2p[sh]", "pclmulqdq": "pclmul",
         "avx2": r"\b(vp(add|sub|mul|cmp|sll|srl|max|min|shuf)\w*\b.*ymm|vpbroadcast|vpermq|vpsllv)", "avx": r"[xy]mm"}
TEXT = """
define void @code(ptr %a, ptr %b, i64 %n) {{
  %x = load <{lanes} x float>, ptr %a, align 4
  %y = load <{lanes} x float>, ptr %b, align 4
  %z = call <{lanes} x float> @llvm.fma.v{lanes}f32(<{lanes} x float> %x, <{lanes} x float> %y, <{lanes} x float> %x)
  %i = bitcast <{lanes} x float> %z to <{lanes} x i32>
  %j = mul <{lanes} x i32> %i, %i
  %k = call <{lanes} x i32> @llvm.fptosi.sat.v{lanes}i32.v{lanes}f32(<{lanes} x float> %z)
  %l = add <{lanes} x i32> %j, %k
  store <{lanes} x i32> %l, ptr %a, align 4
  %h = load <{lanes} x half>, ptr %b
  %w = fpext <{lanes} x half> %h to <{lanes} x float>
  store <{lanes} x float> %w, ptr %b
  %c = call i64 @llvm.ctpop.i64(i64 %n)
  %d = call i64 @llvm.ctlz.i64(i64 %c, i1 false)
  %e = call i64 @llvm.cttz.i64(i64 %d, i1 false)
  %f = call i64 @llvm.bswap.i64(i64 %e)
  %g = shl i64 %f, %n
  store i64 %g, ptr %a
  ret void
}}
declare <{lanes} x float> @llvm.fma.v{lanes}f32(<{lanes} x float>, <{lanes} x float>, <{lanes} x float>)
declare <{lanes} x i32> @llvm.fptosi.sat.v{lanes}i32.v{lanes}f32(<{lanes} x float>)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.ctlz.i64(i64, i1)
declare i64 @llvm.cttz.i64(i64, i1)
declare i64 @llvm.bswap.i64(i64)
"""


@pytest.mark.parametrize("level", [level for level in LEVELS if level.startswith("x86-64-")])
@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_nothing_needs_more_than_is_said(level, lanes):
    text = TEXT.format(lanes=lanes)
    used, lines = used_features(compile_object(text, level)), assembly(text, level)
    assert used <= set(LEVELS[level])
    wanted = {name for name, sign in SIGNS.items() if re.search(sign, lines)}
    if level != "x86-64-v3":
        wanted -= {"f16c", "fma", "avx2"}       # which EVEX forms of the same names do not need
    assert wanted <= used and {"bmi1", "bmi2", "popcnt", "abm"} <= used


def code_of(image):
    return [(section.address, image[section.offset:section.offset + section.size])
            for section in read_sections(image) if section.flags & EXECUTABLE]


@pytest.mark.skipif(not shutil.which("objdump"), reason="needs objdump")
@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_instructions_begin_where_a_disassembler_says(native, tmp_path, level):
    from symc.codegen import link

    link.link_shared(native.objects(native.affine(), level), tmp_path / "lib.so")
    check_begins(tmp_path / "lib.so")


@pytest.mark.skipif(not shutil.which("objdump"), reason="needs objdump")
def test_instructions_of_tiles_begin_where_a_disassembler_says(tmp_path):
    from tests.codegen.test_llvm_matrix import LEVEL, REQUESTS, add, generate

    image = compile_object(generate(REQUESTS["windows in rounds"], "kernel", LEVEL, add).text, LEVEL)
    (tmp_path / "kernel.o").write_bytes(image)
    check_begins(tmp_path / "kernel.o")
    assert used_features(image) >= {"amx_tile", "amx_bf16"} and used_features(image) <= set(LEVELS[LEVEL])


def check_begins(path):
    shown = subprocess.run(["objdump", "-dw", path], capture_output=True, text=True, check=True).stdout
    begins = []
    for address, code in code_of(path.read_bytes()):
        at = 0
        while at < len(code):
            begins.append(address + at)
            at += decode(memoryview(code), at).size
    assert begins == [int(place, 16) for place in re.findall(r"^\s*([0-9a-f]+):\t", shown, re.M)]


@pytest.mark.parametrize("code, features", [
    ("c5 f8 77", {"avx"}), ("62 f1 7c 48 58 c1", {"avx512f"}), ("62 f1 7c 28 58 c1", {"avx512f", "avx512vl"}),
    ("c4 e2 75 b8 c2", {"avx", "fma"}), ("c5 fd fe c1", {"avx", "avx2"}), ("c5 f9 fe c1", {"avx"}),
    ("0f 38 f0 07", {"movbe"}), ("f3 0f b8 c1", {"popcnt"}), ("48 0f af c1", set()), ("66 0f 38 17 c1", {"sse4_1"}),
    ("c4 e2 78 49 07", {"amx_tile"}), ("c4 e2 78 49 c0", {"amx_tile"}), ("c4 e2 7b 49 c8", {"amx_tile"}),
    ("c4 e2 7b 4b 24 0f", {"amx_tile"}), ("c4 e2 7a 4b 04 0f", {"amx_tile"}),
    ("c4 e2 4a 5c c4", {"amx_bf16", "amx_tile"}), ("c4 e2 7d 18 07", {"avx"}), ("c4 e2 7d 18 c1", {"avx", "avx2"})])
def test_single_instructions(code, features):
    data = bytes.fromhex(code)
    one = decode(memoryview(data + bytes(8)), 0)
    assert one.size == len(data) and features_of(one) == features


@pytest.mark.parametrize("code", ["62 f5 7c 48 58 c1", "c4 e2 7d 50 c1", "0f 38 c8 c1", "0f c7 f0", "d6 00", "06"])
def test_instructions_that_are_not_known(code):
    with pytest.raises(Unknown):
        features_of(decode(memoryview(bytes.fromhex(code) + bytes(8)), 0))
