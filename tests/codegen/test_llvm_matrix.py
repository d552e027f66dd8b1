"""Products by the tiles of AMX, as every machine can run them (`tile_twin`) and as this one does, if it has tiles."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest

from symc.codegen.llvm_compile import assembly
from symc.codegen.llvm_contraction import ContractionRequest, EpilogueOperand, choices, generate
from symc.codegen.llvm_matrix_plan import TILE_PAIRS, TILE_ROWS, plan_of
from symc.codegen.llvm_matrix_product import LANES
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_weights import weight_layout
from symc.codegen.package import LEVELS
from symc.ir.types import DType, TensorType, parse_type
from symc.ops.contraction import Contraction, Window, evaluate, matrix_product
from symc.ops.math import NumPyMath
from symc.ops.pairs import in_pairs, pair_axes
from symc.runtime.machine import permits, this_machine
from tests.codegen.bfloat16_twin import twin
from tests.codegen.llvm_running import HOST_LEVEL, guarded, load_function, pack, run_jobs, unpack

LEVEL = "x86-64-v4-amx"
RANDOM = np.random.default_rng(7)
HAS_TILES = this_machine().features.issuperset(LEVELS[LEVEL]) and permits(LEVELS[LEVEL])


def packed(spec: Contraction, shape: tuple[int, ...]) -> TensorType:
    weight, axes = TensorType(shape, DType.bfloat16), pair_axes(spec)
    return replace(weight, layout=weight_layout(spec, shape, axes[0].right))


def dense(rows, columns, depth, result="f32"):
    spec = matrix_product(None, rows, columns, depth, False, True)
    data, out = parse_type(f"bf16[{rows},{depth}]"), parse_type(f"{result}[{rows},{columns}]")
    bias = EpilogueOperand(parse_type(f"f32[{columns}]"), (1,))
    return ContractionRequest(spec, data, packed(spec, (columns, depth)), (out,), (bias,))


def convolution(channels, filters, image, kernel=(1, 1), stride=1, pad=0, dilation=1, batch=1, groups=1):
    output = tuple((size + 2 * pad - dilation * (taps - 1) - 1) // stride + 1
                   for size, taps in zip(image, kernel, strict=True))
    spec = Window(batch, groups, channels, filters, image, output, kernel, (stride,) * 2, (dilation,) * 2,
                  (pad,) * 2).forward()
    weight = packed(spec, (groups * filters, channels, *kernel))
    data, out = (parse_type(f"bf16[{batch},{groups * extent},{size[0]},{size[1]}]:aBcd16b")
                 for extent, size in ((channels, image), (filters, output)))
    return ContractionRequest(spec, data, weight, (out,), (EpilogueOperand(out, (0, 1, 2, 3)),))


def picture(channels, filters, image, kernel):
    """Windows that move by two columns, whose pairs are columns: what `PairColumns` makes."""
    height, width = (size // 2 for size in image)
    window = Window(1, 1, channels, filters, image, (height, width), kernel, (2, 2), (1, 1), (1, kernel[1] // 2))
    spec = window.forward()
    data = parse_type(f"bf16[1,{channels},{image[0]},{image[1]}]")
    out = parse_type(f"bf16[1,{filters},{height},{width}]:aBcd16b")
    weight = TensorType((filters, channels, *kernel), DType.bfloat16)
    return ContractionRequest(spec, data, replace(weight, layout=weight_layout(spec, weight.dims, 3)), (out,),
                              (EpilogueOperand(out, (0, 1, 2, 3)),))


REQUESTS = {
    "rows in equal tiles": dense(49, 96, 64), "rows as they lie": dense(48, 96, 64), "few rows": dense(5, 80, 96),
    "one column": dense(70, 16, 64), "few columns": dense(33, 40, 64), "steps of 14 pairs": dense(20, 64, 56),
    "a bfloat16 result": dense(40, 48, 64, "bf16"), "rounds": dense(64, 48, 4096), "ragged rounds": dense(67, 38, 3584),
    "chunks of rows": dense(150, 64, 64), "groups of columns": dense(20, 400, 32),
    "pixels": convolution(64, 48, (7, 7)), "lines": convolution(32, 32, (5, 9), (3, 3), pad=1),
    "steps": convolution(32, 32, (9, 11), (3, 3), stride=2, pad=1),
    "every other pixel": convolution(32, 80, (9, 9), stride=2),
    "holes": convolution(32, 16, (9, 9), (3, 3), pad=2, dilation=2),
    "wide windows": convolution(16, 32, (8, 9), (7, 5), pad=3), "half a block": convolution(24, 32, (6, 6)),
    "ragged channels": convolution(32, 40, (6, 7), (3, 3), pad=1),
    "images": convolution(32, 32, (5, 5), (3, 3), pad=1, batch=3), "groups": convolution(32, 32, (6, 6), groups=2),
    "columns of a picture": picture(3, 32, (12, 16), (7, 8)), "a few columns": picture(4, 40, (9, 10), (3, 4)),
    "windows in rounds": convolution(384, 48, (13, 13), (3, 3), stride=2, pad=1),
    "deep windows": convolution(384, 48, (7, 7), (3, 3), pad=1),
    "tall windows": convolution(16, 32, (80, 3), (70, 3), pad=1),
    "two taps": convolution(48, 32, (6, 7), (3, 2), pad=1),
    "one column of taps": convolution(32, 32, (9, 7), (5, 1), pad=2),
    "one line of taps": convolution(48, 32, (5, 8), (1, 7), pad=3), "inside": convolution(48, 32, (8, 9), (3, 3)),
    "inside of one block": convolution(16, 32, (8, 9), (3, 3)),
    "pixels of images": convolution(64, 32, (3, 5), batch=3),
    "images of three blocks": convolution(48, 16, (4, 4), (3, 3), pad=1, batch=2),
    "windows in groups": convolution(32, 32, (6, 6), (3, 3), pad=1, groups=2),
    "lines in jobs": convolution(32, 16, (44, 47), (3, 3), pad=1),
    "two tiles": convolution(48, 48, (4, 6), (3, 3), pad=1),
    "weights from afar": convolution(512, 112, (4, 4), (3, 3), pad=1)}


def exact(array: np.ndarray) -> np.ndarray:
    return NumPyMath.cast(array, DType.float64)


def random(type: TensorType) -> np.ndarray:
    array = RANDOM.standard_normal(type.dims).astype(np.float32)
    return NumPyMath.cast(array, DType.bfloat16) if type.element is DType.bfloat16 else array


def add(_, total, *operands):
    for operand in operands:
        total = total + operand
    return total


def check(request: ContractionRequest, in_place: bool, change, level: str) -> None:
    """Against exact sums, in one call and in several; in place: the last operand is where the output goes."""
    kernel = generate(request, "kernel", LEVEL, add)
    assert "tdpbf16ps" in kernel.text
    function = load_function(change(kernel.text), "kernel", *[ctypes.c_void_p] * len(request.types), ctypes.c_int64,
                             ctypes.c_int64, level=level)
    types, out = request.types[:-1], request.outputs[0]
    arrays = [random(type) for type in types]
    expected = evaluate(request.spec, exact(arrays[0]), exact(arrays[1]), out.dims)
    for operand, array in zip(request.operands, arrays[2:], strict=True):
        places = dict(zip(operand.along, array.shape, strict=True))
        expected = expected + exact(array).reshape([places.get(i, 1) for i in range(len(out.dims))])
    results = []
    for bounds in ([0, kernel.jobs], [*range(0, kernel.jobs, 3), kernel.jobs]):
        inputs = [guarded(pack(array, type)) for array, type in zip(arrays, types, strict=True)]
        output = inputs[-1] if in_place else guarded(np.full(out.physical, 77, out.element.numpy))
        run_jobs(function, [*inputs, output], bounds)
        results.append(unpack(output, out))
    np.testing.assert_array_equal(*results)
    rounding = 2.0 ** -8 if out.element is DType.bfloat16 else 0
    np.testing.assert_allclose(exact(results[0]), expected, rtol=rounding + 2e-5,
                               atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", REQUESTS)
def test_products(name):
    request = REQUESTS[name]
    check(request, len(request.outputs[0].dims) == 4, twin, HOST_LEVEL)


@pytest.mark.skipif(not HAS_TILES, reason="needs a CPU with AMX")
@pytest.mark.parametrize("name", REQUESTS)
def test_products_of_this_machine(name):
    request = REQUESTS[name]
    check(request, len(request.outputs[0].dims) == 4, str, LEVEL)


def plan(request):
    spec, left, right = in_pairs(request.spec, request.lhs, request.rhs)
    nest, = nests_of(spec, [left, right, *request.types[2:]], [operand.along for operand in request.operands])
    return plan_of(nest)


def test_plans():
    """What is tested above: every form that jobs have."""
    plans = {name: plan(request) for name, request in REQUESTS.items()}
    assert all(one.height <= TILE_ROWS and one.step <= TILE_PAIRS for one in plans.values())
    assert {one.block for one in plans.values()} >= {(2, 2), (1, 4), (2, 1), (3, 1), (4, 1)}
    assert plans["rows as they lie"].is_direct and not plans["rows in equal tiles"].is_direct
    assert plans["rows in equal tiles"].height == 13 and plans["steps of 14 pairs"].step == 14
    assert [plans[name].rounds > 1 for name in ("rounds", "windows in rounds", "lines")] == [True, True, False]
    assert [name for name, one in plans.items() if one.asks_ahead] == ["deep windows", "weights from afar"]
    assert plans["lines in jobs"].chunks > 2 and plans["lines in jobs"].tiles > plans["lines in jobs"].block[0]
    assert plans["chunks of rows"].chunks == 3 and plans["groups of columns"].groups > 1
    assert plans["half a block"].product.pairs == 12
    assert plans["groups"].jobs == 2 and plans["few rows"].block == (1, 4)


@pytest.mark.parametrize("request_", [dense(2, 64, 64), dense(64, 64, 38), convolution(20, 32, (6, 6), (3, 3), pad=1)])
def test_products_that_tiles_do_not_compute(request_):
    """Two rows; no whole number of steps; half a block of channels at each tap."""
    text = generate(request_, "kernel", LEVEL, add).text
    assert "dpbf16ps.512" in text and "tdpbf16ps" not in text


def main_loop(request: ContractionRequest) -> list[str]:
    """Its instructions."""
    text = assembly(generate(request, "kernel", LEVEL, add).text, LEVEL)
    loops = [block for block in re.split(r"^\.LBB\d+_\d+:", text, flags=re.MULTILINE) if "tdpbf16ps" in block]
    main = max(loops, key=lambda block: block.count("tdpbf16ps"))
    return re.findall(r"^\s+([a-z]\w*)", main[:re.search(r"\n\s+j\w+\s", main).start()], re.MULTILINE)


@pytest.mark.parametrize(("request_", "loads", "products"), [
    (convolution(256, 256, (28, 28)), 4, 4), (convolution(256, 64, (14, 14), (3, 3), pad=1), 9 * 6, 9 * 5),
    (convolution(48, 64, (16, 16), (3, 3), pad=1), 6 * 4, 6 * 3)])
def test_loops_have_nothing_but_tiles(request_, loads, products):
    """Two by two tiles, or five by one at each tap, or three by one at two taps; nothing else but what counts and asks
    for weights."""
    found = main_loop(request_)
    assert (found.count("tileloadd"), found.count("tdpbf16ps")) == (loads, products)
    assert len(found) - found.count("prefetcht1") <= 8 + 2 * (loads + products)


def test_tiles_have_no_choices():
    assert choices(REQUESTS["lines"], LEVEL, 8, 3) == [choices(REQUESTS["lines"], LEVEL, 1, 0)[0]]
    assert REQUESTS["lines"].outputs[0].dims[1] % LANES == 0
