"""Reductions in rounds: where they are cut, and that they sum the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen import llvm_jobs, llvm_rounds, llvm_schedule
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionRequest, generate
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_rounds import Limits
from symc.codegen.llvm_schedule import Schedule, choose
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Window, matrix_product
from tests.codegen.test_llvm_contraction import check, levels, spatial


def weight_gradient(batch: int, channels: int, filters: int, image: int, kernel: int = 1) -> ContractionRequest:
    output = image - kernel + 1
    spec = Window(batch, 1, channels, filters, (image,) * 2, (output,) * 2, (kernel,) * 2, (1, 1), (1, 1), (0, 0))
    data, result = (TensorType((batch, count, size, size), DType.float32, "aBcd16b")
                    for count, size in ((channels, image), (filters, output)))
    return ContractionRequest(spec.weight_gradient(), data, result,
                              (TensorType((filters, channels, kernel, kernel), DType.float32),))


def schedule_of(request: ContractionRequest, level: str = "x86-64-v3") -> Schedule:
    nest, = nests_of(request.spec, request.types, ()) or ()
    return choose(nest, LEVELS[level].core, 4)


def test_rounds_fill_the_second_cache() -> None:
    schedule = schedule_of(weight_gradient(8, 16, 96, 112))
    inner = [schedule.nest.extents[axis] for axis in schedule.reduction[schedule.rounds:]]
    read = np.prod(inner) * (16 + 16) * 4
    assert schedule.rounds == 2 and llvm_rounds.BYTES_OF_A_ROUND / 4 < read <= llvm_rounds.BYTES_OF_A_ROUND
    assert schedule.jobs == 6, "one for each block of filters"


@pytest.mark.parametrize("data", [
    (8, 64, 64, 14),       # an image and its gradient stay in the second cache
    (1, 4, 32, 200),       # one tile has all channels
])
def test_other_reductions_stay_whole(data: tuple[int, ...]) -> None:
    assert schedule_of(weight_gradient(*data)).rounds == 0


@contextlib.contextmanager
def small_rounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, read in (("OF_SUMS", 16 << 10), ("OF_TAPS", 4 << 10), ("OF_WINDOWS", 16 << 10)):
            patch.setattr(llvm_schedule, name, Limits(0, read))
        patch.setattr(llvm_rounds, "LEAST_STEPS", 4)
        yield


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.sampled_from([16, 20, 40]), st.sampled_from([16, 24, 48]), st.integers(5, 13),
       st.sampled_from([1, 1, 3]), levels)
def test_sums_are_those_of_one_round(batch: int, channels: int, filters: int, image: int, kernel: int,
                                     level: str) -> None:
    request = weight_gradient(batch, channels, filters, image, kernel)
    with small_rounds():
        check(request, level=level)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 2), st.sampled_from([16, 20, 40]), st.integers(5, 14), st.integers(1, 3), st.integers(1, 2),
       levels)
def test_padded_windows_of_single_channels(batch: int, channels: int, image: int, kernel: int, stride: int,
                                           level: str) -> None:
    pad = kernel // 2
    output = (image + 2 * pad - kernel) // stride + 1
    spec = Window(batch, channels, 1, 1, (image,) * 2, (output,) * 2, (kernel,) * 2, (stride,) * 2, (1, 1), (pad,) * 2)
    types = [TensorType((batch, channels, size, size), DType.float32, "aBcd16b") for size in (image, output)]
    gradient = TensorType((channels, 1, kernel, kernel), DType.float32)
    request = ContractionRequest(spec.weight_gradient(), types[0], types[1], (gradient,))
    with small_rounds():
        check(request, level=level)


def padded(batch: int, channels: int, filters: int, dimensions: Sequence[tuple[int, ...]]) -> ContractionRequest:
    """The gradient of a window's weights; dimensions: of `spatial`."""
    image, output, kernel, stride, dilate, pad = zip(*dimensions, strict=True)
    spec = Window(batch, 1, channels, filters, image, output, kernel, stride, dilate, pad)
    layout = "a" + "Bcde"[:len(image) + 1] + "16b"
    types = [TensorType((batch, count, *size), DType.float32, layout if count > 3 else None)
             for count, size in ((channels, image), (filters, output))]
    return ContractionRequest(spec.weight_gradient(), *types,
                              (TensorType((filters, channels, *kernel), DType.float32),))


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("data", [(64, 64, 56, 3, 1), (128, 128, 28, 3, 1), (64, 128, 56, 3, 2),
                                  (3, 64, 224, 7, 2)], ids=str)
