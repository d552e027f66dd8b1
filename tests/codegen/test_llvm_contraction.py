"""The generated kernels against the meaning of their spec."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


from symc.codegen.llvm_compile import LEVELS, assembly, compile_object
from symc.codegen.llvm_contraction import ContractionRequest, EpilogueOperand, generate, is_fast, supports
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType, parse_type
from symc.ops.contraction import Contraction, Window, evaluate, matrix_product
from tests.codegen.llvm_running import guarded, load_function, pack, run_jobs, unpack

RANDOM = np.random.default_rng(7)


def compute(request: ContractionRequest, level: str = "x86-64-v3", epilogue: Callable[..., object] | None = None,
            operands: tuple[np.ndarray, ...] = (), at_end: bool = True) -> tuple[list[np.ndarray], np.ndarray]:
    """(outputs, exact sum), after checks that splitting the jobs changes no bit."""
    kernel = generate(request, "kernel", level, epilogue)
    function = load_function(kernel.text, "kernel", *[ctypes.c_void_p] * len(request.types), ctypes.c_int64, ctypes.c_int64)
    lhs, rhs = (RANDOM.standard_normal(type.dims).astype(type.element.numpy) for type in (request.lhs, request.rhs))
    types = [request.lhs, request.rhs, *(operand.type for operand in request.operands)]
    inputs = [guarded(pack(array, type), at_end) for array, type in zip((lhs, rhs, *operands), types, strict=True)]
    results = []
    for bounds in ([0, kernel.jobs], [*range(0, kernel.jobs, 3), kernel.jobs]):
        outputs = [guarded(np.full(type.physical, 77, type.element.numpy), at_end) for type in request.outputs]
        run_jobs(function, [*inputs, *outputs], bounds)
        results.append([unpack(output, type) for output, type in zip(outputs, request.outputs, strict=True)])
    for whole, split in zip(*results, strict=True):
        np.testing.assert_array_equal(whole, split)
    shape = request.outputs[0].dims
    return results[0], evaluate(request.spec, lhs.astype(np.float64), rhs.astype(np.float64), shape)


def check(request: ContractionRequest, **options: object) -> None:
    (result,), expected = compute(request, **options)  # type: ignore[arg-type]
    tolerance = 1e-12 if result.dtype == np.float64 else 2e-5
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * max(1, np.abs(expected).max(initial=0)))


def request_of(spec: Contraction, lhs: str, rhs: str, output: str) -> ContractionRequest:
    return ContractionRequest(spec, parse_type(lhs), parse_type(rhs), (parse_type(output),))


levels = st.sampled_from(["x86-64", "x86-64-v3", "x86-64-v4"])
dtypes = st.sampled_from(["f32", "f32", "f32", "f64"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from([None, 1, 3]), *[st.integers(1, 40)] * 3, st.booleans(), st.booleans(), levels, dtypes, st.booleans())
def test_matrix_product(batch: int | None, m: int, n: int, k: int, transpose_a: bool, transpose_b: bool, level: str,
                        dtype: str, at_end: bool) -> None:
    lead = [] if batch is None else [batch]

    def type(*dims: int) -> str:
        return f"{dtype}[{','.join(map(str, lead + list(dims)))}]"
    spec = matrix_product(batch, m, n, k, transpose_a, transpose_b)
    request = request_of(spec, type(k, m) if transpose_a else type(m, k), type(n, k) if transpose_b else type(k, n), type(m, n))
    check(request, level=level, at_end=at_end)


@pytest.mark.parametrize("m, n, k", [(1, 100, 64), (5, 33, 17), (64, 96, 50), (300, 40, 8)])
@pytest.mark.parametrize("transposed", [True, False])
def test_matrix_product_with_packed_weights(m: int, n: int, k: int, transposed: bool) -> None:
    spec = matrix_product(None, m, n, k, False, transposed)
    rhs = TensorType((n, k) if transposed else (k, n), DType.float32)
    tag = weight_layout(spec, rhs.dims)
    assert tag == ("Ab16a" if transposed else "Ba16b")
    check(ContractionRequest(spec, TensorType((m, k), DType.float32), TensorType(rhs.shape, DType.float32, tag),
                             (TensorType((m, n), DType.float32),)))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Convolutions of every kind, small enough to evaluate quickly."""
    rank = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 16, 20]))
    channels = [1, 2, 4] if groups > 3 else [1, 3, 8, 16, 20, 32]
    kernel, stride, dilate = (tuple(draw(st.lists(st.integers(1, n), min_size=rank, max_size=rank))) for n in (4, 3, 2))
    pad = tuple(draw(st.integers(0, k)) for k in kernel)
    largest = {1: 20, 2: 11, 3: 6}[rank]
    output = tuple(draw(st.lists(st.integers(1, largest), min_size=rank, max_size=rank)))
    image = tuple(max(1, (y - 1) * s + (k - 1) * d + 1 - 2 * p + draw(st.integers(0, s - 1)))
                  for y, s, k, d, p in zip(output, stride, kernel, dilate, pad, strict=True))
    output = tuple((x + 2 * p - d * (k - 1) - 1) // s + 1 for x, s, k, d, p in zip(image, stride, kernel, dilate, pad, strict=True))
    return Window(draw(st.integers(1, 3)), groups, draw(st.sampled_from(channels)), draw(st.sampled_from(channels)), image,
                  output, kernel, stride, dilate, pad)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(windows(), st.sampled_from(["forward", "image_gradient", "weight_gradient"]), st.tuples(*[st.booleans()] * 3), levels, dtypes,
       st.booleans())
def test_convolution(window: Window, kind: str, blocked: tuple[bool, bool, bool], level: str, dtype: str, at_end: bool) -> None:
    spec = getattr(window, kind)()
    activations = "a" + "Bcdefg"[:len(window.kernel) + 1] + "16b"

    def activation(channels: int, image: tuple[int, ...], is_blocked: bool) -> TensorType:
        return TensorType((window.batch, window.groups * channels, *image), parse_type(f"{dtype}[]").dtype,
                          activations if is_blocked else None)
    data = activation(window.in_channels, window.image, blocked[0])
    result = activation(window.out_channels, window.output, blocked[1])
    shape = (window.groups * window.out_channels, window.in_channels, *window.kernel)
    layout = weight_layout(spec, shape) if blocked[2] and kind != "weight_gradient" else None
    weight = TensorType(shape, data.dtype, layout)
    lhs, rhs, output = {"forward": (data, weight, result), "image_gradient": (result, weight, data),
                        "weight_gradient": (data, result, weight)}[kind]
    check(ContractionRequest(spec, lhs, rhs, (output,)), level=level, at_end=at_end)


def convolution(channels: int, filters: int, size: int, kernel: int = 3, groups: int = 1, stride: int = 1, batch: int = 1) -> Window:
    pad = kernel // 2
    output = (size + 2 * pad - kernel) // stride + 1
    return Window(batch, groups, channels // groups, filters // groups, (size, size), (output, output), (kernel, kernel),
                  (stride, stride), (1, 1), (pad, pad))


def blocked_request(window: Window) -> ContractionRequest:
    spec = window.forward()
    filters = (window.groups * window.out_channels, window.in_channels, *window.kernel)
    return ContractionRequest(
        spec, TensorType((window.batch, window.groups * window.in_channels, *window.image), DType.float32, "aBcd16b"),
        TensorType(filters, DType.float32, weight_layout(spec, filters)),
        (TensorType((window.batch, filters[0], *window.output), DType.float32, "aBcd16b"),))


def test_epilogue_reads_operands_and_writes_several_outputs() -> None:
    request = blocked_request(convolution(16, 24, 9))
    residual = request.outputs[0]
    request = ContractionRequest(request.spec, request.lhs, request.rhs, (residual, TensorType(residual.shape, DType.float32)), (
        EpilogueOperand(parse_type("f32[24]"), (1,)), EpilogueOperand(residual, (0, 1, 2, 3)),
        EpilogueOperand(parse_type("f32[1,9]"), (None, 3))))
    bias, rest, row = (RANDOM.standard_normal(operand.type.dims).astype(np.float32) for operand in request.operands)

    def epilogue(F, total, bias, rest, row):  # type: ignore[no-untyped-def]
        value = total + bias + rest * row
        return F.max_nan(value, 0), F.tanh(value)
    outputs, total = compute(request, epilogue=epilogue, operands=(bias, rest, row))
    expected = total + bias.reshape(24, 1, 1) + rest * row
    np.testing.assert_allclose(outputs[0], np.maximum(expected, 0), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(outputs[1], np.tanh(expected), rtol=1e-5, atol=1e-4)


def test_output_may_lie_where_an_operand_does() -> None:
    request = blocked_request(convolution(16, 20, 7))
    request = ContractionRequest(request.spec, request.lhs, request.rhs, request.outputs,
                                 (EpilogueOperand(request.outputs[0], (0, 1, 2, 3)),))
    kernel = generate(request, "kernel", "x86-64-v3", lambda F, total, residual: total + residual)
    function = load_function(kernel.text, "kernel", *[ctypes.c_void_p] * 4, ctypes.c_int64, ctypes.c_int64)
    lhs, rhs, residual = (RANDOM.standard_normal(t.dims).astype(np.float32) for t in (request.lhs, request.rhs, request.outputs[0]))
    packed = [pack(array, type) for array, type in zip((lhs, rhs, residual), request.types, strict=False)]
    run_jobs(function, [*packed, packed[2]], [0, kernel.jobs])
    expected = evaluate(request.spec, lhs.astype(np.float64), rhs.astype(np.float64), residual.shape) + residual
    np.testing.assert_allclose(unpack(packed[2], request.outputs[0]), expected, rtol=1e-5, atol=1e-4)


def test_nothing_to_sum_and_nothing_to_write() -> None:
    check(request_of(matrix_product(None, 3, 4, 0, False, False), "f32[3,0]", "f32[0,4]", "f32[3,4]"))
    empty = request_of(matrix_product(None, 0, 4, 5, False, False), "f32[0,5]", "f32[5,4]", "f32[0,4]")
    assert generate(empty, "kernel", "x86-64-v3").jobs == 0


def test_groups_across_blocks_are_right_though_slow() -> None:
    request = blocked_request(convolution(48, 48, 5, groups=2))
    assert not is_fast(request)
    check(request)


def test_only_float_dtypes_are_supported() -> None:
    spec = matrix_product(None, 2, 2, 2, False, False)
    assert not supports(request_of(spec, "f16[2,2]", "f16[2,2]", "f16[2,2]"))
    assert not supports(request_of(spec, "f32[2,2]", "f32[2,2]", "f64[2,2]"))


@pytest.mark.parametrize("level", LEVELS)
def test_compiles_for_every_level(level: str) -> None:
    kernel = generate(blocked_request(convolution(32, 32, 14)), "kernel", level)
    assert compile_object(kernel.text, level)


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("window", [convolution(64, 64, 56), convolution(512, 512, 7), convolution(64, 256, 28, kernel=1)], ids=str)
def test_accumulators_stay_in_registers(window: Window, level: str) -> None:
    """Multiplications by far outnumber moves to and from the stack."""
    lines = assembly(generate(blocked_request(window), "kernel", level).text, level).splitlines()
    multiplications = sum("vfmadd" in line for line in lines)
    spills = sum("(%rsp" in line and ("ymm" in line or "zmm" in line) for line in lines)
    assert multiplications > 50 and spills * 8 < multiplications


@pytest.mark.parametrize("window", [convolution(64, 64, 56), convolution(512, 512, 7), convolution(32, 32, 56, groups=32),
                                    convolution(64, 128, 28, stride=2)], ids=str)
def test_there_are_jobs_for_many_threads(window: Window) -> None:
    assert generate(blocked_request(window), "kernel", "x86-64-v3").jobs >= 16
