"""Kernels for AVX512_BF16 as every machine can run them."""

from __future__ import annotations

import re

from symc.codegen.llvm_builder import Builder, Type, Value
from symc.codegen.llvm_elements import BFLOAT16
from tests.codegen.tile_twin import tile_twin

DOT = re.compile(r"@llvm\.x86\.avx512bf16\.dpbf16ps\.(\d+)\(")
ROUND = re.compile(r"fptrunc <(\d+) x float> (%\w+) to <\d+ x bfloat>")


def twin(text: str) -> str:
    """The kernel with plain arithmetic in the place of vdpbf16ps, vcvtneps2bf16 and tiles, after Intel's manual."""
    text = tile_twin(text)
    text = re.sub(r"declare [^\n]*dpbf16ps[^\n]*\n", "", text)
    dots, roundings = ({int(found[1]) for found in pattern.finditer(text)} for pattern in (DOT, ROUND))
    text = ROUND.sub(r"call <\1 x bfloat> @round\1(<\1 x float> \2)", DOT.sub(r"@dot\1(", text))
    return text + "".join(map(dot_text, dots)) + "".join(map(round_text, roundings))


def dot_text(bits: int) -> str:
    builder, lanes = Builder(), bits // 32
    total, (a, b) = Type("float", lanes), (Type("bfloat", 2 * lanes),) * 2
    pairs = [builder.reinterpret(Value(builder, name, a), Type("i32", lanes)) for name in ("%a", "%b")]
    upper, lower = ([builder.convert("bitcast", change(pair), "float") for pair in pairs]
                    for change in (lambda pair: pair & -65536, lambda pair: pair << 16))
    result = Value(builder, "%sum", total) + upper[0] * upper[1] + lower[0] * lower[1]   # products are exact
    builder.emit(f"ret {total} {result.name}")
    return builder.function(f"internal {total} @dot{bits}({total} %sum, {a} %a, {b} %b)", "alwaysinline")


def round_text(lanes: int) -> str:
    builder, wide, narrow = Builder(), Type("float", int(lanes)), Type("bfloat", int(lanes))
    rounded = builder.reinterpret(BFLOAT16._narrowed(builder, Value(builder, "%x", wide)), narrow)
    builder.emit(f"ret {narrow} {rounded.name}")
    return builder.function(f"internal {narrow} @round{lanes}({wide} %x)", "alwaysinline")
