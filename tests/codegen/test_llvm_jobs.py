"""The order of jobs: by columns or by chunks of rows, and every point in one job."""

import itertools

import pytest

from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_jobs import CHUNK, tile_sizes
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_schedule import choose
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Window, matrix_product


def convolution(channels, image, filters, kernel=1, stride=1, batch=1, level="x86-64-v3"):
    output = (image + 2 * (kernel // 2) - kernel) // stride + 1
    spec = Window(batch, 1, channels, filters, (image,) * 2, (output,) * 2, (kernel,) * 2, (stride,) * 2, (1, 1),
                  (kernel // 2,) * 2).forward()
    shape = (filters, channels, kernel, kernel)
    types = [TensorType((batch, channels, image, image), DType.float32, "aBcd16b"),
             TensorType(shape, DType.float32, weight_layout(spec, shape)),
             TensorType((batch, filters, output, output), DType.float32, "aBcd16b")]
    nest, = nests_of(spec, types, ())
    return choose(nest, LEVELS[level].core, 4)


def axes(schedule):
    return [tiling.axis for tiling in schedule.tilings]


def test_small_images_are_read_again_for_every_column():
    assert axes(convolution(64, 14, 512))[0] == "o/16"
    assert axes(convolution(256, 14, 256, kernel=3)) == ["o/16", "y0", "y1"]


def test_large_images_are_read_once():
    schedule = convolution(512, 28, 128)
    assert axes(schedule) == ["y0.y1", "o/16"]
    rows = schedule.tilings[0]
    assert 0 < rows.size * rows.tiles_per_job * 512 * 4 <= CHUNK * 5 // 4
    assert schedule.jobs == schedule.chunks(rows) * 8


def test_strided_rows_are_chunked_too():
    schedule = convolution(256, 56, 512, stride=2, batch=2)
    assert axes(schedule) == ["n", "y0", "y1", "o/16"] and schedule.tilings[2].tiles_per_job == 0


def test_pixels_that_a_stride_leaves_out_are_not_counted():
    schedule = convolution(1024, 14, 2048, stride=2, level="x86-64-v4")   # 196 KB, beside 8 MB
    assert [(tiling.axis, tiling.tiles_per_job) for tiling in schedule.tilings[:2]] == [("y0", 0), ("y1", 0)]


def test_the_next_tile_or_block_is_prefetched():
    schedule = convolution(512, 28, 128)
    assert schedule.rows_ahead == (0, schedule.tilings[0].size * 16)
    assert convolution(2048, 7, 512).rows_ahead == (0, 2 * 7 * 7 * 16)
    assert convolution(64, 56, 64, kernel=3).rows_ahead is None


def test_jobs_are_of_nearly_equal_size():
    for rows, depth in ((128, 512), (128, 2048), (200, 512), (1000, 64)):
        types = [TensorType(dims, DType.float32) for dims in ((rows, depth), (depth, 2048), (rows, 2048))]
        nest, = nests_of(matrix_product(None, rows, 2048, depth, False, False), types, ())
        schedule = choose(nest, LEVELS["x86-64-v3"].core, 4)
        for tiling in schedule.tilings:
            if tiling.tiles_per_job > 1:
                tiles = len(tile_sizes(schedule.nest.extents[tiling.axis], tiling.size))
                assert tiles % tiling.tiles_per_job == 0 or tiles % tiling.tiles_per_job * 2 >= tiling.tiles_per_job


def test_matrices_are_read_in_order_without_help():
    types = [TensorType(dims, DType.float32) for dims in ((128, 512), (512, 64), (128, 64))]
    nest, = nests_of(matrix_product(None, 128, 64, 512, False, False), types, ())
    assert choose(nest, LEVELS["x86-64-v3"].core, 4).rows_ahead is None


@pytest.mark.parametrize(("extent", "size"), list(itertools.product((1, 7, 49, 56), (1, 4, 6, 14))))
def test_tiles_are_nearly_equal(extent, size):
    sizes = tile_sizes(extent, size)
    assert sum(sizes) == extent and max(sizes) <= size and max(sizes) - min(sizes) <= 1