def test_taps_read_lines_from_the_first_cache(data: tuple[int, ...], level: str) -> None:
    channels, filters, image, kernel, stride = data
    output = (image - 1) // stride + 1
    request = padded(8, channels, filters, [(image, output, kernel, stride, 1, kernel // 2)] * 2)
    schedule = schedule_of(request, level)
    assert schedule.rounds and {"k0", "k1"} <= {tiling.axis for tiling in schedule.tilings if not tiling.tiles_per_job}
    assert len(generate(request, "kernel", level).text) < 100 << 10, "no case of padding is written out"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.sampled_from([1, 3, 16, 20, 40]), st.sampled_from([16, 24, 48]),
       st.lists(spatial(11), min_size=1, max_size=2), levels)
def test_padding_limits_loops(batch: int, channels: int, filters: int, dimensions: list[tuple[int, ...]],
                              level: str) -> None:
    with small_rounds():
        check(padded(batch, channels, filters, dimensions), level=level)


def test_products_of_long_rows() -> None:
    spec = matrix_product(None, 24, 32, 20000, False, True)
    types = [TensorType(shape, DType.float32) for shape in ((24, 20000), (32, 20000), (24, 32))]
    check(ContractionRequest(spec, types[0], types[1], (types[2],)))


def dense(rows: int, columns: int, summed: int) -> ContractionRequest:
    """Of packed weights."""
    spec = matrix_product(None, rows, columns, summed, False, True)
    types = [TensorType((rows, summed), DType.float32), TensorType((columns, summed), DType.float32, "Ab16a")]
    return ContractionRequest(spec, *types, (TensorType((rows, columns), DType.float32),))


def test_products_share_what_a_round_reads() -> None:
    schedule = schedule_of(dense(512, 1024, 4096))
    columns, rows = schedule.tilings
    assert schedule.rounds == 1 and columns.tiles_per_job > 1
    steps = schedule.nest.extents[schedule.reduction[-1]]
    assert steps * rows.size * rows.tiles_per_job * 4 <= 1.1 * llvm_rounds.BYTES_OF_A_ROUND


@pytest.mark.parametrize("data", [
    (512, 1024, 1024),     # enough rows stay in the second cache
    (16, 1024, 4096),      # all rows stay there
    (512, 16, 4096),       # the weights do
    (512, 1024, 4099),     # nothing divides it
])
def test_other_products_stay_whole(data: tuple[int, ...]) -> None:
    assert schedule_of(dense(*data)).rounds == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 70), st.integers(1, 150), st.sampled_from([36, 48, 100]), levels)
def test_sums_of_products_are_those_of_one_round(rows: int, columns: int, summed: int, level: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((llvm_rounds, "CHUNK", 512), (llvm_rounds, "CACHE", 0),
                                    (llvm_rounds, "BYTES_OF_A_ROUND", 1024), (llvm_rounds, "LEAST_STEPS", 1),
                                    (llvm_rounds, "ROWS_IN_ROUNDS", 16), (llvm_jobs, "ROWS_IN_ROUNDS", 16),
                                    (llvm_jobs, "JOBS_WANTED", 2)):
            patch.setattr(module, name, value)
        assert schedule_of(dense(40, 80, summed)).rounds == 1
        check(dense(rows, columns, summed), level=level)


def deep_pixels(channels: int, image: int, filters: int) -> ContractionRequest:
    """A 1x1 convolution of images in blocks."""
    spec = Window(1, 1, channels, filters, (image,) * 2, (image,) * 2, (1, 1), (1, 1), (1, 1), (0, 0)).forward()
    shape = (filters, channels, 1, 1)
    data, result = (TensorType((1, count, image, image), DType.float32, "aBcd16b") for count in (channels, filters))
    weight = TensorType(shape, DType.float32, weight_layout(spec, shape))
    return ContractionRequest(spec, data, weight, (result,))


def test_pixels_of_very_many_channels_go_in_rounds() -> None:
    assert schedule_of(deep_pixels(4096, 8, 4096)).rounds == 1
    assert schedule_of(deep_pixels(2048, 7, 512)).rounds == 0


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(2, 6), st.integers(3, 8), st.sampled_from([20, 64]), levels)
def test_sums_of_pixels_are_those_of_one_round(blocks: int, image: int, filters: int, level: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("CHUNK", 512), ("CACHE", 0), ("BYTES_OF_A_ROUND", 2048), ("LEAST_STEPS", 1)):
            patch.setattr(llvm_rounds, name, value)
        check(deep_pixels(16 * blocks, image, filters), level=level)


