"""The generated kernels against the meaning of their spec."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen.choice import MODEL, Choice
from symc.codegen.llvm_compile import LEVELS, assembly, compile_object
from symc.codegen.llvm_contraction import ContractionRequest, EpilogueOperand, generate, supports
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_schedule import choose
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType, parse_type
from symc.ops.contraction import Contraction, Window, evaluate, matrix_product
from tests.codegen.llvm_running import guarded, load_function, pack, run_jobs, unpack
from tests.codegen.test_assembly import innermost_loops

RANDOM = np.random.default_rng(7)


def load_kernel(text: str, buffers: int) -> Callable[..., None]:
    return load_function(text, "kernel", *[ctypes.c_void_p] * buffers, ctypes.c_int64, ctypes.c_int64)


def compute(request: ContractionRequest, level: str = "x86-64-v3", epilogue: Callable[..., object] | None = None,
            operands: tuple[np.ndarray, ...] = (), at_end: bool = True,
            choice: Choice = MODEL) -> tuple[list[np.ndarray], np.ndarray]:
    """(outputs, exact sum), after checks that splitting the jobs changes no bit."""
    kernel = generate(request, "kernel", level, epilogue, choice)
    function = load_kernel(kernel.text, len(request.types))
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
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * scale)


def request_of(spec: Contraction, lhs: str, rhs: str, output: str) -> ContractionRequest:
    return ContractionRequest(spec, parse_type(lhs), parse_type(rhs), (parse_type(output),))


levels = st.sampled_from(["x86-64", "x86-64-v3", "x86-64-v4"])
dtypes = st.sampled_from(["f32", "f32", "f32", "f64"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from([None, 1, 3]), *[st.integers(1, 40)] * 3, *[st.booleans()] * 3, levels, dtypes)
def test_matrix_product(batch: int | None, m: int, n: int, k: int, transpose_a: bool, transpose_b: bool, at_end: bool,
                        level: str, dtype: str) -> None:
    lead = [] if batch is None else [batch]

    def type(*dims: int) -> str:
        return f"{dtype}[{','.join(map(str, lead + list(dims)))}]"
    spec = matrix_product(batch, m, n, k, transpose_a, transpose_b)
    lhs, rhs = type(k, m) if transpose_a else type(m, k), type(n, k) if transpose_b else type(k, n)
    check(request_of(spec, lhs, rhs, type(m, n)), level=level, at_end=at_end)


@pytest.mark.parametrize("m, n, k", [(1, 100, 64), (5, 33, 17), (64, 96, 50), (300, 40, 8)])
@pytest.mark.parametrize("transposed", [True, False])
def test_matrix_product_with_packed_weights(m: int, n: int, k: int, transposed: bool) -> None:
    spec = matrix_product(None, m, n, k, False, transposed)
    rhs = TensorType((n, k) if transposed else (k, n), DType.float32)
    tag = weight_layout(spec, rhs.dims)
    assert tag == ("Ab16a" if transposed else "Ba16b")
    lhs, output = (TensorType(shape, DType.float32) for shape in ((m, k), (m, n)))
    check(ContractionRequest(spec, lhs, TensorType(rhs.shape, DType.float32, tag), (output,)))


def test_weights_of_groups_that_lie_across_blocks() -> None:
    def layout(channels: int, filters: int) -> str | None:
        spec = Window(1, 3, channels, filters, (8, 8), (6, 6), (3, 3), (1, 1), (1, 1), (0, 0)).forward()
        return weight_layout(spec, (3 * filters, channels, 3, 3))
    assert [layout(16, 32), layout(20, 32), layout(16, 20)] == ["ABcd16b16a", "Acdb16a", "cdba"]


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("channels, filters", [(16, 1), (40, 3), (64, 8)])
def test_lanes_walk_the_channels_of_images_that_become_few(level: str, channels: int, filters: int) -> None:
    window = convolution(channels, filters, 11, kernel=5)
    spec, shape = window.forward(), (filters, channels, 5, 5)
    data, weight = (TensorType((1, channels, 11, 11), DType.float32, "aBcd16b"), TensorType(shape, DType.float32))
    request = ContractionRequest(spec, data, replace(weight, layout=weight_layout(spec, shape)),
                                 (TensorType((1, filters, 11, 11), DType.float32),))
    assert request.rhs.layout == "aBcd16b"
    (nest,) = nests_of(spec, request.types, [])
    assert choose(nest, LEVELS[level].core, itemsize=4).sums_lanes
    check(request, level=level)


@st.composite
def spatial(draw: st.DrawFn, largest: int) -> tuple[int, ...]:
    """(image, output, kernel, stride, dilate, pad) of one dimension."""
    kernel, stride, dilate = (draw(st.integers(1, n)) for n in (5, 4, 2))
    pad, extent = draw(st.integers(0, kernel)), dilate * (kernel - 1) + 1
    wanted = draw(st.integers(1, largest))
    image = max(1, (wanted - 1) * stride + extent - 2 * pad + draw(st.integers(0, stride - 1)))
    return image, (image + 2 * pad - extent) // stride + 1, kernel, stride, dilate, pad


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Convolutions of every kind, small enough to evaluate quickly."""
    rank = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 16, 20]))
    channels = [1, 2, 4] if groups > 3 else [1, 3, 8, 16, 20, 32]
    image, output, kernel, stride, dilate, pad = zip(*[draw(spatial({1: 20, 2: 11, 3: 6}[rank])) for _ in range(rank)],
                                                     strict=True)
    return Window(draw(st.integers(1, 3)), groups, draw(st.sampled_from(channels)), draw(st.sampled_from(channels)),
                  image, output, kernel, stride, dilate, pad)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(windows(), st.sampled_from(["forward", "image_gradient", "weight_gradient"]), st.tuples(*[st.booleans()] * 3),
       levels, dtypes, st.booleans())
