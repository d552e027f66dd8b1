"""Images in Winograd's tiles, as kernels, against the operator's meaning."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen.llvm_compile import LEVELS, assembly
from symc.codegen.llvm_winograd_input import generate
from symc.ir.types import DType, TensorType
from symc.ops.families.winograd import TRANSFORMS, WinogradInput
from symc.passes.winograd import INPUT_LAYOUT
from tests.codegen.llvm_running import guarded, load_function, pack, run_jobs, unpack

IMAGE = "aBcd16b"
# batch, channels, height, width, pad, rows of tiles in a chunk
CASES = [(1, 16, 6, 6, (1, 1), 2), (2, 24, 7, 5, (0, 2), 3), (1, 33, 3, 9, (2, 0), 1), (3, 17, 1, 4, (1, 1), 2),
         (1, 16, 9, 75, (1, 1), 2), (1, 16, 2, 2, (7, 9), 4), (2, 40, 31, 33, (1, 0), 5)]


def check(size: int, batch: int, channels: int, height: int, width: int, pad: tuple[int, int], rows: int,
          level: str) -> None:
    check_type(WinogradInput(tile=size, pad=pad, rows=rows),
               TensorType((batch, channels, height, width), DType.float32, IMAGE), level)


def check_type(op: WinogradInput, type: TensorType, level: str) -> None:
    """A kernel against the reference wherever a tile lies, its jobs run in two ways."""
    tiles, rows, channels = op.tiles(type), op.rows, type.dims[1]
    output = TensorType((tiles.chunks, tiles.transforms.points, tiles.of_chunk, channels), DType.float32, INPUT_LAYOUT)
    x = np.random.default_rng(1).standard_normal(type.dims).astype(np.float32)
    expected = op.reference(x).reshape(output.dims)
    text, jobs = generate(op, type, "kernel", level)
    function = load_function(text, "kernel", *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2)
    for bounds in ([0, jobs], [*range(0, jobs, 3), jobs]):
        made = guarded(np.full(output.physical, 77, np.float32))
        run_jobs(function, [guarded(pack(x, type)), made], bounds)
        found = unpack(made, output)
        for row in range(tiles.all_rows):
            first = row % rows * tiles.columns
            place = row // rows, slice(None), slice(first, first + tiles.columns)
            np.testing.assert_allclose(found[place], expected[place], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
@pytest.mark.parametrize("batch, channels, height, width, pad, rows", CASES)
def test_images_are_cut_and_transformed(size, batch, channels, height, width, pad, rows, level):
    check(size, batch, channels, height, width, pad, rows, level)


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
@pytest.mark.parametrize("dims, pad", [
    ((2, 24, 3, 12, 9), (1, 1)), ((1, 40, 5, 4, 30), (0, 2)), ((3, 16, 1, 7, 7), (1, 0))])
def test_planes_of_volumes(size, dims, pad, level):
    type = TensorType(dims, DType.float32, "aBcde16b")
    whole = WinogradInput(tile=size, pad=pad, rows=1).tiles(type).rows_of_image
    for rows in {1, whole}:
        check_type(WinogradInput(tile=size, pad=pad, rows=rows), type, level)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from(list(TRANSFORMS)), st.integers(1, 3), st.integers(1, 40), st.integers(3, 20), st.integers(3, 80),
       st.tuples(st.integers(0, 6), st.integers(0, 6)), st.integers(1, 9))
def test_any_image(size, batch, channels, height, width, pad, rows):
    check(size, batch, channels, height, width, pad, rows, "x86-64-v3")


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("size", TRANSFORMS)
def test_nothing_is_spilled(size, level):
    """What is transformed of columns is read from the stack by another register than its pointer."""
    type = TensorType((1, 64, 56, 56), DType.float32, IMAGE)
    text, _ = generate(WinogradInput(tile=size, pad=(1, 1), rows=1), type, "kernel", level)
    register = "%zmm" if LEVELS[level].core.vector_bytes == 64 else "%ymm"
    vectors = [line for line in assembly(text, level).splitlines() if register in line]
    assert len(vectors) > 50 and not [line for line in vectors if "(%rsp)" in line or "(%rbp)" in line]