def window(channels: int, filters: int, image: int, kernel: int = 3, stride: int = 1, dilate: int = 1,
           pad: int = 0) -> ContractionRequest:
    """A convolution of images in blocks."""
    output = (image + 2 * pad - dilate * (kernel - 1) - 1) // stride + 1
    spec = Window(1, 1, channels, filters, (image,) * 2, (output,) * 2, (kernel,) * 2, (stride,) * 2, (dilate,) * 2,
                  (pad,) * 2).forward()
    shape = (filters, channels, kernel, kernel)
    data, result = (TensorType((1, count, size, size), DType.float32, "aBcd16b")
                    for count, size in ((channels, image), (filters, output)))
    return ContractionRequest(spec, data, TensorType(shape, DType.float32, weight_layout(spec, shape)), (result,))


@pytest.mark.parametrize("data", [
    (1024, 256, 33, 3, 1, 6, 6), (1024, 256, 33, 3, 1, 12, 12),
    (1024, 256, 33, 3, 1, 18, 18),      # of which a tap reaches over more points than the image has
    (1024, 256, 45, 3, 1, 6, 0), (512, 128, 64, 5)])
def test_windows_whose_weights_pass_the_second_cache_go_in_rounds(data: tuple[int, ...]) -> None:
    schedule = schedule_of(window(*data), "x86-64-v4")
    assert schedule.rounds == 1 and schedule.reduction[0].startswith("c/"), "of channels; a round has all taps"
    rows = {tiling.axis: tiling for tiling in schedule.tilings}
    points = rows["y0"].tiles_per_job * schedule.nest.extents["y1"]
    lanes = schedule.pieces * schedule.width * rows["o/16"].size
    assert llvm_jobs.LARGEST_SUMS / 2 < 4 * points * lanes <= llvm_jobs.LARGEST_SUMS


@pytest.mark.parametrize("data", [(256, 256, 28, 3, 1, 2, 2), (256, 512, 28, 3, 2, 1, 1), (64, 64, 224, 3, 1, 1, 1)])
def test_other_windows_stay_whole(data: tuple[int, ...]) -> None:
    assert schedule_of(window(*data), "x86-64-v4").rounds == 0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from([16, 40, 64]), st.sampled_from([16, 48]), st.integers(6, 15), st.integers(1, 5),
       st.integers(1, 2), st.integers(1, 5), st.integers(0, 6), st.sampled_from([256, 4 << 10, 16 << 10]), levels)
def test_sums_of_windows_are_those_of_one_round(channels: int, filters: int, image: int, kernel: int, stride: int,
                                                dilate: int, pad: int, read: int, level: str) -> None:
    if image + 2 * pad <= dilate * (kernel - 1):
        return
    with small_rounds(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(llvm_schedule, "OF_WINDOWS", Limits(0, read))
        patch.setattr(llvm_schedule, "OF_SUMS", Limits(1 << 30, 0))
        patch.setattr(llvm_jobs, "LARGEST_SUMS", 4 << 10)
        check(window(channels, filters, image, kernel, stride, dilate, pad), level=level)