def test_convolution(window: Window, kind: str, blocked: tuple[bool, bool, bool], level: str, dtype: str,
                     at_end: bool) -> None:
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


def convolution(channels: int, filters: int, size: int, kernel: int = 3, groups: int = 1, stride: int = 1) -> Window:
    pad = kernel // 2
    output = (size + 2 * pad - kernel) // stride + 1
    return Window(1, groups, channels // groups, filters // groups, (size, size), (output, output), (kernel, kernel),
                  (stride, stride), (1, 1), (pad, pad))


def blocked_request(window: Window) -> ContractionRequest:
    spec = window.forward()
    filters = (window.groups * window.out_channels, window.in_channels, *window.kernel)
    layout = "aB" + "cde"[:len(window.kernel)] + "16b"
    return ContractionRequest(
        spec, TensorType((window.batch, window.groups * window.in_channels, *window.image), DType.float32, layout),
        TensorType(filters, DType.float32, weight_layout(spec, filters)),
        (TensorType((window.batch, filters[0], *window.output), DType.float32, layout),))


def test_epilogue_reads_operands_and_writes_several_outputs() -> None:
    request = blocked_request(convolution(16, 24, 9))
    residual = request.outputs[0]
    operands = (EpilogueOperand(parse_type("f32[24]"), (1,)), EpilogueOperand(residual, (0, 1, 2, 3)),
                EpilogueOperand(parse_type("f32[1,9]"), (None, 3)))
    request = replace(request, outputs=(residual, replace(residual, layout=None)), operands=operands)
    bias, rest, row = (RANDOM.standard_normal(operand.type.dims).astype(np.float32) for operand in request.operands)

    def epilogue(F, total, bias, rest, row):  # type: ignore[no-untyped-def]
        value = total + bias + rest * row
        return F.max_nan(value, 0), F.tanh(value)
    outputs, total = compute(request, epilogue=epilogue, operands=(bias, rest, row))
    expected = total + bias.reshape(24, 1, 1) + rest * row
    np.testing.assert_allclose(outputs[0], np.maximum(expected, 0), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(outputs[1], np.tanh(expected), rtol=1e-5, atol=1e-4)


ONE_VECTOR = [convolution(16, 16, 40), convolution(32, 16, 30, kernel=5), convolution(16, 16, 41, stride=2),
              replace(convolution(16, 16, 33, kernel=2), output=(32, 32), pad=(0, 0)),
              replace(convolution(16, 16, 40), output=(36, 36), pad=(2, 2), dilate=(3, 3), kernel=(3, 3)),
              Window(1, 1, 16, 16, (100,), (100,), (9,), (1,), (1,), (4,)),
              convolution(64, 64, 14, groups=64), convolution(64, 64, 28, kernel=5, groups=64),
              Window(1, 1, 16, 9, (6, 20, 24), (6, 20, 24), (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1))]


@pytest.mark.parametrize("window", ONE_VECTOR, ids=str)
def test_taps_of_a_line_read_its_elements_together(window: Window) -> None:
    """Where filters are one vector, each multiplication would need an element of its own, as many as a core can read;
    of depthwise convolutions, whose taps have a vector each, a vector of pixels."""
    request = blocked_request(window)
    check(request, level="x86-64-v4")
    lines = assembly(generate(request, "kernel", "x86-64-v4").text, "x86-64-v4").splitlines()
    loops = [loop for loop in innermost_loops(lines) if any("vfmadd" in line for line in loop)]
    for loop in loops:
        multiplications, read = (sum(word in line for line in loop) for word in ("vfmadd", "("))
        assert read < 0.8 * multiplications
    assert loops and not any("(%rsp" in line for line in lines if "zmm" in line)


def test_output_may_lie_where_an_operand_does() -> None:
    request = blocked_request(convolution(16, 20, 7))
    output = request.outputs[0]
    request = replace(request, operands=(EpilogueOperand(output, (0, 1, 2, 3)),))
    kernel = generate(request, "kernel", "x86-64-v3", lambda F, total, residual: total + residual)
    lhs, rhs, residual = (RANDOM.standard_normal(type.dims).astype(np.float32) for type in request.types[:3])
    packed = [pack(array, type) for array, type in zip((lhs, rhs, residual), request.types, strict=False)]
    run_jobs(load_kernel(kernel.text, 4), [*packed, packed[2]], [0, kernel.jobs])
    expected = evaluate(request.spec, lhs.astype(np.float64), rhs.astype(np.float64), residual.shape) + residual
    np.testing.assert_allclose(unpack(packed[2], output), expected, rtol=1e-5, atol=1e-4)


def test_nothing_to_sum_and_nothing_to_write() -> None:
    check(request_of(matrix_product(None, 3, 4, 0, False, False), "f32[3,0]", "f32[0,4]", "f32[3,4]"))
    empty = request_of(matrix_product(None, 0, 4, 5, False, False), "f32[0,5]", "f32[5,4]", "f32[0,4]")
    assert generate(empty, "kernel", "x86-64-v3").jobs == 0


def test_groups_across_blocks_are_right_though_slow() -> None:
    request = blocked_request(convolution(48, 48, 5, groups=2))
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
@pytest.mark.parametrize("window", [convolution(64, 64, 56), convolution(256, 256, 14), convolution(512, 512, 7),
                                    convolution(64, 256, 28, kernel=1), convolution(16, 16, 64)], ids=str)
def test_accumulators_and_addresses_stay_in_registers(window: Window, level: str) -> None:
    """Innermost loops touch no stack.  Around them multiplications by far outnumber moves of vectors to and from it,
    and those of pointers, of which that to what is asked for ahead is one more than x86-64-v3 has registers for."""
    lines = assembly(generate(blocked_request(window), "kernel", level).text, level).splitlines()
    multiplications = sum("vfmadd" in line for line in lines)
    spills = sum("(%rsp" in line and ("ymm" in line or "zmm" in line) for line in lines)
    assert multiplications > 50 and spills * 20 < multiplications
    assert sum("(%rsp" in line for line in lines) * 3 < multiplications * 2
    loops = [loop for loop in innermost_loops(lines) if any("vfmadd" in line for line in loop)]
    assert loops and not any("(%rsp" in line for loop in loops for line in loop)


@pytest.mark.parametrize("window", [convolution(64, 64, 56), convolution(512, 512, 7),
                                    convolution(32, 32, 56, groups=32), convolution(64, 128, 28, stride=2)], ids=str)
def test_there_are_jobs_for_many_threads(window: Window) -> None:
    assert generate(blocked_request(window), "kernel", "x86-64-v3").jobs >= 16
