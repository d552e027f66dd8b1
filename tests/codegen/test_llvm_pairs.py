"""Contractions of bfloat16, in pairs and alone, against the exact sums of the rounded operands."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen.llvm_compile import LEVELS, assembly
from symc.codegen.llvm_contraction import ContractionRequest, EpilogueOperand, generate
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType, parse_type
from symc.ops.contraction import Contraction, Window, evaluate, matrix_product
from symc.ops.math import NumPyMath
from symc.ops.pairs import pair_axes
from tests.codegen.bfloat16_twin import twin
from tests.codegen.llvm_running import guarded, load_function, pack, run_jobs, unpack

RANDOM = np.random.default_rng(5)
BF16, AMX = "x86-64-v4-bf16", "x86-64-v4-amx"


def bfloat16(shape: tuple[int, ...]) -> np.ndarray:
    return NumPyMath.cast(RANDOM.standard_normal(shape).astype(np.float32), DType.bfloat16)


def random(type: TensorType) -> np.ndarray:
    return bfloat16(type.dims) if type.element is DType.bfloat16 else \
        RANDOM.standard_normal(type.dims).astype(type.element.numpy)


def exact(array: np.ndarray) -> np.ndarray:
    return NumPyMath.cast(array, DType.float64)


def compute(request: ContractionRequest, level: str) -> tuple[np.ndarray, np.ndarray]:
    """(the output, the exact one), after checks that splitting the jobs changes no bit."""
    def epilogue(_, total, *operands):
        for operand in operands:
            total = total + operand
        return total
    kernel = generate(request, "kernel", level, epilogue)
    assert LEVELS[level].core.has_pairs is (level in (BF16, AMX)) and assembly(kernel.text, level)
    function = load_function(twin(kernel.text), "kernel", *[ctypes.c_void_p] * len(request.types), ctypes.c_int64,
                             ctypes.c_int64)
    types = request.types[:-1]
    arrays = [random(type) for type in types]
    inputs = [guarded(pack(array, type)) for array, type in zip(arrays, types, strict=True)]
    out, results = request.outputs[0], []
    for bounds in ([0, kernel.jobs], [*range(0, kernel.jobs, 3), kernel.jobs]):
        output = guarded(np.full(out.physical, 77, out.element.numpy))
        run_jobs(function, [*inputs, output], bounds)
        results.append(unpack(output, out))
    np.testing.assert_array_equal(*results)
    expected = evaluate(request.spec, exact(arrays[0]), exact(arrays[1]), out.dims)
    for operand, array in zip(request.operands, arrays[2:], strict=True):
        places = dict(zip(operand.along, array.shape, strict=True))
        expected = expected + exact(array).reshape([places.get(i, 1) for i in range(len(out.dims))])
    return exact(results[0]), expected


def check(request: ContractionRequest, level: str) -> None:
    result, expected = compute(request, level)
    rounding = 2.0 ** -8 if request.outputs[0].element is DType.bfloat16 else 0
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(result, expected, rtol=rounding + 2e-5, atol=2e-5 * scale)


def packed(spec: Contraction, rhs: TensorType) -> TensorType:
    axes = pair_axes(spec)
    return replace(rhs, layout=weight_layout(spec, rhs.dims, axes[0].right if axes else None))


levels = st.sampled_from(["x86-64-v3", "x86-64-v4", BF16, AMX])
results = st.sampled_from(["f32", "bf16"])


@settings(max_examples=24, deadline=None, derandomize=True)
@given(*[st.integers(1, 70)] * 3, st.booleans(), levels, results)
def test_matrix_product(m, n, k, is_packed, level, result):
    spec = matrix_product(None, m, n, k, False, True)
    rhs = TensorType((n, k), DType.bfloat16)
    request = ContractionRequest(spec, parse_type(f"bf16[{m},{k}]"), packed(spec, rhs) if is_packed else rhs,
                                 (parse_type(f"{result}[{m},{n}]"),),
                                 (EpilogueOperand(parse_type(f"f32[{n}]"), (1,)),
                                  EpilogueOperand(parse_type(f"bf16[{m},{n}]"), (0, 1))))
    check(request, level)


@settings(max_examples=24, deadline=None, derandomize=True)
@given(st.integers(1, 2), st.sampled_from([3, 8, 10, 15, 16, 24, 32, 48]), st.sampled_from([8, 16, 20, 40]),
       st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.booleans(), levels, results)
def test_convolution(batch, channels, filters, kernel, stride, pad, has_float_weights, level, result):
    image = (7, 9)
    output = tuple((extent + 2 * pad - kernel) // stride + 1 for extent in image)
    window = Window(batch, 1, channels, filters, image, output, (kernel,) * 2, (stride,) * 2, (1, 1), (pad,) * 2)
    spec, layout = window.forward(), ":aBcd16b" if channels >= 8 else ""
    rhs = TensorType((filters, channels, kernel, kernel), DType.float32 if has_float_weights else DType.bfloat16)
    rhs = replace(rhs, layout=weight_layout(spec, rhs.dims)) if has_float_weights or channels % 2 else packed(spec, rhs)
    out = f"{result}[{batch},{filters},{output[0]},{output[1]}]:aBcd16b"
    lhs = f"bf16[{batch},{channels},7,9]{layout}"
    check(ContractionRequest(spec, parse_type(lhs), rhs, (parse_type(out),)), level)


@pytest.mark.parametrize("level", ["x86-64-v3", BF16, AMX])
@pytest.mark.parametrize("groups, channels, filters", [(32, 1, 1), (8, 4, 4), (2, 16, 32)])
def test_grouped_convolution(level, groups, channels, filters):
    window = Window(1, groups, channels, filters, (6, 7), (6, 7), (3, 3), (1, 1), (1, 1), (1, 1))
    spec = window.forward()
    weight = TensorType((groups * filters, channels, 3, 3), DType.float32)
    lhs, out = (parse_type(f"bf16[1,{groups * c},6,7]:aBcd16b") for c in (channels, filters))
    check(ContractionRequest(spec, lhs, replace(weight, layout=weight_layout(spec, weight.dims)), (out,)), level)


def convolution(channels, filters, size, kernel):
    pad = (kernel // 2,) * 2
    spec = Window(1, 1, channels, filters, (size,) * 2, (size,) * 2, (kernel,) * 2, (1, 1), (1, 1), pad).forward()
    weight = packed(spec, TensorType((filters, channels, kernel, kernel), DType.bfloat16))
    types = [parse_type(f"bf16[1,{extent},{size},{size}]:aBcd16b") for extent in (channels, filters)]
    return ContractionRequest(spec, types[0], weight, (types[1],))


def dense(rows, columns, depth):
    spec = matrix_product(None, rows, columns, depth, False, True)
    weight = packed(spec, TensorType((columns, depth), DType.bfloat16))
    data, out = parse_type(f"bf16[{rows},{depth}]"), parse_type(f"f32[{rows},{columns}]")
    return ContractionRequest(spec, data, weight, (out,))


def innermost(text):
    """The instructions of the block with the most dot products."""
    blocks = re.split(r"^\.LBB\d+_\d+:", text, flags=re.MULTILINE)
    lines = max(blocks, key=lambda block: block.count("vdpbf16ps")).splitlines()
    found = [line.strip() for line in lines if re.match(r"\s[a-z]", line)]
    last = max(i for i, line in enumerate(found) if line.startswith("vdpbf16ps"))
    return found[:last + 1]


@pytest.mark.parametrize("request_", [
    convolution(64, 64, 56, 3), convolution(256, 64, 56, 1), convolution(64, 256, 56, 1), convolution(512, 512, 7, 3),
    dense(128, 768, 768), dense(16, 3072, 768)])
def test_most_instructions_of_the_innermost_loop_are_dot_products(request_):
    instructions = innermost(assembly(generate(request_, "kernel", BF16).text, BF16))
    dots = [line for line in instructions if line.startswith("vdpbf16ps")]
    assert len(dots) >= 84 and len(dots) >= 0.55 * len(instructions)
    assert not [line for line in instructions if "(%rsp)" in line and "zmm" in line], "accumulators are spilled"
    for level in ("x86-64-v3", "x86-64-v4"):
        assert "vdpbf16ps" not in assembly(generate(request_, "kernel", level).text, level)
