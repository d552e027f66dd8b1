"""What kernels ask for ahead: all weights but the first, while those before them are at hand."""

from __future__ import annotations

import ctypes
import math
import re

import numpy as np
import pytest

from symc.codegen.llvm_ahead import Held, NextPanel, Visits
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionRequest, generate
from symc.codegen.llvm_jobs import CACHE_LINE
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_schedule import choose
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import TensorType, parse_type
from symc.ops.contraction import matrix_product
from tests.codegen.llvm_running import load_function
from tests.codegen.test_llvm_contraction import blocked_request, check, convolution

ASKED = re.compile(r"call void @llvm\.prefetch\.p0\((ptr \S+), i32 0, i32 2, i32 1\)")
NOTE = """
@count = internal global i64 0
define internal void @note(ptr %notes, ptr %asked) {
  %number = load i64, ptr @count
  %place = getelementptr ptr, ptr %notes, i64 %number
  store ptr %asked, ptr %place
  %next = add i64 %number, 1
  store i64 %next, ptr @count
  ret void
}
"""


def dense(rows: int, depth: int, columns: int) -> ContractionRequest:
    spec, weight = matrix_product(None, rows, columns, depth, False, True), (columns, depth)
    return ContractionRequest(spec, parse_type(f"f32[{rows},{depth}]"),
                              TensorType(weight, parse_type("f32[]").dtype, weight_layout(spec, weight)),
                              (parse_type(f"f32[{rows},{columns}]"),))


def asked_lines(request: ContractionRequest, level: str, share: float = 1.0) -> tuple[set[int], int]:
    """Lines of the weights that the first jobs, this share of all, ask for, by number; how many times any is asked."""
    kernel = generate(request, "kernel", level)
    text, count = ASKED.subn(r"call void @note(ptr %notes, \1)", kernel.text)
    assert count, "nothing is asked for ahead"
    text = text.replace("i64 %begin, i64 %end)", "i64 %begin, i64 %end, ptr %notes)", 1) + NOTE
    function = load_function(text, "kernel", *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    arrays = [np.zeros(type.physical, np.float32) for type in (request.lhs, request.rhs, request.outputs[0])]
    notes = np.zeros(1 << 20, np.uint64)
    end = kernel.jobs * share
    assert end == int(end), "these jobs are not those of whole columns"
    function(*(array.ctypes.data for array in arrays), 0, int(end), notes.ctypes.data)
    lines = (notes[notes != 0].astype(np.int64) - arrays[1].ctypes.data) // CACHE_LINE
    return {int(line) for line in lines if 0 <= line < arrays[1].nbytes // CACHE_LINE}, len(lines)


def panel_lines(request: ContractionRequest, level: str) -> tuple[int, int]:
    """Cache lines of the weights of one tile of columns, and of all."""
    (nest,) = nests_of(request.spec, request.types, []) or [None]
    assert nest is not None
    schedule = choose(nest, LEVELS[level].core, 4)
    panel = schedule.next_panel
    assert panel is not None
    sizes = {tiling.axis: tiling.size for tiling in schedule.tilings}
    return panel.column * sizes[panel.axis] * 4 // CACHE_LINE, math.prod(request.rhs.physical) * 4 // CACHE_LINE


CASES = pytest.mark.parametrize("request_", [
    dense(64, 784, 512), dense(128, 300, 256), blocked_request(convolution(64, 256, 14)),
    blocked_request(convolution(256, 512, 7, kernel=1))], ids=range(4))


@CASES
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
def test_all_weights_but_the_first_are_asked_for(request_: ContractionRequest, level: str) -> None:
    first, all_lines = panel_lines(request_, level)
    lines, count = asked_lines(request_, level)
    wanted = set(range(first, all_lines))
    assert len(wanted - lines) <= len(wanted) // 25, "taps that padding leaves out do not ask"
    assert count <= 2.5 * all_lines, "shares are rounded up to whole lines for each block of a tile"


@CASES
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
def test_weights_are_asked_for_while_those_before_them_are_at_hand(request_: ContractionRequest, level: str) -> None:
    panel, all_lines = panel_lines(request_, level)
    before, _ = asked_lines(request_, level, share=panel / all_lines)
    wanted = set(range(panel, 2 * panel))
    assert len(wanted - before) <= len(wanted) // 25, "the first tiles ask for the second weights"
    assert not any(line >= 3 * panel for line in before), "and for none far behind these"


def test_nothing_is_asked_for_where_weights_or_rows_are_few() -> None:
    for request in (dense(64, 64, 64), dense(4, 512, 512)):
        (nest,) = nests_of(request.spec, request.types, []) or [None]
        assert nest is not None
        assert choose(nest, LEVELS["x86-64-v4"].core, 4).next_panel is None


def test_a_share_is_spread_over_blocks_or_over_fewer_places() -> None:
    panel = NextPanel(1, "n", 4096, (Held("m", 60),))
    many = panel.visits({"k": 256}, ("k",), 4, (0, 4096), 6, 16)
    assert many == Visits(1, 1, {"k": 4}, (0,), 137), "52 lines in 64 blocks"
    few = panel.visits({"c": 8, "k": 32}, ("c", "k"), 4, (0,), 6, 16)
    assert few == Visits(1, 4, {"c": 64}, (0,), 69), "26 lines: four for each of 8 rows of blocks"
    apart = panel.visits({"k": 256}, ("k",), 4, (0, 9999), 60, 16)
    assert apart.pieces == (0, 9999)
    assert apart.lines == 5


def gradient_of_weights(rows: int, outputs: int, inputs: int) -> ContractionRequest:
    return ContractionRequest(matrix_product(None, outputs, inputs, rows, True, False),
                              parse_type(f"f32[{rows},{outputs}]"), parse_type(f"f32[{rows},{inputs}]"),
                              (parse_type(f"f32[{outputs},{inputs}]"),))


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
def test_gradients_of_large_weights_ask_for_what_they_write(level: str) -> None:
    request = gradient_of_weights(24, 500, 801)
    assert ASKED.search(generate(request, "kernel", level).text)
    check(request, level=level)
    assert not ASKED.search(generate(gradient_of_weights(24, 256, 256), "kernel", level).text), "these stay at hand"
